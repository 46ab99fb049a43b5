//! What the process may do: to make connections inside, and pass bytes on.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use seccompiler::{BpfProgram, apply_filter};

use crate::run::beside::Failed;
use crate::sys::{Argument, CallsLeft, no_new_privileges, not_dumpable, set_capabilities};

/// Without conditions: reading, writing and waiting on what is open, memory, threads, and an end.
const CALLS: [libc::c_long; 36] = [
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_prctl,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_write,
];

/// Goes into the user and network namespace of `init`; what is open stays outside.
pub fn enter(init: Pid) -> Result<(), Failed> {
    for (name, kind) in [("user", CloneFlags::CLONE_NEWUSER), ("net", CloneFlags::CLONE_NEWNET)] {
        let path = format!("/proc/{init}/ns/{name}");
        let namespace = open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| ("open a namespace", errno))?;
        setns(namespace, kind).map_err(|errno| ("setns", errno))?;
    }
    Ok(())
}

/// Gives up every right that is not needed, for ever.
pub fn confine() -> Result<(), Failed> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|errno| ("getrlimit", errno))?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).map_err(|errno| ("setrlimit", errno))?;
    set_capabilities(0).map_err(|errno| ("capset", errno))?;
    not_dumpable().map_err(|errno| ("prctl", errno))?;
    no_new_privileges().map_err(|errno| ("prctl", errno))?;
    let filter = filter().map_err(|_| ("seccomp", Errno::EINVAL))?;
    apply_filter(&filter).map_err(|_| ("seccomp", Errno::last()))
}

/// No file can be opened, no program executed, no process made. What is refused does not exist, so
/// that the C library falls back from clone3(2), whose flags no filter sees.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut left = CallsLeft::new(&CALLS);
    for family in [libc::AF_INET, libc::AF_INET6] {
        left.allow(libc::SYS_socket, &[Argument::Is(0, family.unsigned_abs())])?;
    }
    left.allow(libc::SYS_ioctl, &[Argument::Is(1, libc::FIONBIO as u32)])?;
    left.allow(libc::SYS_clone, &[Argument::Has(0, libc::CLONE_THREAD.unsigned_abs())])?;
    left.refuse_others(Errno::ENOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_can_be_made() {
        assert!(filter().is_ok_and(|filter| filter.len() > CALLS.len()));
    }
}
