use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::forward::Variables;
use crate::image::Form;
use crate::plan::LandlockRule;
use crate::plan::filter::{Case, Comparison, Condition};
use crate::units::{Cpus, Span};

fn path(text: &str) -> AbsolutePath {
    AbsolutePath::new(text).unwrap()
}

/// Each as one line of `jail plan`, but for its number and its origin.
#[track_caller]
fn said<const N: usize>(steps: [(Action, &str); N]) {
    for (action, expected) in steps {
        let (kind, what) = headline(&action);
        assert_eq!(format!("{kind}  {what}"), expected);
    }
}

#[test]
fn steps_about_limits_say_what_is_limited() {
    let delegated = |leave| {
        Action::Cgroup(CgroupParent::Delegated { path: path("/g/mine"), enable: vec![], leave })
    };
    let bus = "unix:path=/run/user/1/bus".to_owned();
    let scope = CgroupParent::Scope { bus, mount: path("/sys/fs/cgroup"), enable: vec![] };
    let io = |read, write_ops| {
        let device = (8, 16);
        Action::Limit(Limit::Io { device, read, write: None, read_ops: None, write_ops })
    };
    let whole = Limit::Io {
        device: (253, 0),
        read: Some(Size(1 << 20)),
        write: Some(Size(2 << 20)),
        read_ops: Some(5),
        write_ops: Some(6),
    };
    said([
        (delegated(false), "cgroup  below /g/mine, which is delegated to us"),
        (
            delegated(true),
            "cgroup  below /g/mine, which is delegated to us, after we have moved to a leaf",
        ),
        (
            Action::Cgroup(scope),
            "cgroup  a scope of the user's systemd, by unix:path=/run/user/1/bus",
        ),
        (Action::Limit(Limit::Memory(Size(1 << 30))), "limit  memory 1G"),
        (Action::Limit(Limit::Swap(Size(0))), "limit  swap 0B"),
        (Action::Limit(Limit::Cpus(Cpus(1500))), "limit  cpus 1.5"),
        (Action::Limit(Limit::Pids(64)), "limit  pids 64"),
        (io(Some(Size(1 << 20)), None), "limit  io of device 8:16: read 1M/s"),
        (io(None, Some(7)), "limit  io of device 8:16: write-ops 7/s"),
        (
            Action::Limit(whole),
            "limit  io of device 253:0: read 1M/s write 2M/s read-ops 5/s write-ops 6/s",
        ),
    ]);
}

