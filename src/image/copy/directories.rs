//! Modes and times of directories, which come last: a directory of mode 0555 takes no files, and
//! each file that it takes changes its time.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::stat::{FileStat, Mode, fchmod, futimens};

use crate::image::descend::open;

use super::entry::{At, Attributes, modified, set_attributes};

/// What each directory is to be like, by its path.
#[derive(Default)]
pub struct Directories {
    wanted: BTreeMap<Vec<u8>, (FileStat, Attributes)>,
}

impl Directories {
    /// What an upper layer says counts; what an implied directory says, only if no other says anything.
    pub fn set(&mut self, path: Vec<u8>, stat: FileStat, attributes: Attributes, implied: bool) {
        if !(implied && self.wanted.contains_key(&path)) {
            self.wanted.insert(path, (stat, attributes));
        }
    }

    /// Forgets a path that was removed, and all below it.
    pub fn forget(&mut self, path: &[u8]) {
        self.wanted.remove(path);
        self.forget_below(path);
    }

    /// Forgets what was in a directory that itself stays.
    pub fn forget_below(&mut self, path: &[u8]) {
        let below = [path, b"/"].concat();
        let gone: Vec<Vec<u8>> = self
            .wanted
            .range(below.clone()..)
            .map(|(known, _)| known)
            .take_while(|known| known.starts_with(&below))
            .cloned()
            .collect();
        for path in gone {
            self.wanted.remove(&path);
        }
    }

    /// Gives all of them their modes and times, those below before those above.
    pub fn finish(self, to: BorrowedFd) -> Result<(), At> {
        for (path, (stat, attributes)) in self.wanted.into_iter().rev() {
            let done = open(to, &path).and_then(|directory| {
                set_attributes(directory.as_fd(), &attributes)?;
                fchmod(&directory, Mode::from_bits_truncate(stat.st_mode))?;
                let time = modified(&stat);
                futimens(&directory, &time, &time)
            });
            done.map_err(|errno| (path, errno))?;
        }
        Ok(())
    }
}
