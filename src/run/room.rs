//! File systems in memory that are full when the command ends.
//!
//! A compiler that says `No space left on device` does not say which, and not that the
//! device is ours. Init looks, because nobody else can see these file systems.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::statvfs::fstatvfs;

use super::outcome::Full;

/// One of them, by its mount, and the step that made it.
pub struct Room {
    pub step: u16,
    pub mount: OwnedFd,
}

impl Room {
    /// Whether there is as good as nothing left: what fails is more than a page as a rule.
    pub fn full(&self) -> Option<Full> {
        let state = fstatvfs(self.mount.as_fd()).ok()?;
        let little = |free: u64, all: u64| all > 0 && free <= all / 2048;
        let files = little(state.files_free(), state.files());
        let blocks = little(state.blocks_free(), state.blocks());
        (files || blocks).then_some(Full { step: self.step, files: files && !blocks })
    }
}
