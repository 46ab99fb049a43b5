//! Mode `ns:PATH`: a network namespace of somebody else.

mod faults;
mod named;

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::require;
use crate::support::{Feature, Finished, Jail, Running, User, processes_named, wait_until};
use crate::words::says;

const NAME_ONE: &str = "name the file of one, as /proc/PID/ns/net or /run/netns/NAME";

/// What makes a network namespace of an ordinary user, with a loopback interface.
const MAKE: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "sh",
    "-ec",
    "ip link set lo up; exec \"$0\" \"$@\"",
];

/// A network namespace that lives as long as an attempt of the probe in it.
struct Pod {
    server: Running,
}

impl Pod {
    /// Something that listens at port 7000.
    fn new() -> Self {
        Self::of(&Jail::new(), "serve-tcp 127.0.0.1:7000")
    }

    fn of(jail: &Jail, words: &str) -> Self {
        let line = MAKE.map(OsString::from).into_iter().chain(jail.outside_line(words));
        let mut server = jail.start_line(line.collect());
        server.wait_for("listening");
        Self { server }
    }

    fn file(&self, name: &str) -> PathBuf {
        format!("/proc/{}/ns/{name}", self.server.pid()).into()
    }

    fn mode(&self) -> String {
        format!("ns:{}", self.file("net").display())
    }

    /// In it, as its root.
    fn enter(&self) -> Vec<OsString> {
        let target = self.server.pid().to_string();
        let words = ["nsenter", "--user", "--net", "--preserve-credentials", "--target", &target];
        words.map(OsString::from).into()
    }
}

/// The namespace at `path` was not joined, for this cause, and nothing ran.
#[track_caller]
fn refused(jail: &Jail, path: &str, because: &str, help: &[&str]) {
    not_joined(jail, &jail.run(["touch", "ran"]), path, because, help);
}

#[track_caller]
fn not_joined(jail: &Jail, finished: &Finished, path: &str, because: &str, help: &[&str]) {
    let project = jail.project().display().to_string();
    let path = path.replace(&project, "[PROJECT]");
    let title =
        format!("jail: error: cannot join the network namespace `{path}`\n --> --network\n");
    let help: String = help.iter().map(|help| format!("help: {help}\n")).collect();
    says(jail, finished, 125, format!("{title}because: {because}\n{help}"));
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

#[test]
fn what_is_in_the_namespace_is_reached_and_nothing_of_the_host() {
    let (_listener, port) = listener();
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode()]);
    let inside = fs::read_link(pod.file("net"));
    jail.probe("greet-tcp 127.0.0.1:7000").answers("inside").is_silent();
    Jail::new().probe("greet-tcp 127.0.0.1:7000").refused("ECONNREFUSED");
    jail.outside(&format!("connect-tcp {port}")).answers("");
    jail.probe(&format!("connect-tcp {port}")).refused("ECONNREFUSED");
    if let Ok(inside) = inside {
        let name = format!("{}\n", inside.display());
        jail.run(["readlink", "/proc/self/ns/net"]).succeeds().outputs(&name);
    }
}

/// Who the command is does not change by the user namespace that it is below.
#[test]
fn ids_are_what_they_are_elsewhere() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode()]).file("mine", "");
    let User { uid, gid, .. } = jail.user().clone();
    jail.probe("ids").answers(&format!("uid={uid} euid={uid} gid={gid} egid={gid}"));
    jail.run(["stat", "-c", "%u:%g", "mine"]).outputs(&format!("{uid}:{gid}\n"));
    let root = jail.args(["--user", "root"]);
    root.probe("ids").answers("uid=0 euid=0 gid=0 egid=0");
    root.run(["sh", "-c", "touch made; stat -c %u:%g made mine"]).outputs("0:0\n0:0\n");
    let made = fs::metadata(root.project().join("made")).expect("it was made");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), uid);
}

/// The namespace is the wall around abstract sockets; here it is open, and Landlock stands there.
#[test]
fn abstract_sockets_of_the_namespace_are_out_of_reach() {
    let pod = Pod::of(&Jail::new(), "listen-abstract jail-test-pod");
    Jail::new().through(pod.enter()).outside("connect-abstract jail-test-pod").answers("");
    let jail = Jail::new().args(["--network", &pod.mode()]);
    jail.probe("connect-abstract jail-test-pod").refused("EPERM");
}

