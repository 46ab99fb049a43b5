//! Programs of the kernel that choose what a socket receives (socket(7), `SO_ATTACH_FILTER`).

use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_long, socklen_t};
use nix::errno::Errno;

use super::checked;

/// Has a socket receive only what the program takes.
pub fn attach_filter(socket: BorrowedFd, program: &mut [libc::sock_filter]) -> Result<(), Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    let size = size_of_val(&program) as socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    // SAFETY: `program` and the steps that it points to outlive the call, their lengths are those
    // given, and the kernel copies both.
    let result = unsafe {
        let value = (&raw const program).cast();
        libc::setsockopt(socket.as_raw_fd(), level, option, value, size)
    };
    checked(c_long::from(result)).map(drop)
}
