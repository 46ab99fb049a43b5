//! Who may change what.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::image::Image;
use crate::image::digest::Digest;

use super::Store;
use super::find::unreadable;
use super::write::unwritable;

/// The right to add to the store. Others may add at the same time, but nobody takes anything away.
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) store: &'a Store,
    _lock: Flock<File>,
}

/// The right to take away: nobody else changes the store.
#[derive(Debug)]
pub(super) struct Alone {
    _lock: Flock<File>,
    /// What others left unfinished and cannot be removed.
    pub left: Vec<Diagnostic>,
}

/// The right to make one layer. The others wait, and find it made.
#[derive(Debug)]
pub struct Maker {
    path: PathBuf,
    _lock: Flock<File>,
}

/// An image in use: while this lives, its layers stay. The descriptor is close-on-exec.
#[derive(Debug)]
pub struct Held {
    lock: Flock<File>,
}

impl Store {
    /// Waits until nobody takes away, says so by `waiting`, and makes the store if there is none.
    ///
    /// What others left unfinished is removed if nobody else is at work.
    pub fn writer(&self, waiting: &dyn Fn()) -> Result<Writer<'_>, Diagnostic> {
        self.make()?;
        let file = self.lock_file()?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                // What cannot be removed is for `prune` to tell.
                self.sweep()?;
                // Not in one step: whoever takes away may come between, which does no harm, as
                // nothing was looked at yet.
                lock.relock(FlockArg::LockShared).map_err(|errno| self.unlockable(errno))?;
                lock
            }
            Err((file, Errno::EWOULDBLOCK)) => {
                self.wait_for(file, [FlockArg::LockSharedNonblock, FlockArg::LockShared], waiting)?
            }
            Err((_, errno)) => return Err(self.unlockable(errno)),
        };
        Ok(Writer { store: self, _lock: lock })
    }

    /// Waits until nobody adds or takes away. `None` if there is no store.
    pub(super) fn alone(&self, waiting: &dyn Fn()) -> Result<Option<Alone>, Diagnostic> {
        if !self.path().exists() {
            return Ok(None);
        }
        self.make()?;
        let file = self.lock_file()?;
        let kinds = [FlockArg::LockExclusiveNonblock, FlockArg::LockExclusive];
        let lock = self.wait_for(file, kinds, waiting)?;
        let left = self.sweep()?;
        Ok(Some(Alone { _lock: lock, left }))
    }

    /// The same if nobody is at work now.
    pub(super) fn alone_at_once(&self) -> Result<Option<Alone>, Diagnostic> {
        match retry(self.lock_file()?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Alone { _lock: lock, left: Vec::new() })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(self.unlockable(errno)),
        }
    }

    fn wait_for(
        &self,
        file: File,
        [at_once, later]: [FlockArg; 2],
        waiting: &dyn Fn(),
    ) -> Result<Flock<File>, Diagnostic> {
        wait(file, at_once, later, waiting).map_err(|errno| self.unlockable(errno))
    }

    fn lock_file(&self) -> Result<File, Diagnostic> {
        let path = self.part("lock");
        open(&path).map_err(|error| unreadable(&path, &error))
    }

    fn unlockable(&self, errno: Errno) -> Diagnostic {
        unlockable(&self.part("lock"), errno)
    }
}

impl Writer<'_> {
    /// Waits until nobody else makes this layer, and says so by `waiting`.
    pub fn maker(&self, diff_id: &Digest, waiting: &dyn Fn()) -> Result<Maker, Diagnostic> {
        self.maker_of(&format!("{}-{}", diff_id.algorithm().name(), diff_id.hex()), waiting)
    }

    /// The same for whatever has this name.
    pub(super) fn maker_of(&self, name: &str, waiting: &dyn Fn()) -> Result<Maker, Diagnostic> {
        let path = self.store.part("locks").join(name);
        loop {
            let file = open(&path).map_err(|error| unwritable(&path, &error))?;
            let lock =
                wait(file, FlockArg::LockExclusiveNonblock, FlockArg::LockExclusive, waiting)
                    .map_err(|errno| self.store.unlockable(errno))?;
            // The one before removed the file; then the lock is on what nobody else finds.
            if is_at(&lock, &path).map_err(|error| unreadable(&path, &error))? {
                return Ok(Maker { path, _lock: lock });
            }
        }
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        // One that stays is empty, and goes with the next sweep.
        let _ = fs::remove_file(&self.path);
    }
}

impl Image {
    /// Keeps the image's layers in the store until the value is dropped or its process ends.
    ///
    /// # Errors
    ///
    /// The image was removed since it was found.
    pub fn hold(&self) -> Result<Held, Diagnostic> {
        let gone = || {
            Diagnostic::error(format!("the image `{}` was removed meanwhile", self.name))
                .help(format!("run `jail image pull {}`", self.name))
        };
        let file = match File::open(&self.record) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
            Err(error) => return Err(unreadable(&self.record, &error)),
        };
        // Only `prune` holds it alone, and only for a moment.
        let lock = retry(file, FlockArg::LockShared)
            .map_err(|(_, errno)| unlockable(&self.record, errno))?;
        match is_at(&lock, &self.record) {
            Ok(true) => Ok(Held { lock }),
            Ok(false) => Err(gone()),
            Err(error) => Err(unreadable(&self.record, &error)),
        }
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

fn unlockable(path: &Path, errno: Errno) -> Diagnostic {
    Diagnostic::error(format!("cannot lock `{}` of the image store", path.display()))
        .because(errno_cause(errno))
        .help("set XDG_DATA_HOME to a directory on a file system with locks (flock(2))")
}

/// The lock of an image's record, if nobody uses the image.
pub(super) fn unused(record: &Path) -> io::Result<Option<Flock<File>>> {
    match retry(File::open(record)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

fn wait(
    file: File,
    at_once: FlockArg,
    later: FlockArg,
    waiting: &dyn Fn(),
) -> Result<Flock<File>, Errno> {
    match retry(file, at_once) {
        Ok(lock) => Ok(lock),
        Err((file, Errno::EWOULDBLOCK)) => {
            waiting();
            retry(file, later).map_err(|(_, errno)| errno)
        }
        Err((_, errno)) => Err(errno),
    }
}

/// flock(2), again after a signal.
fn retry(mut file: File, kind: FlockArg) -> Result<Flock<File>, (File, Errno)> {
    loop {
        match Flock::lock(file, kind) {
            Err((same, Errno::EINTR)) => file = same,
            result => return result,
        }
    }
}

/// Does the name still lead to this file?
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
