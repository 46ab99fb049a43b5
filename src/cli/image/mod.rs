//! `jail image`: what is in the store, and how it comes and goes.
//!
//! [`arguments`] holds what was typed, [`words`] makes names, platforms and limits of it. [`get`] brings
//! images into the store, [`show`] tells what is there, [`keep`] removes and verifies; [`progress`]
//! tells how far a pull is, [`account`] what it did.

mod account;
mod arguments;
mod get;
mod keep;
mod progress;
mod show;
mod words;

use crate::diagnostic::Diagnostic;

pub(super) use show::{print_json, table};

pub use arguments::ImageArguments;
use arguments::ImageCommand;

/// Executes `jail image`; returns the exit status.
pub fn image(arguments: &ImageArguments) -> Result<u8, Vec<Diagnostic>> {
    match &arguments.command {
        ImageCommand::Pull(pull) => get::pull(pull),
        ImageCommand::Import(import) => get::import(import),
        ImageCommand::List(list) => show::list(list),
        ImageCommand::Inspect(inspect) => show::inspect(inspect),
        ImageCommand::Unpack(unpack) => get::unpack(unpack),
        ImageCommand::Remove(remove) => keep::remove(remove),
        ImageCommand::Prune(prune) => keep::prune(prune),
        ImageCommand::Df(df) => show::df(df),
        ImageCommand::Verify(verify) => keep::verify(verify),
    }
}
