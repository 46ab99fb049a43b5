//! Opening files so that nobody can lead us astray.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::Mode;

/// How a path below our new root is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Not at all: the path is known to have none, so one that appears is an attack (`ELOOP`).
    Refuse,
    /// Inside the root only, as the program inside would see them.
    InRoot,
}

/// A place by its absolute path, as this process sees it now. Never through a magic link.
pub fn open_path(path: &CStr, links: Links) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS | refusal(links));
    retry(|| openat2(AT_FDCWD, path, how))
}

/// The directory `path` below `root`; an absolute path or link starts at `root`.
pub fn open_beneath(root: BorrowedFd, path: &CStr, links: Links) -> Result<OwnedFd, Errno> {
    let resolve =
        ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS | refusal(links);
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(resolve);
    retry(|| openat2(root, path, how))
}

/// The directory `path` below `root`, open for reading. No component may be a link (`ELOOP`) or
/// another file system (`EXDEV`).
pub fn open_directory(root: BorrowedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_IN_ROOT
        | ResolveFlag::RESOLVE_NO_SYMLINKS
        | ResolveFlag::RESOLVE_NO_MAGICLINKS
        | ResolveFlag::RESOLVE_NO_XDEV;
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(resolve);
    retry(|| openat2(root, path, how))
}

/// A file below `directory` for reading, with no link on the way to it: one is an error (`ELOOP`), and
/// so is a path that leads out (`EXDEV`). Waits for nothing, so the caller has to look whether it is
/// a regular file. openat2(2), Linux 5.6.
pub fn open_to_read(directory: BorrowedFd, path: &CStr) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_SYMLINKS
        | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)
        .resolve(resolve);
    retry(|| openat2(directory, path, how))
}

/// A new, empty file `name` in `directory`, open for writing. `EEXIST` if there is anything.
pub fn create_file(directory: BorrowedFd, name: &CStr, mode: u32) -> Result<OwnedFd, Errno> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(directory, name, flags, Mode::from_bits_truncate(mode))
}

/// Opens /dev/null in the place of every standard stream that is closed, so that no file or socket gets its
/// number, and with that what is written to it.
pub fn occupy_standard_streams() -> Result<(), Errno> {
    loop {
        let null = open(c"/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        // It is to stay open.
        let _ = null.into_raw_fd();
    }
}

fn refusal(links: Links) -> ResolveFlag {
    match links {
        Links::Refuse => ResolveFlag::RESOLVE_NO_SYMLINKS,
        Links::InRoot => ResolveFlag::empty(),
    }
}

/// openat2(2) answers EAGAIN when a rename anywhere made it lose its way.
fn retry(mut open: impl FnMut() -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    const TRIES: u32 = 128;
    for _ in 1..TRIES {
        match open() {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            result => return result,
        }
    }
    open()
}
