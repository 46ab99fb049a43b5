//! What a namespace is (ioctl_ns(2), Linux 4.11).

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::checked;

const NS_GET_USERNS: libc::Ioctl = 0xb701;
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
const NS_GET_OWNER_UID: libc::Ioctl = 0xb704;

/// The flag of clone(2) that makes such a one.
pub fn namespace_kind(namespace: impl AsFd) -> Result<i32, Errno> {
    // SAFETY: this request takes no argument.
    let kind = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_NSTYPE) };
    checked(kind.into()).map(|_| kind)
}

/// The user namespace that it belongs to. `EPERM` if that is neither ours nor below ours.
pub fn owning_user_namespace(namespace: impl AsFd) -> Result<OwnedFd, Errno> {
    // SAFETY: this request takes no argument.
    let made = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_USERNS) };
    let made = checked(made.into())?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(made as RawFd) })
}

/// The uid, as it is here, of the user that made a user namespace.
pub fn owner_of_user_namespace(namespace: impl AsFd) -> Result<u32, Errno> {
    let mut uid: libc::uid_t = 0;
    let namespace = namespace.as_fd().as_raw_fd();
    // SAFETY: the kernel writes one uid_t, which is live and of that type.
    let result = unsafe { libc::ioctl(namespace, NS_GET_OWNER_UID, &raw mut uid) };
    checked(result.into()).map(|_| uid)
}
