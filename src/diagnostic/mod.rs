//! What a person reads: errors, warnings and notes, each with the place it is about.
//!
//! A [`Diagnostic`] is made where the knowledge is and rendered once, at the top.
//! An [`Origin`] says where a value came from, down to the characters of a file.

mod cause;
mod origin;
mod paste;
mod render;
mod suggest;

pub use cause::{cause, errno_cause, kernel_errno};
pub use origin::{Located, Origin, Source};
pub use paste::{escaped, pasted};
pub use render::{Colour, Palette, render, visible};
pub use suggest::{did_you_mean, nearest};

/// For the end of a message about what this machine refuses.
pub const ASK_THE_DOCTOR: &str =
    "`jail doctor`, with the same options, tries all that they need and says how to get it here";

/// What to do where this machine refuses what a sandbox is made of.
pub const WITHOUT_NAMESPACES: &str =
    "to run without namespaces: --degrade namespaces, in a profile degrade = [\"namespaces\"]";

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The run does not happen.
    Error,
    /// The run goes on with less than was asked for; the title says without what.
    Warning,
    /// The run goes on; the user may want to know.
    Note,
}

/// One message: what, where, why, and what to do about it.
///
/// The title is lower case, without a full stop, with names in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub title: String,
    pub origin: Option<Origin>,
    pub because: Option<String>,
    pub help: Vec<String>,
}

impl Diagnostic {
    pub fn error(title: impl Into<String>) -> Self {
        Self::new(Severity::Error, title.into())
    }

    pub fn warning(title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, title.into())
    }

    pub fn note(title: impl Into<String>) -> Self {
        Self::new(Severity::Note, title.into())
    }

    /// Where the value stands that the message is about.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }

    /// The cause, in words; the errno name in brackets if there is one.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.because = Some(cause.into());
        self
    }

    /// One thing to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    fn new(severity: Severity, title: String) -> Self {
        Self { severity, title, origin: None, because: None, help: Vec::new() }
    }
}
