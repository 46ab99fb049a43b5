//! To trust the file of a project, and to forget it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::choose::{found, words};
use super::read::{Seen, read};
use super::store::{Record, Store, hash};
use crate::diagnostic::{Diagnostic, Located};
use crate::profile::find::{self, Places};
use crate::profile::load::{Watch, load_watched};
use crate::profile::{Profile, SeccompPolicy};
use crate::units::AbsolutePath;

/// A profile that could be trusted: what it says, and by which content.
pub struct Candidate {
    pub profile: Profile,
    pub record: Record,
}

/// What has become of a file that was trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Trusted,
    Changed,
    Gone,
}

/// The nearest file around `workdir`, by its directory.
pub fn nearest(workdir: &AbsolutePath) -> Option<PathBuf> {
    let mut directories = workdir.as_path().ancestors();
    directories.find(|directory| !matches!(read(directory), Seen::Nothing)).map(Path::to_path_buf)
}

/// Loads the file in `directory` with all that it extends, and remembers nothing yet.
pub fn candidate(workdir: &AbsolutePath, directory: &Path) -> Result<Candidate, Vec<Diagnostic>> {
    let path = directory.join(super::FILE);
    let refuse = |because: &str| {
        let title = format!("cannot trust `{}`", words(workdir, &path));
        vec![Diagnostic::error(title).because(because)]
    };
    let file = match read(directory) {
        Seen::File(file) => file,
        Seen::Nothing => return Err(refuse("no such file or directory [ENOENT]")),
        Seen::Odd(because) => return Err(refuse(&because)),
    };
    let own = (file.path.clone(), file.hash());
    let found = found(workdir, file);
    let (profile, mut files) =
        load_watched(&Places::of_this_machine(), found, Watch::Record(BTreeMap::new()))?;
    files.insert(own.0, own.1);
    if let Some(Located { value: SeccompPolicy::File(_), origin }) = &profile.seccomp.policy {
        let title = format!("cannot trust `{}`", words(workdir, &path));
        return Err(vec![
            Diagnostic::error(title)
                .at(origin)
                .because("it names a file with a seccomp policy, which could change unnoticed")
                .help("name the profile for each run: `--profile ./.jail.toml`"),
        ]);
    }
    Ok(Candidate { profile, record: Record::new(path, files) })
}

/// From now on the profile is used as it was loaded.
pub fn remember(candidate: &Candidate) -> Result<(), Diagnostic> {
    Store::make()?.put(&candidate.record)
}

/// Forgets what was said about the file in `directory`; `false` if nothing was.
pub fn forget(directory: &Path) -> Result<bool, Diagnostic> {
    match Store::open()? {
        Some(store) => store.remove(&directory.join(super::FILE)),
        None => Ok(false),
    }
}

/// Everything that was trusted, and what has become of it.
pub fn trusted() -> Result<Vec<(PathBuf, Standing)>, Diagnostic> {
    let Some(store) = Store::open()? else { return Ok(Vec::new()) };
    let records = store.list()?.into_iter();
    Ok(records.map(|record| (record.path.clone(), standing(&record))).collect())
}

fn standing(record: &Record) -> Standing {
    match record.path.parent().map(read) {
        Some(Seen::File(file)) if record.has(&record.path, &file.hash()) => {
            let others = record.files.iter().filter(|(path, _)| **path != record.path);
            let places = Places::of_this_machine();
            let same = |(path, content): (&PathBuf, &String)| {
                let found = find::read(&places, path);
                found.is_ok_and(|found| hash(found.source.text.as_bytes()) == *content)
            };
            if others.into_iter().all(same) { Standing::Trusted } else { Standing::Changed }
        }
        Some(Seen::File(_) | Seen::Odd(_)) => Standing::Changed,
        Some(Seen::Nothing) | None => Standing::Gone,
    }
}
