//! Files of the host that were not granted, and descriptors that lead to them.

use std::os::unix::net::UnixListener;

use super::refused;
use crate::require;
use crate::support::{Feature, Jail, Running, User};

/// The first thing that a stolen dependency does is to read these.
#[test]
fn secrets_of_the_home_are_absent() {
    let files =
        [".ssh/id_ed25519", ".aws/credentials", ".bashrc", ".netrc", ".config/gh/hosts.yml"];
    let jail = files.iter().fold(Jail::new(), |jail, file| jail.home_file(file, "s3cr3t"));
    for file in files {
        let attempt = format!("read {}", jail.home().join(file).display());
        jail.outside(&attempt).answers("s3cr3t");
        jail.probe(&attempt).refused("ENOENT");
    }
    jail.probe(&format!("list {}", jail.home().display())).answers("project");
}

/// What the command writes to its home, a start-up file of the shell say, goes with it.
#[test]
fn nothing_is_left_in_the_home() {
    let jail = Jail::new();
    let attempt = format!("create {}", jail.home().join(".bash_profile").display());
    jail.probe(&attempt).answers("");
    assert!(!jail.home().join(".bash_profile").exists());
    jail.outside(&attempt).answers("");
    assert!(jail.home().join(".bash_profile").exists());
}

#[test]
fn the_identity_of_the_machine_is_absent() {
    require!(Feature::Path("/etc/machine-id"));
    refused("read /etc/machine-id", "ENOENT");
}

#[test]
fn password_hashes_are_absent_even_for_root() {
    require!(Feature::Root);
    let jail = Jail::as_root();
    jail.outside("read /etc/shadow").succeeds();
    jail.probe("read /etc/shadow").refused_with_any(&["ENOENT", "EACCES"]);
}

#[test]
fn others_temporary_files_are_absent() {
    let jail = Jail::new();
    let canary = jail.elsewhere().join("canary");
    let jail = jail.file(&canary, "s3cr3t");
    let attempt = format!("read {}", canary.display());
    jail.outside(&attempt).answers("s3cr3t");
    jail.probe(&attempt).refused("ENOENT");
    let beside = jail.elsewhere();
    let parent = beside.parent().expect("it is in a temporary directory");
    jail.outside(&format!("list {}", parent.display())).output_has("elsewhere");
    jail.probe(&format!("list {}", parent.display())).answers("home");
}

#[test]
fn state_of_the_system_is_absent() {
    for directory in ["/var/lib", "/var/log", "/sys/kernel", "/boot"] {
        if std::path::Path::new(directory).exists() {
            refused(&format!("list {directory}"), "ENOENT");
        }
    }
}

/// docker.sock, the bus of the user's session, an ssh agent: each is the whole user.
#[test]
fn sockets_that_were_not_granted_are_absent() {
    let jail = Jail::new();
    let path = jail.elsewhere().join("bus");
    let _listener = UnixListener::bind(&path).expect("a socket can be made");
    jail.user().own(&path);
    let attempt = format!("connect-unix {}", path.display());
    jail.outside(&attempt).answers("");
    jail.probe(&attempt).refused("ENOENT");
}

#[test]
fn sockets_of_services_are_absent() {
    require!(Feature::Root);
    let path = format!("/run/jail-test-{}.sock", std::process::id());
    let listener = UnixListener::bind(&path).expect("root can make a socket");
    let jail = Jail::new();
    jail.user().own(path.as_ref());
    let attempt = format!("connect-unix {path}");
    let (outside, inside) = (jail.outside(&attempt), jail.probe(&attempt));
    drop(listener);
    std::fs::remove_file(&path).expect("what was made can be removed");
    outside.answers("");
    inside.refused("ENOENT");
}

#[test]
fn programs_of_the_system_cannot_be_changed() {
    let jail = Jail::new();
    jail.outside("create /usr/bin/jail-test").refused("EACCES");
    jail.probe("create /usr/bin/jail-test").refused("EROFS");
    jail.flag("--user=root").probe("create /usr/bin/jail-test").refused("EROFS");
}

/// In a container the caller is root, to whom nothing but the mount says no.
#[test]
fn programs_of_the_system_cannot_be_changed_by_root() {
    require!(Feature::Root);
    let jail = Jail::as_root();
    jail.outside("open-write /usr/bin/env").answers("");
    jail.probe("open-write /usr/bin/env").refused_with_any(&["EROFS", "EACCES"]);
}

