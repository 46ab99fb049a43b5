//! Mounts by descriptor: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2).
//!
//! Linux 5.2, and 5.12 for mount_setattr. No path that somebody else could swap is given
//! to the kernel where a descriptor will do.

use std::ffi::CStr;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;

use super::checked;

const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const FSCONFIG_SET_FLAG: u32 = 0;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;
const OPEN_TREE_CLONE: u32 = 1;
const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
const AT_RECURSIVE: u32 = 0x8000;
const MOUNT_ATTR_RDONLY: u64 = 0x1;
const MOUNT_ATTR_NOSUID: u64 = 0x2;
const MOUNT_ATTR_NODEV: u64 = 0x4;
const MOUNT_ATTR_NOEXEC: u64 = 0x8;

/// Attributes to add to a mount; none is ever taken away, so flags that the host's
/// mounts carry (and the kernel has locked for us) stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    pub read_only: bool,
    pub no_devices: bool,
    pub no_exec: bool,
    /// All mounts below as well.
    pub recursive: bool,
}

/// A read-only view of a tree.
pub const READ_ONLY: Attributes =
    Attributes { read_only: true, no_devices: true, no_exec: false, recursive: true };

impl Attributes {
    /// As bits of mount_setattr(2); nosuid is always among them.
    fn bits(self) -> u64 {
        MOUNT_ATTR_NOSUID
            | if self.read_only { MOUNT_ATTR_RDONLY } else { 0 }
            | if self.no_devices { MOUNT_ATTR_NODEV } else { 0 }
            | if self.no_exec { MOUNT_ATTR_NOEXEC } else { 0 }
    }
}

/// A file system being configured: fsopen(2).
pub struct FsContext(OwnedFd);

impl FsContext {
    pub fn open(kind: &CStr) -> Result<Self, Errno> {
        // SAFETY: `kind` is a live, NUL-terminated string, copied before the call returns.
        let fd = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) };
        owned(fd).map(Self)
    }

    pub fn set(&self, key: &CStr, value: &CStr) -> Result<(), Errno> {
        self.configure(FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr())
    }

    pub fn set_flag(&self, key: &CStr) -> Result<(), Errno> {
        self.configure(FSCONFIG_SET_FLAG, key.as_ptr(), ptr::null())
    }

    /// Makes the file system and a detached mount of it.
    pub fn mount(self, attributes: Attributes) -> Result<OwnedFd, Errno> {
        self.configure(FSCONFIG_CMD_CREATE, ptr::null(), ptr::null())?;
        // SAFETY: no pointers.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                FSMOUNT_CLOEXEC,
                attributes.bits() as libc::c_uint,
            )
        };
        owned(fd)
    }

    fn configure(
        &self,
        command: u32,
        key: *const libc::c_char,
        value: *const libc::c_char,
    ) -> Result<(), Errno> {
        // SAFETY: both pointers are null where the command takes none, else live,
        // NUL-terminated strings that the kernel copies.
        let result = unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), command, key, value, 0)
        };
        checked(result).map(drop)
    }
}

/// A detached copy of the mount at `path` below `directory`, or of what `directory` itself
/// refers to if `path` is empty. A symbolic link at the end of `path` is not followed.
///
/// Mounts below come along, as the kernel asks of a less privileged namespace.
pub fn open_tree(directory: BorrowedFd, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OPEN_TREE_CLONE
        | libc::O_CLOEXEC as u32
        | AT_RECURSIVE
        | (libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) as u32;
    // SAFETY: `path` is a live, NUL-terminated string, copied before the call returns.
    let fd =
        unsafe { libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), path.as_ptr(), flags) };
    owned(fd)
}

/// Attaches the detached mount `tree` at `name` in `directory`, or on `directory` itself if
/// `name` is empty. A symbolic link at the end is not followed.
pub fn move_mount(tree: BorrowedFd, directory: BorrowedFd, name: &CStr) -> Result<(), Errno> {
    const MOVE_MOUNT_T_EMPTY_PATH: u32 = 0x40;
    let flags = MOVE_MOUNT_F_EMPTY_PATH | if name.is_empty() { MOVE_MOUNT_T_EMPTY_PATH } else { 0 };
    // SAFETY: both paths are live, NUL-terminated strings, copied before the call returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            directory.as_raw_fd(),
            name.as_ptr(),
            flags,
        )
    };
    checked(result).map(drop)
}

/// Adds attributes to a mount and cuts it off from mounts and unmounts elsewhere
/// (mount_setattr(2) with private propagation).
pub fn set_attributes(tree: BorrowedFd, attributes: Attributes) -> Result<(), Errno> {
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns: u64,
    }
    let attr =
        MountAttr { set: attributes.bits(), clear: 0, propagation: libc::MS_PRIVATE, userns: 0 };
    let flags = libc::AT_EMPTY_PATH as u32 | if attributes.recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: `attr` is a live mount_attr of the size given (version 0, 32 bytes).
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    checked(result).map(drop)
}

/// Detaches the topmost mount at the working directory, with all below it.
pub fn detach_here() -> Result<(), Errno> {
    nix::mount::umount2(c".", nix::mount::MntFlags::MNT_DETACH)
}

fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = checked(result)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
