//! A scope of the user's systemd carries the limits.

use super::leaving;
use crate::support::{Finished, Machine};

const OUTER: &str = "outer='systemd-run --user --scope --quiet -p MemoryMax=48M -p MemorySwapMax=0'
    $outer /share/probe allocate 96; echo $?
    for limit in '--memory 256M' '--pids 100' '--cpus 1'; do
        $outer /share/jail run $limit --read /share -- /share/probe allocate 96; echo $?
    done";

pub fn checks(machine: Machine) -> Machine {
    let help = "systemd removes it when nobody is in its scope any more";
    leaving::kept_by_others(refused(machine), help)
        .check("/share/jail plan --memory 64M -- true", |it| {
            it.succeeds().output_has("a scope of the user's systemd");
        })
        .check(
            "FLAGS='--memory 64M'; begin pause
            systemctl --user list-units --plain --no-legend 'jail-*.scope' | wc -l
            cgroups | grep -c 'app.slice/jail-[0-9a-f]*.scope$'
            systemctl --user daemon-reload && files memory.max
            kill $supervisor; wait $supervisor; nothing_left",
            |it| {
                it.succeeds().outputs("1\n1\n67108864\n");
            },
        )
        .check(
            "mkfifo go; FLAGS='--memory 64M --swap 0B'
            inside say ready -- wait-line -- allocate 96 <go >out & exec 3>go
            patiently grep -q ready out && systemctl --user daemon-reload && echo >&3
            wait $!",
            |it| {
                it.exits(137).says("memory limit of 64 MiB reached");
            },
        )
        .check(
            "alone='systemd-run --user --scope --quiet -p Delegate=yes'
            $alone /share/jail run --memory 64M --swap 0B --read /share -- /share/probe allocate 96
            echo $?; nothing_left",
            |it| {
                it.succeeds().outputs("137\n").says("memory limit of 64 MiB reached");
            },
        )
        // A limit that somebody set for the caller is one for the command: it holds, or nothing
        // starts.
        .check(OUTER, |it| {
            let text = it.succeeds().stdout_text();
            let outside = text.strip_prefix("137\n").unwrap_or_else(|| panic!("{it:?}"));
            assert!(outside.lines().all(|line| ["137", "125"].contains(&line)), "{it:?}");
        })
        // A second, and the scope is gone.
        .check("jail --memory 64M -- true; sleep 1; nothing && echo gone", |it| {
            it.outputs("gone\n");
        })
        .check("jail --memory 64M -- true; systemctl --user list-units --all --failed --plain --no-legend 'jail-*'", |it| {
            it.succeeds().outputs("");
        })
}

fn refused(machine: Machine) -> Machine {
    machine
        .check("FLAGS='--cpuset 1'; inside say started", |it| not_delegated(it, "cpuset"))
        .check("FLAGS='--io .:write=1M'; inside say started", |it| not_delegated(it, "io"))
        // The manager itself cannot be reached.
        .check(
            "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent XDG_RUNTIME_DIR=/nonexistent
            export DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR
            FLAGS='--memory 64M'; inside say started",
            |it| {
                it.exits(125).outputs("").says("error:").says("help:");
            },
        )
        // It is where it always is, whether or not the environment says so.
        .check(
            "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; FLAGS='--memory 64M --swap 0B'
            inside allocate 96",
            |it| {
                it.exits(137);
            },
        )
}

fn not_delegated(it: &Finished, controller: &str) {
    it.exits(125).outputs("").says(controller).says("user@.service.d").says("Delegate=");
}
