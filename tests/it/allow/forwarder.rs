//! The process outside that serves the network: what it can do, and how it ends.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::curl;
use crate::require;
use crate::support::{Feature, Jail, Running, wait_until};

/// Nobody is reached in these tests.
fn jail() -> Jail {
    Jail::new().args(["--network", "allow", "--allow", "good.example:443"])
}

/// Also gives the outer processes standard output, under another number: it ends when all of them do.
const HELD: [&str; 4] = ["sh", "-c", "exec 9>&1; exec \"$@\"", "sh"];

/// The child of the supervisor that has threads.
fn forwarder(running: &Running) -> PathBuf {
    let parent = format!("\nPPid:\t{}\n", running.pid());
    let mut processes = fs::read_dir("/proc").expect("it can be listed").flatten();
    let is_it = |path: &PathBuf| {
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        status.contains(&parent) && status.contains("\nThreads:\t5\n")
    };
    processes.find_map(|entry| Some(entry.path()).filter(is_it)).expect("it is a child")
}

fn number(process: &std::path::Path) -> Pid {
    let name = process.file_name().and_then(|name| name.to_str()).expect("a number");
    Pid::from_raw(name.parse().expect("a number"))
}

#[test]
fn it_has_given_up_what_it_does_not_need() {
    require!(Feature::Userns);
    require!(Feature::Root);
    let jail = jail();
    let mut running = jail.start(["sh", "-c", "echo ready; read line"]);
    running.wait_for("ready");
    let process = forwarder(&running);
    let threads = fs::read_dir(process.join("task")).expect("it can be listed").flatten();
    for thread in threads {
        let status = fs::read_to_string(thread.path().join("status")).expect("it is running");
        for line in ["\nSeccomp:\t2\n", "\nNoNewPrivs:\t1\n", "\nCapEff:\t0000000000000000\n"] {
            assert!(status.contains(line), "{line:?} of {status}");
        }
    }
    let open: Vec<String> = fs::read_dir(process.join("fd"))
        .expect("it can be listed")
        .flatten()
        .filter(|entry| entry.file_name() != "2")
        .map(|entry| fs::read_link(entry.path()).expect("a link").display().to_string())
        .collect();
    let needed = ["socket:", "anon_inode:[eventpoll]", "anon_inode:[eventfd]", "/dev/null"];
    let odd = open.iter().find(|name| !needed.iter().any(|needed| name.starts_with(needed)));
    assert_eq!(odd, None, "{open:?}");
    running.say("");
    running.finish().succeeds();
}

#[test]
fn its_death_leaves_the_command_without_a_network_and_is_told() {
    require!(Feature::Userns);
    let get = curl(&["https://good.example/"]).join(" ").replace(" --cacert world/server.crt", "");
    let script = format!("echo ready; read line; {get}; echo $?");
    let jail = jail();
    let mut running = jail.start(["sh", "-c", &script]);
    running.wait_for("ready");
    kill(number(&forwarder(&running)), Signal::SIGKILL).expect("it is running");
    running.say("");
    running
        .finish()
        .succeeds()
        .output_has("6\n")
        .says("warning: the process that served the network ended before the command did");
}

#[test]
fn it_ends_with_a_supervisor_that_is_killed() {
    require!(Feature::Userns);
    let jail = jail().through(HELD);
    let mut running = jail.start(["sh", "-c", "echo ready; read line"]);
    running.wait_for("ready");
    let process = forwarder(&running);
    running.signal(Signal::SIGKILL);
    wait_until("the forwarder has ended", || {
        let state = fs::read_to_string(process.join("status")).unwrap_or_default();
        state.is_empty() || state.contains("\nState:\tZ")
    });
    running.finish().killed_by(libc::SIGKILL);
}

#[test]
fn it_ends_with_the_command() {
    require!(Feature::Userns);
    let jail = jail().through(HELD);
    let mut running = jail.start(["sh", "-c", "echo ready; read line; exit 3"]);
    running.wait_for("ready");
    let process = forwarder(&running);
    running.say("");
    running.finish().exits(3);
    assert!(!process.exists());
}

#[test]
fn a_terminals_interrupt_is_the_commands() {
    require!(Feature::Userns);
    let script = "trap 'echo interrupted; exit 4' INT; echo ready; while :; do read line; done";
    let jail = jail();
    let mut running = jail.start(["sh", "-c", script]);
    running.wait_for("ready");
    kill(number(&forwarder(&running)), Signal::SIGINT).expect("it is running");
    running.signal(Signal::SIGINT);
    running.wait_for("interrupted");
    running.finish().exits(4).says_nothing_of("ended before");
}
