//! Attacks on the rest of the machine, which is not hidden here but out of reach.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

use super::{bare, refused_by};
use crate::require;
use crate::support::{Feature, Jail, Running};

/// A sleeping process of the same user, outside.
fn bystander(jail: &Jail) -> Running {
    let mut running = jail.start_outside("pause");
    running.wait_for("paused");
    running
}

/// Each is allowed by the kernel to whoever has the same uid, and nothing but jail refuses it.
#[test]
fn other_processes_of_the_user_are_left_alone() {
    let jail = bare();
    let bystander = bystander(&jail);
    for (attempt, errno) in [
        ("kill PID 0", "EPERM"),
        ("pidfd-signal PID 0", "EPERM"),
        ("limit-other PID", "EPERM"),
        ("renice-other PID", "EPERM"),
        ("pin-other PID", "EPERM"),
        ("schedule-other PID", "EPERM"),
        ("io-priority-other PID", "EPERM"),
        ("processor-time-other PID", "EINVAL"),
        ("read /proc/PID/environ", "EACCES"),
        ("read /proc/PID/cmdline", "EACCES"),
        ("read /proc/PID/status", "EACCES"),
        ("list /proc/PID/fd", "EACCES"),
        ("list /proc", "EACCES"),
    ] {
        refused_by(&jail, &attempt.replace("PID", &bystander.pid().to_string()), &[errno]);
    }
}

/// The policy of the profile opens them, and Landlock still says no.
#[test]
fn other_processes_of_the_user_cannot_be_traced_by_a_debugger() {
    require!(Feature::Tracing);
    let jail = bare().args(["--seccomp-allow", "@debug"]);
    let bystander = bystander(&jail);
    for attempt in ["trace PID", "read-memory PID", "pidfd-getfd PID 0"] {
        refused_by(&jail, &attempt.replace("PID", &bystander.pid().to_string()), &["EPERM"]);
    }
    jail.probe("trace-child").succeeds();
}

/// Neither by number nor with all others at once.
#[test]
fn the_supervisor_and_init_get_no_signal() {
    let jail = bare();
    let script = "echo ready $PPID; read line; kill -9 $PPID; kill -9 -1; echo alive";
    let mut running = jail.start(["sh", "-c", script]);
    running.wait_for("ready");
    running.say("");
    let finished = running.finish();
    finished.succeeds().output_has("alive");
}

#[test]
fn what_was_not_granted_cannot_be_read_or_written() {
    let jail = bare().home_file(".ssh/id", "s3cr3t");
    let home = jail.home();
    for (attempt, errno) in [
        (format!("read {}/.ssh/id", home.display()), "EACCES"),
        (format!("open-write {}/.ssh/id", home.display()), "EACCES"),
        (format!("truncate {}/.ssh/id", home.display()), "EACCES"),
        (format!("list {}", home.display()), "EACCES"),
        (format!("create {}/new", home.display()), "EACCES"),
        ("create /tmp/jail-test-new".to_owned(), "EACCES"),
        ("list /tmp".to_owned(), "EACCES"),
        ("list /".to_owned(), "EACCES"),
        ("list /run".to_owned(), "EACCES"),
        ("list /dev/shm".to_owned(), "EACCES"),
        ("list /dev/pts".to_owned(), "EACCES"),
        ("list /sys".to_owned(), "EACCES"),
        ("read /etc/machine-id".to_owned(), "EACCES"),
    ] {
        jail.probe(&attempt).refused_with_any(&[errno, "ENOENT"]);
    }
    jail.outside(&format!("read {}/.ssh/id", home.display())).answers("s3cr3t");
    jail.probe("create new").succeeds();
    fs::remove_file(jail.project().join("new")).expect("it was made");
}

/// A way from a directory of the project to one beside it.
#[test]
fn moving_and_linking_leads_nowhere() {
    let jail = bare().home_file("secret", "s3cr3t").file("own", "x");
    let home = jail.home().display().to_string();
    for attempt in [
        format!("link {home}/secret stolen"),
        format!("rename {home}/secret stolen"),
        format!("rename own {home}/planted"),
        format!("exchange own {home}/secret"),
        format!("read {home}/project/../secret"),
    ] {
        jail.probe(&attempt).refused_with_any(&["EACCES", "EXDEV"]);
    }
    jail.probe(&format!("symlink {home}/secret stolen")).succeeds();
    jail.probe("read stolen").refused("EACCES");
}

