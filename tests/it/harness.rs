//! What the tests stand on must itself hold: a test that cannot fail proves nothing.

use nix::sys::signal::Signal;

use crate::support::{Jail, Pty, mounts_now, processes_named, wait_until};

#[test]
fn tests_run_as_an_ordinary_user_without_groups() {
    let jail = Jail::new();
    let user = jail.user();
    assert_ne!(user.uid, 0);
    let ids = format!("uid={0} euid={0} gid={1} egid={1}", user.uid, user.gid);
    jail.outside("ids").answers(&ids);
    if nix::unistd::geteuid().is_root() {
        jail.outside("status Groups CapEff").answers("Groups= CapEff=0000000000000000");
    }
}

#[test]
fn a_project_is_the_users_and_goes_away() {
    let jail = Jail::new()
        .file("a/b/file", "text")
        .script("run", "#!/bin/sh\ncat a/b/file\necho \"$X\" >&2\ncat\n")
        .env("X", "of the caller")
        .stdin("typed");
    jail.run_outside(["./run"]).succeeds().outputs("texttyped").says("of the caller");
    jail.outside("create a/b/new -- mkdir sealed -- chmod 0 sealed").succeeds();
    let place = jail.home();
    assert!(place.exists());
    drop(jail);
    assert!(!place.exists());
}

#[test]
fn a_command_starts_in_the_working_directory() {
    let jail = Jail::new().file("sub/here", "").cwd("sub");
    jail.outside("list .").answers("here").is_silent();
}

#[test]
fn the_probe_tells_refusal_from_failure() {
    let jail = Jail::new();
    jail.outside("read missing").refused("ENOENT");
    jail.outside("read missing -- say after").exits(1).output_lacks("after");
    jail.outside("say first -- say second").outputs("ok first\nok second\n");
    jail.outside("no-such-attempt").exits(2);
    jail.outside("setns missing").exits(3);
}

#[test]
#[should_panic(expected = "is refused with EPERM")]
fn a_success_is_no_refusal() {
    Jail::new().outside("say EPERM:").refused("EPERM");
}

#[test]
#[should_panic(expected = "is refused with EPERM")]
fn another_errno_is_not_the_refusal() {
    Jail::new().outside("read missing").refused("EPERM");
}

#[test]
fn a_running_command_can_be_talked_with_and_ended() {
    let jail = Jail::new();
    let mut running = jail.start_outside("say ready -- wait-line -- say went-on");
    running.wait_for("ready");
    running.say("go");
    running.finish().answers("went-on");
    let mut running = jail.start_outside("pause");
    running.wait_for("paused");
    running.signal(Signal::SIGTERM);
    running.finish().killed_by(libc::SIGTERM);
}

#[test]
fn processes_are_found_by_a_marker_while_they_live() {
    let marker = format!("jail-test-marker-{}", std::process::id());
    let jail = Jail::new().env("MARKER", &marker);
    let mut running = jail.start_outside("pause");
    running.wait_for("paused");
    assert_eq!(processes_named(&marker), [running.pid()]);
    drop(running);
    wait_until("it is gone", || processes_named(&marker).is_empty());
}

#[test]
fn mounts_are_listed() {
    assert!(mounts_now().iter().any(|mount| mount.contains(" /proc ")));
}

#[test]
fn a_terminal_takes_keys_and_sizes() {
    let jail = Jail::new();
    let line = jail.outside_line(
        "controlling-terminal -- terminal-size 0 -- wait-line -- terminal-size 0 -- pause",
    );
    let mut pty = Pty::start(&jail, line);
    pty.wait_for("24x80");
    pty.resize(33, 99);
    pty.send("\n");
    pty.wait_for("33x99");
    pty.wait_for("paused");
    assert!(std::path::Path::new(&format!("/proc/{}", pty.pid())).exists());
    pty.send("\x03");
    let (status, shown) = pty.finish();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(libc::SIGINT), "{shown}");
}

#[test]
fn the_probe_uses_what_it_says() {
    let jail = Jail::new();
    jail.outside("allocate 4 -- write-memfd 4 -- write-file ./file 4").outputs("ok\nok\nok\n");
    assert_eq!(std::fs::metadata(jail.project().join("file")).unwrap().len(), 4 << 20);
    jail.outside("allocate-in-child 4").answers("status=0");
    jail.outside("fork-count 20 -- thread-count 20").outputs("ok 20\nok 20\n");
    let share: u32 = jail.outside("spin 1 300").detail().parse().expect("a number");
    // Others use this machine too.
    assert!((5..=105).contains(&share), "{share}");
    jail.outside("set-limit 6 0 0 -- fork-count 20").answers("0 EAGAIN");
    jail.outside("set-limit 6 0 0 -- thread-count 20").answers("0 EAGAIN");
    jail.outside("set-limit 2 1000000 1000000 -- allocate 4").refused("ENOMEM");
    jail.outside("set-affinity 0 -- affinity").answers("0");
    jail.outside("renice 5 -- niceness").answers("5");
    jail.outside("renice 5 -- renice 4").refused("EACCES");
    jail.outside("write-direct ./direct 256 -- read-direct ./direct 256").succeeds();
}

#[test]
fn the_probe_kills_at_many_moments() {
    let jail = Jail::new();
    let killed: u32 = jail.outside("kill-sweep 10 sleep 0.1").detail().parse().expect("a number");
    assert!((1..10).contains(&killed), "{killed}");
    jail.outside("kill-sweep 10 false").exits(3);
}

#[test]
fn a_report_is_found_behind_other_output() {
    let jail = Jail::new();
    let finished = jail.run_outside(["printf", "ok\\n{\"a\": {\"b\": 1}}\\n"]);
    finished.reports("/a/b", 1);
}

#[test]
#[should_panic(expected = "reports 2 at /a, not 1")]
fn another_value_is_not_the_report() {
    Jail::new().run_outside(["echo", "{\"a\": 1}"]).reports("/a", 2);
}
