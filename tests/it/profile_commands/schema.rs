//! `jail profile schema`, by a validator that others wrote, as editors use one.

use std::fs;

use crate::require;
use crate::support::{Feature, Jail, jail_binary};

/// Says for each file whether it is valid, and by which of its values not.
const VALIDATE: &str = "
import json, sys, tomllib, jsonschema
schema = json.load(open('schema.json'))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[1:]:
    errors = validator.iter_errors(tomllib.load(open(name, 'rb')))
    places = sorted('.'.join(map(str, error.path)) or '(top)' for error in errors)
    print(name, ' '.join(places) or 'valid')
";

#[test]
fn another_validator_takes_what_is_good_and_refuses_what_is_not() {
    require!(Feature::Module("jsonschema"));
    let good = "#:schema ./schema.json\nextends = ['dev']\n[filesystem]\nwrite = ['.']\n[limits]\npids = 5\n";
    let mut jail = Jail::new()
        .file("validate.py", VALIDATE)
        .file("good.toml", good)
        .file("key.toml", "[filesystem]\nwirte = ['.']\n")
        .file("type.toml", "[filesystem]\nread = '.'\n")
        .file("word.toml", "[process]\ntty = 'new'\n")
        .file("form.toml", "[limits]\nmemory = '512'\n")
        .file("rule.toml", "[filesystem]\nbind = [{ from = 'a' }]\n");
    let schema = jail.run_outside([jail_binary().to_str().expect("UTF-8"), "profile", "schema"]);
    jail = jail.file("schema.json", &schema.succeeds().is_silent().stdout);
    let mut line = vec!["python3".to_owned(), "validate.py".to_owned(), "good.toml".to_owned()];
    line.extend(["key", "type", "word", "form", "rule"].map(|name| format!("{name}.toml")));
    let mut expected = "\
good.toml valid
key.toml filesystem
type.toml filesystem.read
word.toml process.tty
form.toml limits.memory
rule.toml filesystem.bind.0
"
    .to_owned();
    for entry in
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).expect("a directory")
    {
        let path = entry.expect("an entry").path();
        let name = format!("built-in-{}", path.file_name().expect("a name").display());
        jail = jail.file(&name, fs::read(&path).expect("it is readable"));
        expected.push_str(&format!("{name} valid\n"));
        line.push(name);
    }
    jail.run_outside(&line).succeeds().outputs(&expected);
}
