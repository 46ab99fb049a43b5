//! Limits hold, whoever made the cgroup for them, and the user is told which one was met.
//!
//! A machine needs a cgroup that may be changed to hold most of them, so they are tested in
//! virtual ones: each module has checks, and each test here one machine that makes them. What
//! needs no cgroup, and what is refused where there is none, is tested in the modules.

mod beside;
mod disks;
mod inside;
mod leaving;
mod memory;
mod missing;
mod pids;
mod processors;
mod rlimits;
mod systemd;
mod time;

use crate::require;
use crate::support::{Feature, Machine};

/// Words for checks of limits.
const WORDS: &str = r#"
# Like `inside`, and shows the report after what the probe says.
reported() {
    FLAGS="$FLAGS --report ../report"
    inside "$@"
    status=$?
    cat ../report
    return $status
}
# Starts a probe inside that in the end is paused; $supervisor is the number of its jail.
begin() {
    rm -f ../began
    /share/jail run --read /share $FLAGS -- /share/probe "$@" >../began 2>&1 &
    supervisor=$!
    patiently paused_or_gone && grep -qs paused ../began || { cat ../began; return 1; }
}
paused_or_gone() { grep -qs paused ../began || ! kill -0 $supervisor 2>/dev/null; }
# Shows files of the cgroup that has the limits.
files() {
    payload=$(find /sys/fs/cgroup -type d -name payload)
    for file in "$@"; do cat "${payload%/*}/$file"; done
}
# The same while a run goes on that is ended afterwards.
look() {
    begin pause && files "$@"
    status=$?
    kill $supervisor
    wait $supervisor
    return $status
}
cgroups() { find /sys/fs/cgroup -type d -name 'jail-*'; }
runs() { ls "$XDG_RUNTIME_DIR/jail" 2>/dev/null; }
processes() { grep -lsE '^(jail|probe)' /proc/[0-9]*/comm; }
no_process() { [ -z "$(processes)" ]; }
nothing() { [ -z "$(cgroups)$(runs)$(processes)" ]; }
# Says what is left, if something is.
nothing_left() {
    patiently nothing || { cgroups; runs; processes; return 1; }
}
"#;

fn machine(kernel: &'static str) -> Machine {
    // A second processor, to have a share of more than one.
    Machine::new(kernel).options(["--smp", "2"]).words(WORDS)
}

/// What holds wherever cgroups can be had.
fn held(machine: Machine) -> Machine {
    leaving::checks(beside::checks(counted(machine)))
}

/// Each limit by itself.
fn counted(machine: Machine) -> Machine {
    let machine = memory::checks(machine);
    let machine = processors::checks(machine);
    let machine = pids::checks(machine);
    let machine = time::checks(machine);
    inside::checks(machine)
}

/// What holds in a subtree of our own.
fn delegated(machine: Machine) -> Machine {
    let machine = processors::cpuset(held(machine));
    let machine = beside::nested(machine);
    leaving::subtree(machine)
}

/// What holds in a scope of the user's systemd.
fn scoped(machine: Machine) -> Machine {
    systemd::checks(held(machine))
}

#[test]
fn limits_hold_in_a_delegated_subtree_on_linux_6_1() {
    require!(Feature::Machines);
    delegated(machine("bookworm")).boot();
}

#[test]
fn limits_hold_in_a_delegated_subtree_on_the_newest_linux() {
    require!(Feature::Machines);
    delegated(machine("newest")).boot();
}

#[test]
fn limits_hold_in_a_scope_of_systemd_252() {
    require!(Feature::Machines);
    scoped(machine("bookworm").option("--systemd")).boot();
}

#[test]
fn limits_hold_in_a_scope_of_systemd_257() {
    require!(Feature::Machines);
    // A whole system is slow to emulate: what differs from another kernel is the cgroups.
    systemd::checks(counted(machine("trixie").options(["--systemd", "--suite", "trixie"]))).boot();
}

#[test]
fn a_disk_is_used_no_faster_than_its_limit() {
    require!(Feature::Machines);
    disks::checks(machine("bookworm").option("--debian")).boot();
}

#[test]
fn a_hybrid_host_is_refused_by_name() {
    require!(Feature::Machines);
    let hybrid = ["--systemd", "--append", "systemd.unified_cgroup_hierarchy=0"];
    missing::hybrid(machine("bookworm").options(hybrid)).boot();
}

#[test]
fn a_missing_controller_is_refused_by_name() {
    require!(Feature::Machines);
    missing::memory(machine("bookworm").options(["--append", "cgroup_disable=memory"])).boot();
}
