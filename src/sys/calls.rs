//! Filters of system calls for processes of our own: a list of those that are left (seccomp(2)).

use std::collections::BTreeMap;

use libc::c_long;
use nix::errno::Errno;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// The calls that are let through.
pub struct CallsLeft(BTreeMap<c_long, Vec<SeccompRule>>);

/// What the lower half of an argument must be.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    Is(u8, u32),
    /// All of these bits are set.
    Has(u8, u32),
}

impl CallsLeft {
    /// Those that are let through whatever their arguments are.
    pub fn new(calls: &[c_long]) -> Self {
        Self(calls.iter().map(|call| (*call, Vec::new())).collect())
    }

    /// One more, where all of its arguments are so. Said several times, one is enough.
    pub fn allow(&mut self, call: c_long, arguments: &[Argument]) -> Result<(), BackendError> {
        let conditions = arguments.iter().map(|argument| {
            let (index, comparison, value) = match *argument {
                Argument::Is(index, value) => (index, SeccompCmpOp::Eq, value),
                Argument::Has(index, bits) => {
                    (index, SeccompCmpOp::MaskedEq(u64::from(bits)), bits)
                }
            };
            SeccompCondition::new(index, SeccompCmpArgLen::Dword, comparison, u64::from(value))
        });
        let rule = SeccompRule::new(conditions.collect::<Result<_, _>>()?)?;
        self.0.entry(call).or_default().push(rule);
        Ok(())
    }

    /// The program, in which all others are refused with `errno`.
    pub fn refuse_others(self, errno: Errno) -> Result<BpfProgram, BackendError> {
        let refuse = SeccompAction::Errno((errno as i32).unsigned_abs());
        SeccompFilter::new(self.0, refuse, SeccompAction::Allow, TargetArch::x86_64)?.try_into()
    }
}
