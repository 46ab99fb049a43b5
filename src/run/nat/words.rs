//! What a person reads when there is no network.

use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, errno_cause, visible};

/// Lines that pasta writes where there is no system log; they say nothing about the network.
const NOISE: &str = "Failed to send ";

/// pasta was not even started.
pub fn failed(call: &str, errno: Errno) -> Diagnostic {
    error().because(format!("{call}: {}", errno_cause(errno)))
}

/// pasta ended before the network was up.
pub fn refused(said: &[u8]) -> Diagnostic {
    let said = cleaned(said);
    let error = match said.is_empty() {
        true => error().because("pasta ended without a word"),
        false => error().because(format!("pasta: {said}")),
    };
    match help(&said) {
        Some(help) => error.help(help),
        None => error,
    }
}

pub fn silence(limit: Duration) -> Diagnostic {
    error()
        .because(format!("pasta has not connected it within {} s", limit.as_secs()))
        .help("see whether the machine is overloaded, and try again")
}

/// pasta ended while the command ran.
pub fn lost(said: &[u8]) -> Diagnostic {
    let warning = Diagnostic::warning(
        "the network was lost before the command ended: pasta was killed, or gave up; the command \
         went on without it",
    );
    let said = cleaned(said);
    if said.is_empty() { warning } else { warning.because(format!("pasta: {said}")) }
}

fn error() -> Diagnostic {
    Diagnostic::error("cannot connect the sandbox's network")
}

fn help(said: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["unrecognized option", "unrecognised option", "invalid option", "Invalid option"]) {
        return Some("this pasta is too old: install a newer package `passt`, of 2023 or later");
    }
    if has(&["routable interface", "No interface", "no interface"]) {
        return Some(
            "this machine has no default route, so there is nothing to connect to: `ip route`",
        );
    }
    if has(&["tun"]) {
        return Some(
            "pasta needs /dev/net/tun: `sudo modprobe tun`, and mode 0666 as udev gives it",
        );
    }
    None
}

/// One line, without what could reach the terminal as a command.
fn cleaned(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with(NOISE)).collect();
    visible(&lines.join("; "))
}
