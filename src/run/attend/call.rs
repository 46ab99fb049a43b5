//! What a call asks for: twelve calls, three changes.

use std::ffi::CString;

use nix::errno::Errno;
use nix::libc;

use crate::sys::Notification;

use super::thread::Thread;

/// A change, and the file that it is about.
pub struct Asked {
    pub whom: Whom,
    pub change: Change,
}

/// Which file, as the thread that asks names it.
#[derive(Debug, PartialEq, Eq)]
pub enum Whom {
    Descriptor(i32),
    Path {
        /// A descriptor of a directory, or `AT_FDCWD`.
        directory: i32,
        path: CString,
        /// Whether a link at the end is followed.
        follow: bool,
    },
}

/// What is to become of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Mode(u32),
    /// `u32::MAX` leaves it as it is.
    Owner {
        uid: u32,
        gid: u32,
    },
    /// Seconds and nanoseconds of the last access and of the last change; `None`: now.
    Times(Option<[(i64, i64); 2]>),
}

/// The C library has no number for it yet.
const FCHMODAT2: libc::c_long = 452;

/// Where the arguments of one call come from.
struct Call<'a> {
    thread: &'a Thread,
    arguments: [u64; 6],
}

impl Asked {
    /// Reads the arguments, and what they lead to in the memory of the thread.
    pub fn read(notification: &Notification, thread: &Thread) -> Result<Self, Errno> {
        let call = Call { thread, arguments: notification.arguments };
        let (whom, change) = match notification.number {
            libc::SYS_chmod => (call.here(true)?, call.mode(1)),
            libc::SYS_fchmod => (call.descriptor(), call.mode(1)),
            libc::SYS_fchmodat => (call.there(0)?, call.mode(2)),
            FCHMODAT2 => (call.there(call.int(3))?, call.mode(2)),
            libc::SYS_chown => (call.here(true)?, call.owner(1)),
            libc::SYS_lchown => (call.here(false)?, call.owner(1)),
            libc::SYS_fchown => (call.descriptor(), call.owner(1)),
            libc::SYS_fchownat => (call.there(call.int(4))?, call.owner(2)),
            libc::SYS_utime => (call.here(true)?, call.times(1, [0, 1], None)?),
            libc::SYS_utimes => (call.here(true)?, call.times(1, [0, 2], Some(1000))?),
            libc::SYS_futimesat => (call.there(0)?, call.times(2, [0, 2], Some(1000))?),
            libc::SYS_utimensat => (call.there(call.int(3))?, call.times(2, [0, 2], Some(1))?),
            _ => return Err(Errno::ENOSYS),
        };
        Ok(Self { whom, change })
    }
}

impl Call<'_> {
    /// The kernel looks at the lower half of what is an `int`.
    fn int(&self, index: usize) -> i32 {
        self.word(index) as i32
    }

    fn word(&self, index: usize) -> u32 {
        self.arguments[index] as u32
    }

    fn mode(&self, index: usize) -> Change {
        Change::Mode(self.word(index) & 0o7777)
    }

    fn owner(&self, index: usize) -> Change {
        Change::Owner { uid: self.word(index), gid: self.word(index + 1) }
    }

    fn descriptor(&self) -> Whom {
        Whom::Descriptor(self.int(0))
    }

    /// The first argument is a path.
    fn here(&self, follow: bool) -> Result<Whom, Errno> {
        let path = self.thread.string(self.arguments[0])?;
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        Ok(Whom::Path { directory: libc::AT_FDCWD, path, follow })
    }

    /// The first two are a directory and a path, which with some flags, or as a null pointer where
    /// times are changed, may be missing.
    fn there(&self, flags: i32) -> Result<Whom, Errno> {
        let directory = self.int(0);
        if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
            return Err(Errno::EINVAL);
        }
        if self.arguments[1] == 0 {
            return Ok(Whom::Descriptor(directory));
        }
        let path = self.thread.string(self.arguments[1])?;
        match (path.is_empty(), flags & libc::AT_EMPTY_PATH != 0) {
            (false, _) => {
                let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
                Ok(Whom::Path { directory, path, follow })
            }
            (true, true) if directory == libc::AT_FDCWD => {
                Ok(Whom::Path { directory, path: c".".into(), follow: true })
            }
            (true, true) => Ok(Whom::Descriptor(directory)),
            (true, false) => Err(Errno::ENOENT),
        }
    }

    /// Two times behind a pointer, null for now: each begins at one of the `words`, and what follows
    /// it, if anything does, is to be taken `unit` times for nanoseconds.
    fn times(&self, index: usize, words: [usize; 2], unit: Option<i64>) -> Result<Change, Errno> {
        let address = self.arguments[index];
        if address == 0 {
            return Ok(Change::Times(None));
        }
        let count = words[1] + 1 + usize::from(unit.is_some());
        let found = self.thread.words(address, count)?;
        let time = |word: usize| match unit {
            None => Ok((found[word], 0)),
            Some(1) => Ok((found[word], found[word + 1])),
            Some(unit) if (0..1_000_000).contains(&found[word + 1]) => {
                Ok((found[word], found[word + 1] * unit))
            }
            Some(_) => Err(Errno::EINVAL),
        };
        Ok(Change::Times(Some([time(words[0])?, time(words[1])?])))
    }
}
