//! What of a profile this machine can carry out: everything that it needs is tried, in processes that
//! are thrown away.
//!
//! Each [`Primitive`] is tried by the code that runs use. A small [`skeleton`] of a plan stands for what
//! every run needs; what fails in it is left out, and it is tried again, so that one failure does not
//! hide the next. What only this profile needs ([`parts`]) is added to the skeleton one by one. In the end
//! the whole plan is rehearsed: all of it happens but the command. [`walls`] and [`namespaces`] need no
//! plan; [`child`] holds the time limit. [`examine()`] makes [`Findings`] of it all, which are printed as
//! text ([`print`]) or as JSON.

mod check;
mod child;
mod examine;
mod limits;
mod namespaces;
mod parts;
mod place;
mod primitive;
mod print;
mod rehearsal;
mod skeleton;
mod types;
mod walls;
mod whole;

use schemars::generate::SchemaSettings;

pub use examine::{Question, examine};
pub use print::to_text;
pub use types::{Check, Findings, State};

/// The findings as JSON, indented, with a newline at the end.
pub fn to_json(findings: &Findings) -> String {
    let mut text = serde_json::to_string_pretty(findings)
        .expect("all keys are strings, and writing to memory does not fail");
    text.push('\n');
    text
}

/// The JSON schema of findings.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<Findings>();
    let mut text =
        serde_json::to_string_pretty(&schema).expect("a schema is JSON, and memory takes it");
    text.push('\n');
    text
}
