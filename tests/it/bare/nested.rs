//! A jail in a jail, and in containers of other programs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use super::bare;
use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary, probe_binary, spawn};

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

/// Its /proc hides parts of itself, so the kernel allows no new one to who is nobody in it.
#[test]
fn a_jail_in_a_container_of_podman_works_without_namespaces() {
    require!(Feature::Root);
    require!(Feature::Program("podman"));
    require!(Feature::Path("/usr/sbin/runc"));
    let jail = Jail::new();
    let root = jail.elsewhere().join("root");
    for directory in ["bin", "tmp", "work"] {
        fs::create_dir_all(root.join(directory)).expect("it can be made");
    }
    let everybody = |name: &str, mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(root.join(name), permissions).expect("it is there");
    };
    everybody("tmp", 0o1777);
    everybody("work", 0o777);
    fs::copy(jail_binary(), root.join("bin/jail")).expect("it can be copied");
    fs::copy(probe_binary(), root.join("bin/probe")).expect("it can be copied");
    let storage = jail.elsewhere().join("podman");
    let podman = |words: &[&str]| {
        let mut command = Command::new("podman");
        command.arg("--root").arg(storage.join("root")).arg("--runroot").arg(storage.join("run"));
        command.args(["--cgroup-manager", "cgroupfs", "--runtime", "runc", "run", "--rm"]);
        command.args(["--network", "none", "--ulimit", "nofile=1024:1024"]);
        command.args(["--ulimit", "nproc=4096:4096", "--user", "1000", "--workdir", "/work"]);
        // Otherwise that is the working directory, and grants of a whole home are refused.
        command.args(["--env", "HOME=/home/of-nobody"]);
        command.arg("--rootfs").arg(&root).args(["/bin/jail", "run", "--write", "."]);
        let output = spawn_and_wait(command.args(words));
        Finished::new(format!("podman {words:?}"), output)
    };
    podman(&["--", "/bin/probe", "ids"]).exits(125).says("--degrade namespaces");
    let without = ["--degrade", "namespaces", "--read", "/bin", "--", "/bin/probe"];
    let inside = |attempt: &[&str]| podman(&[&without[..], attempt].concat());
    inside(&["ids"]).answers("uid=1000 euid=1000 gid=0 egid=0");
    inside(&["create", "own", "--", "chmod", "0o600", "own"]).succeeds();
    inside(&["list", "/"]).refused("EACCES");
    inside(&["create", "/tmp/x"]).refused("EACCES");
    inside(&["chmod", "0o700", "/work/../tmp"]).refused("EPERM");
}

fn spawn_and_wait(command: &mut Command) -> Output {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(command).wait_with_output().expect("a child can be waited for")
}

#[test]
fn a_bare_jail_in_a_bare_jail_is_refused_with_a_reason() {
    let directory = jail_binary().parent().expect("a program is in a directory");
    let jail = bare().args(["--read".as_ref(), directory.as_os_str()]);
    jail.run(inner(&["--degrade", "namespaces"], &["true"])).exits(125).says("error: ");
}

/// Enters so many Landlock domains, about nothing but ports, and executes what follows.
const DOMAINS: &str = "import ctypes, os, sys\n\
    call = ctypes.CDLL(None).syscall\n\
    assert call(157, 38, 1, 0, 0, 0) == 0\n\
    for _ in range(int(sys.argv[1])):\n\
    \x20   ruleset = call(444, (ctypes.c_uint64 * 2)(0, 2), 16, 0)\n\
    \x20   assert ruleset >= 0 and call(446, ruleset, 0) == 0\n\
    \x20   os.close(ruleset)\n\
    os.execv(sys.argv[2], sys.argv[2:])\n";

/// Runs `true` inside of so many Landlock domains of others.
pub fn run_in_domains(jail: &Jail, count: &str) -> Finished {
    let line = ["python3", "-c", DOMAINS, count].map(OsString::from).into_iter();
    jail.run_outside(line.chain(jail.run_line(["true"])))
}

/// The kernel nests 16. What cannot be done without is not advised to be done without.
#[test]
fn too_many_landlock_domains_around_a_jail_are_told_with_what_can_be_done() {
    let jail = Jail::new();
    run_in_domains(&jail, "15").succeeds();
    let finished = run_in_domains(&jail, "16");
    finished
        .exits(125)
        .outputs("")
        .says("jail: error: cannot enforce the Landlock ruleset\n")
        .says(
            "because: landlock: argument list too long [E2BIG]\n\
         help: the kernel nests 16 Landlock rulesets at most: start jail further outside, or do \
         without this one: --landlock off\n",
        );
    run_in_domains(&jail.args(["--landlock", "off"]), "16").succeeds();

    let jail = bare();
    run_in_domains(&jail, "14").succeeds();
    for (count, title) in [
        ("15", "cannot enforce the Landlock ruleset"),
        ("16", "cannot hold the command in a Landlock domain\n --> --degrade"),
    ] {
        let finished = run_in_domains(&jail, count);
        finished.exits(125).outputs("").says(&format!("jail: error: {title}\n")).says(
            "because: landlock: argument list too long [E2BIG]\n\
             help: the kernel nests 16 Landlock rulesets at most, and without namespaces jail takes \
             two: start it further outside\n",
        );
    }
}
