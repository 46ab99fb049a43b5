//! The shape of a filter.

use super::syscalls::{FIRST_X32, number};

/// Decisions by system call number, for the native architecture of this binary.
///
/// A call from another architecture (32-bit entry) ends the process, whatever stands here, and
/// an x32 number is refused at least with ENOSYS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `default`, `strict`, or the name of a file; for the plan.
    pub name: String,
    /// For numbers without a decision of their own.
    pub fallback: Verdict,
    /// Sorted by number, each number once, all below the x32 half.
    pub decisions: Vec<Decision>,
}

/// What happens to one system call: the first case whose conditions all hold, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub number: u32,
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
    /// Ask init, which does it or says why not. Never part of a policy that a user writes.
    Ask,
    /// Fail with this errno, 1 to 4095.
    Errno(u16),
    /// Raise SIGSYS.
    Trap,
    KillThread,
    KillProcess,
}

impl Filter {
    /// Returns what happens to a call of the native architecture.
    pub fn verdict(&self, number: u32, arguments: [u64; 6]) -> Verdict {
        if number >= FIRST_X32 {
            return self.x32();
        }
        match self.decision(number) {
            Some(decision) => decision.verdict(arguments),
            None => self.fallback,
        }
    }

    /// Returns what happens to every x32 number: the kernel may have that half of the table, and
    /// no policy has looked at it.
    pub fn x32(&self) -> Verdict {
        self.fallback.max(Verdict::NO_SUCH_CALL)
    }

    /// Adds a refusal that holds whatever else the filter lets through. What is refused anyway keeps
    /// its verdict, unless that stands below a case that allows.
    pub(super) fn refuse_also(&mut self, number: u32, refusal: Case) {
        let index = self.decisions.binary_search_by_key(&number, |decision| decision.number);
        let index = index.unwrap_or_else(|index| {
            self.decisions.insert(index, Decision::plain(number, self.fallback));
            index
        });
        let Decision { cases, otherwise, .. } = &mut self.decisions[index];
        let first = cases.iter().position(|case| case.verdict.allows());
        match first {
            Some(first) => cases.insert(first, refusal),
            None if otherwise.allows() => cases.push(refusal),
            None => {}
        }
    }

    /// Whether no call about keys gets through, so that the caller's keyring is out of reach.
    pub fn refuses_keyring(&self) -> bool {
        const KEYS: [u32; 3] = [number("add_key"), number("keyctl"), number("request_key")];
        KEYS.iter().all(|key| self.surely_refuses(*key, None))
    }

    /// Whether the command cannot type into the terminal that it shares with the caller.
    pub fn refuses_terminal_injection(&self) -> bool {
        [libc::TIOCSTI, libc::TIOCLINUX].iter().all(|request| {
            let low = u32::try_from(*request).expect("an ioctl request has 32 bits");
            self.surely_refuses(number("ioctl"), Some((1, low)))
        })
    }

    /// Whether the calls are refused that change or copy a mount unseen by Landlock, which has
    /// no say in mount_setattr(2) and open_tree(2).
    pub fn refuses_mount_changes(&self) -> bool {
        const MOUNTS: [u32; 4] = [
            number("mount_setattr"),
            number("open_tree"),
            number("open_tree_attr"),
            number("fsmount"),
        ];
        MOUNTS.iter().all(|call| self.surely_refuses(*call, None))
    }

    /// Whether the call is refused for all arguments, but for one whose lower half is known.
    ///
    /// The upper half counts as unknown even then: the kernel ignores it, so a caller may set it.
    pub(super) fn surely_refuses(&self, number: u32, known: Option<(u8, u32)>) -> bool {
        let Some(decision) = self.decision(number) else { return !self.fallback.allows() };
        for case in &decision.cases {
            let answers = case.conditions.iter().map(|condition| condition.answer(known));
            match conjunction(answers) {
                Some(true) => return !case.verdict.allows(),
                None if case.verdict.allows() => return false,
                None | Some(false) => {}
            }
        }
        !decision.otherwise.allows()
    }

    fn decision(&self, number: u32) -> Option<&Decision> {
        let index = self.decisions.binary_search_by_key(&number, |decision| decision.number);
        index.ok().map(|index| &self.decisions[index])
    }
}

impl Decision {
    /// A decision that does not look at arguments.
    pub fn plain(number: u32, verdict: Verdict) -> Self {
        Self { number, cases: Vec::new(), otherwise: verdict }
    }

