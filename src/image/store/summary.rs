//! A tree in one line: what must be there later on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::image::descend::{join, names, open};
use crate::sys;

use super::place::hex;

/// What a tree looks like from outside: everything but the bytes of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Entries, the tree itself among them.
    pub entries: u64,
    /// Of regular files.
    pub bytes: u64,
    /// SHA-256 over names, kinds, modes, times, sizes, link targets and what hides lower layers.
    pub hash: String,
}

/// Walks a tree. What its owner may not read or enter counts as one entry, also for root:
/// otherwise it would depend on who looks.
///
/// Paths in a layer are shorter than PATH_MAX, so that a directory is opened by its path, and
/// depth costs no descriptors. Nobody else may change the tree.
pub fn summarize(tree: BorrowedFd) -> io::Result<Summary> {
    Ok(walk(tree)?.0)
}

/// The same with a hash of who owns what, as this process sees it.
pub fn summarize_with_owners(tree: BorrowedFd) -> io::Result<(Summary, String)> {
    walk(tree)
}

fn walk(tree: BorrowedFd) -> io::Result<(Summary, String)> {
    let mut sum = Sum { entries: 0, bytes: 0, hash: Sha256::new(), owners: Sha256::new() };
    let top = fstat(tree)?;
    sum.add(b"", &top);
    let mut left: Vec<Vec<u8>> = if is_open(&top) { vec![Vec::new()] } else { Vec::new() };
    while let Some(path) = left.pop() {
        let directory = open(tree, &path)?;
        let hides = sys::attribute_of(directory.as_fd(), c"user.overlay.opaque");
        sum.hash.update([u8::from(hides.is_ok_and(|value| value == b"y"))]);
        let mut inner = Vec::new();
        let mut names = names(&directory)?;
        names.sort_unstable();
        for name in names {
            let stat = fstatat(&directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            let full = join(&path, name.as_bytes());
            sum.add(&full, &stat);
            match kind(&stat) {
                SFlag::S_IFDIR if is_open(&stat) => inner.push(full),
                SFlag::S_IFLNK => sum.add_target(readlinkat(&directory, name.as_c_str())?),
                _ => {}
            }
        }
        left.extend(inner.into_iter().rev());
    }
    let Sum { entries, bytes, hash, owners } = sum;
    Ok((Summary { entries, bytes, hash: hex(&hash.finalize()) }, hex(&owners.finalize())))
}

struct Sum {
    entries: u64,
    bytes: u64,
    hash: Sha256,
    owners: Sha256,
}

impl Sum {
    fn add(&mut self, path: &[u8], stat: &FileStat) {
        self.entries += 1;
        for id in [stat.st_uid, stat.st_gid] {
            self.owners.update(id.to_le_bytes());
        }
        self.hash.update(path);
        // No name has a NUL, so what follows begins in a certain place.
        self.hash.update([0]);
        let mut numbers = [u64::from(stat.st_mode), stat.st_rdev, 0];
        if kind(stat) == SFlag::S_IFREG {
            numbers[2] = stat.st_size.cast_unsigned();
            self.bytes += stat.st_size.cast_unsigned();
        }
        for number in numbers {
            self.hash.update(number.to_le_bytes());
        }
        self.hash.update(stat.st_mtime.to_le_bytes());
        self.hash.update(stat.st_mtime_nsec.to_le_bytes());
    }

    fn add_target(&mut self, target: std::ffi::OsString) {
        self.hash.update(target.as_encoded_bytes());
        self.hash.update([0]);
    }
}

/// May its owner list it, and go on from there?
fn is_open(directory: &FileStat) -> bool {
    directory.st_mode & 0o500 == 0o500
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}
