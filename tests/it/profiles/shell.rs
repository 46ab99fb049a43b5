//! `shell`: somebody at a terminal.

use std::fs;

use super::project;
use crate::support::Pty;

#[test]
fn a_shell_has_jobs_and_keeps_nothing_but_what_is_in_the_project() {
    let jail = project("shell")
        .home_file(".bashrc", "PS1='own> '; export API_TOKEN=s3cr3t\n")
        .home_file(".bash_history", "login s3cr3t\n")
        .env("TERM", "xterm");
    let mut pty = Pty::start(&jail, jail.run_line(["bash", "-i"]));
    pty.send("PS1='inside> '\n");
    pty.wait_for("inside> ");
    pty.send("echo ${API_TOKEN:-no}-token; history | grep -c lo[g]in\n");
    pty.wait_for("no-token");
    pty.wait_for("0\r\n");
    // A shell that is just starting something does not stop, so this one waits.
    pty.send("sh -c 'echo kept > note.txt; sleep 1000 & echo sta\"\"rted; wait'\n");
    pty.wait_for("started");
    pty.send("\x1a");
    pty.wait_for("Stopped");
    pty.send("kill %1; wait; tput cols\n");
    pty.wait_for("80");
    pty.send("exit\n");
    let (status, shown) = pty.finish();
    assert!(status.success(), "{shown}");
    let read = |path: &str| fs::read_to_string(jail.home().join(path)).expect("it is there");
    assert_eq!(read("project/note.txt"), "kept\n");
    assert_eq!(read(".bash_history"), "login s3cr3t\n");
}
