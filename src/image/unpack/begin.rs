//! Before the first entry: a directory in which modes become what we say.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};

use super::bad::{Reason, system};
use crate::sys;

/// What the process takes away from modes (umask(2)); nothing if that is not known.
///
/// It is read, not set: it belongs to the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Umask(Option<u32>);

impl Umask {
    /// The mode that a file made with `mode` has, if that is known.
    pub fn left_of(self, mode: u32) -> Option<u32> {
        self.0.map(|umask| mode & !umask)
    }
}

/// Checks that the directory is empty, and lets nothing of it pass on to what is made inside.
pub(super) fn begin(into: BorrowedFd) -> Result<Umask, Reason> {
    if !is_empty(into).map_err(system("read the directory of the layer"))? {
        return Err(Reason::NotEmpty);
    }
    // Without the set-group-id bit, which directories inside would inherit, as they would a default
    // access list, which would count instead of the umask (acl(5)).
    fchmod(into, Mode::S_IRWXU).map_err(system("set the mode of the layer's directory"))?;
    match sys::remove_attribute(into, c"system.posix_acl_default") {
        Ok(()) | Err(Errno::ENODATA | Errno::EOPNOTSUPP) => {}
        Err(errno) => return Err(Reason::System("remove a default access list", errno)),
    }
    Ok(Umask(umask()))
}

fn is_empty(directory: BorrowedFd) -> Result<bool, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut inside = Dir::openat(directory.as_fd(), c".", flags, Mode::empty())?;
    for entry in inside.iter() {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Linux 4.7 (proc_pid_status(5)).
fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(digits.trim(), 8).ok()
}
