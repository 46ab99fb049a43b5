//! One layer over what is there.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat, fstatat, mkdirat};
use nix::unistd::{LinkatFlags, linkat};

use crate::image::delete::delete_at;
use crate::image::descend::{join, names, open};
use crate::sys;

use super::directories::Directories;
use super::entry::{At, attributes, copy_entry, is_whiteout, kind};

/// Lays a layer in overlay form over a tree. `implied` are directories that no entry of the layer names.
pub fn lay(
    layer: BorrowedFd,
    to: BorrowedFd,
    implied: &HashSet<Vec<u8>>,
    directories: &mut Directories,
) -> Result<(), At> {
    let mut laying = Laying { layer, to, implied, directories, linked: HashMap::new() };
    let mut left = vec![Vec::new()];
    while let Some(path) = left.pop() {
        left.extend(laying.directory(path)?);
    }
    Ok(())
}

struct Laying<'a> {
    layer: BorrowedFd<'a>,
    to: BorrowedFd<'a>,
    implied: &'a HashSet<Vec<u8>>,
    directories: &'a mut Directories,
    /// Where the first of several names of a file is: its directory and itself.
    linked: HashMap<(u64, u64), (Vec<u8>, CString)>,
}

/// The same directory on both sides.
struct Pair<'a> {
    path: &'a [u8],
    from: OwnedFd,
    to: OwnedFd,
}

impl Laying<'_> {
    /// Copies what is in a directory, and returns the directories in it.
    fn directory(&mut self, path: Vec<u8>) -> Result<Vec<Vec<u8>>, At> {
        let here = |errno| (path.clone(), errno);
        let from = open(self.layer, &path).map_err(here)?;
        let to = open(self.to, &path).map_err(here)?;
        let pair = Pair { path: &path, from, to };
        let mut inner = Vec::new();
        for name in names(&pair.from).map_err(here)? {
            let full = join(&path, name.to_bytes());
            let is_directory =
                self.entry(&pair, &name, &full).map_err(|errno| (full.clone(), errno))?;
            if is_directory {
                inner.push(full);
            }
        }
        let stat = fstat(&pair.from).map_err(here)?;
        let attributes = attributes(pair.from.as_fd()).map_err(here)?;
        let implied = self.implied.contains(&path);
        self.directories.set(path, stat, attributes, implied);
        Ok(inner)
    }

    /// Copies one entry; `true` if it is a directory, of which only the place is made.
    fn entry(&mut self, pair: &Pair, name: &CStr, full: &[u8]) -> Result<bool, Errno> {
        let stat = fstatat(&pair.from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if kind(&stat) == SFlag::S_IFDIR {
            self.make_directory(pair, name, full)?;
            return Ok(true);
        }
        self.clear(pair, name, full)?;
        if is_whiteout(&stat) {
            return Ok(false);
        }
        if stat.st_nlink > 1 && kind(&stat) == SFlag::S_IFREG && self.link(pair, name, &stat)? {
            return Ok(false);
        }
        copy_entry(pair.from.as_fd(), pair.to.as_fd(), name, &stat)?;
        Ok(false)
    }

    /// A directory stays what it is, unless the layer's one hides it.
    fn make_directory(&mut self, pair: &Pair, name: &CStr, full: &[u8]) -> Result<(), Errno> {
        let there = fstatat(&pair.to, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_directory = there.is_ok_and(|stat| kind(&stat) == SFlag::S_IFDIR);
        if is_directory && !hides(&open(self.layer, full)?)? {
            return Ok(());
        }
        self.clear(pair, name, full)?;
        mkdirat(&pair.to, name, Mode::S_IRWXU)?;
        // Whatever the umask left of the mode. Nobody else knows this directory yet.
        fchmodat(&pair.to, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)
    }

    fn clear(&mut self, pair: &Pair, name: &CStr, full: &[u8]) -> Result<(), Errno> {
        delete_at(&pair.to, name)?;
        self.directories.forget(full);
        Ok(())
    }

    /// Links to an earlier name of the same file; `false` if this is the first one.
    fn link(&mut self, pair: &Pair, name: &CStr, stat: &FileStat) -> Result<bool, Errno> {
        match self.linked.get(&(stat.st_dev, stat.st_ino)) {
            None => {
                let place = (pair.path.to_vec(), name.to_owned());
                self.linked.insert((stat.st_dev, stat.st_ino), place);
                Ok(false)
            }
            Some((directory, first)) => {
                let directory = open(self.to, directory)?;
                linkat(&directory, first.as_c_str(), &pair.to, name, LinkatFlags::empty())?;
                Ok(true)
            }
        }
    }
}

fn hides(directory: &OwnedFd) -> Result<bool, Errno> {
    match sys::attribute_of(directory.as_fd(), c"user.overlay.opaque") {
        Ok(value) => Ok(value == b"y"),
        Err(Errno::ENODATA) => Ok(false),
        Err(errno) => Err(errno),
    }
}
