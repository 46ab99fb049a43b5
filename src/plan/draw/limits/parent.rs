//! Below which cgroup the one of this run can be made.

use crate::host::cgroups::{Cgroup, Cgroups, Controller, Layout, Outer, Systemd};
use crate::plan::CgroupParent;

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Controllers belong to cgroup v1, or there are no cgroups at all.
    Layout(Layout),
    /// The kernel has no such controller.
    NotInKernel(Controller),
    /// The cgroup that is ours holds other processes, so that it cannot have limited children.
    Busy { path: String, others: usize },
    /// What is ours to change does not have this controller.
    NotDelegated { path: String, missing: Controller },
    /// The user's systemd does not have it.
    NotInScope { missing: Controller },
    /// A scope would leave the limits of a cgroup that the caller is in.
    Leaves(Outer),
    /// Nothing is ours, and there is no systemd to ask.
    NoOneToAsk,
    /// Nothing is ours, and the user's systemd cannot be reached.
    NoBus,
}

impl Obstacle {
    /// Whether it stands against this controller more than against others.
    pub fn is_about(&self, controller: Controller) -> bool {
        match self {
            Self::NotInKernel(missing)
            | Self::NotDelegated { missing, .. }
            | Self::NotInScope { missing } => *missing == controller,
            Self::Leaves(_)
            | Self::Layout(_)
            | Self::Busy { .. }
            | Self::NoOneToAsk
            | Self::NoBus => false,
        }
    }
}

/// Our own subtree if there is one, else a scope of the user's systemd.
pub(super) fn find(cgroups: &Cgroups, needed: &[Controller]) -> Result<CgroupParent, Obstacle> {
    if let Some(parent) = delegated(&cgroups.lineage, needed) {
        return Ok(parent);
    }
    if let (Systemd::Bus { .. }, Some(outer)) = (&cgroups.systemd, limited(&cgroups.left)) {
        return Err(Obstacle::Leaves(outer.clone()));
    }
    match (&cgroups.systemd, &cgroups.mount) {
        (Systemd::Bus { address, controllers }, Some(mount))
            if cgroups.layout == Layout::Unified =>
        {
            match missing(needed, controllers.as_ref().unwrap_or(&cgroups.available)) {
                None => Ok(CgroupParent::Scope {
                    bus: address.clone(),
                    mount: mount.clone(),
                    enable: needed.to_vec(),
                }),
                Some(lack) => {
                    Err(in_kernel(cgroups, lack).unwrap_or(Obstacle::NotInScope { missing: lack }))
                }
            }
        }
        (systemd, _) => Err(obstacle(cgroups, needed, systemd)),
    }
}

/// The nearest cgroup of ours below which children can have these controllers, and hold processes:
/// no one that holds some itself (cgroup-v2, "No Internal Process Constraint"; for the threaded
/// controllers the kernel would make the children's type `domain invalid`). It goes up only
/// from a cgroup without limits of its own: those are somebody's wish, and hold for us too.
fn delegated(lineage: &[Cgroup], needed: &[Controller]) -> Option<CgroupParent> {
    for cgroup in lineage {
        if missing(needed, &cgroup.controllers).is_some() {
            return None;
        }
        let enable: Vec<Controller> = needed
            .iter()
            .filter(|controller| !cgroup.enabled.contains(controller))
            .copied()
            .collect();
        let occupied = (cgroup.own || cgroup.others > 0) && !cgroup.root;
        if !occupied || cgroup.others == 0 {
            let path = cgroup.path.clone();
            return Some(CgroupParent::Delegated { path, enable, leave: occupied });
        }
        if !cgroup.limits.is_empty() {
            return None;
        }
    }
    None
}

/// Limits of processes are taken along, see [`super::pids`]; others are not.
fn limited(left: &[Outer]) -> Option<&Outer> {
    left.iter().find(|outer| !outer.limits.is_empty())
}

fn missing(needed: &[Controller], there: &[Controller]) -> Option<Controller> {
    needed.iter().find(|controller| !there.contains(controller)).copied()
}

fn in_kernel(cgroups: &Cgroups, lack: Controller) -> Option<Obstacle> {
    // Of a container only a part of the hierarchy is seen; what the kernel has is not known.
    let whole = cgroups.systemd != Systemd::Absent;
    (whole && !cgroups.available.contains(&lack)).then_some(Obstacle::NotInKernel(lack))
}

/// What to name, where several things are in the way: the nearest one that can be changed.
fn obstacle(cgroups: &Cgroups, needed: &[Controller], systemd: &Systemd) -> Obstacle {
    match cgroups.layout {
        Layout::Unified => {}
        layout @ (Layout::Hybrid | Layout::Legacy | Layout::Absent) => {
            return Obstacle::Layout(layout);
        }
    }
    if let Some(lack) = missing(needed, &cgroups.available)
        && let Some(obstacle) = in_kernel(cgroups, lack)
    {
        return obstacle;
    }
    if let Some(cgroup) = cgroups.lineage.first() {
        let path = cgroup.path.to_string();
        return match missing(needed, &cgroup.controllers) {
            Some(missing) => Obstacle::NotDelegated { path, missing },
            None => Obstacle::Busy { path, others: cgroup.others },
        };
    }
    match systemd {
        Systemd::NoBus | Systemd::Bus { .. } => Obstacle::NoBus,
        Systemd::Absent => Obstacle::NoOneToAsk,
    }
}

