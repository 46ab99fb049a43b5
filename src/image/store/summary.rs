//! A tree in one line: what must be there later on.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
    let mut sum = Sum { entries: 0, bytes: 0, hash: Sha256::new() };
    let top = fstat(tree)?;
    sum.add(b"", &top);
    let mut left: Vec<Vec<u8>> = if is_open(&top) { vec![Vec::new()] } else { Vec::new() };
    while let Some(path) = left.pop() {
        let directory = open(tree, &path)?;
        let hides = sys::attribute_of(directory.as_fd(), c"user.overlay.opaque");
        sum.hash.update([u8::from(hides.is_ok_and(|value| value == b"y"))]);
        let mut inner = Vec::new();
        for name in names(&directory)? {
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
    Ok(Summary { entries: sum.entries, bytes: sum.bytes, hash: hex(&sum.hash.finalize()) })
}

struct Sum {
    entries: u64,
    bytes: u64,
    hash: Sha256,
}

impl Sum {
    fn add(&mut self, path: &[u8], stat: &FileStat) {
        self.entries += 1;
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

fn open(tree: BorrowedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let path = if path.is_empty() { b".".as_slice() } else { path };
    openat(tree, path, flags, Mode::empty())
}

/// What is in a directory, in order.
fn names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut reader = Dir::openat(directory, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in reader.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

/// May its owner list it, and go on from there?
fn is_open(directory: &FileStat) -> bool {
    directory.st_mode & 0o500 == 0o500
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}
