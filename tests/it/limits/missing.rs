//! Machines that lack what a limit needs: refused by name, before the command starts.

use crate::support::{Jail, Machine};

/// Memory is in cgroup v1 there, and systemd would take the limit and set nothing.
pub fn hybrid(machine: Machine) -> Machine {
    machine
        .check("FLAGS='--memory 64M'; inside say started", |it| {
            it.exits(125).outputs("").says("cgroup v1").says("--degrade limits");
        })
        .check("FLAGS='--pids 16'; inside say started", |it| {
            it.exits(125).outputs("").says("cgroup v1");
        })
        .check("FLAGS='--memory 64M --degrade limits'; inside allocate 96", |it| {
            it.refused("ENOMEM").says("warning:");
        })
        .check("inside say started", |it| {
            it.answers("started").is_silent();
        })
        .check("no_process && [ -z \"$(runs)\" ]", |it| {
            it.succeeds();
        })
}

pub fn memory(machine: Machine) -> Machine {
    machine
        .check("FLAGS='--memory 64M'; inside say started", |it| {
            it.exits(125).outputs("").says("no memory controller");
        })
        .check("FLAGS='--memory 64M --pids 16'; inside say started", |it| {
            it.exits(125).outputs("").says("no memory controller");
        })
        .check("FLAGS='--pids 16'; inside fork-count 100", |it| {
            it.answers("15 EAGAIN");
        })
        .check("nothing_left", |it| {
            it.succeeds();
        })
}

/// Without a cgroup that we may write, here or in a machine: what is refused names the limit.
fn without_cgroups() -> Jail {
    // Nobody's manager of services answers there.
    Jail::new().env("XDG_RUNTIME_DIR", "/nonexistent")
}

#[test]
fn a_limit_that_cannot_be_had_is_refused() {
    for (flag, value, key) in
        [("--memory", "64M", "memory"), ("--pids", "16", "pids"), ("--cpus", "1.5", "cpus")]
    {
        let jail = without_cgroups().args([flag, value]);
        let finished = jail.run(["touch", "ran"]);
        finished.exits(125).outputs("");
        finished.says(&format!("jail: error: cannot limit {key}\n --> {flag}\nbecause: "));
        finished.says("\nhelp: or ").says(": --degrade limits\n");
        assert!(!jail.project().join("ran").exists());
    }
}

#[test]
fn limits_of_each_process_stand_in_where_that_is_wanted() {
    let degraded = |flags: [&str; 2]| without_cgroups().args(["--degrade", "limits"]).args(flags);
    let jail = degraded(["--memory", "64M"]);
    jail.probe("allocate 40").answers("").says("warning:").says("each process");
    jail.probe("allocate 96").refused("ENOMEM");
    let jail = degraded(["--pids", "16"]);
    jail.probe("fork-count 100").says("warning:").output_has(" EAGAIN");
    let jail = degraded(["--cpus", "0.5"]);
    jail.probe("say started").answers("started").says("warning:").says("cpus");
}
