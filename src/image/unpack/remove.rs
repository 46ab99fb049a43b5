//! Removing what a later entry replaces.

use std::os::fd::{AsFd, BorrowedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Removes `name` in `directory`, with everything below if it is a directory, never by a link.
/// Fine if there is nothing.
///
/// Directories have their final modes only when all entries are done, so here they can be read and
/// changed. How deep this goes is limited with the depth of paths.
pub(super) fn remove(directory: BorrowedFd, name: &[u8]) -> Result<(), Errno> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        // POSIX has EPERM for directories.
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut inside = Dir::openat(directory, name, flags, Mode::empty())?;
    let names = inside
        .iter()
        .map(|entry| entry.map(|entry| entry.file_name().to_bytes().to_vec()))
        .collect::<Result<Vec<_>, _>>()?;
    for name in names.iter().filter(|name| !matches!(name.as_slice(), b"." | b"..")) {
        remove(inside.as_fd(), name)?;
    }
    unlinkat(directory, name, UnlinkatFlags::RemoveDir)
}
