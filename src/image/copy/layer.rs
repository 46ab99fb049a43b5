//! One layer over what is there.
//!
//! A layer that nobody else needs gives its files away: a directory that is not there yet is moved with
//! all that is in it, and only what overlayfs would read is taken out afterwards.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat, fstatat, mkdirat};
use nix::unistd::{LinkatFlags, UnlinkatFlags, linkat, unlinkat};

use crate::image::delete::delete_at;
use crate::image::descend::{entries, join, open};
use crate::sys;

use super::directories::Directories;
use super::entry::{At, Attributes, SET_ID, attributes, copy_entry, is_whiteout, kind};

/// On a directory: what lower layers have in it is not to be seen.
const OPAQUE: &CStr = c"user.overlay.opaque";

/// What becomes of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It stays as it is.
    Copy,
    /// It is used up.
    Move,
}

/// Lays a layer in overlay form over a tree. `implied` are directories that no entry of the layer names.
pub fn lay(
    layer: BorrowedFd,
    to: BorrowedFd,
    way: Way,
    implied: &HashSet<Vec<u8>>,
    directories: &mut Directories,
) -> Result<(), At> {
    let mut laying =
        Laying { layer, to, way, implied, directories, linked: HashMap::new(), moved: Vec::new() };
    let root = fstat(layer).map_err(|errno| (Vec::new(), errno))?;
    let mut left = vec![(Vec::new(), root)];
    while let Some((path, stat)) = left.pop() {
        left.extend(laying.directory(path, stat)?);
    }
    while let Some((path, stat)) = laying.moved.pop() {
        let inner = laying.settle(path, stat)?;
        laying.moved.extend(inner);
    }
    Ok(())
}

/// A directory, and what it was before anything in it changed.
type Place = (Vec<u8>, FileStat);

struct Laying<'a> {
    layer: BorrowedFd<'a>,
    to: BorrowedFd<'a>,
    way: Way,
    implied: &'a HashSet<Vec<u8>>,
    directories: &'a mut Directories,
    /// Where the first of several names of a file is: its directory and itself.
    linked: HashMap<(u64, u64), (Vec<u8>, CString)>,
    /// Directories that were moved with all that is in them.
    moved: Vec<Place>,
}

/// The same directory on both sides.
struct Pair<'a> {
    path: &'a [u8],
    from: OwnedFd,
    to: OwnedFd,
}

