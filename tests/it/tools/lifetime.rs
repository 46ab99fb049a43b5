//! How commands end, and what does not outlive them.

use std::time::{Duration, Instant};

use crate::require;
use crate::support::{Feature, Jail, processes_named};

#[test]
fn the_status_of_the_command_is_the_status_of_the_run() {
    let jail = Jail::new();
    for status in [0, 1, 7, 124, 125, 126, 127, 128, 255] {
        jail.run(["sh", "-c", &format!("exit {status}")]).exits(status).is_silent();
    }
}

#[test]
fn a_signal_that_ends_the_command_is_added_to_128() {
    let jail = Jail::new();
    for (signal, number) in
        [("HUP", 1), ("INT", 2), ("ABRT", 6), ("KILL", 9), ("SEGV", 11), ("TERM", 15)]
    {
        jail.run(["sh", "-c", &format!("kill -{signal} $$")]).exits(128 + number).is_silent();
    }
}

#[test]
fn a_command_that_is_not_there_or_not_executable_has_a_status_of_its_own() {
    let jail = Jail::new().file("text", "not a program\n").file("sub/x", "");
    jail.run(["no-such-command"]).exits(127).says("jail: ");
    jail.run(["./no-such-command"]).exits(127).says("jail: ");
    jail.run(["./text"]).exits(126).says("jail: ");
    jail.run(["./sub"]).exits(126).says("jail: ");
    jail.args(["--read", "./missing"]).run(["true"]).exits(125).says("missing");
    Jail::new().flag("--no-such-flag").run(["true"]).exits(125).says("--no-such-flag");
}

#[test]
fn ten_thousand_short_children_are_all_reaped() {
    require!(Feature::Program("perl"));
    // Half of them are orphans, which are for init. /proc does not show init; a zombie it does
    // show, as the first count proves, so one that nobody reaped would keep this from ending.
    let program = "sub left { scalar(my @pids = glob '/proc/[0-9]*') } \
                   exit 0 if !(my $child = fork // die $!); \
                   do { open $stat, '<', \"/proc/$child/stat\" or die $! } \
                   until readline($stat) =~ /\\) Z /; \
                   print left, ' '; wait; \
                   for (1..100) { \
                     for (1..50) { if (!(fork // die $!)) { fork // die $!; exit 0 } } \
                     1 while wait > 0; \
                   } \
                   while (left > 1) { select undef, undef, undef, .01 } \
                   print left";
    let started = Instant::now();
    Jail::new().run(["perl", "-e", program]).succeeds().outputs("2 1");
    assert!(started.elapsed() < Duration::from_secs(60), "took {:?}", started.elapsed());
}

/// In a session of its own, an orphan, deaf to polite signals, with all streams still open.
const DAEMON: &str = "#!/bin/sh\n\
    mkfifo up\n\
    setsid sh -c '(trap \"\" HUP INT TERM; echo up > up; exec sleep \"$1\") &' sh \"$1\" &\n\
    read up < up\n\
    wait\n\
    exit 3\n";

#[test]
fn a_daemon_ends_with_the_command_that_left_it_behind() {
    require!(Feature::Program("setsid"));
    let jail = Jail::new().script("daemon", DAEMON);
    // Seconds, and so unlikely that nothing else sleeps for as long.
    let marker = format!("98765.{}", std::process::id());
    let started = Instant::now();
    // To have its output, all who could write to it must have ended.
    jail.run(["./daemon", &marker]).exits(3).is_silent();
    assert!(processes_named(&marker).is_empty());
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
}
