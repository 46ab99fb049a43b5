//! What is trusted: `$XDG_STATE_HOME/jail/trust`.
//!
//! A file for each path, named by its hash, so that two commands at once lose nothing. It says which content the
//! file and all that it extends by a path had when the user said so. There is one content for a path: an
//! earlier one, which a command could put back, is trusted no more.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::write::{Existing, is_unfinished, put};
use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::directory::{leave_to_its_owner, make};

/// A SHA-256 in hexadecimal digits.
pub type Hash = String;

/// The hash of some content.
pub fn hash(content: &[u8]) -> Hash {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the user has said about one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// Of the project's file.
    pub path: PathBuf,
    /// Each file that was read by a path, itself among them, and its content.
    pub files: BTreeMap<PathBuf, Hash>,
}

impl Record {
    pub fn new(path: PathBuf, files: BTreeMap<PathBuf, Hash>) -> Self {
        Self { version: VERSION, path, files }
    }

    /// Whether this file had this content.
    pub fn has(&self, path: &Path, content: &str) -> bool {
        self.files.get(path).map(String::as_str) == Some(content)
    }
}

const VERSION: u32 = 1;
/// More than any record has.
const LARGEST: u64 = 4 << 20;

/// The caller's own. Nobody else can write to it, or it is refused.
pub struct Store {
    directory: File,
    shown: PathBuf,
}

impl Store {
    /// `None` where nothing was ever trusted.
    pub fn open() -> Result<Option<Self>, Diagnostic> {
        match place() {
            Some(place) => Self::open_at(&place),
            None => Ok(None),
        }
    }

    /// The same, made where it is missing.
    pub fn make() -> Result<Self, Diagnostic> {
        let place = place().ok_or_else(|| {
            Diagnostic::error("there is no place to remember what is trusted")
                .because("no home directory is known")
                .help("set HOME or XDG_STATE_HOME to an absolute path")
        })?;
        make(&place, 0o700).map_err(|error| {
            Diagnostic::error(format!("cannot make `{}`", place.display())).because(cause(&error))
        })?;
        Self::open_at(&place)?.ok_or_else(|| {
            Diagnostic::error(format!("cannot open `{}`", place.display()))
                .because("it is gone again")
                .help("say `jail trust` again")
        })
    }

    fn open_at(place: &Path) -> Result<Option<Self>, Diagnostic> {
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let refuse = |because: String| {
            Diagnostic::error(format!("cannot tell what is trusted: `{}`", place.display()))
                .because(because)
        };
        let of_another = || {
            let otherwise = "move it away, and say `jail trust` again";
            refuse("it belongs to another user".to_owned())
                .help(leave_to_its_owner("XDG_STATE_HOME", otherwise))
        };
        let is_anothers = |found: Metadata| found.uid() != geteuid().as_raw();
        let directory = match OpenOptions::new().read(true).custom_flags(flags).open(place) {
            Ok(directory) => directory,
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && place.symlink_metadata().is_ok_and(is_anothers) =>
            {
                return Err(of_another());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Links are told by the same number (open(2), O_DIRECTORY and O_NOFOLLOW).
            Err(error) if error.raw_os_error() == Some(libc::ENOTDIR) => {
                return Err(refuse("it is no directory, or only a link to one".to_owned())
                    .help("move away what is there"));
            }
            Err(error) => return Err(refuse(cause(&error))),
        };
        let metadata = directory.metadata().map_err(|error| refuse(cause(&error)))?;
        let mode = metadata.mode();
        if is_anothers(metadata) {
            return Err(of_another());
        }
        if mode & 0o022 != 0 {
            return Err(refuse("others may have written to it".to_owned())
                .help(format!("look at what is in it, then run `chmod 700 {}`", pasted(place))));
        }
        Ok(Some(Self { directory, shown: place.to_owned() }))
    }

    /// What was said about this path.
    pub fn get(&self, path: &Path) -> Result<Option<Record>, Diagnostic> {
        Ok(self.named(name_of(path).as_ref())?.filter(|record| record.path == path))
    }

    /// Remembers; what was said about the same path before is forgotten.
    pub fn put(&self, record: &Record) -> Result<(), Diagnostic> {
        let text = serde_json::to_vec(record).map_err(|_| {
            Diagnostic::error(format!("cannot trust `{}`", record.path.display()))
                .because("a path of it is not UTF-8")
                .help("move it to a directory with a plainer name")
        })?;
        let failed = |error| self.failed("cannot remember what is trusted", &error);
        let _lock = self.sweep().map_err(failed)?;
        let name = name_of(&record.path);
        put(self.directory.as_fd(), name.as_ref(), &text, 0o600, Existing::Replace).map_err(failed)
    }

    /// Removes what killed commands have left. While the lock is held nobody takes a file of ours for such
    /// a one; where the file system has no locks, all of them stay.
    fn sweep(&self) -> io::Result<Option<Flock<File>>> {
        let Ok(lock) = Flock::lock(self.directory.try_clone()?, FlockArg::LockExclusive) else {
            return Ok(None);
        };
        for entry in std::fs::read_dir(&self.shown)? {
            let name = entry?.file_name();
            if is_unfinished(&name) {
                unlinkat(&self.directory, name.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
            }
        }
        Ok(Some(lock))
    }

    /// Forgets; `false` if nothing was said about this path.
    pub fn remove(&self, path: &Path) -> Result<bool, Diagnostic> {
        match unlinkat(&self.directory, name_of(path).as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(nix::errno::Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed("cannot forget what was trusted", &errno.into())),
        }
    }

    /// All, sorted by path.
    pub fn list(&self) -> Result<Vec<Record>, Diagnostic> {
        let failed = |error: io::Error| self.failed("cannot tell what is trusted", &error);
        let mut records = Vec::new();
        for entry in std::fs::read_dir(&self.shown).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // What a killed command has left begins with a dot.
            if !name.as_bytes().starts_with(b".") {
                records.extend(self.named(&name)?);
            }
        }
        records.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(records)
    }

    fn named(&self, name: &OsStr) -> Result<Option<Record>, Diagnostic> {
        let title = "cannot tell what is trusted";
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(nix::errno::Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(self.failed(title, &errno.into())),
        };
        let mut text = Vec::new();
        file.take(LARGEST).read_to_end(&mut text).map_err(|error| self.failed(title, &error))?;
        let record: Option<Record> = serde_json::from_slice(&text).ok();
        record.filter(|record| record.version == VERSION).map(Some).ok_or_else(|| {
            let place = self.shown.join(name);
            Diagnostic::error(format!("{title}: `{}`", place.display()))
                .because("it is damaged, or another version of jail wrote it")
                .help(format!("remove it, and say `jail trust` again: `rm {}`", pasted(&place)))
        })
    }

    fn failed(&self, title: &str, error: &io::Error) -> Diagnostic {
        Diagnostic::error(format!("{title}: `{}`", self.shown.display())).because(cause(error))
    }
}

fn place() -> Option<PathBuf> {
    dirs::state_dir().map(|state| state.join("jail/trust"))
}

fn name_of(path: &Path) -> String {
    hash(path.as_os_str().as_bytes())
}
