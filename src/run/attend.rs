//! Changes of modes, owners and times, made by init for a command without namespaces.
//!
//! Landlock has no say in them, so the command's filter hands these calls to init, which looks
//! where the file is and makes the change if that may be written. What it looks at is what it
//! changes: the file is opened once, without any right, and everything goes through that
//! descriptor. A path that changes meanwhile leads to another answer, never to another file.

mod call;
mod thread;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, readlinkat};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmodat, fstat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};

use crate::sys::Notification;
use crate::units::AbsolutePath;

use call::{Asked, Change};
use thread::Thread;

/// Who answers.
pub struct Attendant {
    listener: OwnedFd,
    /// Below these the command may write.
    writable: Vec<AbsolutePath>,
}

impl Attendant {
    pub fn new(listener: OwnedFd, writable: Vec<AbsolutePath>) -> Self {
        Self { listener, writable }
    }

    /// Answers one question.
    pub fn attend(&self) -> Result<(), Errno> {
        let notification = match Notification::receive(&self.listener) {
            // Who asked has died, or has been interrupted and asks again.
            Err(Errno::ENOENT | Errno::EINTR) => return Ok(()),
            result => result?,
        };
        let result = self.carry_out(&notification);
        match notification.answer(&self.listener, result) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn carry_out(&self, notification: &Notification) -> Result<(), Errno> {
        let thread = Thread::open(notification.thread)?;
        let Asked { whom, change } = Asked::read(notification, &thread)?;
        let file = thread.find(&whom)?;
        // All that was read and opened by the number of a thread was that of another one if this one
        // has died meanwhile.
        if !notification.is_waiting(&self.listener) {
            return Err(Errno::EINTR);
        }
        if !self.may_change(&file)? {
            return Err(Errno::EPERM);
        }
        make(change, &file)
    }

    /// Whether the file is where the command may write, or nowhere: one without a name is its own.
    fn may_change(&self, file: &OwnedFd) -> Result<bool, Errno> {
        let path = readlinkat(AT_FDCWD, own(file).as_str())?;
        // Some file systems count no names at all.
        if fstat(file)?.st_nlink == 0 && path.as_bytes().ends_with(b" (deleted)") {
            return Ok(true);
        }
        // A pipe is called `pipe:[1]`, and what is out of our sight `(unreachable)/...`.
        if path.as_bytes().first() != Some(&b'/') {
            return Ok(false);
        }
        let path = Path::new(&path);
        Ok(self.writable.iter().any(|writable| path.starts_with(writable.as_path())))
    }
}

impl AsFd for Attendant {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// The file behind a descriptor of ours as a path, which leads to it whatever became of its name.
fn own(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Our own path leads to the file itself, even if that is a link.
fn make(change: Change, file: &OwnedFd) -> Result<(), Errno> {
    let path = own(file);
    match change {
        Change::Mode(mode) => {
            let mode = Mode::from_bits_truncate(mode);
            fchmodat(AT_FDCWD, path.as_str(), mode, FchmodatFlags::FollowSymlink)
        }
        Change::Owner { uid, gid } => {
            let known = |id: u32| (id != u32::MAX).then_some(id);
            let (uid, gid) = (known(uid).map(Uid::from_raw), known(gid).map(Gid::from_raw));
            fchownat(AT_FDCWD, path.as_str(), uid, gid, AtFlags::empty())
        }
        Change::Times(times) => {
            let now = TimeSpec::UTIME_NOW;
            let [access, change] = times.map_or([now, now], |times| {
                times.map(|(seconds, nanoseconds)| TimeSpec::new(seconds, nanoseconds))
            });
            let follow = UtimensatFlags::FollowSymlink;
            utimensat(AT_FDCWD, path.as_str(), &access, &change, follow)
        }
    }
}
