//! After the run: what happened, for a person and for programs.
//!
//! An [`Ending`] says how far the run came. [`reached`] finds the limits that the command ran
//! into, and [`words`] says so; [`packages`]
//! knows why package managers fail, [`unseen`] which file a command did not see; [`stats`] is the table of `--stats`. [`draw()`] makes the
//! [`Report`] of `--report`, whose [`types`] are also the published schema, and a [`Target`] is
//! where it goes: opened before anything else happens, written when all is over.

mod draw;
mod ending;
mod limits;
mod network;
mod packages;
mod reached;
mod stats;
mod target;
#[cfg(test)]
mod tests;
mod types;
mod unseen;
mod words;

use schemars::generate::SchemaSettings;

use crate::diagnostic::Diagnostic;
use crate::run::{End, Outcome};

pub use draw::{Asked, draw};
pub use ending::Ending;
pub use stats::stats;
pub use target::Target;
pub use types::{Phase, Report};

/// Writes a report, or says why it is not there and how the command ended.
pub fn deliver(
    target: Target,
    report: &Report,
    outcome: Option<&Outcome>,
) -> Result<(), Diagnostic> {
    let mut text = serde_json::to_string_pretty(report)
        .expect("all keys are strings, and writing to memory does not fail");
    text.push('\n');
    let title = format!("cannot write the report to `{}`", target.name());
    target.write(text.as_bytes()).map_err(|cause| {
        let ended =
            outcome.map_or("the command did not run".to_owned(), |outcome| match outcome.end {
                End::Exited(status) => format!("the command itself exited with {status}"),
                End::Signaled(signal) => format!("signal {signal} had ended the command itself"),
            });
        Diagnostic::error(format!("{title}; {ended}")).because(cause)
    })
}

/// The JSON schema of reports, indented, with a newline at the end.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<Report>();
    let mut text =
        serde_json::to_string_pretty(&schema).expect("a schema is JSON, and memory takes it");
    text.push('\n');
    text
}
