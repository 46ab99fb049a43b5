//! Where a value came from.

use std::ops::Range;
use std::sync::Arc;

/// A file of text that values were read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// As the user would write it: `dev.toml`, `~/.config/jail/profiles/x.toml`, `<built-in dev>`.
    pub name: String,
    pub text: String,
}

/// Where a value came from; shown beside steps of a plan and in diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program: not written by anyone.
    BuiltIn,
    /// Bytes `span` of a file. Shared between threads, because images are pulled by several.
    File { source: Arc<Source>, span: Range<usize> },
    /// A flag of the command line, `--bind`.
    Flag(String),
    /// An environment variable, `JAIL_PROFILE`.
    Variable(String),
}

impl Origin {
    /// Line number, from 1, of a value that came from a file.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::File { source, span } => {
                let before = &source.text.as_bytes()[..span.start.min(source.text.len())];
                Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
            }
            Self::BuiltIn | Self::Flag(_) | Self::Variable(_) => None,
        }
    }

    /// Name of the built-in profile that the value stands in, which nobody can edit.
    pub fn built_in_profile(&self) -> Option<&str> {
        match self {
            Self::File { source, .. } => {
                source.name.strip_prefix("<built-in ").and_then(|name| name.strip_suffix('>'))
            }
            Self::BuiltIn | Self::Flag(_) | Self::Variable(_) => None,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::File { source, .. } => write!(f, "{}:{}", source.name, self.line().unwrap_or(1)),
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Located<T> {
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}
