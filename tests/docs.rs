//! The documentation says what is so: its profiles load, its flags and keys exist, and none
//! is left out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use jail::diagnostic::{Diagnostic, Located, Origin};
use jail::profile;
use serde_json::Value;

const PAGES: [&str; 7] = [
    "README.md",
    "docs/doctor.md",
    "docs/images.md",
    "docs/profile.md",
    "docs/recipes.md",
    "docs/report.md",
    "docs/threat-model.md",
];

/// Flags of other programs that the pages mention.
const OF_OTHERS: [&str; 15] = [
    "--ignore-scripts",
    "--only-binary",
    "--offline",
    "--build",
    "--git",
    "--target",
    "--path",
    "--release",
    "--security-opt",
    "--clearenv",
    "--noprofile",
    "--add-subuids",
    "--add-subgids",
    "--map-root-user",
    "--map-auto",
];

#[test]
fn every_profile_in_the_documentation_loads() {
    for page in PAGES {
        for (number, example) in examples(&text(page), "toml").iter().enumerate() {
            if let Err(errors) = load(example) {
                panic!("example {} of {page}: {errors:#?}\n{example}", number + 1);
            }
        }
    }
    assert_eq!(examples(&text("README.md"), "toml").len(), 1);
    assert!(examples(&text("docs/profile.md"), "toml").len() > 8);
}

#[test]
fn every_flag_in_the_documentation_exists() {
    let mut known = flags("run");
    known.extend(flags("plan"));
    for command in ["image", "profile"] {
        known.extend(flags_below(command).into_iter().map(|(_, flag)| flag));
    }
    known.extend(flags("trust"));
    known.extend(flags("doctor"));
    for page in PAGES {
        for flag in flags_in(&text(page)) {
            let exists = known.contains(&flag) || OF_OTHERS.contains(&flag.as_str());
            assert!(exists, "{page} mentions {flag}");
        }
    }
}

#[test]
fn every_flag_about_the_sandbox_is_documented() {
    let documented = flags_in(&text("docs/profile.md"));
    let about_words = ["--help", "--quiet", "--verbose", "--report", "--stats"];
    for flag in flags("run").iter().filter(|flag| !about_words.contains(&flag.as_str())) {
        assert!(documented.contains(flag), "docs/profile.md does not mention {flag}");
    }
}

#[test]
fn every_command_and_flag_about_images_is_documented() {
    let page = text("docs/images.md");
    let documented = flags_in(&page);
    for (command, flag) in flags_below("image") {
        assert!(page.contains(&format!("`jail image {command}")), "no `jail image {command}`");
        let known = flag == "--help" || documented.contains(&flag);
        assert!(known, "docs/images.md does not mention {flag} of {command}");
    }
}

#[test]
fn every_command_and_flag_about_profiles_is_documented() {
    let page = text("docs/profile.md");
    let documented = flags_in(&page);
    for flag in flags("trust").iter().filter(|flag| *flag != "--help") {
        assert!(documented.contains(flag), "docs/profile.md does not mention {flag} of trust");
    }
    for (command, flag) in flags_below("profile") {
        assert!(page.contains(&format!("`jail profile {command}")), "no `jail profile {command}`");
        let known = flag == "--help" || documented.contains(&flag);
        assert!(known, "docs/profile.md does not mention {flag} of {command}");
    }
}

#[test]
fn every_key_is_documented() {
    let page = text("docs/profile.md");
    let top = keys_of("");
    assert!(top.len() > 5, "{top:?}");
    for key in top {
        if page.contains(&format!("\n| `{key}` |")) {
            continue;
        }
        let heading = format!("\n## [{key}]\n");
        let (_, section) = page.split_once(&heading).unwrap_or_else(|| panic!("no `{key}`"));
        let section = section.split("\n## ").next().unwrap_or(section);
        for inner in keys_of(&format!("[{key}]\n")) {
            assert!(section.contains(&format!("\n| `{inner}` |")), "no `{inner}` in [{key}]");
            let used = examples(section, "toml").concat().contains(&format!("{inner} = "));
            assert!(used, "no example of `{inner}` in [{key}]");
        }
    }
}

/// The tables say the same as the man page and the schema, which are made from the keys' descriptions.
#[test]
fn every_key_is_documented_as_it_is_described() {
    let page = text("docs/profile.md");
    for section in profile::keys::SECTIONS {
        let heading = match section.name {
            "" => "\n## Top level\n".to_owned(),
            name => format!("\n## [{name}]\n"),
        };
        let (_, of_section) = page.split_once(&heading).expect("the section has a heading");
        let of_section = of_section.split("\n## ").next().unwrap_or(of_section);
        for key in section.keys {
            let flag = if key.flag.is_empty() { String::new() } else { format!(" {}", key.flag) };
            let row = format!("\n| `{}` | {} | {} |{flag} |\n", key.name, key.values, key.default);
            assert!(
                of_section.contains(&row),
                "docs/profile.md and src/profile/keys differ: {row}"
            );
        }
    }
}

