//! What a socket receives, and what it does not.

use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_long, socklen_t};
use nix::errno::Errno;

use super::checked;

/// Has a socket receive only what the program takes (socket(7), `SO_ATTACH_FILTER`).
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

/// How many packets the kernel has dropped because the socket had no room for them (sock_diag(7),
/// `SK_MEMINFO_DROPS`). Newer kernels count those that its filter would not have taken, too.
pub fn dropped_packets(socket: BorrowedFd) -> Result<u32, Errno> {
    let mut told = [0_u32; SK_MEMINFO_DROPS + 1];
    let mut size = size_of_val(&told) as socklen_t;
    // SAFETY: the kernel writes no more than `size` bytes to `told`, which is as long and outlives
    // the call, and any bytes are numbers.
    let result = unsafe {
        let value = (&raw mut told).cast();
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            value,
            &raw mut size,
        )
    };
    checked(c_long::from(result))?;
    if size as usize == size_of_val(&told) { Ok(told[SK_MEMINFO_DROPS]) } else { Err(Errno::EIO) }
}

/// Where that stands in what `SO_MEMINFO` tells (linux/sock_diag.h).
const SK_MEMINFO_DROPS: usize = 8;
