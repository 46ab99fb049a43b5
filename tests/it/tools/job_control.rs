//! Ctrl-Z, `fg`, Ctrl-C and `jobs`, by shells outside and inside.

use crate::support::{Jail, Pty};

use super::with_jail_in_shell;

/// Says when it has started and when it goes on after a stop.
///
/// Once started it starts nothing: between vfork(2) and execve(2) of a child a shell cannot be
/// stopped, outside either.
const WAITER: &str = "#!/bin/sh\n\
    trap 'echo went on' CONT\n\
    trap 'stty size' WINCH\n\
    sleep 1000 &\n\
    echo started\n\
    while :; do wait; done\n";

fn shell_outside(jail: &Jail) -> Pty {
    let line = ["bash", "--norc", "--noprofile", "-i"].map(Into::into).to_vec();
    let mut pty = Pty::start(jail, line);
    pty.wait_for("outside> ");
    pty
}

fn shell_inside(jail: &Jail) -> Pty {
    let mut pty = Pty::start(jail, jail.run_line(["bash", "--rcfile", "rc", "-i"]));
    pty.wait_for("inside> ");
    pty
}

#[test]
fn a_shell_outside_stops_continues_and_interrupts_a_run() {
    let jail = with_jail_in_shell().script("waiter", WAITER);
    let mut pty = shell_outside(&jail);
    pty.send("\"$JAIL\" run ./waiter\n");
    pty.wait_for("started");
    pty.send("\x1a");
    pty.wait_for("Stopped");
    pty.wait_for("outside> ");
    pty.send("jobs\n");
    pty.wait_for("Stopped");
    pty.wait_for("outside> ");
    pty.send("fg\n");
    pty.wait_for("went on");
    pty.send("\x03");
    pty.wait_for("outside> ");
    pty.send("echo status=$?\n");
    pty.wait_for("status=130");
    pty.send("exit\n");
    pty.finish();
}

#[test]
fn a_stop_right_after_a_continuation_is_not_undone() {
    let jail = with_jail_in_shell().script("waiter", WAITER);
    let mut pty = shell_outside(&jail);
    pty.send("\"$JAIL\" run ./waiter\n");
    pty.wait_for("started");
    for _ in 0..25 {
        pty.send("\x1a");
        pty.wait_for("Stopped");
        pty.wait_for("outside> ");
        pty.send("fg\n");
        pty.wait_for("went on");
    }
    pty.send("\x03");
    pty.wait_for("outside> ");
    pty.send("exit\n");
    pty.finish();
}

#[test]
fn a_shell_inside_has_jobs_of_its_own() {
    let jail = Jail::new().script("waiter", WAITER).file("rc", "PS1='inside> '\n");
    let mut pty = shell_inside(&jail);
    pty.send("./waiter\n");
    pty.wait_for("started");
    pty.resize(33, 99);
    pty.wait_for("33 99");
    pty.send("\x1a");
    pty.wait_for("Stopped");
    pty.wait_for("inside> ");
    pty.send("jobs\n");
    pty.wait_for("Stopped");
    pty.wait_for("inside> ");
    pty.send("fg\n");
    pty.wait_for("went on");
    pty.send("\x03");
    pty.wait_for("inside> ");
    pty.send("exit 5\n");
    let (status, shown) = pty.finish();
    assert_eq!(status.code(), Some(5), "{shown}");
    assert!(!shown.contains("no job control"), "{shown}");
}

#[test]
fn a_shell_inside_that_suspends_itself_comes_back() {
    let jail = with_jail_in_shell().file("rc", "PS1='inside> '\n");
    let mut pty = shell_outside(&jail);
    pty.send("\"$JAIL\" run bash --rcfile rc -i\n");
    pty.wait_for("inside> ");
    pty.send("suspend\n");
    pty.wait_for("Stopped");
    pty.wait_for("outside> ");
    pty.send("fg\n");
    pty.wait_for("rc -i");
    pty.send("echo $((40 + 2))\n");
    pty.wait_for("42");
    pty.wait_for("inside> ");
    pty.send("exit 5\n");
    pty.wait_for("outside> ");
    pty.send("echo status=$?\n");
    pty.wait_for("status=5");
    pty.send("exit\n");
    pty.finish();
}

#[test]
fn a_run_in_the_background_may_not_read_the_terminal() {
    let jail = with_jail_in_shell();
    let mut pty = shell_outside(&jail);
    pty.send("\"$JAIL\" run sh -c 'read line; echo got $line' &\n");
    pty.wait_for("outside> ");
    // The shell tells of it before the next prompt, as soon as it has stopped.
    pty.send("while ! jobs | grep Stopped; do sleep 0.05; done\n");
    pty.wait_for("Stopped");
    pty.wait_for("outside> ");
    pty.send("fg\n");
    pty.wait_for("got $line");
    pty.send("words\n");
    pty.wait_for("got words");
    pty.wait_for("outside> ");
    pty.send("exit\n");
    pty.finish();
}