/// Neither TCP nor any other family; with or without a name in the file system.
#[test]
fn without_a_network_there_is_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    let jail = bare();
    let path = jail.elsewhere().join("socket");
    let _unix = UnixListener::bind(&path).expect("it can be bound");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    let name = format!("jail-bare-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _abstract = UnixListener::bind_addr(&address).expect("the name is free");
    for attempt in [
        format!("connect-tcp {port}"),
        format!("connect-unix {}", path.display()),
        format!("connect-abstract {name}"),
        "socket 16 3 0".to_owned(),
        "socket 10 2 0".to_owned(),
    ] {
        refused_by(&jail, &attempt, &["EAFNOSUPPORT"]);
    }
}

/// Not even where the profile lets every call through: the first wall is one of our own.
#[test]
fn unix_sockets_of_the_host_are_out_of_reach_on_its_network() {
    let jail = bare().args(["--network", "host", "--seccomp-allow", "socket"]);
    let path = jail.elsewhere().join("socket");
    let _unix = UnixListener::bind(&path).expect("it can be bound");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    refused_by(&jail, &format!("connect-unix {}", path.display()), &["EAFNOSUPPORT"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    jail.probe(&format!("connect-tcp {port}")).succeeds();
}

#[test]
fn ports_that_are_not_allowed_are_out_of_reach_on_the_hosts_network() {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let (named, other) = (listen(), listen());
    let port = |it: &TcpListener| it.local_addr().expect("it is bound").port();
    let jail = bare().args(["--network", "host", "--allow", &format!("*:{}", port(&named))]);
    jail.probe(&format!("connect-tcp {}", port(&named))).succeeds();
    refused_by(&jail, &format!("connect-tcp {}", port(&other)), &["EACCES"]);
}

/// A datagram socket of a pair need not stay with its peer.
#[test]
fn no_pair_of_sockets_sends_to_the_host() {
    let jail = bare();
    let path = jail.elsewhere().join("socket");
    let _unix = UnixDatagram::bind(&path).expect("it can be bound");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    refused_by(&jail, &format!("datagram {}", path.display()), &["EPERM"]);
    jail.run([
        "python3",
        "-c",
        "import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)",
    ])
    .succeeds();
}

#[test]
fn memory_and_queues_of_the_machine_are_out_of_reach() {
    let jail = bare();
    let key = std::process::id() % 1_000_000;
    jail.outside(&format!("shm-make {key} -- shm-find {key}")).succeeds();
    jail.probe(&format!("shm-find {key}")).refused("EPERM");
    jail.outside(&format!("shm-remove {key}")).succeeds();
    let queue = format!("jail-bare-{key}");
    jail.outside(&format!("mq-make {queue}")).succeeds();
    jail.probe(&format!("mq-find {queue}")).refused("EPERM");
    jail.outside(&format!("mq-remove {queue}")).succeeds();
}

/// What programs do in a directory that may not even be listed.
#[test]
fn directories_cannot_be_watched() {
    let jail = bare();
    refused_by(&jail, &format!("watch {}", jail.home().display()), &["ENOSYS"]);
    refused_by(&jail, "watch .", &["ENOSYS"]);
}

#[test]
fn nothing_is_gained_and_no_wall_can_be_taken_down() {
    let jail = bare();
    let promised = "CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 \
                    CapAmb=0000000000000000 NoNewPrivs=1 Seccomp=2";
    // /proc tells nothing inside; from outside it is looked at.
    let mut running = jail.start(["sh", "-c", "echo pid $$; read line"]);
    let line = running.wait_for("pid ");
    let pid = line.trim_start_matches("pid ").trim().to_owned();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is running");
    for word in promised.split_whitespace() {
        let (name, value) = word.split_once('=').expect("a pair");
        let found = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        assert_eq!(found.map(str::trim), Some(value), "{name}");
    }
    running.say("");
    running.finish().succeeds();
    for (attempt, errno) in [
        ("io-uring", "ENOSYS"),
        ("keyctl", "EPERM"),
        ("unshare user", "EPERM"),
        ("int80-getpid", ""),
        ("tiocsti", "EPERM"),
        ("name-to-handle /etc", "EPERM"),
    ] {
        if errno.is_empty() {
            jail.probe(attempt).fails();
        } else {
            jail.probe(attempt).refused_with_any(&[errno, "ENOTTY"]);
        }
    }
}

#[test]
fn the_callers_environment_and_descriptors_are_absent() {
    let jail = bare().env("TOKEN", "s3cr3t");
    jail.outside("environment TOKEN").answers("s3cr3t");
    jail.probe("environment TOKEN").refused("ENOENT");
    let opened = |command: Vec<OsString>| {
        let shell = ["sh", "-c", "exec 7</etc/passwd; exec \"$@\"", "sh"].map(OsString::from);
        jail.start_line(shell.into_iter().chain(command).collect()).finish()
    };
    let read = ["sh", "-c", "cat <&7"];
    opened(read.map(OsString::from).into()).succeeds();
    opened(jail.run_line(read)).fails().says("7");
}
