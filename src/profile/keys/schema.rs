//! The JSON Schema of a profile.
//!
//! It accepts all that the parser accepts. What it cannot express, such as two rules for one
//! path, only `jail check` tells.

use serde_json::{Map, Value, json};

use super::files::TOP;
use super::{Key, Kind, SECTIONS, Section};
use crate::profile::Capability;

/// The schema as text, with a newline at its end.
pub fn schema() -> String {
    let mut properties = Map::new();
    for section in SECTIONS {
        match section.name {
            "" => properties.extend(keys(&section)),
            name => drop(properties.insert(name.to_owned(), table(&section))),
        }
    }
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Profile of jail",
        "description": TOP.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    format!("{whole:#}\n")
}

/// A list longer than this is refused by the parser.
const LONGEST_LIST: u32 = 4096;

const SIZE: &str = r"[0-9]+(\.[0-9]+)?([bB]|[kKmMgGtTpPeE]([iI][bB])?)";
const SECONDS: &str = r"([0-9]+(\.[0-9]+)?(d|h|ms|m|s))+";
const COUNT: &str = "[0-9]+";
/// The kernel would end a text at a NUL.
const NO_NUL: &str = r"^[^\x00]*$";
const PATH: &str = r"^[^\x00]+$";

fn table(section: &Section) -> Value {
    let mut table = json!({
        "description": section.about,
        "type": "object",
        "properties": keys(section),
        "additionalProperties": false,
    });
    if section.name == "filesystem" {
        table["if"] = json!({
            "properties": {
                "root": { "pattern": "^(host$|empty$|image:|docker://|oci:|oci-archive:|docker-archive:|dir:|tar:)" },
            },
            "required": ["root"],
        });
        table["then"] = json!({ "properties": { "root-mode": { "not": { "const": "write" } } } });
    }
    table
}

fn keys(section: &Section) -> Map<String, Value> {
    section.keys.iter().map(|key| (key.name.to_owned(), described(key))).collect()
}

fn described(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    let default = match key.default {
        "none" => String::new(),
        default => format!(" Default: {default}."),
    };
    schema["description"] = json!(format!("{}{default}", key.about));
    schema
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => text(NO_NUL),
        Kind::Pattern(pattern) => text(pattern),
        Kind::Words(words) => json!({ "type": "string", "enum": words }),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Path => text(PATH),
        Kind::Rule => path_or(json!({
            "path": text(PATH),
            "optional": { "type": "boolean" },
        })),
        Kind::Tmpfs => path_or(json!({ "path": text(PATH), "size": text(&not_zero(SIZE)) })),
        Kind::Bind => object(
            json!({
                "from": text(PATH),
                "to": text(PATH),
                "write": { "type": "boolean" },
                "optional": { "type": "boolean" },
            }),
            &["from", "to"],
        ),
        Kind::Io => io(),
        Kind::Address => text(r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+)$"),
        Kind::Hostname => {
            let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
            let mut name = text(&format!(r"^{label}(\.{label})*$"));
            name["maxLength"] = json!(64);
            name
        }
        Kind::Capability => capability(),
        Kind::Descriptor => json!({ "type": "integer", "minimum": 3, "maximum": i32::MAX }),
        Kind::Size => unlimited_or(SIZE),
        Kind::Time => unlimited_or(SECONDS),
        Kind::Grace => text(&format!("^{SECONDS}$")),
        Kind::Count => number_or(1, 1 << 32, r"[0-9]+"),
        Kind::Cpus => json!({ "anyOf": [
            { "type": "number", "exclusiveMinimum": 0 },
            text(r"^([0-9]+(\.[0-9]+)?%?|unlimited)$"),
        ] }),
        Kind::CpuSet => json!({ "anyOf": [
            text("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"),
            { "type": "integer", "minimum": 0, "maximum": 8191 },
            {
                "type": "array",
                "items": { "type": "integer", "minimum": 0, "maximum": 8191 },
                "minItems": 1,
                "uniqueItems": true,
            },
        ] }),
        Kind::Nice => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": 19 },
            text("^0*1?[0-9]$"),
        ] }),
        Kind::BoundSize => bounds(SIZE),
        Kind::BoundTime => bounds(SECONDS),
        Kind::BoundCount => json!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            bounds(COUNT),
        ] }),
        Kind::List(item) => json!({
            "type": "array",
            "items": self::kind(item),
            "uniqueItems": true,
            "maxItems": LONGEST_LIST,
        }),
        Kind::Table { names, value } => json!({
            "type": "object",
            "propertyNames": { "pattern": names },
            "additionalProperties": self::kind(value),
        }),
    }
}

fn text(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn path_or(properties: Value) -> Value {
    json!({ "anyOf": [text(PATH), object(properties, &["path"])] })
}

/// A size whose digits are not all zero.
fn not_zero(size: &str) -> String {
    let unit = size.trim_start_matches(r"[0-9]+(\.[0-9]+)?");
    format!(r"^(0*[1-9][0-9]*(\.[0-9]+)?|0+\.0*[1-9][0-9]*){unit}$")
}

fn unlimited_or(pattern: &str) -> Value {
    text(&format!("^({pattern}|unlimited)$"))
}

fn number_or(least: u64, most: u64, pattern: &str) -> Value {
    json!({ "anyOf": [
        { "type": "integer", "minimum": least, "maximum": most },
        unlimited_or(pattern),
    ] })
}

fn bounds(pattern: &str) -> Value {
    let one = format!("({pattern}|unlimited)");
    text(&format!("^{one}(:{one})?$"))
}

fn io() -> Value {
    let rate = || unlimited_or(SIZE);
    let operations = || number_or(1, u64::MAX, COUNT);
    let mut limit = object(
        json!({
            "path": text(PATH),
            "read": rate(),
            "write": rate(),
            "read-ops": operations(),
            "write-ops": operations(),
        }),
        &["path"],
    );
    // It has to limit something.
    limit["minProperties"] = json!(2);
    limit
}

/// The names for completion; in small letters they are not checked one by one.
fn capability() -> Value {
    let names = Capability::all().map(|capability| capability.to_string());
    let both = names.flat_map(|name| [name.trim_start_matches("CAP_").to_owned(), name]);
    let names: Vec<String> = both.collect();
    json!({ "anyOf": [
        { "type": "string", "enum": names },
        text("^[A-Za-z_]*[a-z][A-Za-z_]*$"),
    ] })
}
