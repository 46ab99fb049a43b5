//! Our words to stderr, our answers to stdout.

use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Palette, Severity, cause, render};

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    Errors,
    Everything,
}

impl Volume {
    /// `--quiet`
    pub fn unless(quiet: bool) -> Self {
        if quiet { Self::Errors } else { Self::Everything }
    }
}

/// Prints messages to stderr.
pub fn say(diagnostics: &[Diagnostic], volume: Volume) {
    let palette = Palette::for_stderr();
    let words: String = diagnostics
        .iter()
        .filter(|diagnostic| volume == Volume::Everything || diagnostic.severity == Severity::Error)
        .map(|diagnostic| render(diagnostic, palette))
        .collect();
    complain(&words);
}

/// Writes to stderr.
pub fn complain(words: &str) {
    // Without stderr there is nowhere left to say so; the exit status still tells.
    let _unheard = io::stderr().lock().write_all(words.as_bytes());
}

/// Writes an answer to stdout.
pub fn answer(words: &[u8]) -> Result<(), Vec<Diagnostic>> {
    let mut stdout = io::stdout().lock();
    delivered(stdout.write_all(words).and_then(|()| stdout.flush()))
}

/// Whether an answer reached its reader; one who stops reading has had enough of it.
pub fn delivered(result: io::Result<()>) -> Result<(), Vec<Diagnostic>> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(vec![Diagnostic::error("cannot write to standard output").because(cause(&error))])
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