/// With such a descriptor setns(2) would lead to where jail came from, or back.
#[test]
fn no_descriptor_of_a_namespace_is_inside() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode()]);
    jail.probe("list-fd").answers("0 1 2");
    require!(Feature::Root);
    let mut running = jail.start(["sh", "-c", "echo ready; read line"]);
    running.wait_for("ready");
    let supervisor = running.pid();
    // The process that joined for it may still be there, or its end may hide init for a moment.
    let mut init = None;
    wait_until("init is the only child", || {
        init = only_child_that_is_an_init(supervisor);
        init.is_some()
    });
    let init = init.expect("it was waited for");
    let has = |process: &str| {
        let open = fs::read_dir(format!("/proc/{process}/fd")).expect("root may look").flatten();
        let mut open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        open.any(|target| target.to_string_lossy().contains("net:["))
    };
    assert!(!has(&init), "init has one");
    // It may not have come to closing it yet.
    wait_until("the supervisor has none", || !has(&supervisor.to_string()));
    running.say("");
    running.finish().succeeds();
}

/// The number outside of a process that is the first one of its own pid namespace.
fn only_child_that_is_an_init(supervisor: impl std::fmt::Display) -> Option<String> {
    let children = format!("/proc/{supervisor}/task/{supervisor}/children");
    let child = fs::read_to_string(children).ok()?.trim().to_owned();
    let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let numbers = status.lines().find(|line| line.starts_with("NSpid:"))?;
    numbers.ends_with("\t1").then_some(child)
}

/// The network is not the command's, whatever it may do in its own namespaces.
#[test]
fn capabilities_hold_nothing_over_the_network() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode(), "--user", "root"]);
    let jail = jail.args(["--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW"]);
    Jail::new().through(pod.enter()).run_outside(["ip", "link", "set", "lo", "up"]).succeeds();
    jail.run(["ip", "link", "set", "lo", "down"]).exits(2).says("Operation not permitted");
    jail.probe("greet-tcp 127.0.0.1:7000").answers("inside");
}

#[test]
fn ports_are_kept_to() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode()]);
    jail.probe("greet-tcp 127.0.0.1:7000").answers("inside");
    let other = Jail::new().args(["--network", &pod.mode(), "--allow", "*:443"]);
    other.probe("greet-tcp 127.0.0.1:7000").refused("EACCES");
    let named = Jail::new().args(["--network", &pod.mode(), "--allow", "*:7000"]);
    named.probe("greet-tcp 127.0.0.1:7000").answers("inside");
    let name = Jail::new().args(["--network", &pod.mode(), "--allow", "a.example:443"]);
    name.run(["true"]).exits(125).says("cannot allow `a.example:443` in mode `ns`");
}

#[test]
fn a_plan_names_the_namespace() {
    let pod = Pod::new();
    let file = pod.file("net").display().to_string();
    let jail = Jail::new().profile(&format!("[network]\nmode = \"ns:{file}\"\n"));
    let plan = |more: &[&str]| {
        let mut line = jail.run_line(["true"]);
        line.splice(1..2, ["plan"].iter().chain(more).map(OsString::from));
        jail.run_outside(line)
    };
    plan(&[]).succeeds().output_has(&format!("cgroup: the network of {file}"));
    plan(&["--json"]).succeeds().output_has(&format!("\"joins\": \"{file}\""));
    jail.run(["true"]).succeeds();
}

#[test]
fn a_relative_path_leads_from_the_working_directory() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", "ns:../pod"]);
    std::os::unix::fs::symlink(pod.file("net"), jail.home().join("pod")).expect("it can be made");
    jail.probe("greet-tcp 127.0.0.1:7000").answers("inside");
}

