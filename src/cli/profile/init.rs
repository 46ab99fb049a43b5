//! `jail profile init`.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::diagnostic::{Diagnostic, cause};
use crate::profile::project::{
    Existing, FILE, Marker, directory_of, markers, put, starting_profile,
};
use crate::units::AbsolutePath;

use super::super::voice::{Volume, say};
use super::arguments::InitArguments;
use super::workdir;

/// Executes `jail profile init`.
pub fn init(arguments: &InitArguments) -> Result<u8, Vec<Diagnostic>> {
    let here = workdir()?;
    let project = directory_of(&here);
    let text = starting_profile(&found(project.as_path()));
    let existing = if arguments.force { Existing::Replace } else { Existing::Keep };
    let place = project.join(FILE);
    let written = File::open(project.as_path()).and_then(|directory| {
        put(directory.as_fd(), FILE.as_ref(), text.as_bytes(), 0o644, existing)
    });
    written.map_err(|error| vec![refusal(&place, &error)])?;
    let title = format!("wrote `{place}`; it is used once you have read it and said `jail trust`");
    say(&[Diagnostic::note(title)], Volume::Everything);
    Ok(0)
}

/// Each kind of project that is here, with the file that tells.
fn found(project: &Path) -> Vec<(Marker, &'static str)> {
    let there = |file: &&&str| project.join(file).symlink_metadata().is_ok();
    let told = |marker: &Marker| marker.files.iter().find(there).map(|file| (*marker, *file));
    markers().iter().filter_map(told).collect()
}

fn refusal(place: &AbsolutePath, error: &io::Error) -> Diagnostic {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Diagnostic::error(format!("`{place}` is there already"))
            .help("change it, or replace it by `jail profile init --force`");
    }
    Diagnostic::error(format!("cannot write `{place}`")).because(cause(error))
}
