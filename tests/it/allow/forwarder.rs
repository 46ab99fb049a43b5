//! The process outside that serves the network: what it can do, and how it ends.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::{curl, world};
use crate::bare::run_in_domains;
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
    running.finish().succeeds().output_has("6\n").says(
        "jail: warning: the process that served the network ended before the command did\n\
             because: from then on nothing could be reached\n",
    );
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

/// A connection that cannot be taken for want of descriptors waits, and is taken later.
#[test]
fn what_cannot_be_taken_at_once_is_taken_later() {
    require!(Feature::Userns);
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = world(&["good.example:80"]);
    let faults = |errno: &str| {
        let fault = format!("inject=accept4:error={errno}:when=1..3");
        // A shell is the parent of the servers outside, for whose end strace would wait.
        let words = [
            "sh",
            "-c",
            "\"$@\"; exit $?",
            "sh",
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=accept4",
            "-e",
            &fault,
        ];
        let mut line: Vec<OsString> = words.map(OsString::from).into();
        line.extend(jail.run_line(curl(&["http://good.example/", "http://good.example/"])));
        jail.run_outside(line)
    };
    let answer = "reached 203.0.113.7 for good.example\n";
    for errno in ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EPERM", "ENETDOWN"] {
        faults(errno).succeeds().outputs(&answer.repeat(2));
    }
}

/// More connections at once than it has descriptors for.
#[test]
fn connections_beyond_its_descriptors_wait_for_their_turn() {
    require!(Feature::Userns);
    let script = "import socket\n\
        all = [socket.create_connection(('good.example', 80)) for _ in range(80)]\n\
        for one in all: one.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n\
        reached = 0\n\
        for one in all:\n\
        \x20   reached += b'reached' in b''.join(iter(lambda: one.recv(4096), b''))\n\
        \x20   one.close()\n\
        print(reached)\n";
    let jail = world(&["good.example:80"]);
    let few = ["sh", "-c", "ulimit -n 160; exec \"$@\"", "sh"].map(OsString::from);
    let line = few.into_iter().chain(jail.run_line(["python3", "-c", script]));
    jail.run_outside(line).succeeds().outputs("80\n");
}

/// The kernel may have forgotten whose death is its own: it sees the end of its socket.
#[test]
fn it_ends_with_its_socket() {
    require!(Feature::Userns);
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    // The first prctl(2) of each process is the one that asks for that.
    let fault = "inject=prctl:retval=0:when=1";
    let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=prctl", "-e", fault];
    let jail = jail().through(HELD.iter().chain(&words));
    let mut running = jail.start(["sh", "-c", "echo ready; read line"]);
    running.wait_for("ready");
    let parent = format!("\nPPid:\t{}\n", running.pid());
    let supervisor = children_with(&parent).pop().expect("strace has started it");
    let parent = format!("\nPPid:\t{}\n", number(&supervisor));
    let process = children_with(&parent)
        .into_iter()
        .find(|path| status(path).contains("\nThreads:\t5\n"))
        .expect("it is a child");
    kill(number(&supervisor), Signal::SIGKILL).expect("it is running");
    wait_until("the forwarder has ended", || {
        let state = status(&process);
        state.is_empty() || state.contains("\nState:\tZ")
    });
    running.finish().fails();
}

fn status(process: &std::path::Path) -> String {
    fs::read_to_string(process.join("status")).unwrap_or_default()
}

fn children_with(parent: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("it can be listed").flatten();
    processes.map(|entry| entry.path()).filter(|path| status(path).contains(parent)).collect()
}

/// What nobody takes the kernel drops, and then no number may be told as if it were the whole.
#[test]
fn refusals_that_came_too_fast_are_told_as_not_counted() {
    require!(Feature::Userns);
    let script = "import socket\n\
        print('ready', flush=True); input()\n\
        for port in range(10000, 13000):\n\
        \x20   assert socket.socket().connect_ex(('203.0.113.8', port)) == 111\n\
        print('refused', flush=True); input()\n";
    let jail = jail().args(["--report", "fd:1"]);
    let mut running = jail.start(["python3", "-c", script]);
    running.wait_for("ready");
    let forwarder = number(&forwarder(&running));
    kill(forwarder, Signal::SIGSTOP).expect("it is running");
    running.say("");
    running.wait_for("refused");
    kill(forwarder, Signal::SIGCONT).expect("it is running");
    running.say("");
    running.finish().succeeds().reports("/network/uncounted", true).says(
        "jail: note: connections came faster than refused ones are counted: these numbers may be too \
         low\n",
    );
}

/// Until it has given up what it does not need it serves nobody.
#[test]
fn one_that_cannot_be_confined_serves_nobody() {
    require!(Feature::Userns);
    let finished = run_in_domains(&jail(), "16");
    finished.exits(125).outputs("").says(
        "jail: error: cannot confine the process that serves the network\n\
         because: landlock: argument list too long [E2BIG]\n\
         help: the kernel nests 16 Landlock rulesets at most: start jail further outside\n\
         jail: error: cannot set up the network\n --> --network\n",
    );
    finished.says(
        "\nhelp: the process that serves the network has ended: it said why, unless it was killed\n",
    );
}

#[test]
fn one_that_fails_says_why() {
    require!(Feature::Userns);
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let fault = "inject=epoll_wait,epoll_pwait:error=ENOMEM:when=1";
    let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=epoll_wait,epoll_pwait"];
    let jail = jail().through(words.iter().chain(&["-e", fault]));
    let finished = jail.run(["true"]);
    finished.succeeds().says(
        "jail: error: the process that serves the network failed\n\
         because: out of memory [ENOMEM]\n",
    );
    finished.says("because: from then on nothing could be reached\n");
}
