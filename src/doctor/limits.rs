//! Limits that a cgroup holds, one controller after the other.

use crate::diagnostic::Diagnostic;
use crate::plan::{Action, CgroupParent, Plan};
use crate::profile::{Cap, Limits, Profile, Protection, Swap};

use super::check::BLOCKED;
use super::child::LONG;
use super::primitive::Primitive;
use super::rehearsal::{obstacle, rehearse, without};
use super::skeleton::{self, Skeleton};
use super::types::{Check, State};

/// A check for each controller that the profile needs, or one that says that it needs none.
pub fn controllers(profile: &Profile, skeleton: Option<&Skeleton>) -> Vec<Check> {
    let degrades = profile.degrade.iter().any(|it| it.value == Protection::Limits);
    by_controller(&profile.limits)
        .into_iter()
        .map(|(name, limits)| match limits {
            None => Check::not_needed(name),
            Some(limits) => {
                let check = controller(name, limits, skeleton);
                match check.state {
                    State::Missing if degrades => check
                        .degraded("the profile goes on with limits of each process, or without"),
                    _ => check,
                }
            }
        })
        .collect()
}

/// The limits of the profile that each controller holds.
fn by_controller(limits: &Limits) -> Vec<(Primitive, Option<Limits>)> {
    let only = |is_set: bool, limits: Limits| is_set.then_some(limits);
    let memory = limits.memory.as_ref().is_some_and(|it| it.value.at().is_some())
        || limits.swap.as_ref().is_some_and(|swap| swap.value != Swap::Unlimited);
    let cpus = limits.cpus.as_ref().is_some_and(|it| matches!(it.value, Cap::At(_)));
    let pids = limits.pids.as_ref().is_some_and(|it| matches!(it.value, Cap::At(_)));
    let none = Limits::default;
    let with_memory = Limits { memory: limits.memory.clone(), swap: limits.swap.clone(), ..none() };
    vec![
        (Primitive::Memory, only(memory, with_memory)),
        (Primitive::Cpu, only(cpus, Limits { cpus: limits.cpus.clone(), ..none() })),
        (
            Primitive::Cpuset,
            only(limits.cpuset.is_some(), Limits { cpuset: limits.cpuset.clone(), ..none() }),
        ),
        (Primitive::Pids, only(pids, Limits { pids: limits.pids.clone(), ..none() })),
        (Primitive::Io, only(!limits.io.is_empty(), Limits { io: limits.io.clone(), ..none() })),
    ]
}

fn controller(name: Primitive, limits: Limits, skeleton: Option<&Skeleton>) -> Check {
    let profile = Profile { limits, ..skeleton::profile() };
    let plan = match skeleton::draw(&profile) {
        Ok(plan) => plan,
        // The name of the check says already what cannot be limited.
        Err(said) => return Check { found: causes(&said), ..Check::refused(name, &said) },
    };
    tried(name, &plan, skeleton)
}

fn tried(name: Primitive, plan: &Plan, skeleton: Option<&Skeleton>) -> Check {
    let Some(place) = place(plan) else { return Check::not_needed(name) };
    let Some(skeleton) = skeleton.filter(|skeleton| !skeleton.is_blocked) else {
        return Check::not_tried(name, format!("{place}, as far as can be seen; {BLOCKED}"));
    };
    if let Some(obstacle) = obstacle(plan) {
        return Check::ok(name, format!("{place}; not tried, as {obstacle}"));
    }
    match rehearse(&without(plan, &skeleton.left_out()), LONG) {
        None => Check::ok(name, place),
        Some(stumble) => Check::failed(name, &stumble),
    }
}

fn causes(said: &[Diagnostic]) -> String {
    let cause = |said: &Diagnostic| said.because.clone().unwrap_or_else(|| said.title.clone());
    said.iter().map(cause).collect::<Vec<_>>().join("; ")
}

/// Where the cgroup of a run is made; `None` if it needs none.
fn place(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Cgroup(CgroupParent::Delegated { path, .. }) => {
            Some(format!("below the cgroup `{path}`"))
        }
        Action::Cgroup(CgroupParent::Scope { .. }) => {
            Some("in a scope of the user's systemd".to_owned())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::rehearsal::tests::plan;
    use crate::units::AbsolutePath;

    #[test]
    fn the_place_of_the_cgroup_is_told_also_where_it_cannot_be_tried() {
        let skeleton = |is_blocked| Skeleton { failed: Vec::new(), is_blocked };
        let below = |leave| {
            let path = AbsolutePath::new("/sys/fs/cgroup/x").expect("it is absolute");
            plan(Action::Cgroup(CgroupParent::Delegated { path, enable: Vec::new(), leave }))
        };
        let scope = plan(Action::Cgroup(CgroupParent::Scope {
            bus: "unix:path=/x".into(),
            mount: AbsolutePath::new("/sys/fs/cgroup").expect("it is absolute"),
            enable: Vec::new(),
        }));
        for (plan, skeleton, state, found) in [
            (
                scope,
                None,
                State::NotTried,
                "in a scope of the user's systemd, as far as can be seen; it needs what is missing above",
            ),
            (
                below(false),
                Some(skeleton(true)),
                State::NotTried,
                "below the cgroup `/sys/fs/cgroup/x`, as far as can be seen; it needs what is missing \
                 above",
            ),
            (
                below(true),
                Some(skeleton(false)),
                State::Ok,
                "below the cgroup `/sys/fs/cgroup/x`; not tried, as the cgroup of this process would have \
                 to hold no other, and the doctor is two",
            ),
        ] {
            let check = tried(Primitive::Memory, &plan, skeleton.as_ref());
            assert_eq!((check.state, check.found.as_str()), (state, found));
        }
    }
}
