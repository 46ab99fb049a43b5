//! The command can neither loosen its limits nor leave them.

use crate::support::{Finished, Machine};

/// Everything that can be given up, so that only the cgroup itself stands in the way.
const OPEN: &str = "--memory 64M --swap 0B --nesting on --seccomp off --landlock off";

pub fn checks(machine: Machine) -> Machine {
    reachable(machine)
        .check("FLAGS='--memory 64M'; inside read /proc/self/cgroup", |it| {
            it.output_has("0::/\\n").output_lacks("jail-");
        })
        .check("FLAGS='--memory 64M'; inside read /proc/1/cgroup", |it| {
            it.refused("ENOENT");
        })
        .check("FLAGS='--memory 64M'; inside list /sys/fs/cgroup", absent)
        .check("FLAGS='--memory 64M --read /sys'; inside list /sys/fs/cgroup", absent)
        // Everybody may mount cgroups of his own in a new namespace: there are none above.
        .check(
            open(
                "in-userns -- unshare cgroup -- mkdir /tmp/c -- mount-cgroup /tmp/c -- list /tmp/c",
            ),
            |it| {
                it.succeeds().output_has("cgroup.procs").output_lacks("memory.max");
                it.output_lacks("payload").output_lacks("jail-");
            },
        )
        .check(open("mkdir /tmp/c -- mount-cgroup /tmp/c -- list /tmp/c"), |it| {
            it.output_lacks("memory.max").output_lacks("jail-");
        })
}

/// After each attempt to raise the limit, it still holds.
fn reachable(machine: Machine) -> Machine {
    let mounted = "in-userns -- unshare cgroup -- mkdir /tmp/c -- mount-cgroup /tmp/c";
    machine
        .check("FLAGS='--memory 64M --swap 0B'; inside allocate 96", killed)
        .check(open(&format!("{mounted} -- allocate 96")), killed)
        // A cgroup of its own, with its own limit, is still below.
        .check(
            // None of its own: init could be moved there, and frozen.
            open(&format!("{mounted} -- mkdir /tmp/c/below")),
            |it| {
                it.exits(1).output_has("EAGAIN: mkdir");
            },
        )
        .check(open(&format!("{mounted} -- write /tmp/c/memory.max max -- say raised")), |it| {
            it.output_lacks("raised");
        })
        .check(open(&format!("{mounted} -- write /tmp/c/../cgroup.procs 0 -- say left")), |it| {
            it.output_lacks("left");
        })
}

fn open(attempt: &str) -> String {
    format!("FLAGS='{OPEN}'; inside {attempt}")
}

fn killed(it: &Finished) {
    it.exits(137).says("memory limit of 64 MiB reached");
}

/// Not there, or there and empty.
fn absent(it: &Finished) {
    it.output_lacks("cgroup.procs").output_lacks("memory.max").output_lacks("jail-");
}
