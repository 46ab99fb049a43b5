//! Files by name: below a directory, or in an archive.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use crate::diagnostic::{Diagnostic, cause, errno_cause};
use crate::sys::open_to_read;

use super::archive::Archive;
use super::part::Part;

/// What an image is kept in.
pub(super) enum Files {
    Directory(OwnedFd),
    Archive(Archive),
}

/// Why a file cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Missing,
    /// For `because`.
    Other(String),
}

impl Files {
    /// The directory at a path of the user's, in which links are followed.
    pub fn directory(path: &Path) -> Result<Self, Diagnostic> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = openat(AT_FDCWD, path, flags, Mode::empty());
        opened.map(Self::Directory).map_err(|errno| {
            Diagnostic::error(format!("cannot open the directory `{}`", path.display()))
                .because(errno_cause(errno))
        })
    }

    /// The file of this name, `/` between components.
    pub fn open(&self, name: &str) -> Result<Part, Unreadable> {
        match self {
            Self::Directory(directory) => {
                let path = CString::new(name).expect("names here are digests and constants");
                regular(open_to_read(directory.as_fd(), &path))
            }
            Self::Archive(archive) => archive.open_entry(name.as_bytes()),
        }
    }

    pub fn document(&self, name: &str) -> Result<Vec<u8>, Unreadable> {
        self.open(name)?.document().map_err(Unreadable::Other)
    }
}

impl Unreadable {
    pub fn because(self) -> String {
        match self {
            Self::Missing => "there is no such file".to_owned(),
            Self::Other(because) => because,
        }
    }
}

/// The file at a path of the user's, in which links are followed.
pub(super) fn open_file(path: &Path) -> Result<Part, Diagnostic> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    regular(openat(AT_FDCWD, path, flags, Mode::empty())).map_err(|unreadable| {
        let because = match unreadable {
            Unreadable::Missing => errno_cause(Errno::ENOENT),
            Unreadable::Other(because) => because,
        };
        Diagnostic::error(format!("cannot read `{}`", path.display())).because(because)
    })
}

/// A fifo would wait for ever, and a device give bytes without end.
fn regular(opened: Result<OwnedFd, Errno>) -> Result<Part, Unreadable> {
    let file = match opened {
        Ok(file) => File::from(file),
        Err(Errno::ENOENT) => return Err(Unreadable::Missing),
        Err(errno @ (Errno::ELOOP | Errno::EXDEV)) => {
            let why = format!("it is behind a symbolic link, which is not followed [{errno:?}]");
            return Err(Unreadable::Other(why));
        }
        Err(errno) => return Err(Unreadable::Other(errno_cause(errno))),
    };
    let metadata = file.metadata().map_err(|error| Unreadable::Other(cause(&error)))?;
    if !metadata.is_file() {
        return Err(Unreadable::Other("it is no regular file".to_owned()));
    }
    Ok(Part::new(Arc::new(file), 0, metadata.len()))
}
