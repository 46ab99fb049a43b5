//! Starting processes from many threads at once.

use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};

static STARTING: Mutex<()> = Mutex::new(());

/// Starts a process.
pub fn spawn(command: &mut Command) -> Child {
    let child = while_nothing_starts(|| command.spawn());
    child.unwrap_or_else(|error| panic!("{}: {error}", shown(command)))
}

/// Does something while no other thread starts a process.
///
/// A child between fork and exec has copies of all descriptors. If one is of a program that
/// is just being written, nobody can execute that program (ETXTBSY).
pub fn while_nothing_starts<T>(act: impl FnOnce() -> T) -> T {
    // The lock protects nothing that a panic could leave half done.
    let _lock = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    act()
}

/// A command line to read, and to paste.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
