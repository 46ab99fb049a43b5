//! One layer, copied.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::linkat;

use crate::image::copy::entry::{is_whiteout, kind};
use crate::image::descend::{join, names, open};
use crate::image::owner::Owner;
use crate::sys;

use super::entry::{attributes, copy_file, copy_node, finish};
use super::map::OwnerMap;
use super::trouble::{Reason, Trouble};

/// A layer of the store, and whom its files are to belong to.
pub struct Layer<'a> {
    pub tree: BorrowedFd<'a>,
    /// Owners of links and fifos, where that is not root; `None` if nobody noted them.
    pub links: Option<HashMap<Vec<u8>, Owner>>,
    pub map: &'a OwnerMap,
}

/// Copies a layer in overlay form into the empty directory `to`. All is reached by descriptors and
/// no link is followed. Must be done in [`ids::within`](crate::ids::within).
pub fn copy(layer: Layer, to: BorrowedFd) -> Result<(), Trouble> {
    let mut copying = Copying { layer, to, linked: HashMap::new() };
    copying.prepare().map_err(|errno| at(b"", errno))?;
    let mut left = vec![Vec::new()];
    let mut directories = Vec::new();
    while let Some(path) = left.pop() {
        left.extend(copying.fill(&path)?);
        directories.push(path);
    }
    // Only now: filling one changes its time, and its mode may forbid it. Those below come first.
    for path in directories.iter().rev() {
        copying.finish(path).map_err(|reason| at(path, reason))?;
    }
    Ok(())
}

struct Copying<'a> {
    layer: Layer<'a>,
    to: BorrowedFd<'a>,
    /// Where the first of several names of a file is: its directory and itself.
    linked: HashMap<(u64, u64), (Vec<u8>, CString)>,
}

impl Copying<'_> {
    /// Lets nothing of the directory pass on to what is made inside.
    fn prepare(&self) -> Result<(), Errno> {
        fchmod(self.to, Mode::S_IRWXU)?;
        match sys::remove_attribute(self.to, c"system.posix_acl_default") {
            Ok(()) | Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Copies what is in a directory, and returns the directories in it.
    fn fill(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, Trouble> {
        let from = open(self.layer.tree, path).map_err(|errno| at(path, errno))?;
        let to = open(self.to, path).map_err(|errno| at(path, errno))?;
        let mut inner = Vec::new();
        for name in names(&from).map_err(|errno| at(path, errno))? {
            let full = join(path, name.to_bytes());
            let is_directory =
                self.entry(&from, &to, &name, path).map_err(|reason| at(&full, reason))?;
            if is_directory {
                inner.push(full);
            }
        }
        Ok(inner)
    }

    /// Copies one entry; `true` if it is a directory, of which only the place is made.
    fn entry(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        parent: &[u8],
    ) -> Result<bool, Reason> {
        let stat = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if kind(&stat) == SFlag::S_IFDIR {
            mkdirat(to, name, Mode::S_IRWXU)?;
            return Ok(true);
        }
        if self.link(to, name, parent, &stat)? {
            return Ok(false);
        }
        let (from, to) = (from.as_fd(), to.as_fd());
        match kind(&stat) {
            SFlag::S_IFREG => copy_file(from, to, name, |note| self.noted(note.as_deref()))?,
            _ => {
                let path = join(parent, name.to_bytes());
                copy_node(from, to, name, &stat, self.listed(&path, &stat)?)?;
            }
        }
        Ok(false)
    }

    /// Makes another name of a file that was copied; `false` if there is none yet.
    fn link(
        &mut self,
        to: &OwnedFd,
        name: &CStr,
        parent: &[u8],
        stat: &FileStat,
    ) -> Result<bool, Reason> {
        if stat.st_nlink < 2 {
            return Ok(false);
        }
        let file = (stat.st_dev, stat.st_ino);
        let Some((directory, first)) = self.linked.get(&file) else {
            self.linked.insert(file, (parent.to_vec(), name.to_owned()));
            return Ok(false);
        };
        let directory = open(self.to, directory)?;
        linkat(&directory, first.as_c_str(), to, name, AtFlags::empty())?;
        Ok(true)
    }

    fn finish(&self, path: &[u8]) -> Result<(), Reason> {
        let from = open(self.layer.tree, path)?;
        let to = open(self.to, path)?;
        let (note, attributes) = attributes(from.as_fd())?;
        finish(to.as_fd(), &fstat(&from)?, &attributes, self.noted(note.as_deref())?)
    }

    /// The owner outside, by the note on a file or directory.
    fn noted(&self, note: Option<&[u8]>) -> Result<Owner, Reason> {
        let owner = match note {
            None => Owner::ROOT,
            Some(note) => Owner::from_attribute(note).ok_or(Reason::Note)?,
        };
        self.outside(owner)
    }

    /// The owner outside of a link, a fifo or a whiteout.
    fn listed(&self, path: &[u8], stat: &FileStat) -> Result<Owner, Reason> {
        if is_whiteout(stat) {
            return self.outside(Owner::ROOT);
        }
        let links = self.layer.links.as_ref().ok_or(Reason::Unknown)?;
        self.outside(links.get(path).copied().unwrap_or_default())
    }

    fn outside(&self, owner: Owner) -> Result<Owner, Reason> {
        self.layer.map.outside(owner).ok_or_else(|| owner.into())
    }
}

fn at(path: &[u8], reason: impl Into<Reason>) -> Trouble {
    Trouble { path: path.to_vec(), reason: reason.into() }
}
