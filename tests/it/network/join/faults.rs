//! The process that enters the namespace and clones init there: what fails in it, and its end.

use std::fs;

use nix::sys::signal::Signal;

use super::{Pod, refused};
use crate::require;
use crate::support::{Feature, Jail, processes_named, wait_until};

/// No fault on the way leads to another network than the one that was named.
#[test]
fn a_fault_on_the_way_in_stops_the_run() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let pod = Pod::new();
    for (call, errno, when) in [
        ("setns", "EPERM", "1+"),
        ("setns", "ENOMEM", "1"),
        ("setns", "ENOMEM", "2"),
        ("setns", "ENOMEM", "3"),
        ("fstatfs", "ENOMEM", "1+"),
        ("ioctl", "ENOMEM", "1+"),
        ("clone3", "ENOMEM", "1"),
        ("clone3", "EPERM", "1"),
    ] {
        let jail = faulty(&pod, &[&format!("inject={call}:error={errno}:when={when}")]);
        let finished = jail.run(["touch", "ran"]);
        finished.exits(125).says("jail: error: cannot ").says(errno);
        assert!(!jail.project().join("ran").exists(), "{call}");
    }
}

/// A run that joins the network of `pod`, under strace(1), which stands beside it.
fn faulty(pod: &Pod, faults: &[&str]) -> Jail {
    let strace =
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setns,fstatfs,ioctl,clone3"];
    let faults = faults.iter().flat_map(|fault| ["-e", fault]);
    Jail::new().args(["--network", &pod.mode()]).through(strace.into_iter().chain(faults))
}

/// Who is known there, and may make no namespaces all the same, has another trouble: a filter, say.
#[test]
fn namespaces_that_are_forbidden_are_not_blamed_on_the_one_that_is_joined() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let pod = Pod::new();
    faulty(&pod, &["inject=clone3:error=EPERM"])
        .run(["true"])
        .exits(125)
        .says("jail: error: cannot create the sandbox's namespaces\n")
        .says_nothing_of("does not map");
}

/// As the kernel does when memory runs out.
#[test]
fn the_death_of_the_process_in_the_middle_is_told() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let pod = Pod::new();
    for fault in ["inject=setns:signal=SIGKILL:when=3", "inject=clone3:signal=SIGKILL"] {
        refused(
            &faulty(&pod, &[fault]),
            &pod.file("net").display().to_string(),
            "the process that enters it was killed",
            &[
                "if nobody did that on purpose, the machine may have run out of memory: dmesg | grep -i kill",
            ],
        );
    }
}

/// The process in the middle has no other task than to make init for the supervisor.
#[test]
fn a_supervisor_killed_before_there_is_an_init_leaves_nobody() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    const SETNS: &str = "308";
    const CLONE3: &str = "435";
    let pod = Pod::new();
    let marker = format!("jail-middle-{}", std::process::id());
    for (fault, call) in [
        ("inject=clone3:delay_enter=1s", CLONE3),
        // Somebody has stopped it, and nobody would ever continue it: the namespace is tried in vain,
        // then that of its owner, and then both have been entered.
        ("inject=setns:signal=SIGSTOP:when=1", SETNS),
        ("inject=setns:signal=SIGSTOP:when=2", SETNS),
        ("inject=setns:signal=SIGSTOP:when=3", SETNS),
        ("inject=clone3:signal=SIGSTOP", CLONE3),
    ] {
        let jail = faulty(&pod, &[fault]);
        let running = jail.start(["sh", "-c", "sleep 300; :", &marker]);
        let supervisor = running.pid();
        // strace stops it for a moment at each call.
        let mut so_often = 0;
        wait_until("the process in the middle is held", || {
            let held = middle(supervisor).is_some_and(|it| is_held(&it, call));
            so_often = if held { so_often + 1 } else { 0 };
            so_often > 10
        });
        running.signal(Signal::SIGKILL);
        running.finish().killed_by(libc::SIGKILL);
        assert_eq!(processes_named(&marker), [0_u32; 0], "{fault}");
    }
}

/// The only child of the supervisor, by its number.
fn middle(supervisor: u32) -> Option<String> {
    let children = format!("/proc/{supervisor}/task/{supervisor}/children");
    let child = fs::read_to_string(children).ok()?.trim().to_owned();
    (!child.is_empty()).then_some(child)
}

/// Whether strace holds it in this call.
fn is_held(process: &str, call: &str) -> bool {
    let read =
        |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    read("status").contains("\nState:\tt (tracing stop)") && read("syscall").starts_with(call)
}
