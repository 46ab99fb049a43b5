//! Lines as TOML and as JSON. Both can be printed: what could steer a terminal is escaped.

use std::fmt::Write;

use serde_json::{Map, json};

use super::{Line, Place, Value};
use crate::diagnostic::visible;
use crate::profile::keys::{Key, SECTIONS, Section};

/// Whether the origin of each line stands beside it, as a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    WithOrigins,
    Plain,
}

/// A profile that says the same. Of rules that mean one path in different words the stricter comes
/// later, and so counts: in one file they cannot stand in any order.
pub fn to_toml(lines: &[Line], shown: Shown) -> String {
    let mut out = String::new();
    for section in &SECTIONS {
        let said: Vec<&Line> = lines.iter().filter(|line| line.section == section.name).collect();
        let (named, others): (Vec<&Line>, Vec<&Line>) =
            said.into_iter().partition(|line| matches!(line.place, Place::Named(_)));
        if !others.is_empty() {
            heading(&mut out, section.name);
        }
        for key in in_order(section) {
            let of_key: Vec<&Line> =
                others.iter().copied().filter(|line| line.key == key.name).collect();
            write_key(&mut out, key.name, &of_key, shown);
        }
        for key in section.keys {
            let of_key: Vec<&Line> =
                named.iter().copied().filter(|line| line.key == key.name).collect();
            write_table(&mut out, section, key, &of_key, shown);
        }
    }
    out
}

/// Each line as an object: key, name in a table, value, origin.
pub fn to_json(lines: &[Line]) -> serde_json::Value {
    lines
        .iter()
        .map(|line| {
            let name = match &line.place {
                Place::Named(name) => Some(name),
                Place::One | Place::Item => None,
            };
            json!({
                "key": line.name(),
                "name": name,
                "value": line.value.to_json(),
                "origin": line.origin.to_string(),
            })
        })
        .collect()
}

impl Value {
    /// On one line.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Number(digits) => digits.clone(),
            Self::Switch(is) => is.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_toml).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key} = {}", value.to_toml()))
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(digits) => serde_json::from_str(digits).unwrap_or_else(|_| json!(digits)),
            Self::Switch(is) => json!(is),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Table(fields) => {
                let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.to_json()));
                serde_json::Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

/// A basic string of TOML, which escapes as JSON does, and all else that a terminal could obey.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        let mut alone = [0; 4];
        let alone = character.encode_utf8(&mut alone);
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if visible(alone) != *alone => {
                // Eight digits reach every character.
                write!(out, "\\U{:08X}", u32::from(character)).expect("a String takes all text");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Rules in the order in which the stricter one wins; the rest as documented.
fn in_order(section: &Section) -> Vec<&'static Key> {
    const RULES: [&str; 6] = ["bind", "write", "overlay", "read", "tmpfs", "mask"];
    let mut keys: Vec<&Key> = section.keys.iter().collect();
    if section.name == "filesystem" {
        keys.sort_by_key(|key| {
            RULES.iter().position(|rule| *rule == key.name).map_or(0, |at| at + 1)
        });
    }
    keys
}

fn heading(out: &mut String, name: &str) {
    if name.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    writeln!(out, "[{name}]").expect("a String takes all text");
}

fn write_key(out: &mut String, key: &str, lines: &[&Line], shown: Shown) {
    let Some(first) = lines.first() else { return };
    if first.place == Place::One {
        return write_line(out, &format!("{key} = {}", first.value.to_toml()), first, shown);
    }
    writeln!(out, "{key} = [").expect("a String takes all text");
    for line in lines {
        write_line(out, &format!("    {},", line.value.to_toml()), line, shown);
    }
    out.push_str("]\n");
}

fn write_table(out: &mut String, section: &Section, key: &Key, lines: &[&Line], shown: Shown) {
    if lines.is_empty() {
        return;
    }
    heading(out, &format!("{}.{}", section.name, key.name));
    for line in lines {
        let Place::Named(name) = &line.place else { continue };
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let name = match name.is_empty() || !name.bytes().all(bare) {
            true => quote(name),
            false => name.clone(),
        };
        write_line(out, &format!("{name} = {}", line.value.to_toml()), line, shown);
    }
}

fn write_line(out: &mut String, text: &str, line: &Line, shown: Shown) {
    /// Origins stand below one another where the values are not too long.
    const COLUMN: usize = 56;
    match shown {
        Shown::Plain => writeln!(out, "{text}"),
        Shown::WithOrigins => {
            writeln!(out, "{text:<COLUMN$}  # {}", visible(&line.origin.to_string()))
        }
    }
    .expect("a String takes all text");
}
