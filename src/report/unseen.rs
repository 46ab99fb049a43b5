//! A command that failed because it does not see a file that it was given.
//!
//! An interpreter in a `#!` line gets the name of its script, and says in its own words that there
//! is no such file. The caller can see that there is one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::diagnostic::{Diagnostic, pasted};
use crate::plan::{self, Action, Plan};
use crate::run::{End, Outcome};

/// What to say at the end of such a run.
pub fn note(plan: &Plan, outcome: &Outcome) -> Option<Diagnostic> {
    let failed = matches!(outcome.end, End::Exited(status) if status != 0) && !outcome.timed_out;
    if !failed || !plan::has_own_root(plan) {
        return None;
    }
    let file = file(plan)?;
    let real = file.canonicalize().ok()?;
    // What the caller cannot read no grant would show.
    let is_readable = access(&real, AccessFlags::R_OK).is_ok();
    if !is_readable || is_made_inside(&real) || plan::is_shown(plan, &real) {
        return None;
    }
    let title = format!("`{}` exists, but is not visible inside", file.display());
    let shown = pasted(&file);
    Some(Diagnostic::note(title).help(format!("if the command needs it: `--read {shown}`")))
}

/// The first argument that is no option, if it is a path, as seen from where the command starts.
fn file(plan: &Plan) -> Option<PathBuf> {
    let (mut workdir, mut argv): (_, &[OsString]) = (None, &[]);
    for step in &plan.steps {
        match &step.action {
            Action::Workdir(path) => workdir = Some(path),
            Action::Exec { argv: words, .. } => argv = words,
            _ => {}
        }
    }
    let argument = argv.iter().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"))?;
    let is_path = argument.as_encoded_bytes().contains(&b'/');
    is_path.then(|| workdir.map(|workdir| workdir.as_path().join(argument)))?
}

/// These have the same names inside, and other things behind them.
fn is_made_inside(path: &Path) -> bool {
    ["/dev", "/proc", "/sys"].iter().any(|made| path.starts_with(made))
}