#[test]
fn every_profile_in_the_documentation_and_every_built_in_one_is_valid_by_the_schema() {
    let schema: Value = serde_json::from_str(&profile::keys::schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut texts: Vec<String> =
        PAGES.iter().flat_map(|page| examples(&text(page), "toml")).collect();
    for entry in fs::read_dir(tree().join("profiles")).expect("the directory is there") {
        texts.push(fs::read_to_string(entry.expect("an entry").path()).expect("it is text"));
    }
    assert!(texts.len() >= 20, "{}", texts.len());
    for text in texts {
        let table: toml::Table = text.parse().expect("TOML");
        let value = serde_json::to_value(table).expect("TOML is JSON");
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
    }
}

#[test]
fn every_key_of_a_report_is_documented_and_the_example_is_one() {
    let schema: Value = serde_json::from_str(&jail::report::schema()).expect("JSON");
    let page = text("docs/report.md");
    for key in schema["properties"].as_object().expect("an object").keys() {
        assert!(page.contains(&format!("\n| `{key}` |")), "no `{key}`");
    }
    for kind in ["Message", "Limit", "Reached", "Usage"] {
        let properties = schema["$defs"][kind]["properties"].as_object().expect("an object");
        for key in properties.keys() {
            assert!(page.contains(&format!("`{key}`")), "no `{key}` of {kind}");
        }
    }
    let example = serde_json::from_str(&examples(&page, "json").concat()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator.validate(&example).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_key_and_check_of_the_doctor_is_documented_and_the_example_is_one() {
    let schema: Value = serde_json::from_str(&jail::doctor::schema()).expect("JSON");
    let page = text("docs/doctor.md");
    for key in schema["properties"].as_object().expect("an object").keys() {
        assert!(page.contains(&format!("\n| `{key}` |")), "no `{key}`");
    }
    for kind in ["Machine", "Check", "Fix"] {
        let properties = schema["$defs"][kind]["properties"].as_object().expect("an object");
        for key in properties.keys() {
            assert!(page.contains(&format!("`{key}`")), "no `{key}` of {kind}");
        }
    }
    let checks = schema["$defs"]["Primitive"]["oneOf"].as_array().expect("a list");
    let names = checks.iter().flat_map(|it| match &it["enum"] {
        Value::Array(names) => names.clone(),
        _ => vec![it["const"].clone()],
    });
    let names: Vec<Value> = names.collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let name = name.as_str().expect("a name");
        assert!(page.contains(&format!("`{name}`")), "no `{name}`");
    }
    let example = serde_json::from_str(&examples(&page, "json").concat()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator.validate(&example).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_test_that_is_referred_to_exists() {
    let page = text("docs/threat-model.md");
    let code = page.split('`').skip(1).step_by(2);
    let mut found = 0;
    for (module, test) in code.filter_map(|code| code.split_once("::")) {
        let folders = ["escape", "images", "images/registry", "profiles", "bare"];
        let files = folders.map(|folder| format!("tests/it/{folder}/{module}.rs"));
        let mut files = files.iter().filter(|file| Path::new(file).exists());
        let is_there = files.any(|file| text(file).contains(&format!("\nfn {test}() {{")));
        assert!(is_there, "there is no {module}::{test}");
        found += 1;
    }
    assert!(found > 30, "{found}");
}

/// The keys that may stand below `section`: jail lists them where one is unknown.
fn keys_of(section: &str) -> Vec<String> {
    let errors = load(&format!("{section}qqqqqqqqqqqq = 1\n")).expect_err("no such key");
    let help = errors[0].help.join(" ");
    help.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn load(text: &str) -> Result<profile::Profile, Vec<Diagnostic>> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("example.toml");
    fs::write(&path, text).expect("it is writable");
    profile::load(&[Located::new(OsString::from(path), Origin::Flag("--profile".into()))])
}

/// The long flags of one of our commands and their aliases, with their dashes.
fn flags(name: &str) -> Vec<String> {
    let mut jail = jail::cli::command();
    jail.build();
    jail.find_subcommand(name).map(flags_of).expect("jail has this command")
}

/// Each command below one of ours, such as `jail image`, with each of its long flags.
fn flags_below(name: &str) -> Vec<(String, String)> {
    let mut jail = jail::cli::command();
    jail.build();
    let above = jail.find_subcommand(name).expect("jail has this command");
    let all = above.get_subcommands().flat_map(|command| {
        let name = command.get_name().to_owned();
        flags_of(command).into_iter().map(move |flag| (name.clone(), flag))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() > 5, "{all:?}");
    all
}

fn flags_of(command: &Command) -> Vec<String> {
    let arguments = command.get_arguments();
    let long = arguments.filter_map(|argument| argument.get_long_and_visible_aliases());
    long.flatten().map(|long| format!("--{long}")).collect()
}

/// What stands between fences of one language.
fn examples(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let starts = page.split(&fence).skip(1);
    starts.map(|rest| rest.split("```").next().unwrap_or(rest).to_owned()).collect()
}

/// Words that begin with two dashes.
fn flags_in(page: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let words = page.split(|c: char| !is_part(c));
    let flags = words.filter(|word| word.starts_with("--") && !word.trim_matches('-').is_empty());
    flags.map(str::to_owned).collect()
}

fn text(page: &str) -> String {
    fs::read_to_string(tree().join(page)).expect("the page is there")
}

fn tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
