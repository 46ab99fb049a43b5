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
                format!("the user inside may have {count}, which root is exempt from"),
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
