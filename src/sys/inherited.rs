//! Descriptors that the caller left open, asked about by their numbers.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// What an inherited descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// `st_mode` of fstat(2).
    pub mode: libc::mode_t,
    /// The status flags of fcntl(2), `F_GETFL`.
    pub flags: libc::c_int,
    /// Is it on the file system of pipe(2), where files have no name?
    pub pipe: bool,
    pub terminal: bool,
}

/// Asks about a descriptor by its number; fails with `EBADF` if it is closed.
pub fn inherited(fd: RawFd) -> io::Result<Inherited> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel fills the whole of `stat`, which is large enough by its type, and a
    // number that is no descriptor gives EBADF.
    check(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: fstat succeeded, so `stat` is initialised.
    let mode = unsafe { stat.assume_init() }.st_mode;
    // SAFETY: F_GETFL takes no argument and writes no memory.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    let pipe = mode & libc::S_IFMT == libc::S_IFIFO && magic(fd)? == PIPEFS_MAGIC;
    // SAFETY: isatty fills a buffer of its own and takes any number.
    let terminal = mode & libc::S_IFMT == libc::S_IFCHR && unsafe { libc::isatty(fd) } == 1;
    Ok(Inherited { mode, flags, pipe, terminal })
}

/// Says whether the pages of a file come from hugetlbfs, mounted or not; fails with `EBADF` if the
/// descriptor is closed.
pub fn is_on_hugetlbfs(fd: RawFd) -> io::Result<bool> {
    Ok(magic(fd)? == libc::HUGETLBFS_MAGIC)
}

/// From <linux/magic.h>.
const PIPEFS_MAGIC: i64 = 0x5049_5045;

fn magic(fd: RawFd) -> io::Result<i64> {
    let mut statfs = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the kernel fills the whole of `statfs`, which is large enough by its type.
    check(unsafe { libc::fstatfs(fd, statfs.as_mut_ptr()) })?;
    // SAFETY: fstatfs succeeded, so `statfs` is initialised.
    Ok(unsafe { statfs.assume_init() }.f_type)
}

fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
