//! Files of the host that were not granted.

use std::os::unix::net::UnixListener;

use super::refused;
use crate::require;
use crate::support::{Feature, Jail, Running, User, jail_binary, probe_binary};

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

/// It is the mounts that hide them; Landlock is a wall of its own.
#[test]
fn secrets_of_the_home_are_absent_without_landlock() {
    let jail = Jail::new().home_file(".ssh/id_ed25519", "s3cr3t");
    let attempt = format!("read {}", jail.home().join(".ssh/id_ed25519").display());
    jail.outside(&attempt).answers("s3cr3t");
    jail.args(["--landlock", "off"]).probe(&attempt).refused("ENOENT");
}

/// CVE-2026-48785: a grant for `/scratch` was one for `/scratch2` as well.
#[test]
fn a_grant_ends_at_the_end_of_a_name() {
    let jail = Jail::new().file("scratch2/file", "s3cr3t").directory("scratch").cwd("scratch");
    for attempt in ["read ../scratch2/file", "list ../scratch2"] {
        jail.outside(attempt).succeeds();
        jail.probe(attempt).refused("ENOENT");
    }
}

/// CVE-2019-5736 ends with the launcher overwritten, to be run outside the next time.
#[test]
fn the_launcher_cannot_be_overwritten() {
    let program = std::fs::read(jail_binary()).expect("the program can be read");
    let jail = Jail::new().script("../bin/jail", program);
    let launcher = jail.home().join("bin/jail");
    let attempt = format!("chmod 0o777 {}", launcher.display());
    jail.outside(&attempt).answers("");
    let by_copy = |flags: &[&str]| {
        let mut line = jail.probe_line(&attempt);
        line[0] = launcher.clone().into();
        line.splice(2..2, flags.iter().map(Into::into));
        jail.run_outside(line)
    };
    by_copy(&[]).refused("ENOENT");
    let granted = jail.home().join("bin");
    by_copy(&["--read", granted.to_str().expect("a plain path")]).refused("EROFS");
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
    // To Landlock such a place is outside of every grant, which it says before the kernel does.
    after_the_move(Jail::start_probe).refused_with_any(&["ENOENT", "EACCES"]);
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
    let program = std::fs::read(probe_binary()).expect("the probe can be read");
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
    let strict = "extends = [\"default\"]\n";
    let loose = format!("{strict}[seccomp]\npolicy = \"off\"\n[process]\nnesting = true\n");
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

/// What is mounted below a grant comes along: the host's /proc, in a chroot that somebody
/// made there. To root it is a way to change the kernel.
#[test]
fn the_kernels_file_systems_do_not_come_along() {
    require!(Feature::Root);
    let mounted = "mount -t proc proc sub && mount -t sysfs sysfs 'with blank' && exec \"$@\"";
    let jail = Jail::as_root().directory("sub").directory("with blank");
    let jail = jail.through(["unshare", "--mount", "sh", "-c", mounted, "sh"]);
    for attempt in ["open-write sub/sys/kernel/core_pattern", "stat sub/1/root", "list sub"] {
        jail.outside(attempt).succeeds();
        jail.probe(attempt).refused("EACCES");
    }
    let again = ["--landlock", "off", "--bind", ".:/again"];
    let jail = jail.args(again);
    jail.probe("list /again/sub").refused("EACCES");
    jail.run(["ls", "with blank"]).says("Permission denied");
    jail.args(["--read", "./sub/sys"])
        .run(["/bin/true"])
        .exits(125)
        .says(" is an interface to the kernel of this machine\nhelp: remove the rule; each run has a `/proc` and a `/dev` of its own\n");
}

/// The same in a root that was prepared for chroot(8).
#[test]
fn the_kernels_file_systems_do_not_come_along_with_a_root() {
    require!(Feature::Root);
    let directories = ["proc", "dev", "sys", "usr", "bin"].iter();
    let jail = directories.fold(Jail::as_root(), |jail, name| jail.directory(&format!("r/{name}")));
    let probe = std::fs::read(probe_binary()).expect("the probe can be read");
    let jail = jail.script("r/bin/probe", probe);
    let mounted = "mount -t sysfs sysfs r/sys && exec \"$@\"";
    let jail = jail.through(["unshare", "--mount", "sh", "-c", mounted, "sh"]);
    let jail = jail.args(["--profile", "base", "--root", "./r", "--root-mode", "write"]);
    let jail = jail.args(["--workdir", "/", "--landlock", "off"]);
    jail.outside("list r/sys/kernel").succeeds();
    jail.run(["/bin/probe", "list", "/bin"]).answers("probe");
    jail.run(["/bin/probe", "list", "/sys/kernel"]).refused("EACCES");
}

/// `$HOME` is what the environment says, which in a container or after su(1) is somebody
/// else's: the home of the account is no less a home.
#[test]
fn the_home_of_the_account_is_not_granted_as_the_working_directory() {
    require!(Feature::Root);
    let jail = Jail::as_root().cwd("/root");
    jail.run(["pwd"]).says("`/root` is your home, so it is not granted");
    let jail = jail.cwd("/home");
    jail.run(["pwd"]).says("`/home` is above the homes of this machine, so it is not granted");
}
