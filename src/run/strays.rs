//! What is left when init was killed and there is no pid namespace that ends with it.
//!
//! The supervisor has become the parent of all that lost theirs. It may have other children: those
//! of the program in whose place it was executed, and what these left behind. What came from
//! the command is under filters that nobody else is under.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, gettid};

/// Ends every child that came from the command, and what becomes a child by that, until none is left.
pub fn end_all() {
    let own = filters("self");
    loop {
        let strays: Vec<Pid> = children().into_iter().filter(|it| is_stray(*it, own)).collect();
        if strays.is_empty() {
            return;
        }
        for stray in &strays {
            // One that has ended meanwhile waits to be reaped.
            let _ = kill(*stray, Signal::SIGKILL);
        }
        for stray in strays {
            while waitpid(stray, None) == Err(Errno::EINTR) {}
        }
    }
}

/// The command has two filters more than we have; a process that has ended shows them still.
fn is_stray(child: Pid, own: u32) -> bool {
    filters(&child.to_string()) >= own + 2
}

/// How many filters a process is under (`Seccomp_filters` of proc(5), Linux 5.9).
fn filters(process: &str) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn children() -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/self/task/{}/children", gettid()));
    let list = list.unwrap_or_default();
    list.split_whitespace().filter_map(|number| number.parse().ok()).map(Pid::from_raw).collect()
}
