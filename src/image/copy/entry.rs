//! One file, link or fifo.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmod, fchmodat, futimens, mknodat,
    utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::symlinkat;

use crate::sys;

/// What failed, and at which path.
pub type At = (Vec<u8>, Errno);

/// Names and values.
pub type Attributes = Vec<(CString, Vec<u8>)>;

/// Not in trees: whoever reaches one could have a stranger's program run as us. A jail has no use for these
/// bits either: all of its mounts are nosuid.
pub const SET_ID: Mode = Mode::S_ISUID.union(Mode::S_ISGID);

pub fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

/// A character device 0/0: what has this name in lower layers is not to be seen.
pub fn is_whiteout(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFCHR && stat.st_rdev == 0
}

pub fn modified(stat: &FileStat) -> TimeSpec {
    TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec)
}

/// Makes a copy of anything but a directory, where nothing has the name.
pub fn copy_entry(
    from: BorrowedFd,
    to: BorrowedFd,
    name: &CStr,
    stat: &FileStat,
) -> Result<(), Errno> {
    match kind(stat) {
        SFlag::S_IFREG => copy_file(from, to, name, stat),
        SFlag::S_IFLNK => {
            let target = readlinkat(from, name)?;
            symlinkat(target.as_os_str(), to, name)?;
            set_time(to, name, stat)
        }
        SFlag::S_IFIFO => {
            mknodat(to, name, SFlag::S_IFIFO, Mode::S_IRUSR, 0)?;
            // Whatever the umask left of the mode. Nobody else knows this directory yet.
            let mode = Mode::from_bits_truncate(stat.st_mode);
            fchmodat(to, name, mode, FchmodatFlags::NoFollowSymlink)?;
            set_time(to, name, stat)
        }
        // Nothing else is in a layer.
        _ => Err(Errno::EINVAL),
    }
}

/// The attributes that belong to the image, not to overlayfs. Owners of the image stay noted, so that
/// other tools for rootless containers find them.
pub fn attributes(file: BorrowedFd) -> Result<Attributes, Errno> {
    let mut attributes = Vec::new();
    for name in sys::attribute_names(file)? {
        let is_users = name.to_bytes().starts_with(b"user.");
        if is_users && !name.to_bytes().starts_with(b"user.overlay.") {
            let value = sys::attribute_of(file, &name)?;
            attributes.push((name, value));
        }
    }
    Ok(attributes)
}

pub fn set_attributes(file: BorrowedFd, attributes: &Attributes) -> Result<(), Errno> {
    attributes.iter().try_for_each(|(name, value)| sys::set_attribute(file, name, value))
}

fn copy_file(from: BorrowedFd, to: BorrowedFd, name: &CStr, stat: &FileStat) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut original = File::from(openat(from, name, flags, Mode::empty())?);
    let mut copy = File::from(sys::create_file(to, name, 0o600)?);
    // By reflink where the disk can (copy_file_range(2)).
    io::copy(&mut original, &mut copy).map_err(|error| errno_of(&error))?;
    set_attributes(copy.as_fd(), &attributes(original.as_fd())?)?;
    fchmod(&copy, Mode::from_bits_truncate(stat.st_mode) - SET_ID)?;
    let time = modified(stat);
    futimens(&copy, &time, &time)
}

fn set_time(to: BorrowedFd, name: &CStr, stat: &FileStat) -> Result<(), Errno> {
    let time = modified(stat);
    utimensat(to, name, &time, &time, UtimensatFlags::NoFollowSymlink)
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
