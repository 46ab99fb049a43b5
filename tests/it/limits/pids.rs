//! So many processes and threads; the machine keeps the rest.

use crate::support::{Feature, Jail, Machine};

pub fn checks(machine: Machine) -> Machine {
    machine
        .check("probe fork-count 100 -- thread-count 100", |it| {
            it.outputs("ok 100\nok 100\n");
        })
        // The probe itself is one of them; init is none.
        .check("FLAGS='--pids 16'; inside fork-count 100", |it| {
            it.answers("15 EAGAIN");
            it.says("warning: limit of 16 processes and threads reached once");
        })
        .check("FLAGS='--pids 16'; inside thread-count 100", |it| {
            it.answers("15 EAGAIN").says("limit of 16 processes and threads reached");
        })
        .check("FLAGS='--pids 16'; inside fork-count 15", |it| {
            it.answers("15").is_silent();
        })
        .check("FLAGS='--pids 16'; reported fork-count 100", |it| {
            it.succeeds().reports("/exit_code", 0);
            let peak = it.reported("/usage/peak_pids/value").as_u64();
            assert!(peak.is_some_and(|peak| (16..=17).contains(&peak)), "{it:?}");
        })
        .check("FLAGS='--pids 1'; inside fork-count 10", |it| {
            it.answers("0 EAGAIN");
        })
        .check(
            "FLAGS='--pids 48'; inside fork-bomb 8000 >../bomb 2>../words &
            many() { [ $(processes | wc -l) -gt 40 ]; }
            patiently many && timeout 20 /share/probe fork-count 50 && timeout 30 /share/jail run -- true
            many && echo on; wait $!; cat ../bomb; cat ../words >&2; nothing_left",
            |it| {
                it.succeeds().outputs("ok 50\non\nok\n");
                it.says("limit of 48 processes and threads reached");
            },
        )
        // At the end of the command the bomb ends as well.
        .check(
            "FLAGS='--pids 48'
            jail --pids 48 --read /share -- sh -c '/share/probe fork-bomb 600000 & sleep 2'
            nothing_left",
            |it| {
                it.succeeds();
            },
        )
}

/// The kernel counts the processes of a user, and lets root have more all the same.
#[test]
fn root_without_a_limit_of_processes() {
    crate::require!(Feature::Root);
    Jail::as_root().run(["true"]).succeeds().says(
        "jail: note: root may start any number of processes, so a fork bomb is not stopped\n\
         help: limit them by `--pids`, or start jail as an ordinary user\n",
    );
}
