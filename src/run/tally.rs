//! What a run has used, and which limits it ran into.

use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::Diagnostic;
use crate::sys::{Change, Used};

use super::cgroup::Figures;
use super::confine::Confinement;
use super::outcome::{Counter, End, Figure, Full, Hits, OutOfMemory, Outcome, Usage};

/// Everything that was counted.
pub struct Tally {
    id: String,
    wall: Duration,
    used: Used,
    /// Where there was a cgroup.
    figures: Option<Figures>,
    cgroup: Option<PathBuf>,
    largest: Option<String>,
    notes: Vec<Diagnostic>,
}

impl Tally {
    /// Reads the figures of the cgroup, and takes it down. Init must have ended.
    pub fn take(
        id: String,
        wall: Duration,
        ended: &Result<(Change, Used), Errno>,
        confinement: Option<Confinement>,
        largest: Option<String>,
    ) -> Self {
        let used = ended.map(|(_, used)| used).unwrap_or_default();
        let figures = confinement.as_ref().map(Confinement::figures);
        let cgroup = confinement.as_ref().map(|confinement| confinement.path().to_owned());
        let notes = confinement.and_then(|confinement| confinement.end().err());
        Self { id, wall, used, figures, cgroup, largest, notes: notes.into_iter().collect() }
    }

    /// With one more thing that the user should know.
    pub fn with(mut self, note: Option<Diagnostic>) -> Self {
        self.notes.extend(note);
        self
    }

    pub fn ran_out_of_memory(&self) -> bool {
        self.figures.as_ref().is_some_and(|figures| figures.oom_kills > 0)
    }

    pub fn outcome(self, end: End, timed_out: bool, full: Vec<Full>) -> Outcome {
        let usage = self.usage();
        let oom = self.figures.as_ref().filter(|figures| figures.oom_kills > 0);
        let oom = oom.map(|figures| OutOfMemory {
            own_limit: figures.oom > 0,
            victim: self.largest.clone(),
        });
        let pids_refused = self.figures.as_ref().map_or(0, |figures| figures.pids_refused);
        let Self { id, cgroup, notes, .. } = self;
        let hits = Hits { oom, pids_refused, full };
        Outcome { id, end, timed_out, hits, usage, network: None, cgroup, notes }
    }

    fn usage(&self) -> Usage {
        let figures = self.figures.clone().unwrap_or_default();
        fn best<T>(counted: Option<T>, used: T) -> Figure<T> {
            match counted {
                Some(value) => Figure { value, source: Counter::Cgroup },
                None => Figure { value: used, source: Counter::Rusage },
            }
        }
        Usage {
            wall: self.wall,
            user: best(figures.user, self.used.user),
            system: best(figures.system, self.used.system),
            peak_memory: best(figures.peak_memory, self.used.largest),
            // Init is one of them.
            peak_pids: figures.peak_pids.map(|peak| peak.saturating_sub(1)),
            io_read: figures.io_read,
            io_written: figures.io_written,
            throttled: figures.throttled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(figures: Option<Figures>) -> Tally {
        Tally {
            id: "1".into(),
            wall: Duration::from_secs(1),
            used: Used { largest: 10, ..Used::default() },
            figures,
            cgroup: None,
            largest: Some("cc1plus".into()),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_cgroup_counts_better_than_rusage() {
        let figures = Figures { peak_memory: Some(20), peak_pids: Some(3), ..Figures::default() };
        let usage = tally(Some(figures)).outcome(End::Exited(0), false, Vec::new()).usage;
        assert_eq!(usage.peak_memory, Figure { value: 20, source: Counter::Cgroup });
        assert_eq!(usage.peak_pids, Some(2));
        assert_eq!(usage.user.source, Counter::Rusage);
        let usage = tally(None).usage();
        assert_eq!(usage.peak_memory, Figure { value: 10, source: Counter::Rusage });
        assert_eq!(usage.peak_pids, None);
    }

    #[test]
    fn whose_memory_ran_out_is_told_apart() {
        let hits = |oom, oom_kills| {
            let figures = Figures { oom, oom_kills, ..Figures::default() };
            tally(Some(figures)).outcome(End::Signaled(9), false, Vec::new()).hits.oom
        };
        let victim = Some("cc1plus".to_owned());
        assert_eq!(hits(1, 2), Some(OutOfMemory { own_limit: true, victim: victim.clone() }));
        assert_eq!(hits(0, 1), Some(OutOfMemory { own_limit: false, victim }));
        // The limit was felt, and enough was freed.
        assert_eq!(hits(1, 0), None);
    }
}