impl Laying<'_> {
    /// Brings over what is in a directory, and returns the directories in it that are on both sides.
    fn directory(&mut self, path: Vec<u8>, stat: FileStat) -> Result<Vec<Place>, At> {
        let here = |errno| (path.clone(), errno);
        let from = open(self.layer, &path).map_err(here)?;
        let to = open(self.to, &path).map_err(here)?;
        let pair = Pair { path: &path, from, to };
        let mut inner = Vec::new();
        for (name, _) in entries(&pair.from).map_err(here)? {
            let full = join(&path, name.to_bytes());
            let merged = self.entry(&pair, &name, &full).map_err(|errno| (full.clone(), errno))?;
            inner.extend(merged.map(|stat| (full, stat)));
        }
        let attributes = attributes(pair.from.as_fd()).map_err(here)?;
        let implied = self.implied.contains(&path);
        self.directories.set(path, stat, attributes, implied);
        Ok(inner)
    }

    /// Brings one entry over. Of a directory that is on both sides then, only the place is made, and
    /// what it is in the layer is returned.
    fn entry(&mut self, pair: &Pair, name: &CStr, full: &[u8]) -> Result<Option<FileStat>, Errno> {
        let stat = fstatat(&pair.from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if kind(&stat) == SFlag::S_IFDIR {
            let merges = self.make_directory(pair, name, full, &stat)?;
            return Ok(merges.then_some(stat));
        }
        self.clear(pair, name, full)?;
        if is_whiteout(&stat) {
            return Ok(None);
        }
        if self.way == Way::Move {
            drop_set_id(&pair.from, name, &stat)?;
            renameat(&pair.from, name, &pair.to, name)?;
            return Ok(None);
        }
        if stat.st_nlink > 1 && kind(&stat) == SFlag::S_IFREG && self.link(pair, name, &stat)? {
            return Ok(None);
        }
        copy_entry(pair.from.as_fd(), pair.to.as_fd(), name, &stat)?;
        Ok(None)
    }

    /// A directory stays what it is, unless the layer's one hides it. `false` if all that is in it came
    /// with it.
    fn make_directory(
        &mut self,
        pair: &Pair,
        name: &CStr,
        full: &[u8],
        stat: &FileStat,
    ) -> Result<bool, Errno> {
        if self.way == Way::Move {
            open_up(&pair.from, name, stat)?;
        }
        let there = fstatat(&pair.to, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_directory = there.is_ok_and(|stat| kind(&stat) == SFlag::S_IFDIR);
        if is_directory && !hides(&open(self.layer, full)?)? {
            return Ok(true);
        }
        delete_at(&pair.to, name)?;
        // The mark hides what is in the directory. What the directory is like only an entry can say.
        if self.implied.contains(full) {
            self.directories.forget_below(full);
        } else {
            self.directories.forget(full);
        }
        if self.way == Way::Move {
            renameat(&pair.from, name, &pair.to, name)?;
            self.moved.push((full.to_vec(), *stat));
            return Ok(false);
        }
        mkdirat(&pair.to, name, Mode::S_IRWXU)?;
        // Whatever the umask left of the mode. Nobody else knows this directory yet.
        fchmodat(&pair.to, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
        Ok(true)
    }

    /// Takes out of a directory that was moved what is in overlay form, and returns the directories in it.
    fn settle(&mut self, path: Vec<u8>, stat: FileStat) -> Result<Vec<Place>, At> {
        let here = |errno| (path.clone(), errno);
        let directory = open(self.to, &path).map_err(here)?;
        match sys::remove_attribute(directory.as_fd(), OPAQUE) {
            Ok(()) | Err(Errno::ENODATA) => {}
            Err(errno) => return Err(here(errno)),
        }
        let mut inner = Vec::new();
        for (name, known) in entries(&directory).map_err(here)? {
            if matches!(known, Some(Type::Symlink | Type::Fifo)) {
                continue;
            }
            let full = join(&path, name.to_bytes());
            let stat = settle_entry(&directory, &name).map_err(|errno| (full.clone(), errno))?;
            inner.extend(stat.map(|stat| (full, stat)));
        }
        let implied = self.implied.contains(&path);
        self.directories.set(path, stat, Attributes::new(), implied);
        Ok(inner)
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

/// Removes a whiteout; returns what a directory is, and makes it one that can be entered.
fn settle_entry(directory: &OwnedFd, name: &CStr) -> Result<Option<FileStat>, Errno> {
    let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    drop_set_id(directory, name, &stat)?;
    if is_whiteout(&stat) {
        unlinkat(directory, name, UnlinkatFlags::NoRemoveDir)?;
    }
    if kind(&stat) != SFlag::S_IFDIR {
        return Ok(None);
    }
    open_up(directory, name, &stat)?;
    Ok(Some(stat))
}

/// Takes from a file the bits that would have it run as its owner, as in every tree.
fn drop_set_id(at: &OwnedFd, name: &CStr, stat: &FileStat) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(stat.st_mode);
    if kind(stat) != SFlag::S_IFREG || !mode.intersects(SET_ID) {
        return Ok(());
    }
    fchmodat(at, name, mode - SET_ID, FchmodatFlags::NoFollowSymlink)
}

/// Lets the owner into a directory. Its mode comes back in the end.
fn open_up(at: &OwnedFd, name: &CStr, stat: &FileStat) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(stat.st_mode);
    if mode.contains(Mode::S_IRWXU) {
        return Ok(());
    }
    fchmodat(at, name, mode | Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)
}

fn hides(directory: &OwnedFd) -> Result<bool, Errno> {
    match sys::attribute_of(directory.as_fd(), OPAQUE) {
        Ok(value) => Ok(value == b"y"),
        Err(Errno::ENODATA) => Ok(false),
        Err(errno) => Err(errno),
    }
}
