//! Each system call of the set-up fails once, by strace(1): the command must never run with
//! less than it was promised.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Feature, Finished, Jail, mounts_now};

/// Calls whose failure cannot weaken the sandbox, so that a run may go on without them.
const HARMLESS: [&str; 1] = ["close"];

/// Calls of the set-up, from the first namespace to the command.
const SET_UP: [&str; 32] = [
    "capset",
    "chdir",
    "chmod",
    "clone",
    "clone3",
    "close_range",
    "fchdir",
    "fsconfig",
    "fsmount",
    "fsopen",
    "keyctl",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "mkdirat",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "openat2",
    "pivot_root",
    "prctl",
    "prlimit64",
    "seccomp",
    "sethostname",
    "signalfd4",
    "socket",
    "socketpair",
    "symlinkat",
    "umount2",
    "write",
    "openat",
    "newfstatat",
];

fn traced(options: &[&str]) -> Jail {
    let launcher = ["strace", "-f", "-qq"].iter().chain(options).map(|word| word.to_string());
    Jail::new().through(launcher)
}

/// How often init, or the process of the command before it is executed, makes each call.
fn counted() -> BTreeMap<String, u32> {
    let jail = traced(&["-o", "../trace"]);
    jail.run(["true"]).succeeds();
    let trace = fs::read_to_string(jail.home().join("trace")).expect("strace wrote its trace");
    let mut processes: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for line in trace.lines() {
        let mut words = line.split_whitespace();
        let (Some(pid), Some(call)) = (words.next(), words.next()) else { continue };
        let Some((name, _)) = call.split_once('(') else { continue };
        let calls = processes.entry(pid.to_owned()).or_default();
        *calls.entry(name.to_owned()).or_default() += 1;
    }
    let mut most = BTreeMap::new();
    for (name, times) in processes.into_values().flatten() {
        let known = most.entry(name).or_default();
        *known = times.max(*known);
    }
    most
}

fn with_fault(call: &str, errno: &str, when: u32) -> (Jail, Finished) {
    let fault = format!("inject={call}:error={errno}:when={when}");
    let jail = traced(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &fault]);
    let finished = jail.run(["touch", "ran"]);
    (jail, finished)
}

/// Says how a fault was not met as it should be.
fn mistake(call: &str, when: u32) -> Option<String> {
    let (jail, finished) = with_fault(call, "ENOMEM", when);
    let stderr = String::from_utf8_lossy(&finished.stderr);
    let ran = jail.project().join("ran").exists();
    if finished.status.success() && HARMLESS.contains(&call) {
        return None;
    }
    let refused = finished.status.code() == Some(125)
        && stderr.starts_with("jail: error: ")
        && stderr.matches("jail: ").count() == 1
        && stderr.contains("ENOMEM");
    let status = finished.status;
    (!refused || ran).then(|| format!("{call}, time {when}: {status}, ran: {ran}\n{stderr}"))
}

#[test]
fn a_fault_in_any_call_of_the_set_up_stops_the_run() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let mounts = mounts_now();
    let counted = counted();
    let mut mistakes = Vec::new();
    for call in SET_UP {
        let Some(times) = counted.get(call) else { continue };
        let first = match call {
            // The first is the error itself, which we want to read.
            "write" => 2,
            // We and the library first ask whether this kernel has Landlock, and how much.
            "landlock_create_ruleset" => 3,
            _ => 1,
        };
        let mut moments = vec![first, times / 2, *times];
        moments.retain(|when| *when >= first);
        moments.dedup();
        mistakes.extend(moments.into_iter().filter_map(|when| mistake(call, when)));
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert_eq!(mounts_now(), mounts);
}

#[test]
fn a_call_that_may_be_repeated_is_repeated() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    for (call, errno) in [("openat2", "EAGAIN"), ("recvfrom", "EINTR"), ("wait4", "EINTR")] {
        let (jail, finished) = with_fault(call, errno, 1);
        finished.succeeds();
        assert!(jail.project().join("ran").exists(), "{call}");
    }
}

#[test]
fn a_ruleset_that_the_kernel_does_not_make_is_told() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    for (errno, told) in [
        (
            "ENOMEM",
            "out of memory [ENOMEM]\nhelp: free some memory, or raise the limit of this container\n",
        ),
        (
            "EMFILE",
            "too many open files [EMFILE]\nhelp: raise the limit of open files: ulimit -n 64\n",
        ),
    ] {
        // Twice it was asked whether this kernel has Landlock, and how much.
        let (jail, finished) = with_fault("landlock_create_ruleset", errno, 3);
        finished.exits(125).outputs("").says("jail: error: cannot create the Landlock ruleset\n");
        finished.says(&format!("\nbecause: {told}"));
        assert!(!jail.project().join("ran").exists());
    }
}
