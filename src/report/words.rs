//! A limit that was reached, in words: which, where it was set, how to raise it.

use crate::diagnostic::{Diagnostic, Origin, pasted};
use crate::plan::Step;
use crate::units::amounts::{size, time, times};
use crate::units::{AbsolutePath, Size};

use super::reached::Reached;

/// The message about it. An error if it ended the command.
pub fn words(reached: &Reached) -> Diagnostic {
    match reached {
        Reached::Memory { limit, peak, victim, step } => {
            let peak = peak.map(|peak| format!("peak {}", size(peak)));
            let facts: Vec<String> = peak.into_iter().chain(victim.map(killed)).collect();
            let facts =
                if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
            let title = format!("memory limit of {} reached{facts}", size(limit.0));
            raised(Diagnostic::error(title), "--memory", "memory", step)
        }
        Reached::OuterMemory { victim } => {
            let facts = victim.map_or(String::new(), |victim| format!(" ({})", killed(victim)));
            let title = format!("the machine, or a cgroup above, ran out of memory{facts}");
            Diagnostic::error(title).help("see what else uses it: dmesg | grep -i kill")
        }
        Reached::Pids { limit, times: count, step } => {
            let limit = format!("limit of {limit} processes and threads");
            let title = format!("{limit} reached {}", times(*count));
            raised(Diagnostic::warning(title), "--pids", "pids", step)
        }
        Reached::Time { limit, step } => {
            let title = format!("time limit of {limit} reached");
            raised(Diagnostic::error(title), "--time", "time", step)
        }
        Reached::Scratch { files, size, inodes, step } => scratch(*files, *size, *inodes, step),
        Reached::Tmpfs { files, path, size, step } => tmpfs(*files, path, *size, step),
        Reached::FileSize { limit, step } => {
            let title = format!("file size limit of {} reached", size(*limit));
            raised(Diagnostic::error(title), "--ulimit", "fsize", step)
        }
        Reached::CpuTime { limit, step } => {
            let title = format!("processor time limit of {} reached", time(*limit));
            raised(Diagnostic::error(title), "--ulimit", "cpu-time", step)
        }
    }
}

/// The name comes from inside and may be anything; the kernel keeps 15 bytes of it.
fn killed(victim: &str) -> String {
    const LONGEST: usize = 32;
    let name: String = victim.chars().take(LONGEST).collect();
    let rest = if victim.chars().count() > LONGEST { "..." } else { "" };
    format!("killed `{name}{rest}`")
}

/// Where the limit was set, and what raises it.
fn raised(diagnostic: Diagnostic, flag: &str, key: &str, step: &Step) -> Diagnostic {
    let by_key = format!("`[limits] {key}`");
    let (help, located) = match &step.origin {
        Origin::BuiltIn | Origin::Variable(_) => {
            (format!("raise it with `{flag}`, or {by_key} in a profile"), false)
        }
        Origin::File { .. } => {
            (format!("raise it with `{flag}`, or {by_key} in {}", step.origin), true)
        }
        Origin::Flag(used) => (format!("raise it with `{used}`"), true),
    };
    let diagnostic = diagnostic.help(help);
    if located { diagnostic.at(&step.origin) } else { diagnostic }
}

fn scratch(files: bool, limit: Size, inodes: u64, step: &Step) -> Diagnostic {
    let room = if files { format!("{inodes} files") } else { size(limit.0) };
    let warning = Diagnostic::warning(format!("the scratch space is full: it has room for {room}"))
        .because("overlays and private directories, such as /tmp and the home, share it")
        .help(
            "give a directory room of its own with `--tmpfs PATH:size=SIZE`, or grant one \
                 of the host with `--write PATH`",
        );
    asked_for(warning, step)
}

/// How many files it may have the kernel takes from the machine's memory, whatever its size.
fn tmpfs(files: bool, path: &AbsolutePath, limit: Size, step: &Step) -> Diagnostic {
    let what = format!("the tmpfs at `{path}` is full");
    let warning = if files {
        Diagnostic::warning(format!("{what}: it has as many files as this machine's memory allows"))
            .help("keep fewer files in it, or grant a directory of the host with `--write PATH`")
    } else {
        let larger = pasted(format!("{path}:size=SIZE"));
        Diagnostic::warning(format!("{what}: its size is {}", size(limit.0)))
            .help(format!("give it more with `--tmpfs {larger}`"))
    };
    asked_for(warning, step)
}

/// What is built in has no place that a user could change.
fn asked_for(diagnostic: Diagnostic, step: &Step) -> Diagnostic {
    if step.origin == Origin::BuiltIn { diagnostic } else { diagnostic.at(&step.origin) }
}
