//! All layers of an image into a directory that appears when it is complete.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid};

use crate::diagnostic::{Diagnostic, cause, errno_cause};
use crate::image::Image;
use crate::image::store::Store;

use super::directories::Directories;
use super::layer::{Way, lay};
use super::unfinished::Unfinished;

/// Copies what the layers of an image make together to `to`, which must be empty or not exist. It is made
/// beside it and renamed, so that nobody takes half of a tree for a whole one.
///
/// The calling process must have one thread. It gets a user namespace of its own if it can, so that
/// what its owner may not read (a program of mode 0111) can be copied.
///
/// # Errors
///
/// `to` is not empty, or its directory cannot be written; the disk is full; a file of the image is
/// not readable and there is no user namespace to be had.
pub fn copy(image: &Image, store: &Store, to: &Path) -> Result<(), Diagnostic> {
    make(to, |place| {
        let tree = empty(place)?;
        see_everything();
        fill(image, store, Way::Copy, &tree)?;
        Ok((tree, ()))
    })
}

/// The same for an image that no store has: `pull` brings it into one that goes away again, so that each
/// file is written once. What is made is not forced to the disk.
///
/// # Errors
///
/// Those of [`copy`], and of `pull`.
pub fn unpack<T>(
    to: &Path,
    pull: impl FnOnce(&Store) -> Result<(Image, T), Diagnostic>,
) -> Result<T, Diagnostic> {
    make(to, |place| {
        let store = Store::throw_away(&place.join("store"))?;
        let (image, told) = pull(&store)?;
        let tree = empty(place)?;
        see_everything();
        fill(&image, &store, Way::Move, &tree)?;
        Ok((tree, told))
    })
}

/// Has a tree made in a place beside `to`, and puts it there when it is complete.
fn make<T>(
    to: &Path,
    tree: impl FnOnce(&Path) -> Result<(PathBuf, T), Diagnostic>,
) -> Result<T, Diagnostic> {
    check_empty(to)?;
    let place = Unfinished::beside(to)?;
    let (tree, told) = tree(place.path())?;
    fs::rename(tree, to).map_err(|error| {
        let refused =
            Diagnostic::error(format!("cannot make `{}`", to.display())).because(cause(&error));
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EBUSY) => refused.help("it is a mount point: name a directory in it"),
            Some(_) | None => refused,
        }
    })?;
    Ok(told)
}

/// A directory for the tree.
fn empty(place: &Path) -> Result<PathBuf, Diagnostic> {
    let tree = place.join("tree");
    DirBuilder::new().mode(0o700).create(&tree).map_err(|error| {
        Diagnostic::error(format!("cannot make `{}`", tree.display())).because(cause(&error))
    })?;
    Ok(tree)
}

/// Lays all layers over each other in a directory that is empty.
pub(super) fn fill(image: &Image, store: &Store, way: Way, new: &Path) -> Result<(), Diagnostic> {
    let refused = |path: &[u8], errno: Errno| {
        let name = String::from_utf8_lossy(path);
        Diagnostic::error(format!("cannot copy `/{name}` of `{}`", image.name))
            .because(errno_cause(errno))
    };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let to = open(new, flags, Mode::empty()).map_err(|errno| refused(b"", errno))?;
    let mut directories = Directories::default();
    for tree in &image.layers {
        let implied = store.implied(tree)?;
        let layer = open(tree, flags, Mode::empty()).map_err(|errno| refused(b"", errno))?;
        lay(layer.as_fd(), to.as_fd(), way, &implied, &mut directories)
            .map_err(|(path, errno)| refused(&path, errno))?;
    }
    directories.finish(to.as_fd()).map_err(|(path, errno)| refused(&path, errno))
}

fn check_empty(to: &Path) -> Result<(), Diagnostic> {
    let refused = |why: String| {
        Diagnostic::error(format!("cannot unpack into `{}`", to.display()))
            .because(why)
            .help("name a directory that is empty or does not exist")
    };
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(cause(&error))),
        Ok(found) if !found.is_dir() => return Err(refused("it is not a directory".to_owned())),
        Ok(_) => {}
    }
    match fs::read_dir(to).map(|mut entries| entries.next()) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(refused("it is not empty".to_owned())),
        Err(error) => Err(refused(cause(&error))),
    }
}

/// With the capabilities of a user namespace in which only our own ids exist, the modes of our own
/// files are no hindrance (CAP_DAC_OVERRIDE in capabilities(7)). Root needs none.
pub(super) fn see_everything() {
    let (uid, gid) = (geteuid(), getegid());
    // Where there is none to be had, what cannot be read is an error later on, with its name.
    if uid.is_root() || unshare(CloneFlags::CLONE_NEWUSER).is_err() {
        return;
    }
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ];
    for (file, line) in maps {
        // Unmapped, we still own what we own.
        let _ = fs::write(file, line);
    }
}
