//! What a process may do, and how it ends.

use std::ffi::CStr;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::Pid;

use super::checked;

/// prctl(2) with numbers only.
fn prctl(option: i32, first: u64, second: u64) -> Result<(), Errno> {
    // SAFETY: every option used in this file takes numbers, not pointers.
    let result = unsafe { libc::prctl(option, first, second, 0u64, 0u64) };
    checked(result.into()).map(drop)
}

/// SIGKILL for this process when the thread that made it ends. The kernel forgets this when
/// ids or capabilities change (prctl(2), `PR_SET_PDEATHSIG`).
pub fn die_with_parent() -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, Signal::SIGKILL as u64, 0)
}

/// Continues this process, should it be stopped, when the thread that made it ends.
pub fn continue_with_parents_death() -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, Signal::SIGCONT as u64, 0)
}

/// What loses its parent below this process becomes its child (prctl(2), `PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> Result<(), Errno> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0)
}

/// Gives a signal its default action.
pub fn restore_default(signal: Signal) -> Result<(), Errno> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of this program.
    unsafe { sigaction(signal, &default) }.map(drop)
}

/// Nobody without CAP_SYS_PTRACE over our user namespace may trace this process or read its
/// memory, environment, descriptors or program through /proc.
pub fn not_dumpable() -> Result<(), Errno> {
    prctl(libc::PR_SET_DUMPABLE, 0, 0)
}

/// execve(2) gives no privilege any more, for this process and all that come from it.
pub fn no_new_privileges() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0)
}

/// Uid 0 gives no capabilities, for ever (capabilities(7), "securebits"). Whoever changes from it to
/// another uid loses those that were kept, as everywhere.
pub fn lock_securebits() -> Result<(), Errno> {
    const NOROOT: u64 = 1 << 0;
    const NOROOT_LOCKED: u64 = 1 << 1;
    const NO_SETUID_FIXUP_LOCKED: u64 = 1 << 3;
    const KEEP_CAPS_LOCKED: u64 = 1 << 5;
    let bits = NOROOT | NOROOT_LOCKED | NO_SETUID_FIXUP_LOCKED | KEEP_CAPS_LOCKED;
    prctl(libc::PR_SET_SECUREBITS, bits, 0)
}

/// Takes every capability that `keep` (a bit each) lacks out of the bounding set.
pub fn drop_bounding(keep: u64) -> Result<(), Errno> {
    for capability in 0..64 {
        if keep & (1 << capability) != 0 {
            continue;
        }
        match prctl(libc::PR_CAPBSET_DROP, capability, 0) {
            // One past the last capability of this kernel.
            Err(Errno::EINVAL) if capability > 0 => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

/// Makes permitted, effective and inheritable sets `keep` (capset(2), version 3).
pub fn set_capabilities(keep: u64) -> Result<(), Errno> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    struct Sets {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let half = |bits: u64| {
        let bits = bits as u32;
        Sets { effective: bits, permitted: bits, inheritable: bits }
    };
    let sets = [half(keep), half(keep >> 32)];
    // SAFETY: both are live and of the layout of version 3: one header, two halves.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) };
    checked(result).map(drop)
}

/// Empties the ambient set, then puts `keep` into it: those survive execve(2) of any user.
pub fn raise_ambient(keep: u64) -> Result<(), Errno> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0)?;
    for capability in (0..64).filter(|bit| keep & (1 << bit) != 0) {
        prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as u64, capability)?;
    }
    Ok(())
}

/// The niceness of this process, -20 to 19; without CAP_SYS_NICE only upwards (setpriority(2)).
pub fn set_niceness(nice: i32) -> Result<(), Errno> {
    // SAFETY: setpriority(2) takes numbers; 0 is this process.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
    checked(result.into()).map(drop)
}

/// Gives this process the ordinary scheduling policy if it has a real-time one, which cpu.max of
/// cgroups does not hold for (sched(7); cgroup-v2, "CPU"). Nobody needs privilege for that.
pub fn leave_real_time() -> Result<(), Errno> {
    const RESET_ON_FORK: libc::c_long = libc::SCHED_RESET_ON_FORK as libc::c_long;
    // SAFETY: sched_getscheduler(2) takes a number; 0 is this thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let policy = checked(policy.into())? & !RESET_ON_FORK;
    if ![libc::SCHED_FIFO, libc::SCHED_RR].map(libc::c_long::from).contains(&policy) {
        return Ok(());
    }
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads a live sched_param.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameter) };
    checked(result.into()).map(drop)
}

/// Has a process scheduled like any other, on every processor (sched(7)). Allowed to whoever has
/// made the user namespace that the process is in.
pub fn schedule_ordinarily(process: Pid) -> Result<(), Errno> {
    let mut all = CpuSet::new();
    (0..CpuSet::count()).try_for_each(|cpu| all.set(cpu))?;
    sched_setaffinity(process, &all)?;
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: a live structure that the kernel reads.
    let result = unsafe {
        libc::sched_setscheduler(process.as_raw(), libc::SCHED_OTHER, &raw const parameters)
    };
    checked(result.into())?;
    // SAFETY: setpriority(2) takes numbers.
    let result =
        unsafe { libc::setpriority(libc::PRIO_PROCESS, process.as_raw() as libc::id_t, 0) };
    checked(result.into()).map(drop)
}

