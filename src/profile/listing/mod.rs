//! A profile as lines: each value with its key and its origin, as it would be written.
//!
//! [`lines`] takes a loaded profile apart, [`text`](self::text) writes lines as TOML or JSON, [`compare`] says
//! how two lists of them differ, and which of the two grants more.

mod compare;
mod lines;
mod rank;
mod text;

pub use compare::{Difference, Effect, compare};
pub use lines::lines;
pub use text::{Shown, quote, to_json, to_toml};

use crate::diagnostic::Origin;

/// One value of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Empty for the top level.
    pub section: &'static str,
    pub key: &'static str,
    pub place: Place,
    pub value: Value,
    pub origin: Origin,
}

impl Line {
    /// `filesystem.read`, `description`
    pub fn name(&self) -> String {
        let dot = if self.section.is_empty() { "" } else { "." };
        format!("{}{dot}{}", self.section, self.key)
    }
}

/// How the value stands below its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    One,
    /// An element of a list.
    Item,
    /// The value of this name in a table.
    Named(String),
}

/// A value as TOML has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    /// Its digits.
    Number(String),
    Switch(bool),
    List(Vec<Value>),
    Table(Vec<(&'static str, Value)>),
}

#[cfg(test)]
mod tests;
