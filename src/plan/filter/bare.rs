//! What is refused besides the policy where there are no namespaces.
//!
//! A namespace makes whole kinds of things absent: other processes, message queues, sockets of the
//! host. Landlock has no say in most of them. So this filter stands in front of the policy, and no
//! `allow` of a profile opens it again: what both let through takes place.

use super::syscalls::{CALLS, number};
use super::types::{Case, Comparison, Condition, Decision, Filter, Verdict};

/// They change a file by a path or through a descriptor that may be for reading only, and Landlock
/// does not see them (landlock(7), "Limitations"). Programs cannot do without: ld(1) makes what it
/// has linked executable by chmod(2).
const ASKED: &[u32] = &[
    number("chmod"),
    number("chown"),
    number("fchmod"),
    number("fchmodat"),
    number("fchmodat2"),
    number("fchown"),
    number("fchownat"),
    number("futimesat"),
    number("lchown"),
    number("utime"),
    number("utimensat"),
    number("utimes"),
];

/// The same for attributes, which programs can do without: they know file systems that have none.
const ATTRIBUTES: &[u32] = &[
    number("fremovexattr"),
    number("fsetxattr"),
    number("lremovexattr"),
    number("lsetxattr"),
    number("removexattr"),
    number("removexattrat"),
    number("setxattr"),
    number("setxattrat"),
];

const REFUSED: &[u32] = &[
    // No ipc namespace: they would be those of the whole machine.
    number("mq_open"),
    number("mq_unlink"),
    number("msgctl"),
    number("msgget"),
    number("msgrcv"),
    number("msgsnd"),
    number("semctl"),
    number("semget"),
    number("semop"),
    number("semtimedop"),
    number("shmat"),
    number("shmctl"),
    number("shmdt"),
    number("shmget"),
    // What happens in a directory, also in one that cannot be listed.
    number("fanotify_init"),
    number("fanotify_mark"),
    number("inotify_add_watch"),
    // Files without a path.
    number("name_to_handle_at"),
    number("open_by_handle_at"),
    // Other processes of the same user, as far as Landlock does not refuse it.
    number("migrate_pages"),
    number("move_pages"),
    number("perf_event_open"),
    number("process_mrelease"),
    // The keys of the user, which all sessions share.
    number("add_key"),
    number("keyctl"),
    number("request_key"),
    number("setns"),
];

/// Newer than what programs expect, or with another way: they look at the errno.
const ABSENT: &[u32] = &[
    number("file_setattr"),
    number("inotify_init"),
    number("inotify_init1"),
    // It makes sockets and changes files where no filter sees it.
    number("io_uring_enter"),
    number("io_uring_register"),
    number("io_uring_setup"),
];

/// Calls about a process, which is the caller itself only if this argument is 0.
const OF_ITSELF: &[u32] = &[
    number("prlimit64"),
    number("sched_setaffinity"),
    number("sched_setattr"),
    number("sched_setparam"),
    number("sched_setscheduler"),
];

/// Calls with a clock, which may be the processor time of any process: it tells when others type.
const CLOCKS: [u32; 3] =
    [number("clock_gettime"), number("clock_nanosleep"), number("timer_create")];
/// The bits of a clock that say that it is one of a process (and not of a thread, which the kernel
/// keeps to the threads of the caller), and which of its three.
const CLOCK_KIND: u64 = 0x8000_0007;
const CLOCK_OF_PROCESS: u64 = 0x8000_0000;
/// The bits that say of which process, all set for the caller.
const CLOCK_OWNER: u64 = 0xffff_fff8;
/// The kernel's own answer where there is no such process.
const NO_SUCH_CLOCK: Verdict = Verdict::Errno(libc::EINVAL as u16);

const SETPRIORITY: u32 = number("setpriority");
const IOPRIO_SET: u32 = number("ioprio_set");
const SOCKET: u32 = number("socket");
const SOCKETPAIR: u32 = number("socketpair");
const IOCTL: u32 = number("ioctl");

