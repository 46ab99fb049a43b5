//! The supervisor loses what it works with: init, or what it hears of it by.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::str;

use crate::support::{Feature, Finished, Jail, processes_named};
use crate::words::{says, told};

/// A command that would go on, under strace(1), which injects this.
fn under_fault(call: &str, fault: &str, flags: &[&str]) -> (Jail, Finished) {
    let trace = format!("trace={call}");
    let fault = format!("inject={call}:{fault}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &fault];
    let jail = Jail::new().through(strace).args(["--report", "../report"]).args(flags);
    let finished = jail.run(["sleep", "300"]);
    (jail, finished)
}

fn phase(jail: &Jail) -> serde_json::Value {
    let report = fs::read(jail.home().join("report")).expect("it was written");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("it is JSON");
    report["phase"].clone()
}

/// The first is heard before the command is executed, the second when it was.
#[test]
fn a_sandbox_that_cannot_be_heard_is_ended() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    for (time, reached) in [(1, "start"), (2, "run")] {
        let fault = format!("error=ENOBUFS:when={time}");
        // The second is that the command has ended: it ends by its time limit.
        let (jail, finished) = under_fault("recvfrom", &fault, &["--timeout", "1s"]);
        told(
            &jail,
            &finished,
            125,
            str![[r#"
jail: error: lost contact with the sandbox, and ended it
because: no buffer space available [ENOBUFS]

"#]],
        );
        assert_eq!(phase(&jail), reached);
        let place = jail.home().display().to_string();
        assert_eq!(processes_named(&place), [0_u32; 0], "somebody is left");
    }
}

/// The other way round: init has something to say, and cannot.
#[test]
fn a_sandbox_that_ends_without_a_word_is_told_of() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let (jail, finished) = under_fault("sendto", "error=ENOBUFS", &["--timeout", "1s"]);
    told(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: the sandbox ended before its command did
because: its first process ended with status 0 and without a word

"#]],
    );
}

/// What is used up is told as it is of the sandbox's own processes.
#[test]
fn a_forwarder_that_cannot_be_started_stops_the_run() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let forward = ["--network", "allow", "--allow", "good.example:443"];
    let (jail, finished) = under_fault("socketpair", "error=EMFILE:when=1", &forward);
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot start the process that serves the network
 --> --network
because: no file descriptors are left [EMFILE]
help: raise the limit of open files: ulimit -n 64

"#]],
    );
    assert_eq!(phase(&jail), "start");
    let (jail, finished) = under_fault("socketpair", "error=ENOMEM:when=1", &forward);
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot start the process that serves the network
 --> --network
because: out of memory [ENOMEM]

"#]],
    );
}

#[test]
fn a_killed_init_is_told_of() {
    let jail = Jail::new();
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300"]);
    running.wait_for("ready");
    let supervisor = running.pid();
    let children = format!("/proc/{supervisor}/task/{supervisor}/children");
    let init = fs::read_to_string(children).expect("it is running");
    let init = Pid::from_raw(init.trim().parse().expect("one child"));
    kill(init, Signal::SIGKILL).expect("it is running");
    told(
        &jail,
        &running.finish(),
        125,
        str![[r#"
jail: error: the sandbox ended before its command did
because: its first process was killed by signal 9
help: if nobody did that on purpose, the machine may have run out of memory: dmesg | grep -i kill

"#]],
    );
}
