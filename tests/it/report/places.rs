//! Files, descriptors, fifos and devices as the place of a report.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::Jail;

use super::{checked, read, summary};

fn names(jail: &Jail) -> Vec<String> {
    let entries = fs::read_dir(jail.project()).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// Its jail runs below a shell that has redirected something.
fn through(redirection: &str) -> Jail {
    Jail::new().through(["bash", "-c", &format!("exec {redirection}; exec \"$@\""), "bash"])
}

#[test]
fn the_file_is_like_any_other_and_alone() {
    let jail = Jail::new().args(["--report", "r.json"]);
    let jail = jail.through(["sh", "-c", "umask 027; exec \"$@\"", "sh"]);
    jail.run(["true"]).succeeds().is_silent();
    assert_eq!(names(&jail), ["r.json"]);
    let metadata = fs::metadata(jail.project().join("r.json")).expect("it is there");
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert_eq!(metadata.nlink(), 1);
}

#[test]
fn an_earlier_report_is_gone_while_the_command_runs() {
    let jail = Jail::new().file("r.json", "old").args(["--report", "r.json"]);
    jail.run(["sh", "-c", "ls; echo forged >r.json"]).succeeds().outputs("");
    assert_eq!(summary(&read(&jail.project().join("r.json")))[0], "run");
    assert_eq!(names(&jail), ["r.json"]);
}

#[test]
fn a_killed_supervisor_leaves_neither_a_report_nor_a_part_of_one() {
    let jail = Jail::new().file("r.json", "old").args(["--report", "r.json"]);
    let jail = jail.through(["sh", "-c", "exec 9>&1; exec \"$@\"", "sh"]);
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300; :"]);
    running.wait_for("ready");
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(9);
    assert_eq!(names(&jail), [""; 0]);
}

#[test]
fn a_descriptor_of_the_caller_is_written_to() {
    // The pipe, of which the test reads the other end, and nothing else for standard output.
    for name in ["fd:3", "/dev/fd/3", "/proc/self/fd/3"] {
        let jail = through("3>&1 >/dev/null").args(["--report", name]);
        let finished = jail.run(["sh", "-c", "echo out; exit 4"]);
        finished.exits(4).is_silent();
        assert_eq!(summary(&checked(&finished.stdout_text())), json!(["run", 4, 4, null, []]));
    }
    let jail = through("3>&1 >/dev/null").args(["--report", "fd:3", "--wrte"]);
    let finished = jail.run(["true"]);
    assert_eq!(checked(&finished.stdout_text())["phase"], "arguments");
}

#[test]
fn standard_streams_can_take_it_too() {
    for name in ["fd:1", "/dev/stdout"] {
        let finished = Jail::new().args(["--report", name]).run(["true"]);
        checked(&finished.succeeds().stdout_text());
    }
    // As a shell does: what is in the file already stays.
    let jail = through("2>log; echo first >&2").args(["--report", "/dev/stderr"]);
    jail.run(["true"]).succeeds();
    let log = fs::read_to_string(jail.project().join("log")).expect("it is there");
    checked(log.strip_prefix("first\n").expect("both"));
}

#[test]
fn fifos_and_devices_are_written_to() {
    let script = "mkfifo pipe; cat pipe >copy & reader=$!; \"$@\"; status=$?; wait $reader; \
                  exit $status";
    let jail = Jail::new().through(["sh", "-c", script, "sh"]).args(["--report", "pipe"]);
    jail.run(["sh", "-c", "exit 4"]).exits(4);
    assert_eq!(read(&jail.project().join("copy"))["exit_code"], 4);
    Jail::new().args(["--report", "/dev/null"]).run(["true"]).succeeds().is_silent();
    let jail = Jail::new().args(["--report", "/dev/full"]);
    let finished = jail.run(["sh", "-c", "exit 4"]);
    finished
        .exits(125)
        .says("cannot write the report to `/dev/full`; the command itself exited with 4");
    finished.says("no space left on device [ENOSPC]");
    let jail = Jail::new().args(["--report", "/dev/full", "--workdir", "/nowhere"]);
    jail.run(["true"]).exits(125).says(
        "jail: error: cannot write the report to `/dev/full`; the command did not run\n\
         because: no space left on device [ENOSPC]\n",
    );
}

#[test]
fn a_reader_that_is_gone_is_an_error() {
    let jail = through("3> >(:); wait $!").args(["--report", "fd:3"]);
    let finished = jail.run(["sh", "-c", "kill -9 $$"]);
    finished.exits(125).says("signal 9 had ended the command itself").says("broken pipe [EPIPE]");
}

#[test]
fn a_place_that_cannot_be_written_refuses_the_run() {
    for (name, because) in [
        ("fd:3", "bad file number [EBADF]"),
        ("fd:4", "it is not open for writing [EBADF]"),
        ("missing/r.json", "no such file or directory [ENOENT]"),
        (".", "is a directory [EISDIR]"),
        ("fd:0", "standard input is not for reports"),
        ("fd:x", "`fd:x` is not a descriptor"),
        ("", "is a directory [EISDIR]"),
        ("/r.json", "permission denied [EACCES]"),
    ] {
        let jail = through("3>&- 4</dev/null").args(["--report", name]);
        let finished = jail.run(["touch", "ran"]);
        finished.exits(125).says(because);
        if name == "fd:x" {
            finished
                .says("help: write `fd:3` for one, and `./NAME` for a file that is called so\n");
        }
        assert_eq!(names(&jail), [""; 0], "{name}");
    }
}

/// A hard limit on file sizes cannot be lifted, and the signal that tells of it would kill jail.
#[test]
fn a_report_that_does_not_fit_is_not_there_at_all() {
    let limit = ["bash", "-c", "ulimit -f 1; exec \"$@\"", "bash"];
    let jail = Jail::new().file("r.json", "old").args(["--report", "r.json"]).through(limit);
    let finished = jail.run(["true"]);
    finished.exits(125).says("file too large [EFBIG]");
    assert_eq!(names(&jail), [""; 0]);
}
