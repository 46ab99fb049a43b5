//! After the last entry: directories get their modes and times, the deepest first.
//!
//! Not before, because making something in a directory changes its time, and a directory that may
//! not be written to or entered could not be filled.

use std::os::fd::AsFd;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, utimensat};
use nix::sys::time::TimeSpec;

use super::bad::{Bad, Reason, system};
use super::begin::Umask;
use super::header::Time;
use super::layer::Unpacked;
use super::tree::{Id, ROOT, Tree};

impl From<Time> for TimeSpec {
    fn from(time: Time) -> Self {
        Self::new(time.seconds, i64::from(time.nanoseconds))
    }
}

pub(super) fn finish(tree: &mut Tree, umask: Umask, unpacked: &mut Unpacked) -> Result<(), Bad> {
    for id in tree.ids_deepest_first().filter(|id| *id != ROOT) {
        if tree.node(id).alive {
            set(tree, id, umask).map_err(|reason| Bad::with(&tree.path(id), reason))?;
            note(tree, id, unpacked);
        }
    }
    set_root(tree)?;
    note(tree, ROOT, unpacked);
    unpacked.implied.reverse();
    unpacked.opaque = tree.node(ROOT).opaque;
    Ok(())
}

fn set(tree: &mut Tree, id: Id, umask: Umask) -> Result<(), Reason> {
    let parent = tree.open(tree.node(id).parent)?;
    let node = tree.node(id);
    let name = &*node.name;
    if umask.left_of(node.made) != Some(node.mode) {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = openat(parent.as_fd(), name, flags, Mode::empty())
            .map_err(system("open a directory"))?;
        let mode = Mode::from_bits_truncate(node.mode);
        fchmod(&directory, mode).map_err(system("set the mode of a directory"))?;
    }
    let time = node.mtime.into();
    utimensat(parent.as_fd(), name, &time, &time, UtimensatFlags::NoFollowSymlink)
        .map_err(system("set the time of a directory"))
}

fn set_root(tree: &mut Tree) -> Result<(), Reason> {
    let root = tree.open(ROOT)?;
    let node = tree.node(ROOT);
    let mode = Mode::from_bits_truncate(node.mode);
    fchmod(root.as_fd(), mode).map_err(system("set the mode of a directory"))?;
    let time = node.mtime.into();
    futimens(root.as_fd(), &time, &time).map_err(system("set the time of a directory"))
}

fn note(tree: &Tree, id: Id, unpacked: &mut Unpacked) {
    if !tree.node(id).named {
        unpacked.implied.push(tree.path(id));
    }
}
