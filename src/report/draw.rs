//! What is known at the end becomes a report.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::diagnostic::{Diagnostic, Origin as From};
use crate::forward::{Account, Counted, Why};
use crate::plan::Plan;
use crate::profile;
use crate::run::{self, Counter, End};

use super::ending::Ending;
use super::limits::limits;
use super::reached::{Reached as Hit, reached};
use super::types::{
    Count, CountUnit, Message, Network, Origin, Protection, Reached, ReachedLimit, Refused,
    RefusedWhy, Report, Source, Text, Time, Usage, VERSION,
};

/// What was asked for, and when.
#[derive(Debug)]
pub struct Asked<'a> {
    pub argv: &'a [OsString],
    pub at: SystemTime,
}

impl<'a> Asked<'a> {
    pub fn now(argv: &'a [OsString]) -> Self {
        Self { argv, at: SystemTime::now() }
    }
}

/// The report of a run that ended so; without a plan if none could be drawn.
pub fn draw(asked: &Asked, plan: Option<&Plan>, ending: &Ending) -> Report {
    let outcome = ending.outcome.as_ref();
    let end = outcome.map(|outcome| outcome.end);
    let hits = plan.zip(outcome).map(|(plan, outcome)| reached(plan, outcome));
    Report {
        version: VERSION,
        jail: env!("CARGO_PKG_VERSION").to_owned(),
        id: outcome.map(|outcome| outcome.id.clone()),
        started_at: seconds(asked.at.duration_since(UNIX_EPOCH).unwrap_or_default()),
        command: asked.argv.iter().map(|word| text(word)).collect(),
        phase: ending.phase,
        status: ending.status,
        exit_code: end.and_then(|end| match end {
            End::Exited(status) => Some(status),
            End::Signaled(_) => None,
        }),
        signal: end.and_then(|end| match end {
            End::Exited(_) => None,
            End::Signaled(signal) => Some(signal),
        }),
        timed_out: outcome.is_some_and(|outcome| outcome.timed_out),
        oom_killed: outcome.is_some_and(|outcome| outcome.hits.oom.is_some()),
        errors: ending.errors().map(message).collect(),
        limits: plan.map(limits).unwrap_or_default(),
        reached: hits.iter().flatten().map(hit).collect(),
        degraded: plan.map(degraded).unwrap_or_default(),
        cgroup: outcome.and_then(|outcome| outcome.cgroup.as_ref()).map(|path| text(path.as_ref())),
        network: outcome.and_then(|outcome| outcome.network.as_ref()).map(network),
        usage: outcome.map(|outcome| usage(&outcome.usage)),
    }
}

pub(super) fn origin(origin: &From) -> Origin {
    match origin {
        From::BuiltIn => Origin::BuiltIn,
        From::File { source, .. } => {
            Origin::File { file: source.name.clone(), line: origin.line().unwrap_or(1) }
        }
        From::Flag(flag) => Origin::Flag { flag: flag.clone() },
        From::Variable(variable) => Origin::Variable { variable: variable.clone() },
    }
}

fn message(diagnostic: &Diagnostic) -> Message {
    Message {
        title: diagnostic.title.clone(),
        because: diagnostic.because.clone(),
        help: diagnostic.help.clone(),
        origin: diagnostic.origin.as_ref().map(origin),
    }
}

fn degraded(plan: &Plan) -> Vec<Protection> {
    let named = plan.degraded.iter().map(|protection| match protection {
        profile::Protection::Landlock => Protection::Landlock,
        profile::Protection::Limits => Protection::Limits,
        profile::Protection::Overlay => Protection::Overlay,
        profile::Protection::Namespaces => Protection::Namespaces,
        profile::Protection::NestedRules => Protection::NestedRules,
    });
    named.collect()
}

fn network(account: &Account) -> Network {
    let refused =
        account.refused.iter().map(|counted @ Counted { refused, times, program }| Refused {
            host: refused.whom.clone(),
            port: refused.port,
            words: counted.line(),
            why: match refused.why {
                Why::NotAllowed => RefusedWhy::NotAllowed,
                Why::LeadsTo(_) => RefusedWhy::LeadsInward,
                Why::MeantFor(_) => RefusedWhy::MeantForAnother,
                Why::Nonsense(_) => RefusedWhy::Nonsense,
                Why::Limit(_) => RefusedWhy::Limit,
                Why::Unreachable(_) => RefusedWhy::Unreachable,
            },
            times: (*times).max(1),
            program: program.clone(),
            entry: refused.entry(),
        });
    Network {
        refused: refused.collect(),
        further: account.further,
        uncounted: account.uncounted,
        died: account.died,
    }
}

fn hit(hit: &Hit) -> Reached {
    let (limit, path, times) = match hit {
        Hit::Memory { .. } => (ReachedLimit::Memory, None, None),
        Hit::OuterMemory { .. } => (ReachedLimit::OuterMemory, None, None),
        Hit::Pids { times, .. } => (ReachedLimit::Pids, None, Some(*times)),
        Hit::Time { .. } => (ReachedLimit::Time, None, None),
        Hit::Scratch { files, .. } => {
            let limit = if *files { ReachedLimit::ScratchFiles } else { ReachedLimit::Scratch };
            (limit, Some(text(OsStr::new("/"))), None)
        }
        Hit::Tmpfs { files, path, .. } => {
            let limit = if *files { ReachedLimit::TmpfsFiles } else { ReachedLimit::Tmpfs };
            (limit, Some(text(path.as_path().as_os_str())), None)
        }
        Hit::FileSize { .. } => (ReachedLimit::Fsize, None, None),
        Hit::CpuTime { .. } => (ReachedLimit::CpuTime, None, None),
    };
    Reached { limit, path, times }
}

fn usage(usage: &run::Usage) -> Usage {
    let time = |value, source| Time { value: seconds(value), unit: "seconds", source };
    let count = |value, unit, source| Count { value, unit, source };
    let counted = |value: Option<u64>, unit| value.map(|value| count(value, unit, Source::Cgroup));
    let peak_memory = usage.peak_memory;
    Usage {
        wall: time(usage.wall, Source::Clock),
        user: time(usage.user.value, source(usage.user.source)),
        system: time(usage.system.value, source(usage.system.source)),
        peak_memory: count(peak_memory.value, CountUnit::Bytes, source(peak_memory.source)),
        peak_pids: counted(usage.peak_pids, CountUnit::Processes),
        io_read: counted(usage.io_read, CountUnit::Bytes),
        io_written: counted(usage.io_written, CountUnit::Bytes),
        throttled: usage.throttled.map(|throttled| time(throttled, Source::Cgroup)),
    }
}

fn source(counter: Counter) -> Source {
    match counter {
        Counter::Cgroup => Source::Cgroup,
        Counter::Rusage => Source::Rusage,
    }
}

/// To the microsecond: what is finer is noise.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

fn text(text: &OsStr) -> Text {
    match text.to_str() {
        Some(plain) => Text::Plain(plain.to_owned()),
        None => Text::Bytes {
            lossy: text.to_string_lossy().into_owned(),
            bytes: text.as_bytes().to_vec(),
        },
    }
}
