//! What stands in for a limit that no cgroup holds.

use crate::diagnostic::{Diagnostic, Located};
use crate::plan::Limit;
use crate::profile::{Bounds, Rlimit};

use super::parent::Obstacle;
use super::refusal;

/// Limits of setrlimit(2), and a warning for each limit that was asked for.
pub(super) fn draw(
    wanted: &[Located<Limit>],
    obstacle: &Obstacle,
) -> (Vec<(Rlimit, Located<Bounds>)>, Vec<Diagnostic>) {
    let mut instead = Vec::new();
    let mut warnings = Vec::new();
    for limit in wanted {
        let (rlimit, goes_on) = match &limit.value {
            Limit::Memory(size) => (
                Some((Rlimit::Data, size.0)),
                format!("each process may have {size}, and shared memory is not counted"),
            ),
            // Inside of our user namespace it counts our own processes alone; init is one more.
            Limit::Pids(count) => (
                Some((Rlimit::Nproc, u64::from(*count) + 1)),
                format!("the user inside may have {count} processes, and root any number"),
            ),
            // Nobody asked for it: it comes with the limit of memory.
            Limit::Swap(size) if size.0 == 0 => continue,
            Limit::Swap(_) | Limit::Cpus(_) | Limit::Cpuset(_) | Limit::Io { .. } => {
                (None, "continuing without it".to_owned())
            }
        };
        if let Some((resource, number)) = rlimit {
            let bounds = Located::new(Bounds::both(number), limit.origin.clone());
            instead.push((resource, bounds));
        }
        let name = refusal::name(&limit.value);
        let title = format!("no cgroup holds the limit of {name}; {goes_on}");
        warnings
            .push(Diagnostic::warning(title).at(&limit.origin).because(refusal::cause(obstacle)));
    }
    (instead, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Origin, Palette, render};
    use crate::host::cgroups::Layout;
    use crate::profile::CpuSet;
    use crate::units::{Cpus, Size};

    /// What holds instead of this limit, and what is told.
    fn instead(limit: Limit) -> (Vec<(Rlimit, Bounds)>, String) {
        let wanted = [Located::new(limit, Origin::Flag("--flag".into()))];
        let (held, warnings) = draw(&wanted, &Obstacle::Layout(Layout::Legacy));
        let held = held.into_iter().map(|(resource, bounds)| (resource, bounds.value)).collect();
        (held, warnings.iter().map(|warning| render(warning, Palette::Plain)).collect())
    }

    #[test]
    fn who_gave_limits_up_is_told_what_holds_instead() {
        let io = Limit::Io {
            device: (8, 0),
            read: Some(Size(1)),
            write: None,
            read_ops: None,
            write_ops: None,
        };
        let memory = (Rlimit::Data, Bounds::both(1 << 30));
        // One more for init.
        let pids = (Rlimit::Nproc, Bounds::both(65));
        for (limit, held, told) in [
            (
                Limit::Memory(Size(1 << 30)),
                Some(memory),
                "memory; each process may have 1G, and shared memory is not counted",
            ),
            (
                Limit::Pids(64),
                Some(pids),
                "pids; the user inside may have 64 processes, and root any number",
            ),
            (Limit::Swap(Size(1 << 30)), None, "swap; continuing without it"),
            (Limit::Cpus(Cpus(1500)), None, "cpus; continuing without it"),
            (Limit::Cpuset(CpuSet(vec![(0, 1)])), None, "cpuset; continuing without it"),
            (io, None, "io; continuing without it"),
        ] {
            let expected = format!(
                "jail: warning: no cgroup holds the limit of {told}\n --> --flag\n\
                 because: this machine has cgroup v1, where only root can set limits\n"
            );
            assert_eq!(instead(limit), (held.into_iter().collect(), expected));
        }
        // It is the other half of a limit of memory.
        assert_eq!(instead(Limit::Swap(Size(0))), (vec![], String::new()));
    }
}