const INT: u64 = 0xffff_ffff;
/// The part of a socket's type that is not a flag.
const SOCKET_TYPE: u64 = 0xf;
const NO_ATTRIBUTES: Verdict = Verdict::Errno(libc::EOPNOTSUPP as u16);

/// The part of a request to ioctl(2) that says whose it is.
const WHOSE: u64 = 0xff00;

/// Requests to file systems. Many change a file, or make one by its name, and want no more than a
/// descriptor for reading: those of all ('f'), of ocfs2, ZFS, Btrfs, Ceph, bcachefs and f2fs.
const FILE_SYSTEMS: [u64; 7] = [0x6600, 0x6f00, 0x8300, 0x9400, 0x9700, 0xbc00, 0xf500];

/// Those of them that tell, or that want a descriptor for writing: FS_IOC_GETFLAGS, the same for 32
/// bits, FS_IOC_FIEMAP, FICLONE and FICLONERANGE.
const HARMLESS: [u64; 5] = [0x8008_6601, 0x8004_6601, 0xc020_660b, 0x4004_9409, 0x4020_940d];

/// The same among requests of others: FS_IOC_SETVERSION, the same for 32 bits, FS_IOC_FSSETXATTR and
/// FAT_IOCTL_SET_ATTRIBUTES.
const ATTRIBUTES_OF_FILES: [u64; 4] = [0x4008_7602, 0x4004_7602, 0x401c_5820, 0x4004_7211];

/// Draws the filter. With `network` the command may use the host's, by IPv4 and IPv6.
pub fn bare(network: bool) -> Filter {
    let mut decisions: Vec<Decision> =
        CALLS.iter().map(|call| decision(call.number, network)).collect();
    decisions.sort_by_key(|decision| decision.number);
    Filter { name: "without namespaces".to_owned(), fallback: Verdict::NO_SUCH_CALL, decisions }
}

