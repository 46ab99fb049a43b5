//! Taking more than one's share.

use crate::require;
use crate::support::{Feature, Jail, mounts_now, processes_named, wait_until};

/// The limit counts the processes of this jail alone, so it needs no cgroup.
#[test]
fn a_fork_bomb_is_contained() {
    let jail = Jail::new();
    jail.outside("fork-many 4200").answers("4200");
    jail.probe("fork-many 4200").refused("EAGAIN");
}

/// A core file holds what was in memory, and core_pattern may be a program of the host.
#[test]
fn no_core_is_dumped() {
    const CORE: &str = "limit 4";
    let jail = Jail::new();
    jail.outside(CORE).output_lacks("hard=0");
    jail.probe(CORE).answers("soft=0 hard=0");
}

/// All of the private memory together has one size.
#[test]
fn memory_file_systems_cannot_be_filled_without_end() {
    let jail = Jail::new();
    jail.outside("fill ./large 600").answers("");
    for directory in ["/tmp", "/dev/shm"] {
        jail.probe(&format!("fill {directory}/large 600")).refused("ENOSPC");
    }
    let home = jail.home().join("large");
    jail.probe(&format!("fill {} 600", home.display())).refused("ENOSPC");
    jail.probe("fill /tmp/small 64").answers("");
}

/// What the command leaves running ends with it.
#[test]
fn nothing_runs_on_after_the_command() {
    require!(Feature::Program("setsid"));
    let marker = format!("jail-test-left-behind-{}", std::process::id());
    let jail = Jail::new().env("MARKER", &marker).args(["--env", &format!("MARKER={marker}")]);
    let leave = ["sh", "-c", "sleep 1000 & setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 0"];
    jail.run(leave).exits(0);
    wait_until("all of it is gone", || processes_named(&marker).is_empty());
    // Outside it would go on: the marker finds it.
    jail.run_outside(["sh", "-c", "exec setsid sleep 1000 >/dev/null 2>&1 &"]).exits(0);
    wait_until("it is there", || !processes_named(&marker).is_empty());
    for pid in processes_named(&marker) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid is an int"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    }
}

/// Mounts of a jail that showed on the host would be there for everybody, and stay.
#[test]
fn mounts_inside_do_not_show_outside() {
    let jail = Jail::new();
    let before = mounts_now();
    let mut running = jail.start(["sh", "-c", "echo ready; wc -l </proc/self/mountinfo; read go"]);
    running.wait_for("ready");
    assert_eq!(mounts_now(), before);
    running.say("go");
    running.finish().succeeds();
    assert_eq!(mounts_now(), before);
}
