//! A thread of the command, looked at from outside.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sys::stat::Mode;

use super::call::Whom;

/// The longest path with its NUL (PATH_MAX).
const LONGEST_PATH: usize = 4096;

/// /proc/NUMBER of a thread: what it leads to stays that thread's, even when the number is used
/// for another one.
pub struct Thread {
    directory: OwnedFd,
    memory: File,
}

impl Thread {
    pub fn open(number: u32) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = openat(AT_FDCWD, format!("/proc/{number}").as_str(), flags, Mode::empty())?;
        let memory = openat(&directory, "mem", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        // One that has made itself unreadable cannot be helped.
        let memory = memory.map_err(|_| Errno::EPERM)?;
        Ok(Self { directory, memory: memory.into() })
    }

    /// The string at `address`.
    pub fn string(&self, address: u64) -> Result<CString, Errno> {
        let mut bytes = vec![0; LONGEST_PATH];
        // What follows the string need not be there.
        let length = self.memory.read_at(&mut bytes, address).map_err(|_| Errno::EFAULT)?;
        let found = CStr::from_bytes_until_nul(&bytes[..length])
            .map_err(|_| if length == LONGEST_PATH { Errno::ENAMETOOLONG } else { Errno::EFAULT });
        found.map(CStr::to_owned)
    }

    /// So many numbers from `address` on.
    pub fn words(&self, address: u64, count: usize) -> Result<Vec<i64>, Errno> {
        let mut bytes = vec![0; count * size_of::<i64>()];
        self.memory.read_exact_at(&mut bytes, address).map_err(|_| Errno::EFAULT)?;
        let word = |bytes: &[u8]| {
            i64::from_ne_bytes(bytes.try_into().expect("chunks have the size of a word"))
        };
        Ok(bytes.chunks_exact(size_of::<i64>()).map(word).collect())
    }

    /// The file, opened without any right to it.
    pub fn find(&self, whom: &Whom) -> Result<OwnedFd, Errno> {
        match whom {
            Whom::Descriptor(number) => self.descriptor(*number),
            Whom::Path { directory, path, follow } => match own_descriptor(path) {
                Some(number) => self.descriptor(number),
                None => self.path(*directory, path, *follow),
            },
        }
    }

    fn path(&self, directory: i32, path: &CStr, follow: bool) -> Result<OwnedFd, Errno> {
        let mut flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        flags.set(OFlag::O_NOFOLLOW, !follow);
        // The magic links of /proc would lead to what is ours.
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
        if path.to_bytes().starts_with(b"/") {
            return openat2(AT_FDCWD, path, how);
        }
        let base = if directory == libc::AT_FDCWD {
            openat(&self.directory, "cwd", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?
        } else {
            self.descriptor(directory)?
        };
        openat2(base.as_fd(), path, how)
    }

    fn descriptor(&self, number: i32) -> Result<OwnedFd, Errno> {
        let name = format!("fd/{number}");
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat(&self.directory, name.as_str(), flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => Errno::EBADF,
            errno => errno,
        })
    }
}

/// The C library names a file that it has open so, to change the mode of what may be a link.
fn own_descriptor(path: &CStr) -> Option<i32> {
    let path = path.to_str().ok()?;
    let prefixes = ["/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"];
    prefixes.iter().find_map(|prefix| path.strip_prefix(prefix)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_by_their_path_are_those_of_the_thread() {
        assert_eq!(own_descriptor(c"/proc/self/fd/7"), Some(7));
        assert_eq!(own_descriptor(c"/dev/fd/0"), Some(0));
        assert_eq!(own_descriptor(c"/proc/self/fd/7/x"), None);
        assert_eq!(own_descriptor(c"/proc/1/fd/7"), None);
    }

    #[test]
    fn memory_is_read_up_to_the_end_of_the_string() {
        let thread = Thread::open(std::process::id()).unwrap();
        let text = c"a/path";
        assert_eq!(thread.string(text.as_ptr() as u64).unwrap().as_c_str(), text);
        assert_eq!(thread.string(8), Err(Errno::EFAULT));
        let words = [3_i64, -4];
        assert_eq!(thread.words(words.as_ptr() as u64, 2).unwrap(), words);
    }
}
