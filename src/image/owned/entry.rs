//! One file, link, fifo or whiteout of a layer, given to its owner.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmod, fchmodat, fstat, futimens,
    makedev, mknodat, utimensat,
};
use nix::unistd::{Gid, Uid, fchown, fchownat, symlinkat};

use crate::image::copy::entry::{Attributes, kind, modified};
use crate::image::owner::{ATTRIBUTE, Owner};
use crate::sys;

use super::trouble::Reason;

const OPAQUE: &CStr = c"user.overlay.opaque";

/// Copies a regular file. Whose it becomes `owner` says, by its note.
pub fn copy_file(
    from: BorrowedFd,
    to: BorrowedFd,
    name: &CStr,
    owner: impl Fn(Option<Vec<u8>>) -> Result<Owner, Reason>,
) -> Result<(), Reason> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut original = File::from(openat(from, name, flags, Mode::empty())?);
    let stat = fstat(&original)?;
    if kind(&stat) != SFlag::S_IFREG {
        return Err(Errno::ESTALE.into());
    }
    let mut copy = File::from(sys::create_file(to, name, 0o600)?);
    // By reflink where the disk can (copy_file_range(2)).
    io::copy(&mut original, &mut copy).map_err(|error| errno_of(&error))?;
    let (note, attributes) = attributes(original.as_fd())?;
    finish(copy.as_fd(), &stat, &attributes, owner(note)?)
}

/// Gives a file or directory what it is to have, and away, in this order: a change of owner takes
/// set-id bits.
pub fn finish(
    file: BorrowedFd,
    stat: &FileStat,
    attributes: &Attributes,
    owner: Owner,
) -> Result<(), Reason> {
    for (name, value) in attributes {
        sys::set_attribute(file, name, value)?;
    }
    let (uid, gid) = ids(owner);
    fchown(file, uid, gid)?;
    fchmod(file, Mode::from_bits_truncate(stat.st_mode))?;
    let time = modified(stat);
    Ok(futimens(file, &time, &time)?)
}

/// Copies what has no content: a link, a fifo or a whiteout.
pub fn copy_node(
    from: BorrowedFd,
    to: BorrowedFd,
    name: &CStr,
    stat: &FileStat,
    owner: Owner,
) -> Result<(), Reason> {
    let node = kind(stat);
    match node {
        SFlag::S_IFLNK => symlinkat(readlinkat(from, name)?.as_os_str(), to, name)?,
        SFlag::S_IFIFO => mknodat(to, name, node, Mode::S_IRUSR, 0)?,
        SFlag::S_IFCHR if stat.st_rdev == 0 => {
            mknodat(to, name, node, Mode::empty(), makedev(0, 0))?;
        }
        // Nothing else is in a layer.
        _ => return Err(Errno::EINVAL.into()),
    }
    let (uid, gid) = ids(owner);
    fchownat(to, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if node != SFlag::S_IFLNK {
        let mode = Mode::from_bits_truncate(stat.st_mode);
        fchmodat(to, name, mode, FchmodatFlags::NoFollowSymlink)?;
    }
    let time = modified(stat);
    Ok(utimensat(to, name, &time, &time, UtimensatFlags::NoFollowSymlink)?)
}

/// The note about the owner, and what else there is: the image's own, and what hides lower layers.
pub fn attributes(file: BorrowedFd) -> Result<(Option<Vec<u8>>, Attributes), Errno> {
    let (mut note, mut kept) = (None, Attributes::new());
    for name in sys::attribute_names(file)? {
        let bytes = name.to_bytes();
        let is_ours = bytes.starts_with(b"user.overlay.") && name.as_c_str() != OPAQUE;
        if !bytes.starts_with(b"user.") || is_ours {
            continue;
        }
        let value = sys::attribute_of(file, &name)?;
        if name.as_c_str() == ATTRIBUTE {
            note = Some(value);
        } else {
            kept.push((name, value));
        }
    }
    Ok((note, kept))
}

fn ids(Owner { uid, gid }: Owner) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
