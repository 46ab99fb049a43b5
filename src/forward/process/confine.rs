//! What the forwarder gives up before it reads the first byte of the sandbox.
//!
//! It keeps: connecting to the ports that the rules name, asking name servers, and reading the
//! files that say where those are. No other file, no program, no other process.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use seccompiler::{BackendError, BpfProgram};

use crate::diagnostic::kernel_errno;
use crate::sys::{
    Argument, CallsLeft, close_all_but, die_with_parent, no_new_privileges, not_dumpable,
    occupy_standard_streams,
};

use super::super::rules::DOMAIN;

/// Why it could not be confined: the call and its errno.
pub type Unconfined = (&'static str, Errno);

/// Ends with the supervisor and keeps no more of its descriptors than these, and standard error.
pub fn let_go(kept: &[RawFd]) -> Result<(), Unconfined> {
    die_with_parent().map_err(|errno| ("prctl", errno))?;
    let kept = kept.iter().copied().chain([2]).collect();
    close_all_but(kept).map_err(|errno| ("close_range", errno))?;
    occupy_standard_streams().map_err(|errno| ("open", errno))?;
    not_dumpable().map_err(|errno| ("prctl", errno))
}

/// As many descriptors as this user may have, and no dumps of its memory.
pub fn raise_limits() -> Result<u64, Unconfined> {
    let most = Resource::RLIMIT_NOFILE;
    let (_, hard) = getrlimit(most).map_err(|errno| ("getrlimit", errno))?;
    setrlimit(most, hard, hard).map_err(|errno| ("setrlimit", errno))?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|errno| ("setrlimit", errno))?;
    Ok(hard)
}

/// Landlock, as far as this kernel has it; threads that are made later are under it too.
pub fn landlock(ports: impl Iterator<Item = u16>) -> Result<(), Unconfined> {
    no_new_privileges().map_err(|errno| ("prctl", errno))?;
    ruleset(ports).map_err(|error| ("landlock", kernel_errno(&error).unwrap_or(Errno::EINVAL)))
}

