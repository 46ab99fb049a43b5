//! Descriptors that lead out: those that the caller happens to have open, and standard input.

use crate::support::{Jail, probe_binary};

/// CVE-2024-21626 of runc, and singularity and firejail before it: a descriptor that the
/// caller happened to have open is a way around every mount.
#[test]
fn an_open_directory_is_not_inherited() {
    let jail = Jail::new();
    let canary = jail.elsewhere().join("canary");
    let step = format!("with-fd 9 {}", jail.elsewhere().display());
    let jail = jail.file(canary, "s3cr3t").through_probe(&step);
    jail.outside("read-at 9 canary").answers("s3cr3t");
    jail.probe("read-at 9 canary").refused("EBADF");
    jail.outside("chdir /proc/self/fd/9 -- list .").output_has("canary");
    jail.probe("chdir /proc/self/fd/9 -- list .").refused("ENOENT");
}

#[test]
fn an_open_file_is_not_inherited() {
    let jail = Jail::new();
    let canary = jail.elsewhere().join("canary");
    let step = format!("with-fd 7 {}", canary.display());
    let jail = jail.file(canary, "s3cr3t").through_probe(&step);
    jail.outside("reopen 7 read").answers("s3cr3t");
    jail.probe("reopen 7 read").refused("ENOENT");
    jail.probe("list-fd").answers("0 1 2");
}

/// The promise behind `--preserve-fd`: that one, and no other.
#[test]
fn a_preserved_descriptor_comes_alone() {
    let jail = Jail::new().file("kept", "kept");
    let step = format!("with-fd 7 {0}/kept with-fd 9 {0}", jail.project().display());
    let probe = probe_binary().display();
    let step = step.replacen(" with-fd 9", &format!(" {probe} with-fd 9"), 1);
    let jail = jail.through_probe(&step).args(["--preserve-fd", "7"]);
    jail.outside("list-fd").output_has("7 9");
    jail.probe("list-fd").answers("0 1 2 7");
}

/// The same trick by the working directory, which the launcher itself would enter.
#[test]
fn a_working_directory_by_descriptor_is_refused() {
    let jail = Jail::new();
    let canary = jail.elsewhere().join("canary");
    let step = format!("with-fd 9 {}", jail.elsewhere().display());
    let jail = jail.file(canary, "s3cr3t").through_probe(&step);
    jail.outside("chdir /proc/self/fd/9 -- read canary").answers("s3cr3t");
    let jail = jail.args(["--workdir", "/proc/self/fd/9"]);
    jail.probe("read canary").exits(125).output_lacks("s3cr3t");
}

/// Standard input is passed on, so it must not be a door: a directory would be one.
#[test]
fn a_directory_as_standard_input_is_refused() {
    let jail = Jail::new();
    let canary = jail.elsewhere().join("canary");
    let from = format!("exec \"$@\" <{}", jail.elsewhere().display());
    let jail = jail.file(canary, "s3cr3t").through(["sh", "-c", &from, "sh"]);
    jail.outside("read-at 0 canary").answers("s3cr3t");
    jail.probe("read-at 0 canary").exits(125).output_lacks("s3cr3t").says("directory");
}

/// /proc/self/fd/0 opens the file anew, on the mount of the host, where it may be written. Only
/// Landlock says no; bubblewrap, firejail and crun do not.
#[test]
fn a_file_to_read_from_cannot_be_written() {
    let jail = Jail::new();
    let data = jail.elsewhere().join("data");
    let from = format!("exec \"$@\" <{}", data.display());
    let jail = jail.file(&data, "precious").through(["sh", "-c", &from, "sh"]);
    jail.probe("reopen 0 read").answers("precious");
    jail.probe("reopen 0 write").refused("EACCES");
    jail.probe("reopen 0 truncate").refused("EACCES");
    jail.probe("write /dev/stdin x").refused("EACCES");
    assert_eq!(std::fs::read_to_string(&data).expect("it is there"), "precious");
    jail.outside("reopen 0 write").answers("");
    jail.outside("reopen 0 truncate").answers("");
}

/// The other way round: what only may be written is not read.
#[test]
fn a_file_to_write_to_cannot_be_read() {
    let jail = Jail::new();
    let log = jail.elsewhere().join("log");
    let to = format!("exec \"$@\" 2>>{}", log.display());
    let jail = jail.file(&log, "s3cr3t").through(["sh", "-c", &to, "sh"]);
    jail.outside("reopen 2 read").answers("s3cr3t");
    jail.probe("reopen 2 read").refused("EACCES");
}