    fn verdict(&self, arguments: [u64; 6]) -> Verdict {
        let holds = |case: &&Case| case.conditions.iter().all(|one| one.holds(arguments));
        self.cases.iter().find(holds).map_or(self.otherwise, |case| case.verdict)
    }
}

impl Condition {
    /// Whether the condition holds for these arguments.
    pub fn holds(&self, arguments: [u64; 6]) -> bool {
        self.comparison.holds(arguments[usize::from(self.index)] & self.mask, self.value)
    }

    /// The answer for an argument of which only the lower half is known; `None`: it depends.
    fn answer(&self, known: Option<(u8, u32)>) -> Option<bool> {
        let (index, low) = known?;
        let narrow = self.mask <= u64::from(u32::MAX);
        (index == self.index && narrow)
            .then(|| self.comparison.holds(u64::from(low) & self.mask, self.value))
    }
}

impl Comparison {
    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

impl Verdict {
    /// What a kernel without the call says; the C library then takes an older one.
    pub const NO_SUCH_CALL: Self = Self::Errno(libc::ENOSYS as u16);
    /// A refusal on purpose.
    pub const NOT_PERMITTED: Self = Self::Errno(libc::EPERM as u16);
    /// A refusal that socket(2) documents for an address family.
    pub const NO_SUCH_FAMILY: Self = Self::Errno(libc::EAFNOSUPPORT as u16);

    /// Whether the call takes place.
    pub fn allows(self) -> bool {
        match self {
            Self::Allow | Self::Log | Self::Ask => true,
            Self::Errno(_) | Self::Trap | Self::KillThread | Self::KillProcess => false,
        }
    }
}

/// All of them, if known: one that is false decides, else one that is unknown.
fn conjunction(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const IOCTL: u32 = number("ioctl");

    fn ioctl(cases: Vec<Case>, otherwise: Verdict) -> Filter {
        let decisions = vec![Decision { number: IOCTL, cases, otherwise }];
        Filter { name: "test".into(), fallback: Verdict::NOT_PERMITTED, decisions }
    }

    fn refusal(index: u8, mask: u64, value: u64) -> Case {
        let condition = Condition { index, mask, comparison: Comparison::Equal, value };
        Case { conditions: vec![condition], verdict: Verdict::NOT_PERMITTED }
    }

    #[test]
    fn injection_is_refused_only_where_the_upper_half_cannot_evade_it() {
        let narrow = u64::from(u32::MAX);
        let both = |mask| vec![refusal(1, mask, 0x5412), refusal(1, mask, 0x541c)];

        assert!(ioctl(both(narrow), Verdict::Allow).refuses_terminal_injection());
        assert!(!ioctl(both(u64::MAX), Verdict::Allow).refuses_terminal_injection());
        assert!(!ioctl(both(narrow)[..1].to_vec(), Verdict::Allow).refuses_terminal_injection());
        assert!(
            !ioctl(vec![refusal(0, narrow, 0x5412)], Verdict::Log).refuses_terminal_injection()
        );
        assert!(ioctl(Vec::new(), Verdict::Trap).refuses_terminal_injection());
    }

    #[test]
    fn an_allowing_case_that_may_match_is_no_sure_refusal() {
        let condition =
            Condition { index: 0, mask: u64::MAX, comparison: Comparison::Greater, value: 2 };
        let case = Case { conditions: vec![condition], verdict: Verdict::Allow };
        assert!(!ioctl(vec![case], Verdict::KillProcess).refuses_terminal_injection());
    }

    #[test]
    fn keys_are_refused_by_the_fallback_too() {
        let mut filter = ioctl(Vec::new(), Verdict::Allow);
        assert!(filter.refuses_keyring());
        filter.decisions.push(Decision::plain(number("keyctl"), Verdict::Log));
        assert!(!filter.refuses_keyring());
        filter.decisions.clear();
        filter.fallback = Verdict::Allow;
        assert!(!filter.refuses_keyring());
    }

    #[test]
    fn x32_numbers_are_refused_whatever_the_fallback() {
        let mut filter = ioctl(Vec::new(), Verdict::Allow);
        for (fallback, expected) in [
            (Verdict::Allow, Verdict::NO_SUCH_CALL),
            (Verdict::NOT_PERMITTED, Verdict::NO_SUCH_CALL),
            (Verdict::KillThread, Verdict::KillThread),
        ] {
            filter.fallback = fallback;
            assert_eq!(filter.verdict(FIRST_X32, [0; 6]), expected);
            assert_eq!(filter.verdict(FIRST_X32 + IOCTL, [0; 6]), expected);
            assert_eq!(filter.verdict(u32::MAX, [0; 6]), expected);
        }
    }
}
