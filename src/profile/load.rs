//! Profiles by name, with all that they extend, as one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::Profile;
use super::find::{Found, Identity, Places, find, is_path};
use super::parse::parse;
use super::project::{Hash, Record, hash};
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

/// What is done about the files that are extended by a path.
pub(super) enum Watch<'a> {
    Nothing,
    /// The content of each is written down.
    Record(BTreeMap<PathBuf, Hash>),
    /// Each must have the content that was trusted, or it is not even parsed.
    Check(&'a Record),
}

/// The same as [`load_found`]; returns what was written down.
pub(super) fn load_watched(
    places: &Places,
    found: Found,
    watch: Watch<'_>,
) -> Result<(Profile, BTreeMap<PathBuf, Hash>), Vec<Diagnostic>> {
    let mut loader = Loader { watch, ..Loader::new(places) };
    loader.read(found);
    let files = match &mut loader.watch {
        Watch::Record(files) => std::mem::take(files),
        Watch::Nothing | Watch::Check(_) => BTreeMap::new(),
    };
    loader.result().map(|profile| (profile, files))
}

struct Loader<'a> {
    places: &'a Places,
    watch: Watch<'a>,
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
        Self { places, watch: Watch::Nothing, merged: Profile::default(), chain, reached, errors }
    }

    fn result(self) -> Result<Profile, Vec<Diagnostic>> {
        if self.errors.is_empty() { Ok(self.merged) } else { Err(self.errors) }
    }

    fn visit(&mut self, name: &Located<OsString>) {
        let found = match find(self.places, name, self.chain.last()) {
            Ok(found) => found,
            Err(error) => return self.errors.push(error),
        };
        if let Err(error) = self.look_at(&found, name) {
            return self.errors.push(error);
        }
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
                    .because(format!("{LONGEST_CHAIN} profiles already extend one another"))
                    .help("put what some of them say into one");
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

    /// A profile by its name is the user's own, or part of the program.
    fn look_at(&mut self, found: &Found, name: &Located<OsString>) -> Result<(), Diagnostic> {
        let Some(file) = found.file.as_ref().filter(|_| is_path(&name.value)) else {
            return Ok(());
        };
        let content = || hash(found.source.text.as_bytes());
        match &mut self.watch {
            Watch::Nothing => Ok(()),
            Watch::Record(files) => {
                files.insert(file.clone(), content());
                Ok(())
            }
            Watch::Check(record) if record.has(file, &content()) => Ok(()),
            Watch::Check(_) => {
                let title = format!("`{}` is not what was trusted", found.source.name);
                Err(Diagnostic::error(title)
                    .at(&name.origin)
                    .because("it has changed since")
                    .help("read it, then say `jail trust` again; `--profile default` does without"))
            }
        }
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
