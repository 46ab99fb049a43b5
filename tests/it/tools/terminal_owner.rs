//! The terminal is ours again when a command that took it has ended.

use crate::support::Pty;

use super::with_jail_in_shell;

/// What follows a command in a script, with no shell around that would repair anything.
fn reads_the_terminal_after(command: &str) {
    let jail = with_jail_in_shell();
    let line = format!("{command}; echo next; read line; echo \"got $line\"");
    let mut pty = Pty::start(&jail, ["sh", "-c", &line].map(Into::into).to_vec());
    pty.wait_for("next");
    pty.send("words\n");
    pty.wait_for("got words");
    let (status, shown) = pty.finish();
    assert!(status.success(), "{shown}");
}

#[test]
fn after_an_interactive_shell() {
    reads_the_terminal_after("\"$JAIL\" run bash --norc -ic true");
}

#[test]
fn after_a_job_of_an_interactive_shell() {
    // The shell replaces itself while the terminal is its own group's.
    reads_the_terminal_after("\"$JAIL\" run bash --norc -ic 'true; exec true'");
}

#[test]
fn after_an_interactive_shell_that_was_killed() {
    reads_the_terminal_after("\"$JAIL\" run bash --norc -ic 'kill -KILL $$'");
}

#[test]
fn after_a_command_that_failed_to_start() {
    reads_the_terminal_after("\"$JAIL\" run no-such-command");
}
