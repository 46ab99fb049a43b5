//! What a machine may lack beside user namespaces, and what the doctor says about it.

use crate::require;
use crate::support::{Feature, Jail};

use super::{are_found, check, examine, findings, is, means};

/// Root in namespaces of one's own, where something is made different.
fn different(script: &str) -> Jail {
    let script = format!("{script} && exec \"$@\"");
    Jail::new().through(["unshare", "-Urmpf", "sh", "-c", script.as_str(), "sh"])
}

/// The kernel allows no new /proc beside one that hides something: as in docker and podman.
#[test]
fn a_proc_that_hides_something_does_not_hide_the_rest() {
    require!(Feature::Userns);
    let jail = different("mount -t proc proc /proc && mount --bind /dev/null /proc/interrupts");
    let (found, status) = findings(&jail, &[]);
    assert_eq!(status, Some(1), "{found:#}");
    is(&found, "user_namespace", "ok");
    is(&found, "mounts", "ok");
    is(&found, "proc", "missing");
    for after in ["dev", "loopback", "host_name", "keyring", "privileges", "landlock", "filter"] {
        is(&found, after, "ok");
    }
    are_found(&found, &[("profile", "what is missing above stands against it")]);
    means(
        &found,
        "proc",
        "without it the command would see all processes of this machine",
        "the /proc of this container hides parts of itself, so the kernel allows no new one: start \
         it with a whole one",
    );
    examine(&jail, &[]).output_has("[EPERM]").output_has("seccomp=unconfined");
    jail.run(["true"]).exits(125).says("seccomp=unconfined").says("`jail doctor`");
}

#[test]
fn two_causes_are_named_at_once() {
    require!(Feature::Userns);
    let jail = different(
        "mount -t proc proc /proc && mount --bind /dev/null /proc/interrupts &&
         mount --bind /dev/null /usr/bin/pasta",
    );
    let (found, _) = findings(&jail, &["--network", "nat", "--read", "./missing"]);
    is(&found, "proc", "missing");
    is(&found, "pasta", "missing");
    is(&found, "profile", "missing");
}

#[test]
fn programs_that_are_missing_are_named_with_their_packages() {
    require!(Feature::Userns);
    require!(Feature::Program("pasta"));
    require!(Feature::Program("newuidmap"));
    let jail = different(
        "mount --bind /dev/null /usr/bin/pasta && mount --bind /dev/null /usr/bin/newuidmap",
    );
    let (found, status) = findings(&jail, &["--network", "nat", "--ids", "subuid"]);
    assert_eq!(status, Some(1));
    is(&found, "pasta", "missing");
    is(&found, "subordinate_ids", "missing");
    let fixes = check(&found, "pasta")["fixes"].to_string();
    assert!(fixes.contains("of the package `passt`"), "{fixes}");
    let ids = check(&found, "subordinate_ids");
    assert!(ids["found"].as_str().unwrap().contains("no program `newuidmap`"), "{ids:#}");
    // With `auto` that is no reason not to run.
    let (found, status) = findings(&jail, &["--ids", "auto"]);
    is(&found, "subordinate_ids", "degraded");
    let instead = "with `ids = \"auto\"` there is one id inside instead";
    assert_eq!(check(&found, "subordinate_ids")["means"], instead);
    assert_eq!(status, Some(0), "{found:#}");
}

