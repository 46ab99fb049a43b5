//! How checks are made of what was seen.

use crate::diagnostic::{ASK_THE_DOCTOR, Diagnostic, WITHOUT_NAMESPACES};
use crate::remedy;

use super::primitive::Primitive;
use super::rehearsal::Stumble;
use super::types::{Check, Fix, State};

impl Check {
    pub fn new(name: Primitive, state: State, found: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), means: None, fixes: Vec::new() }
    }

    pub fn ok(name: Primitive, found: impl Into<String>) -> Self {
        Self::new(name, State::Ok, found)
    }

    pub fn missing(name: Primitive, found: impl Into<String>) -> Self {
        Self::new(name, State::Missing, found)
    }

    pub fn not_needed(name: Primitive) -> Self {
        Self::new(name, State::NotNeeded, "the profile does not ask for it")
    }

    pub fn not_tried(name: Primitive, found: impl Into<String>) -> Self {
        Self::new(name, State::NotTried, found)
    }

    /// What was said against it when it was to be planned.
    pub fn refused(name: Primitive, said: &[Diagnostic]) -> Self {
        let found = said.iter().map(sentence).collect::<Vec<_>>().join("; ");
        let helps = said.iter().flat_map(|said| &said.help);
        helps.fold(Self::missing(name, found), |check, help| check.help(help))
    }

    /// What failed when it was tried.
    pub fn failed(name: Primitive, stumble: &Stumble) -> Self {
        let found = joined(&stumble.title, stumble.because.as_deref());
        let helps = stumble.help.iter();
        helps.fold(Self::missing(name, found), |check, help| check.help(help))
    }

    #[must_use]
    pub fn means(mut self, means: impl Into<String>) -> Self {
        self.means = Some(means.into());
        self
    }

    #[must_use]
    pub fn fix(mut self, fix: remedy::Fix) -> Self {
        self.fixes.push(fix.into());
        self
    }

    #[must_use]
    pub fn fixes(self, fixes: impl IntoIterator<Item = remedy::Fix>) -> Self {
        fixes.into_iter().fold(self, Self::fix)
    }

    /// In the place of what there is to do, where more is known about it.
    #[must_use]
    pub fn only_fixes(mut self, fixes: impl IntoIterator<Item = remedy::Fix>) -> Self {
        self.fixes.clear();
        self.fixes(fixes)
    }

    /// The same, where the profile goes on without it.
    #[must_use]
    pub fn degraded(mut self, means: impl Into<String>) -> Self {
        self.state = State::Degraded;
        self.means(means)
    }

    /// Who reads this has asked the doctor already, who proposes to do without namespaces only where
    /// that works.
    #[must_use]
    fn help(mut self, help: &str) -> Self {
        if ![ASK_THE_DOCTOR, WITHOUT_NAMESPACES].contains(&help) {
            self.fixes.push(Fix { title: help.to_owned(), lines: Vec::new() });
        }
        self
    }
}

/// What was said, in one line.
fn sentence(said: &Diagnostic) -> String {
    joined(&said.title, said.because.as_deref())
}

fn joined(title: &str, because: Option<&str>) -> String {
    match because {
        Some(because) => format!("{title}: {because}"),
        None => title.to_owned(),
    }
}

/// What stands in the place of what was found where nothing could be tried.
pub const BLOCKED: &str = "it needs what is missing above";
