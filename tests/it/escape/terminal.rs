//! Typing on the caller's terminal: what is typed there runs outside when the command ends.

use crate::require;
use crate::support::{Feature, Jail, Pty};

/// Makes an attempt on a terminal of its own; returns the line of the answer.
fn on_terminal(jail: &Jail, line: Vec<std::ffi::OsString>) -> String {
    let (_, shown) = Pty::start(jail, line).finish();
    shown
        .lines()
        .find(|line| line.contains("ioctl") || line.contains("ok"))
        .map_or_else(|| panic!("there is no answer in {shown:?}"), |line| line.trim().to_string())
}

#[track_caller]
fn assert_terminal(jail: &Jail, attempt: &str, outside: &str, inside: &str) {
    let answer = on_terminal(jail, jail.outside_line(attempt));
    assert!(answer.contains(outside), "outside, {attempt}: {answer}");
    let answer = on_terminal(jail, jail.probe_line(attempt));
    assert!(answer.contains(inside), "inside, {attempt}: {answer}");
}

/// CVE-2017-5226 and a dozen others.
#[test]
fn nothing_can_be_typed_on_the_terminal() {
    require!(Feature::InputInjection);
    assert_terminal(&Jail::new(), "tiocsti", "ok", "EPERM");
}

/// CVE-2019-10063: the kernel drops the upper half of the request, the filter did not.
#[test]
fn nothing_can_be_typed_with_high_bits_either() {
    require!(Feature::InputInjection);
    assert_terminal(&Jail::new(), "tiocsti-high-bits", "ok", "EPERM");
}

/// Without a filter the command has no controlling terminal, and the kernel refuses.
#[test]
fn nothing_can_be_typed_without_a_filter() {
    require!(Feature::InputInjection);
    let jail = Jail::new().args(["--seccomp", "off"]);
    assert_terminal(&jail, "tiocsti", "ok", "EPERM");
}

/// CVE-2023-28100: the selection of a virtual console. A pseudo-terminal has none, and says so.
#[test]
fn nothing_can_be_pasted_on_the_console() {
    assert_terminal(&Jail::new(), "tioclinux", "ENOTTY", "EPERM");
}

/// A line discipline is a kernel module of the command's choice (CVE-2017-2636).
#[test]
fn the_line_discipline_cannot_be_changed() {
    assert_terminal(&Jail::new(), "tiocsetd", "ok", "EPERM");
}

/// Another terminal of the same user could be written to, and typed on.
#[test]
fn terminals_of_the_host_are_absent() {
    let jail = Jail::new();
    let mut other = Pty::start(&jail, jail.outside_line("pause"));
    other.wait_for("paused");
    let outside = jail.outside("list /dev/pts").detail();
    assert_ne!(outside, "ptmx", "there is a terminal");
    jail.probe("list /dev/pts").answers("ptmx");
}