#[test]
fn steps_about_the_network_say_what_can_be_reached() {
    let namespaces = |space| Action::Namespaces(space);
    let nat = |host_loopback, resolver| {
        let program = path("/usr/bin/pasta");
        Action::Nat(Nat { program, resolver, host_loopback, as_root: false })
    };
    let resolver = (IpAddr::V4(Ipv4Addr::new(169, 254, 1, 1)), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let places = ["127.0.0.1:443", "[::1]:443", "127.0.0.1:80"].map(|it| it.parse().unwrap());
    let forward = |proxy: Option<&str>| {
        let read = |name: &str| proxy.filter(|_| name == "HTTPS_PROXY").map(str::to_owned);
        let upstream = Variables::new(read).upstream().unwrap();
        Action::Forward { places: places.to_vec(), upstream }
    };
    said([
        (
            namespaces(NetworkSpace::Empty),
            "namespaces  user mount pid ipc uts cgroup net: no network",
        ),
        (namespaces(NetworkSpace::Connected), "namespaces  user mount pid ipc uts cgroup net"),
        (
            namespaces(NetworkSpace::Host),
            "namespaces  user mount pid ipc uts cgroup: the host's network",
        ),
        (
            namespaces(NetworkSpace::Joined(path("/run/netns/a"))),
            "namespaces  user mount pid ipc uts cgroup: the network of /run/netns/a",
        ),
        (
            nat(false, None),
            "nat  eth0, by /usr/bin/pasta: what the host reaches, but not its loopback interface",
        ),
        (
            nat(true, Some(resolver)),
            "nat  eth0, by /usr/bin/pasta: what the host reaches, and its loopback interface; DNS to \
             169.254.1.1 goes to 127.0.0.1",
        ),
        (forward(None), "network  a process outside serves the ports 80 443"),
        // A password is nobody's business.
        (
            forward(Some("http://me:secret@proxy.example.org:3128")),
            "network  a process outside serves the ports 80 443, by the proxy \
             proxy.example.org:3128 ($HTTPS_PROXY)",
        ),
    ]);
}

#[test]
fn steps_about_files_say_what_is_where() {
    let three = || ["/store/2", "/store/1", "/store/0"].map(path).to_vec();
    let kept = Kept {
        name: "work".into(),
        upper: path("/k/upper"),
        work: path("/k/work"),
        copy: path("/k/copy"),
        form: Form::Changes,
    };
    let image = || "small:1".to_owned();
    let layers = |lowers, owned, kept| RootSource::Layers { image: image(), lowers, owned, kept };
    let copy = RootSource::Copy { image: image(), lowers: three(), path: path("/c"), kept: None };
    let masked = ["/proc/kcore", "/proc/keys"].map(path).to_vec();
    said([
        (
            Action::Scratch { size: Size(512 << 20), inodes: 1000 },
            "scratch  512M of memory, at most 1000 files",
        ),
        (Action::Root(RootSource::Empty), "root  an empty directory"),
        (Action::Root(RootSource::Overlay { lower: path("/r") }), "root  overlay of /r"),
        (Action::Root(RootSource::Directory { path: path("/r") }), "root  /r, writable"),
        (
            Action::Root(layers(vec![path("/store/0")], false, None)),
            "root  overlay of 1 layer of small:1",
        ),
        (
            Action::Root(layers(three(), true, Some(kept))),
            "root  overlay of 3 layers of small:1, with their owners, changes kept as work",
        ),
        (Action::Root(copy), "root  private copy of 3 layers of small:1, /c"),
        (
            Action::Proc { masked, read_only: vec![path("/proc/sys")] },
            "proc  /proc: 2 paths masked, 1 read-only",
        ),
        (
            Action::Dev { devices: ["/dev/null", "/dev/dri/x"].map(path).to_vec() },
            "dev  /dev: null dri/x",
        ),
        (Action::SealRoot, "seal  / becomes read-only"),
        (Action::Pivot, "pivot  leave the host's file system"),
    ]);
}

#[test]
fn steps_about_the_process_say_what_it_may_not() {
    let ask = Decision { number: 90, cases: vec![], otherwise: Verdict::Ask };
    let allow = Decision { number: 0, cases: vec![], otherwise: Verdict::Allow };
    let condition = Condition { index: 0, mask: 1, comparison: Comparison::Equal, value: 1 };
    let some = Case { conditions: vec![condition], verdict: Verdict::Allow };
    let sometimes = Decision { number: 1, cases: vec![some], otherwise: Verdict::Errno(1) };
    let filter = |decisions| {
        let (name, fallback) = ("default".to_owned(), Verdict::Errno(38));
        Filter { name, fallback, decisions }
    };
    let rule = LandlockRule { subject: Subject::Path(path("/usr")), access: Access::Read };
    let ruleset = Ruleset { abi: 6, rules: vec![rule], scoped: true, ports: None };
    let second = |seconds| Span(std::time::Duration::from_secs(seconds));
    said([
        (
            Action::Domain { errno: libc::EPERM },
            "no namespaces  a Landlock domain instead, as this machine refuses them [EPERM]",
        ),
        (Action::Keyring { may_fail: true }, "keyring  a new session keyring"),
        (Action::RefuseNesting, "nesting  no user namespaces inside"),
        (Action::Capabilities { keep: vec![] }, "capabilities  none"),
        (Action::NoNewPrivileges, "privileges  none to be gained (no_new_privs)"),
        (Action::NewSession, "session  a new one, without a terminal"),
        (
            Action::TimeLimit { limit: second(60), grace: second(10), signal: 15 },
            "time  1m, then SIGTERM, and SIGKILL 10s later",
        ),
        (
            Action::TimeLimit { limit: second(60), grace: second(10), signal: 37 },
            "time  1m, then signal 37, and SIGKILL 10s later",
        ),
        (Action::Landlock(ruleset), "landlock  ABI 6, 1 rules"),
        (
            Action::Attend { filter: filter(vec![ask, allow.clone()]), writable: vec![] },
            "attend  default: init is asked for 1 calls",
        ),
        (
            Action::Seccomp(filter(vec![allow, sometimes])),
            "seccomp  default: 1 calls allowed, 1 by their arguments",
        ),
        (Action::Descriptors { keep: vec![] }, "descriptors  keep 0 1 2"),
        (Action::Descriptors { keep: vec![3, 9] }, "descriptors  keep 0 1 2 3 9"),
    ]);
}

#[test]
fn ids_are_told_apart_only_where_they_differ() {
    let map = |inside| {
        let extent = Extent { inside, outside: 1001, count: 1 };
        let (uids, gids) = (vec![extent], vec![extent]);
        ids(&IdMap { uids, gids, mappers: None, uid: inside, gid: inside })
    };
    assert_eq!(map(1001), "1001:1001, the same as outside");
    assert_eq!(map(0), "0:0 inside; uid 0=1001, gid 0=1001");
}