fn ruleset(ports: impl Iterator<Item = u16>) -> Result<(), RulesetError> {
    let mut ruleset = landlock::Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    for path in lookup_files() {
        // One that is not there is not read.
        if let Ok(file) = PathFd::new(&path) {
            let access = if path.is_dir() {
                AccessFs::ReadFile | AccessFs::ReadDir
            } else {
                AccessFs::ReadFile.into()
            };
            ruleset = ruleset.add_rule(PathBeneath::new(file, access))?;
        }
    }
    for port in ports.chain([DOMAIN]) {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self().map(drop)
}

/// What getaddrinfo(3) reads. The list of name servers may be replaced while we run, where it
/// is in a directory of its own, as with systemd-resolved.
fn lookup_files() -> Vec<PathBuf> {
    let names = ["resolv.conf", "hosts", "host.conf", "gai.conf", "nsswitch.conf", "services"];
    let etc = Path::new("/etc");
    let mut files: Vec<PathBuf> = names.iter().map(|name| etc.join(name)).collect();
    if let Ok(list) = etc.join("resolv.conf").canonicalize()
        && let Some(directory) = list.parent().filter(|directory| *directory != etc)
    {
        files.push(directory.to_owned());
    }
    files
}

/// The system calls that are left, for all threads.
pub fn filter() -> Result<(), Unconfined> {
    seccompiler::apply_filter_all_threads(&program()?)
        .map_err(|error| ("seccomp", kernel_errno(&error).unwrap_or(Errno::EINVAL)))
}

fn program() -> Result<BpfProgram, Unconfined> {
    filter_for(std::process::id()).map_err(|_| ("seccomp", Errno::EINVAL))
}

/// No unix socket leads to a service of the host, no terminal takes input, no other process is
/// signalled.
fn filter_for(process: u32) -> Result<BpfProgram, BackendError> {
    let mut left = CallsLeft::new(&CALLS);
    let socket = |family: i32, protocol: i32| {
        [Argument::Is(0, family.unsigned_abs()), Argument::Is(2, protocol.unsigned_abs())]
    };
    for family in [libc::AF_INET, libc::AF_INET6] {
        for protocol in [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
            left.allow(libc::SYS_socket, &socket(family, protocol))?;
        }
    }
    // getaddrinfo(3) asks which addresses the machine has.
    left.allow(libc::SYS_socket, &socket(libc::AF_NETLINK, libc::NETLINK_ROUTE))?;
    left.allow(libc::SYS_ioctl, &[Argument::Is(1, libc::FIONBIO as u32)])?;
    left.allow(libc::SYS_tgkill, &[Argument::Is(0, process)])?;
    left.refuse_others(Errno::EPERM)
}

/// Without conditions.
const CALLS: [libc::c_long; 63] = [
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_wait,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_stat,
    libc::SYS_statx,
    libc::SYS_time,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_fadvise64,
];

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

    use super::*;

    /// Both restrict the thread that asks for it, and what that starts.
    fn restricted<T: Send>(act: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(act).join().unwrap())
    }

    #[test]
    fn no_file_is_left_but_those_about_names() {
        restricted(|| {
            File::open("/etc/passwd").unwrap();
            landlock([443].into_iter()).unwrap();
            assert_eq!(File::open("/etc/passwd").unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(
                File::open("/proc/self/mem").unwrap_err().kind(),
                ErrorKind::PermissionDenied
            );
            assert_eq!(File::create("/etc/hosts").unwrap_err().kind(), ErrorKind::PermissionDenied);
            File::open("/etc/hosts").unwrap();
        });
    }

    #[test]
    fn no_port_is_left_but_those_that_are_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connect = move || TcpStream::connect(("127.0.0.1", port));
        restricted(move || {
            landlock([port].into_iter()).unwrap();
            connect().unwrap();
        });
        restricted(move || {
            landlock([443].into_iter()).unwrap();
            let abi = crate::sys::landlock_abi().unwrap_or(0);
            assert_eq!(connect().is_err(), abi >= 4, "ABI {abi}");
            assert_eq!(TcpListener::bind("127.0.0.1:0").is_err(), abi >= 4, "ABI {abi}");
        });
    }

    #[test]
    fn no_program_and_no_process_is_left() {
        restricted(|| {
            no_new_privileges().unwrap();
            seccompiler::apply_filter(&program().unwrap()).unwrap();
            let errno = |result: Result<(), Errno>| result.unwrap_err();
            let signal = nix::sys::signal::kill(nix::unistd::Pid::this(), None);
            assert_eq!(errno(signal), Errno::EPERM);
            assert!(std::process::Command::new("/bin/true").status().is_err());
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGWINCH).unwrap();
        });
        // What is another process to it.
        restricted(|| {
            no_new_privileges().unwrap();
            let filter = filter_for(std::process::id() + 1).unwrap();
            seccompiler::apply_filter(&filter).unwrap();
            assert_eq!(
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGWINCH),
                Err(Errno::EPERM)
            );
        });
    }

    /// A service of the host on a path, its kernel, and Multipath TCP, of which Landlock knows nothing.
    #[test]
    fn no_socket_is_left_but_those_of_the_internet() {
        let place = tempfile::tempdir().unwrap();
        let service = place.path().join("service");
        let listener = std::os::unix::net::UnixListener::bind(&service).unwrap();
        let connect = || std::os::unix::net::UnixStream::connect(&service);
        connect().unwrap();
        restricted(|| {
            no_new_privileges().unwrap();
            seccompiler::apply_filter(&program().unwrap()).unwrap();
            assert_eq!(connect().unwrap_err().kind(), ErrorKind::PermissionDenied);
            let open = |family, kind, protocol| {
                socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol).map(drop)
            };
            open(AddressFamily::Inet, SockType::Stream, None).unwrap();
            open(AddressFamily::Inet6, SockType::Datagram, None).unwrap();
            open(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkRoute)).unwrap();
            for (family, kind, protocol) in [
                (AddressFamily::Inet, SockType::Raw, Some(SockProtocol::Icmp)),
                (AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkAudit)),
                (AddressFamily::Vsock, SockType::Stream, None),
                (AddressFamily::Alg, SockType::SeqPacket, None),
                (AddressFamily::Unix, SockType::Datagram, None),
            ] {
                assert_eq!(open(family, kind, protocol), Err(Errno::EPERM), "{family:?}");
            }
        });
        drop(listener);
    }

    /// TIOCSTI would type into the terminal on standard error.
    #[test]
    fn nothing_is_asked_of_a_device() {
        let terminal = nix::pty::openpty(None, None).unwrap();
        rustix::io::ioctl_fionread(&terminal.slave).unwrap();
        restricted(|| {
            no_new_privileges().unwrap();
            seccompiler::apply_filter(&program().unwrap()).unwrap();
            let asked = rustix::io::ioctl_fionread(&terminal.slave);
            assert_eq!(asked, Err(rustix::io::Errno::PERM));
            rustix::io::ioctl_fionbio(&terminal.slave, true).unwrap();
        });
    }
}
