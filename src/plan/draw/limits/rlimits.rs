//! Limits of each process by itself: those that were asked for, and those built in.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::plan::{Action, Limit, Step};
use crate::profile::{Bounds, Cap, Rlimit, RlimitUnit};
use crate::units::{Size, Span};

use super::super::{Drawing, Steps};
use super::Limits;

/// Stops a fork bomb: set inside of our user namespace, it counts our processes alone.
const MOST_PROCESSES: u64 = 4096;

/// The steps for setrlimit(2) and setpriority(2).
pub(in crate::plan::draw) fn rlimits(drawing: &mut Drawing, limits: &Limits, steps: &mut Steps) {
    let mut bounds = BTreeMap::from([
        (Rlimit::Nproc, built_in(drawing, Rlimit::Nproc, most_processes(&limits.cgroup))),
        (Rlimit::Core, built_in(drawing, Rlimit::Core, 0)),
    ]);
    for (resource, asked) in &drawing.profile.limits.rlimits {
        let asked = within_the_callers(drawing, *resource, asked);
        match above_the_caller(drawing, *resource, &asked) {
            Some(error) => drawing.errors.push(error),
            None => drop(bounds.insert(*resource, asked)),
        }
    }
    for (resource, instead) in &limits.instead {
        let caller = drawing.host.rlimits.get(resource).copied();
        let asked = drawing.profile.limits.rlimits.get(resource).map(|asked| asked.value);
        let lowest = [caller, asked].into_iter().flatten().fold(instead.value, lower);
        bounds.insert(*resource, Located::new(lowest, instead.origin.clone()));
    }
    for (resource, Located { value, origin }) in bounds {
        steps.push(Action::Rlimit { resource, bounds: value }, &origin);
    }
    if let Some(nice) = &drawing.profile.limits.nice {
        steps.push(Action::Nice(nice.value), &nice.origin);
    }
}

/// A lower limit of the caller stays.
fn built_in(drawing: &Drawing, resource: Rlimit, most: u64) -> Located<Bounds> {
    let caller = drawing.host.rlimits.get(&resource).copied();
    let most = Bounds::both(most);
    let bounds = caller.map_or(most, |caller| lower(most, caller));
    Located::new(Bounds { soft: bounds.soft, hard: bounds.soft }, Origin::BuiltIn)
}

/// Nobody wrote what a built-in profile asks for with this session in mind, so a lower limit of
/// the caller stays there too.
fn within_the_callers(
    drawing: &Drawing,
    resource: Rlimit,
    asked: &Located<Bounds>,
) -> Located<Bounds> {
    match drawing.host.rlimits.get(&resource) {
        Some(caller) if asked.origin.built_in_profile().is_some() => {
            Located::new(lower(asked.value, *caller), asked.origin.clone())
        }
        Some(_) | None => asked.clone(),
    }
}

/// A cgroup with room for more is what shall refuse the next process, and tell so.
fn most_processes(cgroup: &[Step]) -> u64 {
    let pids = cgroup.iter().find_map(|step| match step.action {
        Action::Limit(Limit::Pids(count)) => Some(u64::from(count) + 2),
        _ => None,
    });
    MOST_PROCESSES.max(pids.unwrap_or(0))
}

fn lower(left: Bounds, right: Bounds) -> Bounds {
    Bounds { soft: least(left.soft, right.soft), hard: least(left.hard, right.hard) }
}

fn least(left: Cap<u64>, right: Cap<u64>) -> Cap<u64> {
    match (left.at(), right.at()) {
        (Some(left), Some(right)) => Cap::At(left.min(right)),
        (Some(one), None) | (None, Some(one)) => Cap::At(one),
        (None, None) => Cap::Unlimited,
    }
}

/// Without privilege nobody can raise a hard limit (setrlimit(2)); the kernel asks for a
/// privilege over the first user namespace, which is no one's inside of another.
fn above_the_caller(
    drawing: &Drawing,
    resource: Rlimit,
    asked: &Located<Bounds>,
) -> Option<Diagnostic> {
    let hard = drawing.host.rlimits.get(&resource)?.hard;
    if least(asked.value.hard, hard) == asked.value.hard {
        return None;
    }
    let name = resource.name();
    let (asked_for, most) = (shown(resource, asked.value.hard), shown(resource, hard));
    Some(
        Diagnostic::error(format!("cannot set `{name}` to {asked_for}"))
            .at(&asked.origin)
            .because(format!("the hard limit of this session is {most}"))
            .help("write a lower limit, or have root raise yours: see limits.conf(5)"),
    )
}

fn shown(resource: Rlimit, limit: Cap<u64>) -> String {
    match (limit, resource.unit()) {
        (Cap::Unlimited, _) => "unlimited".to_owned(),
        (Cap::At(bytes), RlimitUnit::Bytes) => Size(bytes).to_string(),
        (Cap::At(seconds), RlimitUnit::Seconds) => {
            Span(std::time::Duration::from_secs(seconds)).to_string()
        }
        (Cap::At(count), RlimitUnit::Count) => count.to_string(),
    }
}
