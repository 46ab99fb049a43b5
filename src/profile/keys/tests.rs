use serde_json::Value;

use super::*;
use crate::profile::parse::tests::{REFUSED, error, parsed};

/// What only the parser can tell: all that needs two values at once, or more than their form.
const ONLY_TOLD_BY_THE_PARSER: [&str; 3] = [
    "[filesystem]\nread = ['a']\nwrite = ['a']",
    "capabilities.keep = ['KILL', 'cap_kill']",
    // Names in small letters are not listed one by one.
    "capabilities.keep = ['all']",
];

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn value(text: &str) -> Value {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    serde_json::to_value(table).expect("TOML is JSON")
}

/// Three examples of each kind that the parser takes, so that no pattern is too narrow.
fn examples(key: &Key) -> &'static [&'static str] {
    examples_of(&key.kind)
}

fn examples_of(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Size => &["'64K'", "'1.5GiB'", "'unlimited'", "'4096b'"],
        Kind::Time => &["'90s'", "'1h30m'", "'1.5h'", "'unlimited'"],
        Kind::Grace => &["'0s'", "'500ms'"],
        Kind::Count => &["512", "'512'", "'unlimited'", "0x10"],
        Kind::Cpus => &["1.5", "2", "'150%'", "'unlimited'"],
        Kind::CpuSet => &["'0-3,5'", "[0, 2]", "1"],
        Kind::Nice => &["0", "19", "'7'"],
        Kind::BoundSize => &["'1G'", "'1M:unlimited'", "'unlimited'"],
        Kind::BoundTime => &["'90s'", "'1s:2s'"],
        Kind::BoundCount => &["64", "'64:128'", "'unlimited'"],
        Kind::Switch => &["true", "false"],
        Kind::List(Kind::Io) => {
            &["[{ path = '.', read = '1M' }]", "[{ path = 'a', read-ops = 5 }]"]
        }
        Kind::List(Kind::Tmpfs) => &["['/t']", "[{ path = '/t', size = '0.5G' }]"],
        Kind::List(Kind::Bind) => &["[{ from = 'a', to = '/b' }]"],
        Kind::List(Kind::Rule) => &["['a', { path = 'b', optional = true }]", "[]"],
        Kind::List(Kind::Capability) => &["['CHOWN', 'CAP_KILL', 'cap_net_raw']"],
        Kind::List(Kind::Descriptor) => &["[3, 16]"],
        Kind::List(Kind::Address) => &["['192.0.2.1', '2001:db8::1', '[::1]']"],
        _ => &[],
    }
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let validator = validator();
    for section in SECTIONS {
        for key in section.keys {
            for example in examples(key) {
                let dot = if section.name.is_empty() { "" } else { "." };
                let text = format!("{}{dot}{} = {example}", section.name, key.name);
                assert_eq!(parsed(&text).errors, [], "{text}");
                let told: Vec<_> =
                    validator.iter_errors(&value(&text)).map(|e| e.to_string()).collect();
                assert_eq!(told, [""; 0], "{text}");
            }
        }
    }
}

#[test]
fn what_the_parser_refuses_the_schema_refuses_where_it_can() {
    let validator = validator();
    for (text, _) in REFUSED {
        if text.contains("99999999999999999999") {
            // No other reader of TOML takes it for a number either.
            continue;
        }
        let expected = ONLY_TOLD_BY_THE_PARSER.contains(text);
        assert_eq!(validator.is_valid(&value(text)), expected, "{text}");
    }
}

/// The words that a key takes are those that the parser names where it finds another one.
#[test]
fn the_words_of_a_key_are_those_of_the_parser() {
    let mut seen = 0;
    for section in SECTIONS {
        for key in section.keys {
            let (words, list) = match key.kind {
                Kind::Words(words) => (words, false),
                Kind::List(Kind::Words(words)) => (*words, true),
                _ => continue,
            };
            let dot = if section.name.is_empty() { "" } else { "." };
            let value = if list { "['qqqqqq']" } else { "'qqqqqq'" };
            let told = error(&format!("{}{dot}{} = {value}", section.name, key.name));
            let help = told.rsplit("; ").next().unwrap_or_default();
            let known: Vec<_> = help.split('`').skip(1).step_by(2).collect();
            assert_eq!(known, words, "{}", key.name);
            seen += 1;
        }
    }
    assert!(seen > 4, "{seen}");
}

#[test]
fn every_section_and_key_has_its_own_name_and_words() {
    for section in SECTIONS {
        assert!(section.about.ends_with('.'), "{}", section.name);
        let names = names(section.name);
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for key in section.keys {
            assert!(key.about.ends_with('.'), "{}", key.name);
        }
    }
}
