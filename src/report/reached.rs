//! Which limits the command ran into, from the plan and the outcome.

use std::time::Duration;

use nix::libc;

use crate::plan::{Action, Limit, Mount, Plan, Step};
use crate::profile::Rlimit;
use crate::run::{Counter, End, Full, Outcome};
use crate::units::{AbsolutePath, Size, Span};

/// A limit that the command ran into, and the step that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached<'a> {
    Memory {
        limit: Size,
        /// Of everything inside together; `None` if only single processes were measured.
        peak: Option<u64>,
        victim: Option<&'a str>,
        step: &'a Step,
    },
    /// The limit was not ours.
    OuterMemory {
        victim: Option<&'a str>,
    },
    Pids {
        limit: u32,
        times: u64,
        step: &'a Step,
    },
    Time {
        limit: Span,
        step: &'a Step,
    },
    /// The file system of all private directories has no room; with `files`, none for one more file.
    Scratch {
        files: bool,
        size: Size,
        inodes: u64,
        step: &'a Step,
    },
    /// The same of a tmpfs with a size of its own.
    Tmpfs {
        files: bool,
        path: &'a AbsolutePath,
        size: Size,
        step: &'a Step,
    },
    FileSize {
        limit: u64,
        step: &'a Step,
    },
    CpuTime {
        limit: Duration,
        step: &'a Step,
    },
}

/// All limits that were reached; what ended the command first.
pub fn reached<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Vec<Reached<'a>> {
    let ends = [time(plan, outcome), memory(plan, outcome), by_signal(plan, outcome)];
    let full = outcome.hits.full.iter().filter_map(|hit| full(plan, hit));
    ends.into_iter().flatten().chain(pids(plan, outcome)).chain(full).collect()
}

/// The step that limits memory, and its limit.
pub fn memory_limit(plan: &Plan) -> Option<(Size, &Step)> {
    plan.steps.iter().find_map(|step| match step.action {
        Action::Limit(Limit::Memory(limit)) => Some((limit, step)),
        _ => None,
    })
}

/// The step that limits processes by the cgroup, and its limit.
pub fn pids_limit(plan: &Plan) -> Option<(u32, &Step)> {
    plan.steps.iter().find_map(|step| match step.action {
        Action::Limit(Limit::Pids(limit)) => Some((limit, step)),
        _ => None,
    })
}

/// The step that limits the time, and its limit.
pub fn time_limit(plan: &Plan) -> Option<(Span, &Step)> {
    plan.steps.iter().find_map(|step| match step.action {
        Action::TimeLimit { limit, .. } => Some((limit, step)),
        _ => None,
    })
}

fn memory<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Option<Reached<'a>> {
    let oom = outcome.hits.oom.as_ref()?;
    let victim = oom.victim.as_deref();
    let peak = outcome.usage.peak_memory;
    Some(match memory_limit(plan) {
        Some((limit, step)) if oom.own_limit => {
            let peak = (peak.source == Counter::Cgroup).then_some(peak.value);
            Reached::Memory { limit, peak, victim, step }
        }
        Some(_) | None => Reached::OuterMemory { victim },
    })
}

/// No other step makes a file system in memory.
fn full<'a>(plan: &'a Plan, hit: &Full) -> Option<Reached<'a>> {
    let step = plan.steps.get(usize::from(hit.step))?;
    let files = hit.files;
    match &step.action {
        Action::Scratch { size, inodes } => {
            Some(Reached::Scratch { files, size: *size, inodes: *inodes, step })
        }
        Action::Mount { path, mount: Mount::Tmpfs { size }, .. } => {
            Some(Reached::Tmpfs { files, path, size: *size, step })
        }
        _ => None,
    }
}

fn pids<'a>(plan: &'a Plan, outcome: &Outcome) -> Option<Reached<'a>> {
    let times = outcome.hits.pids_refused;
    let (limit, step) = pids_limit(plan).filter(|_| times > 0)?;
    Some(Reached::Pids { limit, times, step })
}

fn time<'a>(plan: &'a Plan, outcome: &Outcome) -> Option<Reached<'a>> {
    let (limit, step) = time_limit(plan).filter(|_| outcome.timed_out)?;
    Some(Reached::Time { limit, step })
}

/// What the kernel says by a signal alone.
fn by_signal<'a>(plan: &'a Plan, outcome: &Outcome) -> Option<Reached<'a>> {
    if ended_by(outcome.end, libc::SIGXFSZ) {
        let (limit, step) = rlimit(plan, Rlimit::Fsize)?;
        return Some(Reached::FileSize { limit, step });
    }
    let (limit, step) = rlimit(plan, Rlimit::CpuTime)?;
    let limit = Duration::from_secs(limit);
    let used = outcome.usage.user.value + outcome.usage.system.value;
    // At the hard limit it is SIGKILL, which may come from elsewhere too.
    let explained = outcome.timed_out || outcome.hits.oom.is_some();
    let killed = ended_by(outcome.end, libc::SIGKILL) && !explained && used >= limit;
    let reached = killed || ended_by(outcome.end, libc::SIGXCPU);
    reached.then_some(Reached::CpuTime { limit, step })
}

/// Did the signal end the command, or a program of which the command, a shell, said so?
fn ended_by(end: End, signal: i32) -> bool {
    match end {
        End::Signaled(number) => number == signal,
        End::Exited(status) => i32::from(status) == 128 + signal,
    }
}

fn rlimit(plan: &Plan, wanted: Rlimit) -> Option<(u64, &Step)> {
    plan.steps.iter().find_map(|step| match step.action {
        Action::Rlimit { resource, bounds } if resource == wanted => {
            bounds.soft.at().or(bounds.hard.at()).map(|limit| (limit, step))
        }
        _ => None,
    })
}
