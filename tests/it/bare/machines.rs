//! Machines on which a setting forbids user namespaces.

use crate::require;
use crate::support::{Feature, Machine};

/// Landlock has to know of signals, which no kernel before 6.12 does.
#[test]
fn an_older_landlock_is_refused() {
    require!(Feature::Machines);
    Machine::new("bookworm")
        .options(["--append", "sysctl.user.max_user_namespaces=0"])
        .check("jail -- true", |it| {
            it.exits(125).says("user.max_user_namespaces is 0").says("--degrade namespaces");
        })
        .check("jail --degrade namespaces --degrade landlock -- true", |it| {
            it.exits(125)
                .outputs("")
                .says("this kernel cannot hold a command without namespaces")
                .says("ABI 6");
        })
        .boot();
}

fn without_namespaces(kernel: &'static str) {
    require!(Feature::Machines);
    Machine::new(kernel)
        .options(["--append", "sysctl.user.max_user_namespaces=0"])
        .check("jail -- true", |it| {
            it.exits(125).says("user.max_user_namespaces is 0").says("--degrade namespaces");
        })
        .check("FLAGS='--degrade namespaces'; inside ids", |it| {
            it.answers("uid=1000 euid=1000 gid=1000 egid=1000").says("[ENOSPC]");
        })
        .check("touch own; FLAGS='--degrade namespaces'; inside chmod 0o600 own -- mode own", |it| {
            it.succeeds();
        })
        .check(
            "touch ../own; FLAGS='--degrade namespaces'; inside chmod 0o600 ../own",
            |it| {
                it.refused("EPERM");
            },
        )
        .check("start pause; FLAGS='--degrade namespaces'; inside kill $! 0", |it| {
            it.refused("EPERM");
        })
        .check("FLAGS='--degrade namespaces'; inside list /proc", |it| {
            it.refused("EACCES");
        })
        .check("FLAGS='--degrade namespaces'; inside connect-abstract x", |it| {
            it.refused("EAFNOSUPPORT");
        })
        .check("jail --degrade namespaces -- sh -c 'sleep 1000 & (setsid sleep 1000 &) ; exit 4'; echo $?; pidof sleep", |it| {
            it.outputs("4\n");
        })
        .check("jail --degrade namespaces -- sh -c 'echo $HOME $TMPDIR; touch $HOME/x $TMPDIR/y'", |it| {
            it.succeeds().output_has("/private-");
        })
        .check("FLAGS='--degrade namespaces --memory 32M'; inside allocate 300", |it| {
            it.exits(137).says("memory");
        })
        .check("FLAGS='--degrade namespaces --pids 10'; inside fork-many 30", |it| {
            it.fails();
        })
        .check("FLAGS='--degrade namespaces --pids 10'; inside create /sys/fs/cgroup/x", |it| {
            it.fails();
        })
        .boot();
}

/// What somebody has used up is not what the machine refuses: nobody may take a wall away by it.
#[test]
fn namespaces_that_are_used_up_are_no_reason_to_do_without() {
    require!(Feature::Machines);
    Machine::new("trixie")
        .options(["--append", "sysctl.user.max_user_namespaces=1"])
        .check("jail --degrade namespaces -- echo ran", |it| {
            it.succeeds().outputs("ran\n").is_silent();
        })
        .check(
            "unshare -U sleep 1000 & holder=$!
            patiently sh -c '! unshare -U true' && jail --degrade namespaces -- echo ran; kill $holder",
            |it| {
                it.outputs("").says("a limit on namespaces is reached");
            },
        )
        .boot();
}

#[test]
fn linux_6_12_runs_without_namespaces() {
    without_namespaces("trixie");
}

#[test]
fn the_newest_linux_runs_without_namespaces() {
    without_namespaces("newest");
}
