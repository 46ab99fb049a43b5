//! Directories laid over each other, seen as overlayfs will show them.
//!
//! The kernel's rules (Documentation/filesystems/overlayfs.rst) for mounts with `userxattr`: of
//! directories with one name all are merged, down to one that is opaque; of anything else the
//! topmost counts; a character device 0:0 hides what is below it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::libc;

use crate::sys::attribute;

/// Layers, the topmost first, and which of them have which directory.
pub struct Layers {
    layers: Vec<PathBuf>,
    holders: HashMap<OsString, Rc<[usize]>>,
}

/// What is at a path.
pub struct Found {
    /// On this machine.
    pub path: PathBuf,
    pub metadata: Metadata,
}

impl Layers {
    pub fn new(layers: Vec<PathBuf>) -> Self {
        Self { layers, holders: HashMap::new() }
    }

    /// Looks at `at`, an absolute path inside, all parents of which are directories and no links.
    /// Never follows a link: what is above the last name was looked at before.
    pub fn look(&mut self, at: &Path) -> io::Result<Found> {
        let (Some(parent), Some(_)) = (at.parent(), at.file_name()) else {
            return found(self.layers[0].clone());
        };
        let missing = || io::Error::from_raw_os_error(libc::ENOENT);
        for index in self.holders(parent)?.iter() {
            let path = below(&self.layers[*index], at);
            match found(path) {
                Ok(found) if is_whiteout(&found.metadata) => return Err(missing()),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                result => return result,
            }
        }
        Err(missing())
    }

    /// Which layers make up the directory `at`, the topmost first.
    fn holders(&mut self, at: &Path) -> io::Result<Rc<[usize]>> {
        if let Some(known) = self.holders.get(at.as_os_str()) {
            return Ok(known.clone());
        }
        let above: Rc<[usize]> = match at.parent() {
            Some(parent) => self.holders(parent)?,
            None => (0..self.layers.len()).collect(),
        };
        let mut holders = Vec::new();
        for index in above.iter() {
            let path = below(&self.layers[*index], at);
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    holders.push(*index);
                    if is_opaque(&path)? {
                        break;
                    }
                }
                // A whiteout, or a file that hides the directories below it.
                Ok(_) => break,
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        let holders: Rc<[usize]> = holders.into();
        self.holders.insert(at.as_os_str().to_owned(), holders.clone());
        Ok(holders)
    }
}

fn below(layer: &Path, at: &Path) -> PathBuf {
    layer.join(at.strip_prefix("/").unwrap_or(at))
}

fn found(path: PathBuf) -> io::Result<Found> {
    let metadata = path.symlink_metadata()?;
    Ok(Found { path, metadata })
}

fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

fn is_opaque(directory: &Path) -> io::Result<bool> {
    match attribute(directory, c"user.overlay.opaque") {
        Ok(value) => Ok(value == b"y"),
        // None there, or a file system without any.
        Err(nix::errno::Errno::ENODATA | nix::errno::Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
