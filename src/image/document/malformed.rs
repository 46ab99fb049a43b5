//! Why a document is refused, in words.

use std::fmt;

/// The document is broken, hostile, or of a kind that no root file system can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl Malformed {
    /// Half a sentence for `because`: lower case, no full stop.
    pub fn new(because: impl Into<String>) -> Self {
        Self(because.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// A text out of a document, short enough for a message.
pub fn short(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
