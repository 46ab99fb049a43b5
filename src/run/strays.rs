//! What is left when init was killed and there is no pid namespace that ends with it.
//!
//! The supervisor has become the parent of all that lost theirs.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, gettid};

/// Ends every child, and what becomes a child by that, until none is left.
pub fn end_all() {
    loop {
        let children = children();
        for child in &children {
            let _ = kill(*child, Signal::SIGKILL);
        }
        // A kernel that does not list them leaves nothing to wait for.
        let flags = if children.is_empty() { WaitPidFlag::WNOHANG } else { WaitPidFlag::empty() };
        match waitpid(None::<Pid>, Some(flags)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            Ok(_) | Err(_) => {}
        }
    }
}

fn children() -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/self/task/{}/children", gettid()));
    let list = list.unwrap_or_default();
    list.split_whitespace().filter_map(|number| number.parse().ok()).map(Pid::from_raw).collect()
}
