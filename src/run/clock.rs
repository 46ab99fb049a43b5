//! The time limit, kept by init.
//!
//! Not by the supervisor: that stops when the command stops (job control), and a command that
//! stops itself while its children go on would have all the time that it likes. The supervisor
//! stands behind it: init has the uid of the command, which may make it wait (sched(7)), or freeze
//! it where it can mount cgroups.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;

use crate::script::TimeLimit;
use crate::sys::signal_all;

/// What is left of the command's time.
pub struct Clock {
    next: Option<Instant>,
    grace: Duration,
    signal: i32,
    warned: bool,
}

/// How long init may take to do what the limit asks of it, before the supervisor does it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    GoOn,
    /// The limit is reached just now: this signal is due.
    Terminate {
        signal: i32,
    },
    /// The grace is over too.
    Kill,
}

impl Clock {
    /// Starts now; never rings without a limit.
    pub fn start(limit: Option<TimeLimit>) -> Self {
        let now = Instant::now();
        // A limit beyond the end of time is none.
        let next = limit.and_then(|limit| now.checked_add(limit.limit));
        let (grace, signal) =
            limit.map_or((Duration::ZERO, 0), |limit| (limit.grace, limit.signal));
        Self { next, grace, signal, warned: false }
    }

    /// Starts now, and rings when init should have ended everything.
    pub fn behind(limit: Option<TimeLimit>) -> Self {
        Self::start(limit.map(|TimeLimit { step, limit, grace, signal }| {
            let limit = limit.saturating_add(grace).saturating_add(PATIENCE);
            TimeLimit { step, limit, grace: Duration::ZERO, signal }
        }))
    }

    /// For poll(2): until something is due, but a day at most.
    pub fn timeout(&self) -> PollTimeout {
        const DAY: Duration = Duration::from_secs(86_400);
        let Some(next) = self.next else { return PollTimeout::NONE };
        // Rounded up: a poll that returns early would be one for nothing.
        let left =
            next.saturating_duration_since(Instant::now()).min(DAY) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    pub fn look(&mut self) -> Verdict {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return Verdict::GoOn;
        }
        if std::mem::replace(&mut self.warned, true) || self.grace.is_zero() {
            return Verdict::Kill;
        }
        self.next = now.checked_add(self.grace);
        Verdict::Terminate { signal: self.signal }
    }
}

/// Asks everything inside to end; what is stopped has to go on to do so. Init itself is left
/// out by the kernel (kill(2), -1).
pub fn terminate_all(signal: i32) -> Result<(), Errno> {
    for signal in [signal, Signal::SIGCONT as i32] {
        match signal_all(signal) {
            // Nobody is left, or nobody whom we may signal: the grace ends those.
            Ok(()) | Err(Errno::ESRCH | Errno::EPERM) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(limit: u64, grace: u64) -> Clock {
        let (limit, grace) = (Duration::from_nanos(limit), Duration::from_secs(grace));
        Clock::start(Some(TimeLimit { step: 0, limit, grace, signal: 15 }))
    }

    #[test]
    fn without_a_limit_it_never_rings() {
        let mut clock = Clock::start(None);
        assert_eq!(clock.timeout(), PollTimeout::NONE);
        assert_eq!(clock.look(), Verdict::GoOn);
        let limit = Duration::MAX;
        let endless = Clock::start(Some(TimeLimit { step: 0, limit, grace: limit, signal: 15 }));
        assert_eq!(endless.timeout(), PollTimeout::NONE);
    }

    #[test]
    fn it_warns_once_and_then_waits_for_the_grace() {
        let mut clock = clock(0, 3600);
        assert_eq!(clock.look(), Verdict::Terminate { signal: 15 });
        assert_eq!(clock.look(), Verdict::GoOn);
        assert!(clock.timeout().as_millis().is_some_and(|left| left > 3_500_000));
    }

    #[test]
    fn the_supervisor_comes_after_init() {
        let limit =
            |limit| Some(TimeLimit { step: 0, limit, grace: Duration::from_secs(10), signal: 15 });
        let mut clock = Clock::behind(limit(Duration::from_secs(3)));
        assert_eq!(clock.look(), Verdict::GoOn);
        let left = clock.timeout().as_millis().unwrap();
        assert!((17_000..=18_001).contains(&left), "{left}");
        assert_eq!(Clock::behind(limit(Duration::MAX)).timeout(), PollTimeout::NONE);
        assert_eq!(Clock::behind(None).timeout(), PollTimeout::NONE);
    }

    #[test]
    fn without_a_grace_there_is_no_warning() {
        assert_eq!(clock(0, 0).look(), Verdict::Kill);
    }
}
