//! Down a tree of the store, by descriptors.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::dir::Dir;
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
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut reader = Dir::openat(directory, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in reader.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// A path one deeper.
pub fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}
