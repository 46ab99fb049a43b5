//! Free space: an image that fills a disk hurts whoever else writes to it.

use std::os::fd::BorrowedFd;

use nix::sys::statvfs::fstatvfs;

use super::bad::{Reason, system};

/// How much is written between two looks, in bytes and in entries.
const BYTES: u64 = 16 << 20;
const ENTRIES: u64 = 4096;

/// Keeps a twentieth of what was free at the beginning.
pub(super) struct Room<'a> {
    directory: BorrowedFd<'a>,
    /// Bytes; 0 where the file system does not know.
    floor: u64,
    bytes: u64,
    entries: u64,
}

impl<'a> Room<'a> {
    pub fn new(directory: BorrowedFd<'a>) -> Result<Self, Reason> {
        let floor = free(directory)?.unwrap_or(0) / 20;
        Ok(Self { directory, floor, bytes: 0, entries: 0 })
    }

    /// Before an entry of `size` bytes; one that is large by itself is looked at by itself.
    pub fn check(&mut self, size: u64) -> Result<(), Reason> {
        self.bytes = self.bytes.saturating_add(size);
        self.entries += 1;
        if self.bytes < BYTES && self.entries < ENTRIES {
            return Ok(());
        }
        (self.bytes, self.entries) = (0, 0);
        match free(self.directory)? {
            Some(free) if free.saturating_sub(size) < self.floor => Err(Reason::Full),
            _ => Ok(()),
        }
    }
}

/// Bytes that we may use; nothing where the file system counts none.
fn free(directory: BorrowedFd) -> Result<Option<u64>, Reason> {
    let room = fstatvfs(directory).map_err(system("ask for free space"))?;
    Ok((room.blocks() > 0).then(|| room.blocks_available() * room.fragment_size()))
}
