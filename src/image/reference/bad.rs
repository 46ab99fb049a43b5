//! Why a text names no image, in words.

use std::fmt;

use crate::diagnostic::Diagnostic;

/// The text names no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadReference {
    /// As the user typed it.
    pub text: String,
    /// What is wrong with it.
    pub because: String,
    /// What to write in its place.
    pub help: Option<String>,
}

impl BadReference {
    /// For `Diagnostic::at`, where the text stands in a profile.
    pub fn diagnostic(&self) -> Diagnostic {
        let title = match self.text.as_str() {
            "" => "the name of the image is empty".to_owned(),
            text => format!("`{text}` names no image"),
        };
        let diagnostic = Diagnostic::error(title).because(&self.because);
        match &self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl From<BadReference> for Diagnostic {
    fn from(bad: BadReference) -> Self {
        bad.diagnostic()
    }
}

impl fmt::Display for BadReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.because)
    }
}

impl std::error::Error for BadReference {}

/// The same, before it is known what the whole text was.
#[derive(Debug)]
pub(super) struct Slip {
    because: String,
    help: Option<String>,
}

impl Slip {
    pub fn new(because: impl Into<String>) -> Self {
        Self { because: because.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn in_text(self, text: &str) -> BadReference {
        BadReference { text: text.to_owned(), because: self.because, help: self.help }
    }
}
