//! The shape of a filter.

use std::collections::BTreeMap;

/// Decisions by system call number, for the native architecture of this binary.
///
/// A call from another architecture (32-bit entry) ends the process, whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `default`, `strict`, or the name of a file; for the plan.
    pub name: String,
    /// For numbers without a decision of their own, x32 numbers among them.
    pub fallback: Verdict,
    pub decisions: BTreeMap<u32, Decision>,
}

/// What happens to one system call: the first case whose conditions all hold, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub cases: Vec<Case>,
    pub otherwise: Verdict,
}

/// A verdict under conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub conditions: Vec<Condition>,
    pub verdict: Verdict,
}

/// `argument[index] & mask OP value`, all as unsigned numbers.
///
/// A 32-bit argument is compared with `mask = 0xffff_ffff`: the kernel ignores the upper half,
/// so the filter must as well (CVE-2019-10063).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// 0 to 5.
    pub index: u8,
    pub mask: u64,
    pub comparison: Comparison,
    pub value: u64,
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What the kernel does with a call. Stricter verdicts stand later (seccomp(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Allow,
    /// Allow, and write to the kernel's audit log.
    Log,
    /// Fail with this errno, 1 to 4095.
    Errno(u16),
    /// Raise SIGSYS.
    Trap,
    KillThread,
    KillProcess,
}
