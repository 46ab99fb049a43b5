//! Namespaces that have a name by ip-netns(8).

use std::ffi::OsString;

use crate::require;
use crate::support::{Feature, Jail};

/// What stands before the script of [`NAMED`]: nothing of it reaches the host.
const APART: [&str; 4] = ["unshare", "--mount", "sh", "-ec"];

/// `lab` and `bare` as ip(8) makes them, and what it would show in the first one.
const NAMED: &str = "mount -t tmpfs none /mnt; mkdir /mnt/upper /mnt/work
    mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
    mkdir -p /etc/netns/lab
    printf 'nameserver 192.0.2.53\nsearch lab.example\n' >/etc/netns/lab/resolv.conf
    printf 'nameserver 192.0.2.1\n' >/mnt/host; mount --bind /mnt/host /etc/resolv.conf
    mount -t tmpfs none /run; ip netns add lab; ip netns add bare
    ip netns exec lab ip link set lo up
    exec \"$@\"";

/// Those of ip-netns(8) may have a name server of their own.
#[test]
fn the_name_servers_of_a_named_namespace_are_asked_there() {
    require!(Feature::Root);
    let jail = || Jail::as_root().through(APART.into_iter().chain([NAMED, "sh"])).args(["-q"]);
    let of = |mode: &str| {
        let finished = jail().args(["--network", mode]).run(["cat", "/etc/resolv.conf"]);
        finished.succeeds().is_silent();
        finished.stdout_text()
    };
    let lab = "nameserver 192.0.2.53\nsearch lab.example\n";
    assert_eq!(of("ns:/run/netns/lab"), lab);
    assert_eq!(of("ns:/run/netns/bare"), "nameserver 192.0.2.1\n");
    // The same is shown to who is in that namespace already.
    let look = "cat /etc/resolv.conf; readlink /proc/self/ns/net";
    let jailed = jail().args(["--network", "ns:/run/netns/lab"]).run_line(["sh", "-ec", look]);
    let both = format!("ip netns exec lab sh -ec '{look}'; exec \"$@\"");
    let line = ["sh", "-ec", &both, "sh"].map(OsString::from).into_iter().chain(jailed);
    let shown = jail().run_outside(line).succeeds().stdout_text();
    let (there, inside) = shown.split_at(shown.len() / 2);
    assert!(there.starts_with(lab) && there == inside, "{shown}");
    // More is said by whoever starts it.
    let named = jail().args(["--network", "ns:/run/netns/lab", "--dns", "192.0.2.9"]);
    named.run(["cat", "/etc/resolv.conf"]).outputs("nameserver 192.0.2.9\n");
}
