//! The text of one profile file to a [`Profile`](super::Profile).
//!
//! The table is walked by hand, not by serde: a person who has made three mistakes wants to
//! hear of three, each with its place. [`Reader`] collects them; `document` knows the file as
//! a whole, `filesystem`, `network`, `limits` and `sections` know one section each, `reserved` the words that
//! mean nothing yet, and `syntax` what is not even TOML.

mod document;
mod filesystem;
mod limits;
mod network;
mod reader;
mod reserved;
mod sections;
mod syntax;

pub(super) use document::{Parsed, parse};

#[cfg(test)]
pub(super) mod tests;