#[test]
fn what_is_no_network_namespace_is_refused() {
    let pod = Pod::new();
    let jail = Jail::new().file("file", "").directory("directory");
    nix::unistd::mkfifo(&jail.project().join("fifo"), nix::sys::stat::Mode::S_IRWXU)
        .expect("a fifo can be made");
    let of_pod = |name: &str| pod.file(name).display().to_string();
    for (path, because, help) in [
        ("file".into(), "it is a file, and no namespace", &[NAME_ONE][..]),
        ("directory".into(), "it is a directory, and no namespace", &[NAME_ONE]),
        // Opened, it would wait for who writes.
        ("fifo".into(), "it is a fifo, and no namespace", &[NAME_ONE]),
        ("/dev/zero".into(), "it is a device, and no namespace", &[NAME_ONE]),
        (
            "missing".into(),
            "no such file or directory [ENOENT]",
            &["`ip netns list` and `lsns --type net` say which there are"],
        ),
        ("file/below".into(), "not a directory [ENOTDIR]", &[]),
        (of_pod("mnt"), "it is a mount namespace", &[NAME_ONE]),
        (of_pod("pid"), "it is a pid namespace", &[NAME_ONE]),
        (of_pod("user"), "it is a user namespace", &[NAME_ONE]),
        (of_pod("ipc"), "it is an ipc namespace", &[NAME_ONE]),
        (of_pod("uts"), "it is a uts namespace", &[NAME_ONE]),
        (of_pod("cgroup"), "it is a cgroup namespace", &[NAME_ONE]),
        (of_pod("time"), "it is a namespace of another kind", &[NAME_ONE]),
        (
            "/proc/self/ns/net".into(),
            "it is the network that jail itself is in",
            &["say `host` if that is what the command shall have"],
        ),
    ] {
        let mode = format!("ns:{path}");
        let line = jail.run_line(["touch", "ran"]);
        let line = [&line[..2], &["--network".into(), mode.into()], &line[2..]].concat();
        let path = jail.project().join(path).display().to_string();
        not_joined(&jail, &jail.run_outside(line), &path, because, help);
    }
}

/// As root could name it, in a directory that nobody else may enter.
#[test]
fn a_namespace_behind_a_closed_door_is_refused() {
    let jail = Jail::new().directory("closed").args(["--network", "ns:closed/pod"]);
    let closed = jail.project().join("closed");
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o000))
        .expect("ours");
    let path = closed.join("pod").display().to_string();
    let help = "`namei -l` with this path shows which directory on the way keeps you out";
    refused(&jail, &path, "permission denied [EACCES]", &[help]);
}

/// From a user namespace in which jail is, another one beside it is no more to be entered.
#[test]
fn a_namespace_beside_the_user_namespace_of_jail_is_refused() {
    let pod = Pod::new();
    let script = format!(
        "exec 9<{}; exec unshare --user --map-root-user -- \"$@\"",
        pod.file("net").display()
    );
    let jail = Jail::new().through(["sh", "-c", &script, "sh"]);
    let jail = jail.args(["--network", "ns:/proc/self/fd/9"]);
    refused(
        &jail,
        "/proc/self/fd/9",
        "it belongs to a user namespace outside of the one that jail is in [EPERM]",
        &["start jail outside of this user namespace"],
    );
}

/// A command that may write here makes the way to another network, and the next run would take it.
#[test]
fn a_link_that_a_command_could_have_planted_is_refused() {
    let pod = Pod::new();
    let jail = Jail::new().link("pod", pod.file("net")).args(["--network", "ns:pod"]);
    jail.run(["true"])
        .exits(125)
        .says("cannot join the network `pod`: it leads through a symbolic link that the command may change");
}

#[test]
fn subordinate_ids_are_refused() {
    require!(Feature::Program("newuidmap"));
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode(), "--ids", "subuid"]);
    refused(
        &jail,
        &pod.file("net").display().to_string(),
        "it belongs to another user namespace, from which subordinate ids cannot be mapped",
        &["use `ids = \"single\"`, or run jail as root"],
    );
}

