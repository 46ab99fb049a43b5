//! Whether an overlay of an image can be mounted: asked by mounting one, in a process of its own.
//!
//! The version of the kernel does not say it: the module may be missing, a security module may forbid
//! it, and not every file system can be a layer.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, getegid, geteuid, unlinkat};

use crate::diagnostic::Located;
use crate::image::{Form, Rootfs};
use crate::profile::{Profile, Protection};
use crate::sys::{
    Attributes, Change, Clone, FsContext, Links, NAMESPACES, clone_process, create_file, exit_now,
    move_mount, open_beneath, open_path, wait_for_end,
};
use crate::units::AbsolutePath;

const WRITABLE: Attributes =
    Attributes { read_only: false, no_devices: true, no_exec: true, recursive: false };

/// Returns the errno that stands against an overlay of the image. `None` if it can be had, or if the
/// answer would change nothing.
pub fn survey(profile: &Profile, rootfs: Option<&Rootfs>) -> Option<i32> {
    let degrades = |degraded: &Located<Protection>| degraded.value == Protection::Overlay;
    let rootfs = rootfs.filter(|_| profile.degrade.iter().any(degrades))?;
    let is_copy = rootfs.kept.as_ref().is_some_and(|kept| kept.form == Form::Copy);
    // They all lie in the store, so that one layer stands for all.
    let lower = rootfs.image.layers.last().filter(|_| !is_copy)?;
    errno_of_an_overlay(lower)
}

/// Returns the errno that stands against an overlay of this directory.
///
/// What stands against the namespaces and mounts before the overlay is met by the run as well, which has
/// the words for it.
pub fn errno_of_an_overlay(lower: &Path) -> Option<i32> {
    let lower = AbsolutePath::new(lower)?.to_c_string();
    errno_in_a_namespace(|scratch| {
        let lower = open_path(&lower, Links::Refuse)?;
        Ok(mount(&lower, scratch).map(drop))
    })
}

/// Returns the errno that stands against removing, in an overlay, a directory that held something below:
/// for that overlayfs has to write attributes to the tmpfs above.
pub fn errno_of_a_removal() -> Option<i32> {
    errno_in_a_namespace(|scratch| {
        mkdirat(scratch, "lower", Mode::S_IRWXU)?;
        mkdirat(scratch, "lower/directory", Mode::S_IRWXU)?;
        create_file(scratch.as_fd(), c"lower/directory/file", 0o600)?;
        let lower = open_beneath(scratch.as_fd(), c"lower", Links::Refuse)?;
        let overlay = mount(&lower, scratch)?;
        let removed = unlinkat(&overlay, "directory/file", UnlinkatFlags::NoRemoveDir)
            .and_then(|()| unlinkat(&overlay, "directory", UnlinkatFlags::RemoveDir));
        Ok(removed)
    })
}

/// Makes an attempt in a user namespace, with a tmpfs. The outer error of the attempt is none of it.
fn errno_in_a_namespace(
    attempt: impl FnOnce(&OwnedFd) -> Result<Result<(), Errno>, Errno>,
) -> Option<i32> {
    // In the new namespace nobody has an id before it is mapped.
    let ids = (geteuid(), getegid());
    match clone_process(NAMESPACES, None).ok()? {
        Clone::Child => exit_now(match prepare(ids).and_then(|scratch| attempt(&scratch)) {
            Ok(Err(errno)) => errno as i32,
            Ok(Ok(())) | Err(_) => 0,
        }),
        Clone::Parent { child } => loop {
            match wait_for_end(child) {
                Err(Errno::EINTR) => {}
                Ok((Change::Exited(errno), _)) if errno != 0 => break Some(i32::from(errno)),
                Ok(_) | Err(_) => break None,
            }
        },
    }
}

/// A place to write to as init has it, with an upper and a work directory.
fn prepare((uid, gid): (Uid, Gid)) -> Result<OwnedFd, Errno> {
    for (file, line) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ] {
        fs::write(file, line)
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    }
    let context = FsContext::open(c"tmpfs")?;
    context.set(c"mode", c"0700")?;
    let scratch = context.mount(WRITABLE)?;
    // The upper layer has to be in sight of this mount namespace.
    move_mount(scratch.as_fd(), AT_FDCWD, c"/")?;
    mkdirat(&scratch, "upper", Mode::S_IRWXU)?;
    mkdirat(&scratch, "work", Mode::S_IRWXU)?;
    Ok(scratch)
}

fn mount(lower: &OwnedFd, scratch: &OwnedFd) -> Result<OwnedFd, Errno> {
    let path = |fd: &OwnedFd| {
        CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("it has no NUL")
    };
    let upper = open_beneath(scratch.as_fd(), c"upper", Links::Refuse)?;
    let work = open_beneath(scratch.as_fd(), c"work", Links::Refuse)?;
    let context = FsContext::open(c"overlay")?;
    context.set(c"lowerdir", &path(lower))?;
    context.set(c"upperdir", &path(&upper))?;
    context.set(c"workdir", &path(&work))?;
    context.set_flag(c"userxattr")?;
    context.mount(WRITABLE)
}