fn decision(call: u32, network: bool) -> Decision {
    match call {
        _ if ASKED.contains(&call) => Decision::plain(call, Verdict::Ask),
        _ if ATTRIBUTES.contains(&call) => Decision::plain(call, NO_ATTRIBUTES),
        _ if REFUSED.contains(&call) => Decision::plain(call, Verdict::NOT_PERMITTED),
        _ if ABSENT.contains(&call) => Decision::plain(call, Verdict::NO_SUCH_CALL),
        _ if OF_ITSELF.contains(&call) => only(call, vec![vec![equal(0, INT, 0)]]),
        _ if CLOCKS.contains(&call) => {
            Decision { number: call, cases: clocks(), otherwise: Verdict::Allow }
        }
        SETPRIORITY => only(call, vec![vec![equal(0, INT, 0), equal(1, INT, 0)]]),
        // IOPRIO_WHO_PROCESS is 1.
        IOPRIO_SET => only(call, vec![vec![equal(0, INT, 1), equal(1, INT, 0)]]),
        SOCKET => Decision { otherwise: Verdict::NO_SUCH_FAMILY, ..only(call, sockets(network)) },
        // A datagram socket of a pair can send to any other by its path.
        SOCKETPAIR => only(
            call,
            [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
                .map(|kind| {
                    let family = equal(0, INT, libc::AF_UNIX as u64);
                    vec![family, equal(1, SOCKET_TYPE, kind as u64)]
                })
                .into(),
        ),
        IOCTL => Decision { number: call, cases: requests(), otherwise: Verdict::Allow },
        _ => Decision::plain(call, Verdict::Allow),
    }
}

/// No unix sockets: the host's are reached by their paths, and Landlock has no say in that before
/// ABI 9. Without a network there is none at all.
fn sockets(network: bool) -> Vec<Vec<Condition>> {
    if !network {
        return Vec::new();
    }
    let routes =
        vec![equal(0, INT, libc::AF_NETLINK as u64), equal(2, INT, libc::NETLINK_ROUTE as u64)];
    let internet = [libc::AF_INET, libc::AF_INET6].map(|family| vec![equal(0, INT, family as u64)]);
    internet.into_iter().chain([routes]).collect()
}

fn only(number: u32, allowed: Vec<Vec<Condition>>) -> Decision {
    let case = |conditions| Case { conditions, verdict: Verdict::Allow };
    let cases = allowed.into_iter().map(case).collect();
    Decision { number, cases, otherwise: Verdict::NOT_PERMITTED }
}

fn clocks() -> Vec<Case> {
    let other = Condition {
        index: 0,
        mask: CLOCK_OWNER,
        comparison: Comparison::NotEqual,
        value: CLOCK_OWNER,
    };
    let case = |kind| Case {
        conditions: vec![equal(0, CLOCK_KIND, CLOCK_OF_PROCESS | kind), other],
        verdict: NO_SUCH_CLOCK,
    };
    [0, 1, 2].map(case).into()
}

/// The first case that holds counts.
fn requests() -> Vec<Case> {
    let case = |mask, value, verdict| Case { conditions: vec![equal(1, mask, value)], verdict };
    let harmless = HARMLESS.map(|request| case(INT, request, Verdict::Allow));
    let whole = FILE_SYSTEMS.map(|whose| case(WHOSE, whose, Verdict::NOT_PERMITTED));
    let single = ATTRIBUTES_OF_FILES.map(|request| case(INT, request, Verdict::NOT_PERMITTED));
    harmless.into_iter().chain(whole).chain(single).collect()
}

fn equal(index: u8, mask: u64, value: u64) -> Condition {
    Condition { index, mask, comparison: Comparison::Equal, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, arguments: [u64; 6]) -> Verdict {
        bare(false).verdict(number(name), arguments)
    }

    #[test]
    fn other_processes_are_left_alone() {
        for call in ["prlimit64", "sched_setaffinity", "sched_setscheduler"] {
            assert_eq!(verdict(call, [0; 6]), Verdict::Allow, "{call}");
            assert_eq!(verdict(call, [77, 0, 0, 0, 0, 0]), Verdict::NOT_PERMITTED, "{call}");
        }
        assert_eq!(verdict("setpriority", [0, 0, 5, 0, 0, 0]), Verdict::Allow);
        assert_eq!(verdict("setpriority", [1, 0, 5, 0, 0, 0]), Verdict::NOT_PERMITTED);
        assert_eq!(verdict("setpriority", [2, 0, 5, 0, 0, 0]), Verdict::NOT_PERMITTED);
        // The upper half counts for nothing.
        assert_eq!(verdict("prlimit64", [77 | 1 << 40, 0, 0, 0, 0, 0]), Verdict::NOT_PERMITTED);
        assert_eq!(verdict("prlimit64", [1 << 40, 0, 0, 0, 0, 0]), Verdict::Allow);
    }

    #[test]
    fn the_processor_time_of_others_is_not_told() {
        let clock = |number: i32, kind: i32| u64::from((!number << 3 | kind) as u32);
        for call in ["clock_gettime", "clock_nanosleep", "timer_create"] {
            for kind in 0..3 {
                let verdict = |clock| verdict(call, [clock, 0, 0, 0, 0, 0]);
                assert_eq!(verdict(clock(77, kind)), NO_SUCH_CLOCK, "{call} {kind}");
                assert_eq!(verdict(clock(77, kind) | 1 << 40), NO_SUCH_CLOCK, "{call} {kind}");
                assert_eq!(verdict(clock(0, kind)), Verdict::Allow, "{call} {kind}");
                // Of a thread, which is looked at by the kernel.
                assert_eq!(verdict(clock(77, kind | 4)), Verdict::Allow, "{call} {kind}");
            }
            for clock in 0..12 {
                assert_eq!(verdict(call, [clock, 0, 0, 0, 0, 0]), Verdict::Allow, "{call}");
            }
        }
    }

    #[test]
    fn no_socket_reaches_the_host() {
        let (stream, datagram) = (libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64);
        let flags = libc::SOCK_CLOEXEC as u64;
        for family in 0..48 {
            let verdict = verdict("socket", [family, stream, 0, 0, 0, 0]);
            assert_eq!(verdict, Verdict::NO_SUCH_FAMILY, "{family}");
        }
        assert_eq!(verdict("socketpair", [1, stream | flags, 0, 0, 0, 0]), Verdict::Allow);
        assert_eq!(verdict("socketpair", [1, datagram, 0, 0, 0, 0]), Verdict::NOT_PERMITTED);
        // AF_TIPC, which reaches other machines.
        assert_eq!(verdict("socketpair", [30, stream, 0, 0, 0, 0]), Verdict::NOT_PERMITTED);
        let with = |family: i32, protocol: i32| {
            let arguments = [family as u64, stream, protocol as u64, 0, 0, 0];
            bare(true).verdict(number("socket"), arguments)
        };
        assert_eq!(with(libc::AF_INET6, 0), Verdict::Allow);
        assert_eq!(with(libc::AF_UNIX, 0), Verdict::NO_SUCH_FAMILY);
        assert_eq!(with(libc::AF_NETLINK, libc::NETLINK_ROUTE), Verdict::Allow);
        assert_eq!(with(libc::AF_NETLINK, libc::NETLINK_AUDIT), Verdict::NO_SUCH_FAMILY);
    }

    #[test]
    fn files_are_not_changed_by_requests_to_their_file_system() {
        let ioctl = |request: u64| verdict("ioctl", [3, request, 0, 0, 0, 0]);
        let changes = [
            // FS_IOC_SETFLAGS, FS_IOC_SETVERSION, FS_IOC_FSSETXATTR, FAT_IOCTL_SET_ATTRIBUTES.
            [0x4008_6602, 0x4008_7602, 0x401c_5820, 0x4004_7211],
            // EXT4_IOC_SETVERSION, FS_IOC_ENABLE_VERITY, FS_IOC_SET_ENCRYPTION_POLICY, and
            // FS_IOC_REMOVE_ENCRYPTION_KEY.
            [0x4008_6604, 0x4080_6685, 0x800c_6613, 0xc040_6618],
            // BTRFS_IOC_SUBVOL_CREATE, BTRFS_IOC_SNAP_CREATE_V2, BTRFS_IOC_SNAP_DESTROY and
            // OCFS2_IOC_REFLINK.
            [0x5000_940e, 0x5000_9417, 0x5000_940f, 0x4018_6f04],
            // ZFS_IOC_SETDOSFLAGS, BCH_IOCTL_SUBVOLUME_CREATE, BCH_IOCTL_SUBVOLUME_DESTROY and
            // BCHFS_IOC_REINHERIT_ATTRS.
            [0x4008_8302, 0x4020_bc10, 0x4020_bc11, 0x8008_bc40],
        ];
        for request in changes.into_iter().flatten() {
            assert_eq!(ioctl(request), Verdict::NOT_PERMITTED, "{request:#x}");
            assert_eq!(ioctl(request | 1 << 40), Verdict::NOT_PERMITTED, "{request:#x}");
        }
        // TCGETS, FIONREAD, FIOCLEX, FS_IOC_GETFLAGS and FICLONE.
        for request in [0x5401, 0x541b, 0x5451, 0x8008_6601, 0x4004_9409] {
            assert_eq!(ioctl(request), Verdict::Allow, "{request:#x}");
        }
    }

    #[test]
    fn what_nobody_knows_does_not_exist() {
        assert_eq!(bare(true).verdict(9999, [0; 6]), Verdict::NO_SUCH_CALL);
        assert_eq!(verdict("read", [0; 6]), Verdict::Allow);
        assert_eq!(verdict("chmod", [0; 6]), Verdict::Ask);
    }
}