#[cfg(test)]
mod tests {
    use Controller::{Cpu, Cpuset, Memory, Pids};

    use super::*;
    use crate::units::AbsolutePath;

    fn cgroup(path: &str) -> Cgroup {
        Cgroup {
            path: AbsolutePath::new(path).unwrap(),
            controllers: vec![Cpu, Memory, Pids],
            enabled: Vec::new(),
            others: 0,
            own: true,
            root: false,
            limits: Vec::new(),
        }
    }

    fn cgroups(lineage: Vec<Cgroup>, systemd: Systemd) -> Cgroups {
        Cgroups {
            layout: Layout::Unified,
            mount: AbsolutePath::new("/g"),
            available: vec![Cpu, Cpuset, Memory, Pids],
            lineage,
            left: Vec::new(),
            systemd,
        }
    }

    fn below(path: &str, enable: &[Controller], leave: bool) -> Result<CgroupParent, Obstacle> {
        let path = AbsolutePath::new(path).unwrap();
        Ok(CgroupParent::Delegated { path, enable: enable.to_vec(), leave })
    }

    fn bus() -> Systemd {
        Systemd::Bus { address: "unix:path=/b".into(), controllers: Some(vec![Cpu, Memory, Pids]) }
    }

    fn alone(lineage: Vec<Cgroup>, needed: &[Controller]) -> Result<CgroupParent, Obstacle> {
        find(&cgroups(lineage, Systemd::Absent), needed)
    }

    #[test]
    fn alone_in_a_cgroup_we_leave_it_for_a_leaf() {
        assert_eq!(alone(vec![cgroup("/g/a")], &[Memory]), below("/g/a", &[Memory], true));
    }

    #[test]
    fn other_processes_are_not_disturbed() {
        let busy = Cgroup { others: 1, ..cgroup("/g/a") };
        let above = Cgroup { own: false, enabled: vec![Memory], ..cgroup("/g") };
        let lineage = vec![busy.clone(), above];
        assert_eq!(alone(lineage, &[Memory]), below("/g", &[], false));
        let path = "/g/a".to_owned();
        assert_eq!(alone(vec![busy], &[Memory]), Err(Obstacle::Busy { path, others: 1 }));
    }

    #[test]
    fn limits_of_a_cgroup_are_never_left_for_the_one_above() {
        let limited = Cgroup { others: 1, limits: vec!["memory.max"], ..cgroup("/g/a") };
        let above = Cgroup { own: false, enabled: vec![Memory], ..cgroup("/g") };
        assert!(alone(vec![limited, above], &[Memory]).is_err());
    }

    #[test]
    fn the_root_may_hold_processes() {
        let root = Cgroup { others: 99, root: true, ..cgroup("/g") };
        assert_eq!(alone(vec![root], &[Memory]), below("/g", &[Memory], false));
    }

    #[test]
    fn a_cgroup_of_ours_goes_before_systemd() {
        let found = find(&cgroups(vec![cgroup("/g")], bus()), &[Memory]);
        assert_eq!(found, below("/g", &[Memory], true));
        let scope = CgroupParent::Scope {
            bus: "unix:path=/b".into(),
            mount: AbsolutePath::new("/g").unwrap(),
            enable: vec![Memory],
        };
        assert_eq!(find(&cgroups(Vec::new(), bus()), &[Memory]), Ok(scope));
    }

    #[test]
    fn a_scope_that_would_leave_limits_is_no_way() {
        let path = AbsolutePath::new("/g/limited.scope").unwrap();
        let outer = Outer { path, limits: vec!["memory.max"], pids: None };
        let mut cgroups = cgroups(Vec::new(), bus());
        cgroups.left = vec![outer.clone()];
        assert_eq!(find(&cgroups, &[Memory]), Err(Obstacle::Leaves(outer)));
        cgroups.left[0].limits.clear();
        assert!(find(&cgroups, &[Memory]).is_ok(), "pids.max is taken along");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Obstacle::NotInScope { missing: Cpuset };
        assert_eq!(find(&cgroups(Vec::new(), bus()), &[Cpuset, Memory]), Err(missing));
        let mut none = cgroups(Vec::new(), bus());
        none.available = vec![Cpu];
        none.systemd = Systemd::Bus { address: "x".into(), controllers: Some(vec![Cpu]) };
        assert_eq!(find(&none, &[Memory]), Err(Obstacle::NotInKernel(Memory)));
        none.layout = Layout::Hybrid;
        assert_eq!(find(&none, &[Memory]), Err(Obstacle::Layout(Layout::Hybrid)));
        let path = "/g".to_owned();
        let lack = Obstacle::NotDelegated { path, missing: Cpuset };
        assert_eq!(alone(vec![cgroup("/g")], &[Cpuset]), Err(lack));
        assert_eq!(alone(Vec::new(), &[Memory]), Err(Obstacle::NoOneToAsk));
        assert_eq!(find(&cgroups(Vec::new(), Systemd::NoBus), &[Memory]), Err(Obstacle::NoBus));
    }
}