/// A link in the project is only a text: it leads to what is at that path inside.
#[test]
fn a_link_leads_to_nothing_outside() {
    let jail = Jail::new().home_file(".ssh/id", "s3cr3t");
    let absolute = jail.home().join(".ssh/id");
    let jail = jail.link("absolute", absolute).link("relative", "../.ssh/id");
    for name in ["absolute", "relative"] {
        for attempt in ["read", "read-beneath", "open-write"] {
            let attempt = format!("{attempt} {name}");
            jail.outside(&attempt).succeeds();
            jail.probe(&attempt).refused("ENOENT");
        }
    }
}

#[test]
fn a_hard_link_cannot_be_made_to_a_file_outside() {
    let jail = Jail::new().home_file("outside", "s3cr3t");
    jail.probe("link ../outside inside").refused("ENOENT");
    jail.outside("link ../outside inside").answers("");
}

#[test]
fn climbing_up_ends_inside() {
    let jail = Jail::new().home_file("canary", "");
    jail.outside("walk-up 1").answers("canary project");
    jail.probe("walk-up 1").answers("project");
    jail.outside("walk-up 2").answers("home");
    let outside = jail.outside("walk-up 40").detail();
    let inside = jail.probe("walk-up 40").detail();
    assert_ne!(outside, inside, "the root is another one");
}

/// CVE-2015-2925: a directory moved out of a bind mount, with the process in it, has the whole
/// file system above it.
#[test]
fn a_directory_moved_away_leads_nowhere() {
    let climb = "chdir sub/deep -- say ready -- wait-line -- walk-up 1";
    let after_the_move = |start: fn(&Jail, &str) -> Running| {
        let jail = Jail::new().directory("sub/deep").home_file("canary", "");
        let mut running = start(&jail, climb);
        running.wait_for("ready");
        std::fs::rename(jail.project().join("sub/deep"), jail.home().join("moved"))
            .expect("the host may move it");
        running.say("go");
        running.finish()
    };
    after_the_move(Jail::start_outside).answers("canary moved project");
    after_the_move(Jail::start_probe).refused("ENOENT");
}

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
    let probe = crate::support::probe_binary().display();
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
    jail.probe("read-at 0 canary").exits(125).output_lacks("s3cr3t").says("input");
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

#[test]
fn devices_of_the_host_are_absent() {
    let own = [
        "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
        "tty", "urandom", "zero",
    ];
    let jail = Jail::new();
    let there = jail.probe("list /dev").detail();
    let foreign: Vec<&str> = there.split(' ').filter(|name| !own.contains(name)).collect();
    assert!(foreign.is_empty(), "{foreign:?} in /dev");
    let outside = jail.outside("list /dev").detail();
    for device in outside.split(' ').filter(|name| !own.contains(name)).take(5) {
        let attempt = format!("stat /dev/{device}");
        jail.outside(&attempt).succeeds();
        jail.probe(&attempt).refused("ENOENT");
    }
}

/// A setuid program of the host would run as root with an environment of the attacker's.
#[test]
fn a_setuid_program_gains_nothing() {
    require!(Feature::Root);
    let program = std::fs::read(crate::support::probe_binary()).expect("the probe can be read");
    let jail = Jail::new().file("setuid", program);
    let path = jail.project().join("setuid");
    User::root().own(&path);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    std::fs::set_permissions(&path, mode).expect("root can set a mode");
    jail.run_outside(["./setuid", "ids"]).output_has("euid=0");
    let uid = jail.user().uid;
    jail.run(["./setuid", "ids"]).output_has(&format!("uid={uid} euid={uid}"));
}

/// A sandbox that has started is not changed by a change of its profile.
#[test]
fn a_running_jail_does_not_follow_its_profile() {
    require!(Feature::Userns);
    let strict = "[seccomp]\npolicy = \"default\"\n";
    let loose = "[seccomp]\npolicy = \"off\"\n[process]\nnesting = true\n";
    let jail = Jail::new().file("jail.toml", strict).args(["--profile", "./jail.toml"]);
    jail.outside("unshare user").answers("");
    let mut running = jail.start_probe("say ready -- wait-line -- unshare user");
    running.wait_for("ready");
    let jail = jail.file("jail.toml", loose);
    running.say("go");
    running.finish().refused("EPERM");
    // The looser one would have allowed it.
    jail.probe("unshare user").answers("");
}
