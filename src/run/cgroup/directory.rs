//! One cgroup as a directory of the cgroup file system.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, fstat, mkdirat, stat};
use nix::unistd::{Pid, UnlinkatFlags, unlinkat};

/// How long the kernel may take to let go of processes that have been killed, in milliseconds.
const PATIENCE: u16 = 2000;

/// How often a cgroup may be taken for a stale one before it is ours, and how long to wait for
/// whoever took it for one: he removes it at once, and nothing tells when he has.
const ATTEMPTS: usize = 16;
const PAUSE: Duration = Duration::from_millis(2);

/// Nobody else's business: another user who could open it could take the lock.
const OWN: Mode = Mode::S_IRWXU;

/// A lock on a cgroup: whoever holds it lives. A process that is cloned shares it.
pub type Claim = Flock<OwnedFd>;

/// An open cgroup, and the path that it was opened by.
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    pub fn open(path: &Path) -> Result<Self, Errno> {
        let fd = openat(AT_FDCWD, path, directory(), Mode::empty())?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Makes a child; `EEXIST` if there is one of this name.
    pub fn make(&self, name: &str) -> Result<Self, Errno> {
        mkdirat(&self.fd, name, OWN)?;
        self.child(OsStr::new(name))
    }

    /// Makes a child that is ours. Somebody who sweeps may find it before it is claimed, and
    /// take it for a stale one: then it is made once more.
    pub fn make_claimed(&self, name: &str) -> Result<(Self, Claim), Errno> {
        for _ in 0..ATTEMPTS {
            match mkdirat(&self.fd, name, OWN) {
                // Whoever found it has not removed it yet.
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
            let child = match self.child(OsStr::new(name)) {
                Err(Errno::ENOENT) => continue,
                child => child?,
            };
            if let Some(claim) = child.claim() {
                return Ok((child, claim));
            }
            std::thread::sleep(PAUSE);
        }
        Err(Errno::EBUSY)
    }

    pub fn child(&self, name: &OsStr) -> Result<Self, Errno> {
        let fd = openat(&self.fd, name, directory(), Mode::empty())?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole file in one call, as the kernel wants it.
    pub fn write(&self, file: &str, text: &str) -> Result<(), Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&self.fd, file, flags, Mode::empty())?);
        file.write_all(text.as_bytes()).map_err(errno)
    }

    pub fn read(&self, file: &str) -> Result<String, Errno> {
        let mut text = String::new();
        self.open_file(file)?.read_to_string(&mut text).map_err(errno)?;
        Ok(text)
    }

    pub fn open_file(&self, file: &str) -> Result<File, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        openat(&self.fd, file, flags, Mode::empty()).map(File::from)
    }

    /// The value of `key` in a file of lines `key value`.
    pub fn entry(&self, file: &str, key: &str) -> Option<u64> {
        let text = self.read(file).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
        value.trim().parse().ok()
    }

    /// Moves a process here.
    pub fn take(&self, process: Pid) -> Result<(), Errno> {
        self.write("cgroup.procs", &process.to_string())
    }

    /// Says that somebody is here, until the value goes away or its process dies.
    ///
    /// `None` if somebody else is, or if the cgroup has been removed meanwhile. It does not wait:
    /// who holds the lock may never let go of it.
    pub fn claim(&self) -> Option<Claim> {
        let fd = self.fd.try_clone().ok()?;
        let claim = Flock::lock(fd, FlockArg::LockExclusiveNonblock).ok()?;
        let there = stat(&self.path).ok()?;
        let here = fstat(&self.fd).ok()?;
        (there.st_ino == here.st_ino).then_some(claim)
    }

    /// Ends every process in it and below (cgroup.kill, Linux 5.14).
    pub fn kill(&self) -> Result<(), Errno> {
        match self.write("cgroup.kill", "1") {
            Err(Errno::ENOENT) => {
                for pid in self.read("cgroup.procs")?.lines().filter_map(|pid| pid.parse().ok()) {
                    // One that is gone is what we want.
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
                Ok(())
            }
            result => result,
        }
    }

    /// Removes a child, and ends what is in it.
    pub fn remove(&self, name: &OsStr) -> Result<(), Errno> {
        match unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir) {
            Err(Errno::EBUSY) => {
                let child = self.child(name)?;
                child.kill()?;
                child.wait_until_empty();
                unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir)
            }
            result => result,
        }
    }

    /// The kernel tells of a change of cgroup.events by POLLPRI (cgroup-v2, "Populated Notification").
    fn wait_until_empty(&self) {
        let Ok(mut events) = self.open_file("cgroup.events") else { return };
        for _ in 0..8 {
            let mut text = String::new();
            let read = events.rewind().and_then(|()| events.read_to_string(&mut text));
            if read.is_err() || text.lines().any(|line| line == "populated 0") {
                return;
            }
            let mut wait = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
            if poll(&mut wait, PollTimeout::from(PATIENCE / 8)).is_err() {
                return;
            }
        }
    }

    pub fn children(&self) -> Vec<OsString> {
        // Not by its path, which may be longer than the kernel takes.
        let path = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        let Ok(listing) = std::fs::read_dir(path) else { return Vec::new() };
        let directories =
            listing.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.map(|entry| entry.file_name()).collect()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn directory() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
