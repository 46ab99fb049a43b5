//! New processes.

use std::ffi::c_void;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};

use super::checked;

/// The namespaces that every jail is cloned into: user, mount, pid, ipc and uts.
pub const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS) as u64;

/// A cgroup namespace; its root is the cgroup of the process that makes it, also in clone3(2).
pub const NEW_CGROUP: u64 = libc::CLONE_NEWCGROUP as u64;

/// A network namespace.
pub const NEW_NETWORK: u64 = libc::CLONE_NEWNET as u64;

/// Which side of the clone this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clone {
    Parent { child: Pid },
    Child,
}

/// `struct clone_args` of clone3(2), Linux 5.3, with the fields of version 2 (Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// clone3(2), as fork(2) with `namespaces`, into a cgroup if one is given. The caller must be
/// single-threaded: the child goes on with this thread alone, and with locks as they are.
pub fn clone_process(namespaces: u64, cgroup: Option<BorrowedFd>) -> Result<Clone, Errno> {
    let exit_signal = libc::SIGCHLD as u64;
    clone3(CloneArgs { flags: namespaces, exit_signal, ..CloneArgs::default() }, cgroup)
}

/// The same, but the new process is a child of the caller's parent, which waits for it and whose death is
/// that of a parent to it. Its end is signalled as that of the caller.
pub fn clone_sibling(namespaces: u64, cgroup: Option<BorrowedFd>) -> Result<Clone, Errno> {
    let flags = namespaces | libc::CLONE_PARENT as u64;
    clone3(CloneArgs { flags, ..CloneArgs::default() }, cgroup)
}

fn clone3(mut args: CloneArgs, cgroup: Option<BorrowedFd>) -> Result<Clone, Errno> {
    const CLONE_INTO_CGROUP: u64 = 1 << 33;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: `args` is a live clone_args of the size given, asking for no memory of ours to
    // be shared and no pointer to be written. The child gets a copy of the address space and
    // returns from here like fork(2).
    let result =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    match checked(result)? {
        0 => Ok(Clone::Child),
        pid => Ok(Clone::Parent { child: Pid::from_raw(pid as libc::pid_t) }),
    }
}

/// fork(2). The caller must be single-threaded: then no lock is held by a thread that the
/// child lacks, and the child may do whatever a program may do, also make threads.
pub fn fork() -> Result<Clone, Errno> {
    // SAFETY: the copy of this only thread finds memory and locks in the state in which its
    // original left them, which is none in the middle of something; the C library's fork
    // brings its own state up to date.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(Clone::Child),
        ForkResult::Parent { child } => Ok(Clone::Parent { child }),
    }
}

/// A child that shares this process's memory until it executes a program or exits; this
/// process sleeps until then. clone(2) with `CLONE_VM | CLONE_VFORK`: no page table is copied.
pub fn spawn_sharing_memory<S>(body: fn(&mut S) -> !, state: &mut S) -> Result<Pid, Errno> {
    const STACK_SIZE: usize = 64 * 1024;
    let mut stack = Vec::<u128>::with_capacity(STACK_SIZE / size_of::<u128>());
    let top = stack.as_mut_ptr().wrapping_byte_add(STACK_SIZE);
    let mut call = (body, state);
    let argument = (&raw mut call).cast::<c_void>();
    // SAFETY: the stack grows down from `top`, is aligned to 16 bytes and, like `call`, lives
    // until the child has left it, because CLONE_VFORK holds this function until then.
    let pid = unsafe {
        libc::clone(
            enter::<S>,
            top.cast(),
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            argument,
        )
    };
    checked(pid.into()).map(|_| Pid::from_raw(pid))
}

/// Where the child of [`spawn_sharing_memory`] begins.
extern "C" fn enter<S>(argument: *mut c_void) -> libc::c_int {
    // SAFETY: `argument` points to the pair that the parent made, of this very type; the
    // parent sleeps in clone(2) until the child is gone.
    let (body, state) = unsafe { &mut *argument.cast::<(fn(&mut S) -> !, &mut S)>() };
    body(state)
}
