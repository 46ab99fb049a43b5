//! `--stats`: what a run used, as a short table.

use crate::plan::Plan;
use crate::run::{Counter, Outcome};

use super::reached::{memory_limit, pids_limit, time_limit};
use crate::units::amounts::{size, time};

/// The table, with a newline at the end. What nobody counted has no row.
pub fn stats(plan: &Plan, outcome: &Outcome) -> String {
    let rows = rows(plan, outcome);
    let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| format!("  {name:widest$}  {value}\n"));
    std::iter::once("jail: used by the command:\n".to_owned()).chain(lines).collect()
}

fn rows(plan: &Plan, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let usage = &outcome.usage;
    let wall = of(time(usage.wall), time_limit(plan).map(|(limit, _)| limit.to_string()));
    let always = [
        ("time", wall),
        ("user", time(usage.user.value)),
        ("system", time(usage.system.value)),
        ("memory", memory(plan, outcome)),
    ];
    let pids = usage
        .peak_pids
        .map(|peak| of(peak.to_string(), pids_limit(plan).map(|(limit, _)| limit.to_string())));
    let counted = [
        ("processes", pids),
        ("read", usage.io_read.map(size)),
        ("written", usage.io_written.map(size)),
        ("throttled", usage.throttled.map(time)),
    ];
    let counted = counted.into_iter().filter_map(|(name, value)| Some((name, value?)));
    always.into_iter().chain(counted).collect()
}

fn memory(plan: &Plan, outcome: &Outcome) -> String {
    let peak = outcome.usage.peak_memory;
    match peak.source {
        Counter::Cgroup => of(size(peak.value), memory_limit(plan).map(|(limit, _)| size(limit.0))),
        // No limit beside it: that one is about all processes together.
        Counter::Rusage => format!("{}, the largest process", size(peak.value)),
    }
}

fn of(used: String, limit: Option<String>) -> String {
    match limit {
        Some(limit) => format!("{used} of {limit}"),
        None => used,
    }
}
