//! Directories of runs: each locked (flock(2)) as long as its supervisor lives, and removed by the
//! next run when a killed one has left it.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::geteuid;

use crate::image::delete_at;

/// A directory of one run.
pub struct Claimed {
    all: OwnedFd,
    name: OsString,
    pub directory: OwnedFd,
    _claim: Flock<OwnedFd>,
}

impl Claimed {
    /// Makes the directory `name` in `all`, which is ours alone, and removes those of runs that were
    /// killed.
    pub fn make(all: OwnedFd, name: &OsStr) -> Result<Self, Errno> {
        sweep(&all);
        let (directory, claim) = make_claimed(&all, name)?;
        Ok(Self { all, name: name.to_owned(), directory, _claim: claim })
    }

    /// Removes it with all that is in it. What cannot be removed stays for the next run.
    pub fn remove(self) -> Result<(), Errno> {
        delete_at(&self.all, self.name.as_os_str())
    }
}

/// `name` in a directory, if both are ours; the first may be somebody else's if all may write there
/// and none may remove what is another's, as in /tmp.
pub fn directory_of_all(parent: &Path, name: &OsStr) -> Result<OwnedFd, Errno> {
    const STICKY: u32 = 0o1000;
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let parent = openat(AT_FDCWD, parent, flags, Mode::empty())?;
    let state = fstat(&parent)?;
    let is_ours = state.st_uid == geteuid().as_raw() && state.st_mode & 0o022 == 0;
    if !is_ours && state.st_mode & STICKY == 0 {
        return Err(Errno::EPERM);
    }
    match mkdirat(&parent, name, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    let all = open_directory(&parent, name)?;
    let state = fstat(&all)?;
    if state.st_uid != geteuid().as_raw() || state.st_mode & 0o022 != 0 {
        return Err(Errno::EPERM);
    }
    Ok(all)
}

/// No link is followed.
pub fn open_directory(at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

/// Another run may find the directory before it is claimed, and take it for a stale one: then it
/// is made once more.
fn make_claimed(all: &OwnedFd, name: &OsStr) -> Result<(OwnedFd, Flock<OwnedFd>), Errno> {
    const ATTEMPTS: usize = 16;
    const PAUSE: Duration = Duration::from_millis(2);
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            // It is removed at once, and nothing tells when.
            std::thread::sleep(PAUSE);
        }
        match mkdirat(all, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        let Ok(own) = open_directory(all, name) else { continue };
        let copy = own.try_clone().map_err(|_| Errno::EMFILE)?;
        if let Some(claim) = claim(all, name, copy) {
            return Ok((own, claim));
        }
    }
    Err(Errno::EBUSY)
}

/// A lock on a directory that is still the one of this name. It is not waited for: a command that
/// is shown these directories may take it, and never let go of it.
fn claim(all: &OwnedFd, name: &OsStr, own: OwnedFd) -> Option<Flock<OwnedFd>> {
    let inode = fstat(&own).ok()?.st_ino;
    let claim = Flock::lock(own, FlockArg::LockExclusiveNonblock).ok()?;
    let there = fstatat(all, name, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    (there.st_ino == inode).then_some(claim)
}

fn sweep(all: &OwnedFd) {
    let Ok(mut listing) =
        nix::dir::Dir::openat(all, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
    else {
        return;
    };
    let names: Vec<OsString> = listing
        .iter()
        .flatten()
        .map(|entry| OsString::from(entry.file_name().to_string_lossy().into_owned()))
        .filter(|name| name != "." && name != "..")
        .collect();
    for name in names {
        let Ok(directory) = open_directory(all, &name) else { continue };
        if claim(all, &name, directory).is_some() {
            // What cannot be removed stays for the next run.
            let _ = delete_at(all, name.as_os_str());
        }
    }
}