#[test]
fn a_namespace_that_does_not_know_the_user_is_refused() {
    let jail = Jail::new();
    let line = ["unshare", "--user", "--net"].map(OsString::from).into_iter();
    let line = line.chain(jail.outside_line("serve-tcp 127.0.0.1:7000"));
    // Its loopback is down, and anybody may bind to it all the same.
    let mut server = jail.start_line(line.collect());
    server.wait_for("listening");
    let path = format!("/proc/{}/ns/net", server.pid());
    refused(
        &jail.args(["--network", &format!("ns:{path}")]),
        &path,
        "the user namespace that it belongs to does not map your uid and gid [EPERM]",
        &["make it with a map of both, as `unshare --map-root-user --net` does"],
    );
}

/// In a mount namespace of its own, where `/mnt/pod` is the namespace of a process; then as `user`.
fn mounted(pod: &Pod, user: &User) -> Vec<OsString> {
    let script = "place=$1 user=$2; shift 2; mount -t tmpfs none /mnt; touch /mnt/pod\n\
                  mount --bind \"$place\" /mnt/pod\n\
                  exec setpriv --reuid ${user%:*} --regid ${user#*:} --clear-groups -- \"$@\"";
    let place = pod.file("net").display().to_string();
    let user = format!("{}:{}", user.uid, user.gid);
    let words = ["unshare", "--mount", "sh", "-ec", script, "sh", &place, &user];
    words.map(OsString::from).into()
}

#[test]
fn a_namespace_of_root_is_for_root() {
    require!(Feature::Root);
    let root = Jail::as_root();
    let made = ["unshare", "--net", "sh", "-ec", MAKE[6]].map(OsString::from).into_iter();
    let line = made.chain(root.outside_line("serve-tcp 127.0.0.1:7000"));
    let mut server = root.start_line(line.collect());
    server.wait_for("listening");
    let pod = Pod { server };
    let by = |user: &User| {
        Jail::as_root().through(mounted(&pod, user)).args(["--network", "ns:/mnt/pod"])
    };
    by(&User::root()).probe("greet-tcp 127.0.0.1:7000").answers("inside");
    let jail = by(&User::root()).args(["--ids", "subuid"]);
    let finished = jail.probe("greet-tcp 127.0.0.1:7000");
    if fs::read_to_string("/etc/subuid").is_ok_and(|text| text.contains("root:")) {
        finished.answers("inside");
    }
    refused(
        &by(&User::ordinary()),
        "/mnt/pod",
        "it was made by root, and joining it takes CAP_SYS_ADMIN [EPERM]",
        &["run jail as root, or name one of yours, as `unshare --map-root-user --net` makes"],
    );
    refused(
        &Jail::new().args(["--network", &pod.mode()]),
        &pod.file("net").display().to_string(),
        "permission denied [EACCES]",
        &[
            "a process of another user keeps its namespaces to itself: run jail as that user, or as root",
        ],
    );
}

#[test]
fn a_namespace_of_another_user_is_theirs() {
    require!(Feature::Root);
    const NOBODY: &str = "65534";
    let root = Jail::as_root();
    let theirs = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let line = theirs.iter().chain(&MAKE).map(OsString::from);
    let line = line.chain(root.outside_line("serve-tcp 127.0.0.1:7000"));
    let mut server = root.start_line(line.collect());
    server.wait_for("listening");
    let pod = Pod { server };
    let by = |user: &User| {
        Jail::as_root().through(mounted(&pod, user)).args(["--network", "ns:/mnt/pod"])
    };
    refused(
        &by(&User::ordinary()),
        "/mnt/pod",
        "it belongs to the user with the uid 65534 [EPERM]",
        &["run jail as that user, or as root"],
    );
    by(&User::root()).probe("greet-tcp 127.0.0.1:7000").answers("inside");
}

/// Init is a child of the supervisor, whoever cloned it.
#[test]
fn a_killed_supervisor_takes_the_command_along() {
    let pod = Pod::new();
    let jail = Jail::new().args(["--network", &pod.mode()]);
    let jail = jail.through(["sh", "-c", "exec 9>&1; exec \"$@\"", "sh"]);
    let marker = format!("jail-joined-{}", std::process::id());
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300; :", &marker]);
    running.wait_for("ready");
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(libc::SIGKILL);
    wait_until("all have ended", || processes_named(&marker).is_empty());
}
