//! The file of a project, as bytes. Whoever wrote it may want us to wait, or to read something else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use super::FILE;
use super::store::{Hash, hash};
use crate::diagnostic::cause;
use crate::profile::find::Identity;

/// A larger one is no profile of a project, and would take time to understand.
const LARGEST: u64 = 64 << 10;

/// What a directory has under the name of the file.
pub enum Seen {
    Nothing,
    /// Something that is not read, and why.
    Odd(String),
    File(ProjectFile),
}

/// The file, read once: what is judged is what is used.
pub struct ProjectFile {
    /// The directory that was asked about, and the name.
    pub path: PathBuf,
    pub text: String,
    pub owner: u32,
    pub(super) identity: Identity,
}

impl ProjectFile {
    /// Of the text that is used.
    pub fn hash(&self) -> Hash {
        hash(self.text.as_bytes())
    }
}

/// Reads the file in `directory`. A link in its place is not followed, and a fifo not waited for.
pub fn read(directory: &Path) -> Seen {
    let path = directory.join(FILE);
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR) => Seen::Nothing,
                Some(libc::ELOOP) => Seen::Odd("it is a symbolic link".to_owned()),
                _ => Seen::Odd(cause(&error)),
            };
        }
    };
    understood(file, path).unwrap_or_else(|error| Seen::Odd(cause(&error)))
}

fn understood(file: File, path: PathBuf) -> io::Result<Seen> {
    let odd = |because: &str| Ok(Seen::Odd(because.to_owned()));
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return odd("it is not a regular file");
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return odd("it is larger than 64 KiB");
    }
    let Ok(text) = String::from_utf8(bytes) else { return odd("it is not UTF-8") };
    let identity = Identity::File { device: metadata.dev(), inode: metadata.ino() };
    Ok(Seen::File(ProjectFile { path, text, owner: metadata.uid(), identity }))
}
