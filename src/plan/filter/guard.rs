//! Rules about arguments: calls that are allowed, but not with everything.

use super::syscalls::number;
use super::types::{Case, Comparison, Condition, Decision, Verdict};

/// One rule about the arguments of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// clone(2) and unshare(2): no namespace flag.
    Namespaces,
    /// socket(2): no IPv4, IPv6, or netlink.
    Internet,
    /// socket(2): streams and datagrams only, and no AF_PACKET.
    RawSockets,
    /// socket(2): no netlink protocol but the one for routing.
    Netlink,
    /// personality(2): address randomization stays on.
    FixedAddresses,
}

/// Guards that are in force. Those without a [`Guard`] always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guards(u8);

/// The flags of clone(2) that make a namespace. CLONE_NEWTIME is not among them: clone(2) reads
/// those bits as the signal to send at exit.
const CLONE_NAMESPACES: u64 = 0x7e02_0000;
/// The same for unshare(2), which knows CLONE_NEWTIME.
const UNSHARE_NAMESPACES: u64 = CLONE_NAMESPACES | 0x80;
/// The part of an `int` argument that the kernel looks at.
const INT: u64 = 0xffff_ffff;
/// The part of socket(2)'s type that is not a flag.
const SOCKET_TYPE: u64 = 0xf;
/// The part of a mode that says what a file is.
const FILE_TYPE: u64 = 0o170_000;

pub(super) const CLONE: u32 = number("clone");
const UNSHARE: u32 = number("unshare");
const SOCKET: u32 = number("socket");
const SOCKETPAIR: u32 = number("socketpair");
const IOCTL: u32 = number("ioctl");
const PERSONALITY: u32 = number("personality");
const PRCTL: u32 = number("prctl");
const MKNOD: u32 = number("mknod");
const MKNODAT: u32 = number("mknodat");

impl Guard {
    /// The calls whose arguments the rule is about.
    pub(super) fn calls(self) -> &'static [u32] {
        match self {
            Self::Namespaces => &[CLONE, UNSHARE],
            Self::Internet | Self::RawSockets | Self::Netlink => &[SOCKET],
            Self::FixedAddresses => &[PERSONALITY],
        }
    }
}

impl Guards {
    pub(super) const ALL: Self = Self(u8::MAX);

    pub(super) fn lift(&mut self, guard: Guard) {
        self.0 &= !(1 << guard as u8);
    }

    pub(super) fn set(&mut self, guard: Guard) {
        self.0 |= 1 << guard as u8;
    }

    pub(super) fn hold(self, guard: Guard) -> bool {
        self.0 & 1 << guard as u8 != 0
    }
}

/// The arguments that the kernel reads as 32 bits, of calls that policies have rules about.
pub(super) fn is_narrow(call: u32, index: u8) -> bool {
    match call {
        SOCKET | SOCKETPAIR => index < 3,
        IOCTL => index < 2,
        PERSONALITY | PRCTL | CLONE => index == 0,
        MKNOD => index == 1,
        MKNODAT => index == 2,
        _ => false,
    }
}

/// Returns what an allowed call may do under `guards`.
pub(super) fn guarded(call: u32, guards: Guards) -> Decision {
    match call {
        CLONE if guards.hold(Guard::Namespaces) => no_flags(call, CLONE_NAMESPACES),
        UNSHARE if guards.hold(Guard::Namespaces) => no_flags(call, UNSHARE_NAMESPACES),
        SOCKET => only(call, sockets(guards), Verdict::NO_SUCH_FAMILY),
        SOCKETPAIR => only(call, vec![family(libc::AF_UNIX)], Verdict::NO_SUCH_FAMILY),
        PERSONALITY => only(call, personalities(guards), Verdict::NOT_PERMITTED),
        // Input typed into the shared terminal runs outside when the command has ended. A line
        // discipline is kernel code that anyone could choose.
        IOCTL => none_of(call, 1, INT, &[libc::TIOCSTI, libc::TIOCLINUX, TIOCSETD]),
        // PR_SET_MM changes what /proc shows of a process, its program among it.
        PRCTL => none_of(call, 0, INT, &[libc::PR_SET_MM as u64]),
        // As root of a namespace it fails anyway; not so as root of the machine.
        MKNOD => none_of(call, 1, FILE_TYPE, DEVICES),
        MKNODAT => none_of(call, 2, FILE_TYPE, DEVICES),
        _ => Decision::plain(call, Verdict::Allow),
    }
}

const TIOCSETD: u64 = 0x5423;
const DEVICES: &[u64] = &[libc::S_IFCHR as u64, libc::S_IFBLK as u64];

/// The sockets to allow, each by the conditions that must hold together.
fn sockets(guards: Guards) -> Vec<Vec<Condition>> {
    let mut allowed = vec![family(libc::AF_UNIX)];
    if !guards.hold(Guard::Internet) {
        for internet in [libc::AF_INET, libc::AF_INET6] {
            if guards.hold(Guard::RawSockets) {
                for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
                    let mut conditions = family(internet);
                    conditions.push(equal(1, SOCKET_TYPE, kind as u64));
                    allowed.push(conditions);
                }
            } else {
                allowed.push(family(internet));
            }
        }
    }
    // Netlink tells a program about its interfaces: without the internet it needs none.
    if !guards.hold(Guard::Netlink) {
        allowed.push(family(libc::AF_NETLINK));
    } else if !guards.hold(Guard::Internet) {
        let mut conditions = family(libc::AF_NETLINK);
        conditions.push(equal(2, INT, libc::NETLINK_ROUTE as u64));
        allowed.push(conditions);
    }
    if !guards.hold(Guard::RawSockets) {
        allowed.push(family(libc::AF_PACKET));
    }
    allowed
}

/// PER_LINUX, PER_LINUX32, both with UNAME26, and the question what it is now.
fn personalities(guards: Guards) -> Vec<Vec<Condition>> {
    let mut values = vec![0, 0x8, 0x2_0000, 0x2_0008, INT];
    if !guards.hold(Guard::FixedAddresses) {
        values.push(libc::ADDR_NO_RANDOMIZE as u64);
    }
    values.into_iter().map(|value| vec![equal(0, INT, value)]).collect()
}

fn family(family: i32) -> Vec<Condition> {
    vec![equal(0, INT, family as u64)]
}

fn equal(index: u8, mask: u64, value: u64) -> Condition {
    Condition { index, mask, comparison: Comparison::Equal, value }
}

fn no_flags(number: u32, flags: u64) -> Decision {
    let any = Condition { index: 0, mask: flags, comparison: Comparison::NotEqual, value: 0 };
    let refusal = Case { conditions: vec![any], verdict: Verdict::NOT_PERMITTED };
    Decision { number, cases: vec![refusal], otherwise: Verdict::Allow }
}

fn none_of(number: u32, index: u8, mask: u64, values: &[u64]) -> Decision {
    let refusal = |value: &u64| Case {
        conditions: vec![equal(index, mask, *value)],
        verdict: Verdict::NOT_PERMITTED,
    };
    Decision { number, cases: values.iter().map(refusal).collect(), otherwise: Verdict::Allow }
}

fn only(number: u32, allowed: Vec<Vec<Condition>>, otherwise: Verdict) -> Decision {
    let case = |conditions| Case { conditions, verdict: Verdict::Allow };
    Decision { number, cases: allowed.into_iter().map(case).collect(), otherwise }
}
