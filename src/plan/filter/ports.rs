//! `[network] allow` in mode `host`: no TCP but that whose ports Landlock looks at.
//!
//! Its rule is asked when a socket of TCP connects. It is not asked
//!
//! - about Multipath TCP, which speaks plain TCP to a server that does not know it, nor about SMC, which
//!   does the same; SCTP and DCCP are no TCP, but have ports that `allow` would be taken to be about;
//! - when the first bytes are sent along with the request for a connection (MSG_FASTOPEN in send(2)).
//!
//! The errno are those of a kernel that lacks these, so that programs fall back to what is looked at.

use crate::diagnostic::{Diagnostic, Origin};

use super::syscalls::number;
use super::types::{Case, Comparison, Condition, Filter, Verdict};

/// What a 32-bit argument is compared under.
const LOW: u64 = 0xffff_ffff;
/// AF_SMC of <linux/socket.h>.
const SMC: i32 = 43;
const AF_INET: [i32; 2] = [libc::AF_INET, libc::AF_INET6];
const PROTOCOLS: [i32; 3] = [libc::IPPROTO_MPTCP, libc::IPPROTO_SCTP, libc::IPPROTO_DCCP];
/// Calls that send, and which of their arguments has the flags.
const SENDING: [(u32, u8); 3] =
    [(number("sendto"), 3), (number("sendmsg"), 2), (number("sendmmsg"), 3)];

/// Refuses these ways, whatever else the filter lets through.
pub(super) fn refuse(filter: &mut Filter) {
    for call in [number("socket"), number("socketpair")] {
        filter.refuse_also(call, case(vec![equal(0, SMC)], libc::EAFNOSUPPORT));
        for family in AF_INET {
            for protocol in PROTOCOLS {
                let conditions = vec![equal(0, family), equal(2, protocol)];
                filter.refuse_also(call, case(conditions, libc::EPROTONOSUPPORT));
            }
        }
    }
    for (call, index) in SENDING {
        let bit = u64::from(libc::MSG_FASTOPEN.unsigned_abs());
        let set = Condition { index, mask: bit, comparison: Comparison::NotEqual, value: 0 };
        filter.refuse_also(call, case(vec![set], libc::EOPNOTSUPP));
    }
}

/// The list of ports where no filter could refuse.
pub(super) fn unfiltered(allow: &Origin) -> Diagnostic {
    Diagnostic::error("cannot keep to the ports of `allow`: there is no filter")
        .at(allow)
        .because("Landlock does not see all ways to connect, and `[seccomp] policy` is `off`")
        .help("take the policy `default`, or use `mode = \"allow\"`")
}

fn equal(index: u8, value: i32) -> Condition {
    let value = u64::from(value.unsigned_abs());
    Condition { index, mask: LOW, comparison: Comparison::Equal, value }
}

fn case(conditions: Vec<Condition>, errno: i32) -> Case {
    let errno = u16::try_from(errno).expect("an errno is small");
    Case { conditions, verdict: Verdict::Errno(errno) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::filter::{Decision, Verdict};

    fn verdict(filter: &Filter, call: &str, arguments: [u64; 4]) -> Verdict {
        let [a, b, c, d] = arguments;
        filter.verdict(number(call), [a, b, c, d, 0, 0])
    }

    #[test]
    fn no_policy_lets_another_way_to_connect_through() {
        let all = |fallback, decisions| Filter { name: "x".into(), fallback, decisions };
        let named = ["sendmmsg", "sendmsg", "sendto", "socket", "socketpair"];
        let mut decisions: Vec<_> =
            named.iter().map(|call| Decision::plain(number(call), Verdict::Allow)).collect();
        decisions.sort_by_key(|decision| decision.number);
        for mut filter in [all(Verdict::Allow, Vec::new()), all(Verdict::NOT_PERMITTED, decisions)]
        {
            refuse(&mut filter);
            // What the upper half of an argument may hold.
            for noise in [0, 0xdead_beef << 32] {
                for family in [2, 10] {
                    for protocol in [262, 132, 33] {
                        let asked = [family | noise, 1 | noise, protocol | noise, 0];
                        assert!(!verdict(&filter, "socket", asked).allows(), "{asked:?}");
                    }
                    for protocol in [0, 6, 17] {
                        let asked = [family | noise, 1, protocol | noise, 0];
                        assert!(verdict(&filter, "socket", asked).allows(), "{asked:?}");
                    }
                }
                assert!(!verdict(&filter, "socket", [43 | noise, 1, 0, 0]).allows());
                // Of netlink it is a number of something else.
                assert!(verdict(&filter, "socket", [16, 3, 33, 0]).allows());
                for flags in [0x2000_0000, 0x2000_4000] {
                    assert!(!verdict(&filter, "sendto", [3, 0, 0, flags | noise]).allows());
                    assert!(!verdict(&filter, "sendmsg", [3, 0, flags | noise, 0]).allows());
                    assert!(!verdict(&filter, "sendmmsg", [3, 0, 0, flags | noise]).allows());
                }
            }
            assert!(verdict(&filter, "sendto", [3, 0, 0, 0x4000]).allows());
        }
    }
}
