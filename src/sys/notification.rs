//! System calls that a filter hands to another process (seccomp_unotify(2), Linux 5.5).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use seccompiler::sock_filter;

use super::checked;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Notification {
    id: u64,
    /// The thread that made it, as our pid namespace numbers it.
    pub thread: u32,
    pub number: libc::c_long,
    pub arguments: [u64; 6],
}

/// `struct seccomp_notif` of <linux/seccomp.h>, with the `seccomp_data` in it.
#[repr(C)]
#[derive(Default)]
struct Request {
    id: u64,
    pid: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    instruction: u64,
    arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;
const IS_VALID: libc::c_ulong = 0x4008_2102;

/// Installs a filter for this thread, and returns the descriptor on which its questions come. Needs
/// no_new_privs. `EBUSY` if another filter of this process asks somebody already.
pub fn install_asking_filter(program: &[sock_filter]) -> Result<OwnedFd, Errno> {
    #[repr(C)]
    struct Program {
        length: libc::c_ushort,
        instructions: *const sock_filter,
    }
    let length = program.len().try_into().map_err(|_| Errno::EINVAL)?;
    let program = Program { length, instructions: program.as_ptr() };
    // SAFETY: `program` is a live sock_fprog whose pointer leads to as many live instructions as it
    // says; the kernel copies them before the call returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let fd = checked(fd)?;
    // SAFETY: the kernel has just made this descriptor for us, close-on-exec; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

impl Notification {
    /// The next call that waits. `ENOENT` if its thread has died meanwhile.
    pub fn receive(listener: &OwnedFd) -> Result<Self, Errno> {
        const { assert!(size_of::<Request>() == size_of::<libc::seccomp_notif>()) };
        let mut request = Request::default();
        // SAFETY: the request is a live, zeroed seccomp_notif, which the kernel fills.
        let result = unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, &raw mut request) };
        checked(result.into())?;
        let Request { id, pid: thread, number, arguments, .. } = request;
        Ok(Self { id, thread, number: number.into(), arguments })
    }

    /// Whether the thread still waits. If so, what was found out about it by its number before
    /// this question was about this thread.
    pub fn is_waiting(&self, listener: &OwnedFd) -> bool {
        // SAFETY: the kernel reads a live u64.
        let result =
            unsafe { libc::ioctl(listener.as_raw_fd(), IS_VALID as _, &raw const self.id) };
        result == 0
    }

    /// Lets the call return 0, or fail. `ENOENT` if its thread has died meanwhile.
    pub fn answer(self, listener: &OwnedFd, result: Result<(), Errno>) -> Result<(), Errno> {
        const { assert!(size_of::<Response>() == size_of::<libc::seccomp_notif_resp>()) };
        let error = result.err().map_or(0, |errno| -(errno as i32));
        let response = Response { id: self.id, value: 0, error, flags: 0 };
        // SAFETY: the kernel reads a live seccomp_notif_resp.
        let result = unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, &raw const response) };
        checked(result.into()).map(drop)
    }
}
