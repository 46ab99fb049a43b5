//! A jail in a jail, and in containers of other programs.

use super::bare;
use crate::require;
use crate::support::{Feature, Jail, jail_binary};

/// The words of a run inside of a run.
fn inner<'a>(flags: &[&'a str], command: &[&'a str]) -> Vec<String> {
    let mut line = vec![jail_binary().display().to_string(), "run".to_owned()];
    line.extend(flags.iter().chain(&["--"]).chain(command).map(|word| (*word).to_owned()));
    line
}

fn outer() -> Jail {
    let directory = jail_binary().parent().expect("a program is in a directory");
    Jail::new().args(["--read".as_ref(), directory.as_os_str()])
}

#[test]
fn a_jail_in_a_jail_says_what_to_do() {
    outer()
        .run(inner(&[], &["true"]))
        .exits(125)
        .says("inside another jail: start that one with `--nesting on`")
        .says("--degrade namespaces");
}

#[test]
fn a_jail_in_a_jail_works_without_namespaces() {
    let jail = outer().file("own", "x");
    jail.run(inner(&["--degrade", "namespaces"], &["sh", "-c", "cat own; chmod 600 own; mktemp"]))
        .succeeds()
        .output_has("x");
    jail.run(inner(&["--degrade", "namespaces"], &["sh", "-c", "exit 5"])).exits(5);
    jail.run(inner(&["--degrade", "namespaces"], &["sh", "-c", "cat /proc/1/status"])).exits(1);
}

/// bubblewrap's /proc is a new one, but its user namespaces are at an end.
#[test]
fn a_jail_in_bubblewrap_works_without_namespaces() {
    require!(Feature::Program("bwrap"));
    let jail = Jail::new();
    let home = jail.home().display().to_string();
    let wrap = [
        "bwrap",
        "--unshare-all",
        "--disable-userns",
        "--unshare-user",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/run",
        "--bind",
        &home,
        &home,
        "--setenv",
        "TMPDIR",
        &home,
    ];
    let line = |flags: &[&str], command: &[&str]| {
        let wrap = wrap.iter().map(|word| (*word).to_owned());
        wrap.chain(inner(flags, command)).collect::<Vec<_>>()
    };
    jail.run_outside(line(&[], &["true"])).exits(125).says("--degrade namespaces");
    jail.run_outside(line(&["--degrade", "namespaces"], &["sh", "-c", "pwd; exit 6"])).exits(6);
}

#[test]
fn a_bare_jail_in_a_bare_jail_is_refused_with_a_reason() {
    let directory = jail_binary().parent().expect("a program is in a directory");
    let jail = bare().args(["--read".as_ref(), directory.as_os_str()]);
    jail.run(inner(&["--degrade", "namespaces"], &["true"])).exits(125).says("error: ");
}
