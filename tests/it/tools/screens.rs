//! Programs that draw on the whole terminal.

use std::fs;

use crate::require;
use crate::support::{Feature, Jail, Pty};

#[test]
fn vim_opens_changes_and_writes_a_file() {
    require!(Feature::Program("vim"));
    let jail = Jail::new().file("note.txt", "first line\n").env("TERM", "xterm");
    let mut pty = Pty::start(&jail, jail.run_line(["vim", "note.txt"]));
    pty.wait_for("first line");
    // Keys typed ahead of the answers that vim waits for are taken in their turn.
    pty.send("osecond line\x1b:wq\r");
    let (status, shown) = pty.finish();
    assert!(status.success(), "{shown}");
    let text = fs::read_to_string(jail.project().join("note.txt")).expect("it is there");
    assert_eq!(text, "first line\nsecond line\n");
}

#[test]
fn vim_comes_back_after_a_stop() {
    require!(Feature::Program("vim"));
    let jail = super::with_jail_in_shell().file("note.txt", "first line\n").env("TERM", "xterm");
    let line = ["bash", "--norc", "--noprofile", "-i"].map(Into::into).to_vec();
    let mut pty = Pty::start(&jail, line);
    pty.wait_for("outside> ");
    pty.send("\"$JAIL\" run vim note.txt\n");
    pty.wait_for("first line");
    pty.send("\x1a");
    pty.wait_for("Stopped");
    pty.wait_for("outside> ");
    pty.send("fg\n");
    pty.wait_for("first line");
    pty.send(":q\r");
    pty.wait_for("outside> ");
    pty.send("exit\n");
    pty.finish();
}
