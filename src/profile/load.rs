//! Profiles by name, with all that they extend, as one.

use std::ffi::OsString;

use super::Profile;
use super::find::{Found, Identity, Places, find};
use super::parse::parse;
use crate::diagnostic::{Diagnostic, Located};

/// Loads each named profile with its bases and merges all from left to right.
///
/// A profile that is reached more than once is merged once, where it comes first. On
/// failure, all errors of all files are told.
pub fn load(names: &[Located<OsString>]) -> Result<Profile, Vec<Diagnostic>> {
    load_from(&Places::of_this_machine(), names)
}

pub(super) fn load_from(
    places: &Places,
    names: &[Located<OsString>],
) -> Result<Profile, Vec<Diagnostic>> {
    let mut loader = Loader::new(places);
    for name in names {
        loader.visit(name);
    }
    loader.result()
}

/// The profile that was found already, with its bases.
pub(super) fn load_found(places: &Places, found: Found) -> Result<Profile, Vec<Diagnostic>> {
    let mut loader = Loader::new(places);
    loader.read(found);
    loader.result()
}

struct Loader<'a> {
    places: &'a Places,
    merged: Profile,
    /// From a named profile to the one being read, each extending the next.
    chain: Vec<Found>,
    reached: Vec<Identity>,
    errors: Vec<Diagnostic>,
}

/// A longer chain is no one's wish; it would end in an overflow of our stack.
const LONGEST_CHAIN: usize = 64;

impl<'a> Loader<'a> {
    fn new(places: &'a Places) -> Self {
        let (chain, reached, errors) = (Vec::new(), Vec::new(), Vec::new());
        Self { places, merged: Profile::default(), chain, reached, errors }
    }

    fn result(self) -> Result<Profile, Vec<Diagnostic>> {
        if self.errors.is_empty() { Ok(self.merged) } else { Err(self.errors) }
    }

    fn visit(&mut self, name: &Located<OsString>) {
        let found = match find(self.places, name, self.chain.last()) {
            Ok(found) => found,
            Err(error) => return self.errors.push(error),
        };
        if let Some(start) = self.chain.iter().position(|above| above.identity == found.identity) {
            return self.errors.push(self.cycle(start, name));
        }
        if self.reached.contains(&found.identity) {
            return;
        }
        if self.chain.len() == LONGEST_CHAIN {
            let error =
                Diagnostic::error(format!("profile `{}` is too far down", found.source.name))
                    .at(&name.origin)
                    .because(format!("{LONGEST_CHAIN} profiles already extend one another"));
            return self.errors.push(error);
        }
        self.read(found);
    }

    fn read(&mut self, found: Found) {
        self.reached.push(found.identity);
        let mut parsed = parse(&found);
        parsed.profile.files.extend(found.file.clone());
        self.errors.extend(parsed.errors);
        self.chain.push(found);
        for base in &parsed.extends {
            self.visit(base);
        }
        self.chain.pop();
        self.merged = std::mem::take(&mut self.merged).merge(parsed.profile);
    }

    fn cycle(&self, start: usize, name: &Located<OsString>) -> Diagnostic {
        let round = &self.chain[start..];
        let first = &round[0].source.name;
        let mut words = format!("`{first}`");
        for next in round.iter().skip(1).chain(&round[..1]) {
            words.push_str(&format!(" extends `{}`", next.source.name));
        }
        Diagnostic::error(format!("profile `{first}` extends itself"))
            .at(&name.origin)
            .because(words)
            .help("remove one of these from `extends`")
    }
}

#[cfg(test)]
mod tests;