/// A new, empty session keyring (keyctl(2), `KEYCTL_JOIN_SESSION_KEYRING`).
pub fn join_new_session_keyring() -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    let result = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, 0usize) };
    checked(result).map(drop)
}

/// Marks every descriptor from `first` on close-on-exec (close_range(2), Linux 5.11).
pub fn close_from(first: u32) -> Result<(), Errno> {
    // SAFETY: only flags change, no descriptor that Rust owns is closed before execve(2).
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    checked(result).map(drop)
}

/// What happened to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Exited(u8),
    /// By any signal, also a real-time one, for which `nix` has no name.
    Signaled(i32),
    Stopped,
    Continued,
}

impl Change {
    fn of(status: libc::c_int) -> Self {
        if libc::WIFEXITED(status) {
            Self::Exited(libc::WEXITSTATUS(status) as u8)
        } else if libc::WIFSIGNALED(status) {
            Self::Signaled(libc::WTERMSIG(status))
        } else if libc::WIFSTOPPED(status) {
            Self::Stopped
        } else {
            Self::Continued
        }
    }
}

/// What a child used, with all children that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub user: Duration,
    pub system: Duration,
    /// Bytes of the largest process, resident.
    pub largest: u64,
}

/// Waits until this child has ended (wait4(2)).
pub fn wait_for_end(child: Pid) -> Result<(Change, Used), Errno> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes into two live variables of the types that it expects.
    let pid = unsafe { libc::wait4(child.as_raw(), &raw mut status, 0, usage.as_mut_ptr()) };
    checked(pid.into())?;
    // SAFETY: a rusage is made of integers, which any bytes are; all were zero before.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| {
        let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(microseconds)
    };
    let used = Used {
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        largest: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    };
    Ok((Change::of(status), used))
}

/// The next child that ended, stopped or went on; `None` if there is none at the moment.
pub fn next_change() -> Result<Option<(Pid, Change)>, Errno> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
    // SAFETY: `status` is a live integer that the kernel writes.
    let pid = checked(unsafe { libc::waitpid(-1, &raw mut status, flags) }.into())?;
    Ok((pid != 0).then(|| (Pid::from_raw(pid as libc::pid_t), Change::of(status))))
}

/// Closes every descriptor but these. Nothing else that owns one may be used, or dropped, later.
pub fn close_all_but(mut kept: Vec<RawFd>) -> Result<(), Errno> {
    kept.sort_unstable();
    let mut first = 0;
    for next in kept.into_iter().chain([RawFd::MAX]) {
        if first < next {
            // SAFETY: the caller has given up what owned these descriptors.
            checked(unsafe { libc::syscall(libc::SYS_close_range, first, next - 1, 0) })?;
        }
        first = next.saturating_add(1);
    }
    Ok(())
}

/// Lets a descriptor of the caller survive execve(2).
pub fn keep_open_on_exec(fd: RawFd) -> Result<(), Errno> {
    // SAFETY: fcntl(2) on a number; EBADF if there is no such descriptor.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
    checked(result.into()).map(drop)
}

/// A second descriptor for what the caller's descriptor `fd` refers to.
pub fn duplicate(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: fcntl(2) on a number; EBADF if there is no such descriptor.
    let result = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    let copy = checked(result.into())?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as RawFd) })
}

/// execve(2). Returns only to say why not.
pub fn exec(program: &CStr, argv: &[*const libc::c_char], envp: &[*const libc::c_char]) -> Errno {
    let ends_in_null =
        |vector: &[*const libc::c_char]| vector.last().is_some_and(|last| last.is_null());
    assert!(ends_in_null(argv), "argv without NULL");
    assert!(ends_in_null(envp), "envp without NULL");
    // SAFETY: both vectors end in NULL (checked above) and point to live strings that the
    // script owns.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

/// Ends this process without running anything of the process it was copied from.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) does not return and touches no memory.
    unsafe { libc::_exit(status) }
}

/// Sets `IFF_UP` on `lo` of this network namespace (netdevice(7)).
pub fn set_loopback_up() -> Result<(), Errno> {
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: libc::c_short,
        rest: [u8; 22],
    }
    const { assert!(size_of::<Request>() == size_of::<libc::ifreq>()) };
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request =
        Request { name: [0; 16], flags: (libc::IFF_UP | libc::IFF_RUNNING) as _, rest: [0; 22] };
    request.name[..2].copy_from_slice(b"lo");
    // SAFETY: the request is as large as the kernel's ifreq and lives through the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) };
    checked(result.into()).map(drop)
}

/// Sends a signal, a real-time one too, to every process that may be signalled (kill(2), -1); to
/// process 1 of a pid namespace these are all others in it.
pub fn signal_all(signal: i32) -> Result<(), Errno> {
    // SAFETY: no pointers.
    let result = unsafe { libc::kill(-1, signal) };
    checked(result.into()).map(drop)
}
