//! So much time: all inside is asked to end, and then made to.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::require;
use crate::support::{Feature, Jail, Machine, processes_named, wait_until};

pub fn checks(machine: Machine) -> Machine {
    machine
        .check("FLAGS='--memory 64M --time 2s'; reported pause; nothing && echo gone", |it| {
            it.succeeds().output_has("gone");
        })
        .check("FLAGS='--memory 64M --time 2s'; reported pause", |it| {
            it.exits(124).says("time limit of 2s reached");
            it.reports("/timed_out", true).reports("/oom_killed", false);
        })
        .check(
            "FLAGS='--memory 64M --time 2s --time-grace 1s'
            inside ignore-signal 15 -- leave-spinning -- stop; status=$?
            nothing && exit $status",
            |it| {
                it.exits(124).says("time limit of 2s reached");
            },
        )
}

/// Runs attempts that would not end by themselves; they end between the two times.
#[track_caller]
fn ended(jail: &Jail, attempts: &str, least: f64, most: f64) {
    let started = Instant::now();
    let running = jail.start_probe(attempts);
    // Only when nobody has its standard output any more.
    running.finish().exits(124).says("time limit of 1s reached");
    let took = started.elapsed();
    let range = Duration::from_secs_f64(least)..Duration::from_secs_f64(most);
    assert!(range.contains(&took), "{attempts}: {took:?}");
}

fn limited() -> Jail {
    Jail::new().args(["--time", "1s", "--time-grace", "1s"])
}

#[test]
fn a_command_ends_when_its_time_is_over() {
    ended(&limited(), "pause", 1.0, 2.0);
    Jail::new().args(["--time", "20s"]).probe("say done").answers("done").is_silent();
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_after_the_grace() {
    ended(&limited(), "ignore-signal 15 -- pause", 2.0, 3.5);
    ended(&limited(), "ignore-signal 15 -- spin 1 60000", 2.0, 3.5);
}

#[test]
fn a_command_that_stops_itself_does_not_outlast_its_time() {
    ended(&limited(), "stop -- say continued", 1.0, 3.5);
    ended(&limited(), "leave-spinning -- ignore-signal 15 -- stop", 1.0, 3.5);
}

#[test]
fn what_the_command_left_behind_ends_with_it() {
    ended(&limited(), "leave-spinning -- leave-spinning -- pause", 1.0, 3.5);
}

#[test]
fn everybody_inside_is_asked_to_end() {
    let script = "trap 'echo outer; exit 3' TERM
        sh -c 'trap \"echo inner; exit 3\" TERM; echo ready; while :; do sleep 0.1; done' &
        while :; do sleep 0.1; done";
    let jail = Jail::new().args(["--time", "1s", "--time-grace", "10s"]);
    let started = Instant::now();
    let finished = jail.start(["sh", "-c", script]).finish();
    finished.exits(124).output_has("outer\n").output_has("inner\n");
    assert!(started.elapsed() < Duration::from_secs(8), "it waited for the grace: {finished:?}");
}

/// Whoever stops a job and forgets it must not keep what it uses.
#[test]
fn the_time_of_a_stopped_jail_goes_on() {
    let marker = format!("jail-stopped-{}", std::process::id());
    let jail = limited();
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300; :", &marker]);
    running.wait_for("ready");
    running.signal(Signal::SIGSTOP);
    let supervisor = running.pid();
    wait_until("only the supervisor is left", || processes_named(&marker) == [supervisor]);
    running.signal(Signal::SIGCONT);
    running.finish().exits(124).says("time limit of 1s reached");
}

#[test]
fn nobody_is_left_after_the_time_limit() {
    let marker = format!("jail-time-{}", std::process::id());
    let jail = limited().env("MARKER", &marker).args(["--env", &format!("MARKER={marker}")]);
    jail.run(["sh", "-c", "trap '' TERM; setsid sleep 300 & sleep 300; sleep 300"]).exits(124);
    wait_until("all of it is gone", || processes_named(&marker).is_empty());
}

/// Init has the uid of the command, which may have it wait behind everything else.
#[test]
fn a_command_that_starves_init_does_not_outlast_its_time() {
    require!(Feature::Program("python3"));
    let starve = "import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
os.sched_setaffinity(1, {min(os.sched_getaffinity(0))})
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(60):
    if os.fork() == 0:
        while True:
            pass
time.sleep(300)";
    let marker = format!("jail-starve-{}", std::process::id());
    let jail = limited();
    jail.run(["python3", "-c", starve, &marker]).exits(124).says("time limit of 1s reached");
    wait_until("all of it is gone", || processes_named(&marker).is_empty());
}
