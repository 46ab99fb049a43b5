//! Private copies of images, for runs where no overlay can be mounted.
//!
//! Each belongs to one run, and is locked while that lives; the others know by the lock what a
//! killed run has left.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::delete::delete;
use crate::image::directory::make;
use crate::sys;
use crate::units::AbsolutePath;

use super::Store;
use super::find::entries;
use super::lock::is_at;
use super::place::hex;
use super::remove::{is_refusal, unremovable};
use super::write::unwritable;

/// The part of the store that they are in.
const PART: &str = "copies";
/// Nobody else sees what a command leaves there, set-user-id programs for example.
const PRIVATE: u32 = 0o700;
/// What the run has as its root.
const TREE: &str = "tree";

/// A directory that is this run's alone.
#[derive(Debug)]
pub struct PrivateCopy {
    directory: PathBuf,
    _lock: Flock<File>,
}

impl PrivateCopy {
    /// Removes it, whatever the command made of it.
    pub fn remove(self) -> Result<(), Diagnostic> {
        delete(&self.directory).map_err(|error| left_behind(&self.directory, &error))
    }
}

/// What copies there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    pub count: u64,
    pub bytes: u64,
    /// Of those that belong to no run any more.
    pub unused_bytes: u64,
}

/// What was removed of killed runs.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub bytes: u64,
    /// What stands against the rest.
    pub left: Vec<Diagnostic>,
}

impl Store {
    /// Where one more could be. Nothing is made.
    pub fn place_for_a_copy(&self) -> Result<AbsolutePath, Diagnostic> {
        let id: [u8; 8] = sys::random().map_err(|errno: Errno| {
            Diagnostic::error("cannot get random bytes").because(cause(&errno.into()))
        })?;
        Ok(AbsolutePath::root().join(self.part(PART)).join(hex(&id)).join(TREE))
    }

    /// Makes the empty directory `tree`, which [`place_for_a_copy`](Store::place_for_a_copy) named, and
    /// removes what killed runs have left.
    pub fn begin_copy(&self, tree: &AbsolutePath) -> Result<PrivateCopy, Diagnostic> {
        let failed = |error: io::Error| unwritable(tree.as_path(), &error);
        self.sweep_copies()?;
        let directory = tree.as_path().parent().unwrap_or(tree.as_path());
        let copy = claim(directory).map_err(failed)?;
        make(tree.as_path(), PRIVATE).map_err(failed)?;
        Ok(copy)
    }

    /// Removes those whose run was killed.
    pub(super) fn sweep_copies(&self) -> Result<Swept, Diagnostic> {
        let mut swept = Swept::default();
        for directory in entries(&self.part(PART))? {
            let Some(_lock) = unclaimed(&directory) else { continue };
            let bytes = content(&directory);
            match delete(&directory) {
                Ok(()) => swept.bytes += bytes,
                Err(error) if is_refusal(&error) => swept.left.push(
                    unremovable(&directory)
                        .because(cause(&error))
                        .help(format!("run `sudo rm -rf {}`", pasted(&directory))),
                ),
                // With the supervisor's end the kernel ends everything inside, but not in the same
                // moment: one that still changes stays for the next sweep.
                Err(_) => {}
            }
        }
        Ok(swept)
    }

    pub(super) fn copies(&self) -> Result<Copies, Diagnostic> {
        let mut copies = Copies::default();
        for directory in entries(&self.part(PART))? {
            let bytes = content(&directory);
            copies.count += 1;
            copies.bytes += bytes;
            copies.unused_bytes += if unclaimed(&directory).is_some() { bytes } else { 0 };
        }
        Ok(copies)
    }
}

fn left_behind(directory: &Path, error: &io::Error) -> Diagnostic {
    let warning = Diagnostic::warning(
        "the private copy of the image is left behind; continuing without removing it",
    );
    let warning = warning.because(format!("{}: {}", directory.display(), cause(error)));
    match is_refusal(error) {
        // Something in it is not the caller's, and the next run may as little.
        true => warning.help(format!("run `sudo rm -rf {}`", pasted(directory))),
        false => warning.help("the next run on a copy removes it, or `jail image prune`"),
    }
}

/// Makes a directory and locks it. A sweep that comes in between takes it for a stale one: then it is
/// made once more.
fn claim(directory: &Path) -> io::Result<PrivateCopy> {
    const ATTEMPTS: usize = 16;
    for _ in 0..ATTEMPTS {
        make(directory, PRIVATE)?;
        if let Some(lock) = unclaimed(directory) {
            return Ok(PrivateCopy { directory: directory.to_owned(), _lock: lock });
        }
    }
    Err(Errno::EWOULDBLOCK.into())
}

/// The lock of a directory, if nobody has it and it is still there.
fn unclaimed(directory: &Path) -> Option<Flock<File>> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(directory).ok()?;
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
    is_at(&lock, directory).is_ok_and(|there| there).then_some(lock)
}

/// Bytes of the files in a tree. What its owner may not enter is not counted: that would change a tree
/// that may be in use.
fn content(tree: &Path) -> u64 {
    let (mut bytes, mut linked) = (0, HashSet::new());
    let mut left = vec![tree.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => left.push(entry.path()),
                Ok(found) if found.nlink() > 1 && !linked.insert(found.ino()) => {}
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let place = tempfile::tempdir().expect("a directory");
        let store = Store::open(&place.path().join("jail")).expect("there is none yet");
        store.make().expect("it can be made");
        (place, store)
    }

    fn begin(store: &Store) -> (AbsolutePath, PrivateCopy) {
        let tree = store.place_for_a_copy().expect("a place");
        let copy = store.begin_copy(&tree).expect("the store can be written");
        (tree, copy)
    }

    #[test]
    fn a_copy_goes_whatever_its_modes_are() {
        let (_place, store) = store();
        let (tree, copy) = begin(&store);
        assert_eq!(fs::metadata(tree.as_path()).unwrap().permissions().mode() & 0o7777, 0o700);
        let closed = tree.as_path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        for closed in [&closed, tree.as_path()] {
            fs::set_permissions(closed, fs::Permissions::from_mode(0o0)).unwrap();
        }
        copy.remove().unwrap();
        assert_eq!(entries(&store.part(PART)).unwrap(), [] as [PathBuf; 0]);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_lives_is_not() {
        let (_place, store) = store();
        let (alive, copy) = begin(&store);
        fs::write(alive.as_path().join("file"), "12345").unwrap();
        let (dead, left) = begin(&store);
        fs::write(dead.as_path().join("file"), "123").unwrap();
        fs::hard_link(dead.as_path().join("file"), dead.as_path().join("again")).unwrap();
        drop(left);
        let expected = Copies { count: 2, bytes: 8, unused_bytes: 3 };
        assert_eq!(store.copies().unwrap(), expected);
        let (_, next) = begin(&store);
        assert!(!dead.as_path().exists() && alive.as_path().exists());
        drop(next);
        assert_eq!(store.sweep_copies().unwrap().bytes, 0);
        assert_eq!(store.copies().unwrap(), Copies { count: 1, bytes: 5, unused_bytes: 0 });
        drop(copy);
        assert_eq!(store.sweep_copies().unwrap().bytes, 5);
    }

    #[test]
    fn a_link_in_the_place_of_a_copy_is_not_followed() {
        let (place, store) = store();
        let (_, copy) = begin(&store);
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, store.part(PART).join("link")).unwrap();
        store.sweep_copies().unwrap();
        assert!(outside.join("kept").exists());
        drop(copy);
    }
}
