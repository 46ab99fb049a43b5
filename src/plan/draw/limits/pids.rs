//! The limit of processes that the caller's own cgroup has.

use crate::diagnostic::{Located, Origin};
use crate::host::cgroups::Cgroups;
use crate::plan::Limit;

/// A scope of systemd is beside the caller's cgroup, where that one's limit does not hold. systemd
/// limits every unit so, so it is no obstacle: the scope gets the lower of both.
pub(super) fn taken_along(wanted: Vec<Located<Limit>>, cgroups: &Cgroups) -> Vec<Located<Limit>> {
    let Some(outer) = cgroups.left.iter().filter_map(|outer| outer.pids).min() else {
        return wanted;
    };
    let mut limits: Vec<Located<Limit>> = Vec::with_capacity(wanted.len() + 1);
    let mut lowest = Located::new(Limit::Pids(outer), Origin::BuiltIn);
    for limit in wanted {
        match limit.value {
            Limit::Pids(count) if count <= outer => lowest = limit,
            Limit::Pids(_) => {}
            _ => limits.push(limit),
        }
    }
    limits.push(lowest);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cgroups::{Layout, Outer, Systemd};
    use crate::units::{AbsolutePath, Size};

    #[test]
    fn the_lower_limit_counts() {
        let outer = |pids| Outer { path: AbsolutePath::root(), limits: Vec::new(), pids };
        let cgroups = Cgroups {
            layout: Layout::Unified,
            mount: None,
            available: Vec::new(),
            lineage: Vec::new(),
            left: vec![outer(Some(90)), outer(None), outer(Some(100))],
            systemd: Systemd::NoBus,
        };
        let limits = |wanted: &[Limit]| {
            let origin = Origin::Flag("--x".into());
            let wanted = wanted.iter().map(|limit| Located::new(limit.clone(), origin.clone()));
            let limits = taken_along(wanted.collect(), &cgroups);
            limits.into_iter().map(|limit| limit.value).collect::<Vec<_>>()
        };
        let memory = Limit::Memory(Size(1 << 20));
        assert_eq!(limits(std::slice::from_ref(&memory)), [memory.clone(), Limit::Pids(90)]);
        assert_eq!(limits(&[Limit::Pids(95), memory.clone()]), [memory, Limit::Pids(90)]);
        assert_eq!(limits(&[Limit::Pids(8)]), [Limit::Pids(8)]);
    }
}