/// Whether there is none, or one that may not be opened.
#[test]
fn a_device_that_may_not_be_opened_is_named() {
    require!(Feature::Userns);
    require!(Feature::Program("pasta"));
    let none = "mount -t tmpfs none /dev/net";
    // What it is does not matter before it has been opened.
    let closed = "mount -t tmpfs none /dev/net && touch /dev/net/tun &&
        mount --bind /etc/shadow /dev/net/tun";
    for (script, found) in
        [(none, "no such file or directory [ENOENT]"), (closed, "permission denied [EACCES]")]
    {
        let jail = different(script).env("GITLAB_CI", "true");
        let (findings, status) = findings(&jail, &["--network", "nat"]);
        assert_eq!(status, Some(1));
        is(&findings, "tun", "missing");
        is(&findings, "pasta", "not_tried");
        is(&findings, "profile", "missing");
        are_found(&findings, &[("tun", found), ("pasta", "it needs /dev/net/tun")]);
        let lost = "the command has no way to the network";
        means(&findings, "tun", lost, "start the container with the device");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    require!(Feature::Userns);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it has an address").port();
    let publish = format!("{port}:80");
    let jail = Jail::new();
    let (found, status) = findings(&jail, &["--publish", &publish]);
    assert_eq!(status, Some(1));
    is(&found, "publish", "missing");
    let lost = "nobody can reach what the command listens on";
    assert_eq!(check(&found, "publish")["means"], lost);
    drop(taken);
    let (found, status) = findings(&jail, &["--publish", &publish]);
    are_found(&found, &[("publish", "free to listen on")]);
    assert_eq!(status, Some(0), "{found:#}");
}

#[test]
fn a_runtime_directory_is_no_condition() {
    require!(Feature::Userns);
    let lost = "no program can be told what runs; runs themselves do not need it";
    let booted_with_systemd = std::path::Path::new("/run/systemd/system").is_dir();
    let fix = match booted_with_systemd {
        true => "log in by a way that sets it, or have systemd keep it without a login",
        false => "set XDG_RUNTIME_DIR to a directory of your own, mode 0700",
    };
    for (jail, words) in [
        (
            Jail::new().env("XDG_RUNTIME_DIR", "/nonexistent"),
            "what XDG_RUNTIME_DIR names cannot be written to",
        ),
        (Jail::new(), "XDG_RUNTIME_DIR is not set"),
    ] {
        let (found, status) = findings(&jail, &[]);
        assert_eq!((status, &found["runs"]), (Some(0), &true.into()));
        is(&found, "runtime_directory", "degraded");
        are_found(&found, &[("runtime_directory", words)]);
        means(&found, "runtime_directory", lost, fix);
    }
    let jail = Jail::new().directory("runtime");
    let runtime = jail.project().join("runtime");
    let (found, _) = findings(&jail.env("XDG_RUNTIME_DIR", runtime.as_os_str()), &[]);
    is(&found, "runtime_directory", "ok");
    are_found(&found, &[("runtime_directory", "can be written to")]);
}

#[test]
fn networks_and_overlays_that_are_there_are_tried() {
    require!(Feature::Userns);
    require!(Feature::Tun);
    require!(Feature::Program("pasta"));
    let jail = Jail::new().directory("low");
    let (found, status) = findings(&jail, &["--network", "nat", "--overlay", "./low"]);
    assert_eq!(status, Some(0), "{found:#}");
    for name in ["pasta", "tun", "overlay"] {
        is(&found, name, "ok");
    }
    are_found(
        &found,
        &[
            ("pasta", "connected, by pasta"),
            ("tun", "may be opened"),
            ("overlay", "mounted, and a directory removed in one"),
        ],
    );
    let allow = ["--network", "allow", "--allow", "example.test:443"];
    let (found, status) = findings(&jail, &allow);
    assert_eq!(status, Some(0), "{found:#}");
    is(&found, "forwarder", "ok");
    are_found(&found, &[("forwarder", "served by a process outside")]);
}

#[test]
fn a_range_of_ids_is_tried() {
    require!(Feature::Userns);
    require!(Feature::Program("newuidmap"));
    let (found, status) = findings(&Jail::new(), &["--ids", "subuid"]);
    assert_eq!(status, Some(0), "{found:#}");
    is(&found, "subordinate_ids", "ok");
    are_found(&found, &[("subordinate_ids", "a range of ids, mapped by newuidmap")]);
}

/// A container that leaves what is needed: nothing is missed in it.
#[test]
fn inside_bubblewrap_all_holds() {
    require!(Feature::Userns);
    require!(Feature::Program("bwrap"));
    let jail = Jail::new().through([
        "bwrap",
        "--unshare-all",
        "--bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]);
    let (found, status) = findings(&jail, &[]);
    assert_eq!((status, &found["runs"]), (Some(0), &true.into()), "{found:#}");
    jail.run(["true"]).succeeds();
}

/// What is missing counts only for who needs it.
#[test]
fn a_namespace_that_is_missing_is_no_matter_where_it_is_not_asked_for() {
    require!(Feature::Userns);
    let script = "echo 0 >/proc/sys/user/max_net_namespaces; exec \"$@\"";
    let jail = Jail::new().through(["unshare", "-Ur", "sh", "-c", script, "sh"]);
    let (found, status) = findings(&jail, &[]);
    assert_eq!(status, Some(1));
    is(&found, "user_namespace", "ok");
    is(&found, "namespaces", "missing");
    assert_eq!(check(&found, "namespaces")["found"], "refused: net [ENOSPC]");
    means(
        &found,
        "namespaces",
        "without one of them, what is outside could be reached by it",
        "see `sysctl user` for the limits: user.max_*_namespaces",
    );
    jail.run(["true"]).exits(125);
    // Landlock has to be able to do what the network namespace would: ABI 6.
    let options = ["--network", "host", "--landlock", "off"];
    let (found, status) = findings(&jail, &options);
    assert_eq!((status, &found["runs"]), (Some(0), &true.into()), "{found:#}");
    is(&found, "namespaces", "degraded");
    assert_eq!(check(&found, "namespaces")["means"], "these options do without it");
    jail.args(options).run(["true"]).succeeds();
}

/// Each limit by itself, each with what forbids it.
#[test]
fn limits_are_told_apart() {
    let jail = Jail::new().env("XDG_RUNTIME_DIR", "/nonexistent");
    let (found, status) = findings(&jail, &["-m", "64M", "--pids", "16", "--cpus", "1"]);
    let states: Vec<_> =
        ["memory", "pids", "cpu"].iter().map(|name| check(&found, name)["state"].clone()).collect();
    assert_eq!(status, Some(i32::from(states.iter().any(|state| state == "missing"))));
    is(&found, "cpuset", "not_needed");
    is(&found, "io", "not_needed");
    for name in ["memory", "pids", "cpu"] {
        let check = check(&found, name);
        let is_missing = check["state"] == "missing";
        assert_eq!(is_missing, !check["fixes"].as_array().unwrap().is_empty(), "{check:#}");
    }
    // Where they may be missing they are no reason not to run.
    let degraded = ["-m", "64M", "--degrade", "limits"];
    let (found, status) = findings(&jail, &degraded);
    assert_eq!(status, Some(0), "{found:#}");
    let memory = check(&found, "memory");
    let goes_on = "the profile goes on with limits of each process, or without";
    assert_eq!(memory["state"] == "degraded", memory["means"] == goes_on, "{memory:#}");
}
