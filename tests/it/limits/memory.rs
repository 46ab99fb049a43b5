//! All processes of a jail together have so much memory, whatever it is used for.

use crate::support::{Finished, Machine};

pub fn checks(machine: Machine) -> Machine {
    used_up(reported(machine))
        .check("FLAGS='--memory 64M'; inside allocate 40", |it| {
            it.answers("").is_silent();
        })
        // One after the other may have it all.
        .check(
            "jail --memory 64M --read /share -- \
             sh -c 'for i in 1 2 3; do /share/probe allocate 40; done'",
            |it| {
                it.succeeds().outputs("ok\nok\nok\n").is_silent();
            },
        )
        .check("FLAGS='--memory 64M --swap 0B'; look memory.max memory.swap.max", |it| {
            it.outputs("67108864\n0\n");
        })
        .check("FLAGS='--memory 64M --memory-swap 96M'; look memory.swap.max", |it| {
            it.outputs("33554432\n");
        })
        // Without a word about swap there is no way around the limit either.
        .check("FLAGS='--memory 64M'; look memory.swap.max memory.oom.group", |it| {
            let text = it.succeeds().stdout_text();
            let swap = text.lines().next().expect("a line for each file");
            assert!(swap == "0" && text.ends_with("\n1\n"), "{it:?}");
        })
        // Not even the sandbox has room.
        .check(
            "FLAGS='--memory 64K --swap 0B'; reported say started; status=$?
            nothing_left; exit $status",
            |it| {
                it.exits(125).reports("/phase", "start");
                it.says(
                    "jail: error: the limit of memory is too low to make the sandbox\n --> --memory\n\
                     help: raise it: a sandbox by itself needs a few megabytes\n",
                );
                assert!(it.stderr.ends_with(b"megabytes\n"), "it says more\n{it:?}");
            },
        )
        .check("[ $(jail -- true; cgroups | wc -l) = 0 ]", |it| {
            it.succeeds();
        })
}

/// Each way to have memory ends in the same way.
fn used_up(machine: Machine) -> Machine {
    let attempts =
        ["allocate 96", "write-file /tmp/file 96", "write-file /dev/shm/file 96", "write-memfd 96"];
    attempts
        .into_iter()
        .fold(machine, |machine, attempt| {
            let attempt_outside = attempt.replace("/dev/shm/", "/tmp/");
            machine
                .check(format!("probe {attempt_outside}; rm -f /tmp/file"), |it| {
                    it.outputs("ok\n");
                })
                .check(format!("FLAGS='--memory 64M --swap 0B'; inside {attempt}"), killed)
        })
        .check("FLAGS='--memory 64M --swap 0B'; inside allocate-in-child 96", killed)
    // The kernel may be quicker than whoever looks which process is the largest.
    .check(
        "tries=0; FLAGS='--memory 64M --swap 0B'; until grep -qs '(peak .*, killed `greedy`)' ../words
        do inside allocate-in-child 96 2>../words; [ $((tries += 1)) -lt 10 ] || exit 1; done",
        |it| {
            it.succeeds();
        },
    )
    // The sum counts, and nobody goes on with half of his processes.
        .check(
            "jail --memory 64M --swap 0B --read /share -- \
         sh -c '/share/probe allocate 40 -- pause & /share/probe allocate 40 -- pause'",
            killed,
        )
        // A home in memory is memory.
        .check(
            "jail --memory 64M --swap 0B -- sh -c 'dd if=/dev/zero of=$HOME/file bs=1M count=96'",
            killed,
        )
}

fn killed(it: &Finished) {
    it.exits(137).says("memory limit of 64 MiB reached (peak 6").says_nothing_of("killed `jail`");
    it.says("--memory");
}

fn reported(machine: Machine) -> Machine {
    machine
        .check("FLAGS='--memory 64M --swap 0B'; reported allocate 96", |it| {
            it.exits(137).says("memory limit of 64 MiB reached (peak 64 MiB");
            it.reports("/phase", "run").reports("/oom_killed", true);
            it.reports("/status", 137).reports("/timed_out", false);
            it.reports("/usage/peak_memory/source", "cgroup");
            peak(it, 60, 64);
        })
        .check("FLAGS='--memory 64M'; reported allocate 40", |it| {
            it.succeeds().reports("/oom_killed", false).reports("/exit_code", 0);
            peak(it, 40, 60);
        })
        // A kill that is nobody's limit is none.
        .check("FLAGS='--memory 64M'; reported exec sh -c 'kill -9 $$'", |it| {
            it.exits(137).reports("/oom_killed", false).reports("/signal", 9);
            it.says_nothing_of("limit");
        })
}

/// The most that was used, in MiB.
fn peak(it: &Finished, least: u64, most: u64) {
    let bytes = it.reported("/usage/peak_memory/value");
    let bytes = bytes.as_u64().unwrap_or_else(|| panic!("{bytes} is no number\n{it:?}"));
    assert!((least << 20..=most << 20).contains(&bytes), "{bytes} bytes\n{it:?}");
}
