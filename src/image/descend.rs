//! Down a tree of the store, by descriptors.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::sys;

/// A directory below `root`, which is the empty path itself. No link is followed.
pub fn open(root: BorrowedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    sys::open_directory(root, if path.is_empty() { b"." } else { path })
}

/// What is in a directory, in no order.
pub fn names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    Ok(entries(directory)?.into_iter().map(|(name, _)| name).collect())
}

/// The same, and what it is where the file system says so.
pub fn entries(directory: &OwnedFd) -> Result<Vec<(CString, Option<Type>)>, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut reader = Dir::openat(directory, ".", flags, Mode::empty())?;
    let mut entries = Vec::new();
    for entry in reader.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            entries.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    Ok(entries)
}

/// A path one deeper.
pub fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
