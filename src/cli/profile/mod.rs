//! `jail profile`: which profiles there are, and what they say.
//!
//! [`arguments`] holds what was typed. [`list`] names them, [`show`] and [`diff`] tell what one comes to and
//! how two differ, [`init`] writes a first one for a project.

mod arguments;
mod diff;
mod init;
mod list;
mod show;

use std::ffi::OsString;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host;
use crate::profile::listing::{Line, lines};
use crate::profile::{self, Profile};
use crate::units::AbsolutePath;

use super::voice::answer;
pub use arguments::ProfileArguments;
use arguments::ProfileCommand;
pub use diff::beyond;

/// Executes `jail profile`; returns the exit status.
pub fn profile(arguments: &ProfileArguments) -> Result<u8, Vec<Diagnostic>> {
    match &arguments.command {
        ProfileCommand::List(list) => list::list(list),
        ProfileCommand::Show(show) => show::show(show),
        ProfileCommand::Diff(diff) => diff::diff(diff),
        ProfileCommand::Init(init) => init::init(init),
        ProfileCommand::Schema(_) => {
            answer(profile::keys::schema().as_bytes())?;
            Ok(0)
        }
    }
}

/// A profile by the word of a command, with all that it extends.
fn loaded(name: &OsString, command: &str) -> Result<Profile, Vec<Diagnostic>> {
    profile::load(&[Located::new(name.clone(), Origin::Flag(format!("jail profile {command}")))])
}

/// What a profile says, line by line.
pub fn taken_apart(profile: &Profile) -> Result<Vec<Line>, Vec<Diagnostic>> {
    lines(profile, workdir()?.as_path()).map_err(|bad| vec![bad])
}

/// The working directory of this process.
pub fn workdir() -> Result<AbsolutePath, Vec<Diagnostic>> {
    host::workdir().map_err(|bad| vec![bad])
}
