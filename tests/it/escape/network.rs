//! Reaching somebody by a socket or by shared memory.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::network::Outside;
use crate::require;
use crate::support::{Feature, Jail};

/// A number that two tests at the same time do not share.
fn own_number(test: u32) -> u32 {
    std::process::id() % 1_000_000 * 10 + test
}

/// A database, a debugger, a cloud's metadata proxy: they trust who is on the same machine.
#[test]
fn services_of_the_host_are_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    let jail = Jail::new();
    jail.outside(&format!("connect-tcp {port}")).answers("");
    jail.probe(&format!("connect-tcp {port}")).refused("ECONNREFUSED");
}

#[test]
fn datagrams_do_not_reach_the_host() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port can be had");
    let port = socket.local_addr().expect("it is bound").port();
    let echo = std::thread::spawn(move || {
        let mut datagram = [0; 64];
        let (length, from) = socket.recv_from(&mut datagram).expect("somebody sends");
        socket.send_to(&datagram[..length], from).expect("there is somebody to answer");
        socket
    });
    let jail = Jail::new();
    jail.probe(&format!("echo-udp {port}")).refused("ECONNREFUSED");
    jail.outside(&format!("echo-udp {port}")).answers("probe");
    echo.join().expect("one datagram came, from outside");
}

/// What is refused is the host's loopback, not having one.
#[test]
fn the_own_loopback_works() {
    Jail::new().outside("own-loopback").answers("");
    Jail::new().probe("own-loopback").answers("");
}

fn abstract_listener(name: &str) -> UnixListener {
    let address = SocketAddr::from_abstract_name(name).expect("a short name");
    UnixListener::bind_addr(&address).expect("the name is free")
}

/// CVE-2020-15257: containerd's shim listened on one; so do X11 and D-Bus.
#[test]
fn abstract_sockets_of_the_host_are_out_of_reach() {
    let name = format!("jail-test-{}", own_number(1));
    let _listener = abstract_listener(&name);
    let jail = Jail::new();
    jail.outside(&format!("connect-abstract {name}")).answers("");
    jail.probe(&format!("connect-abstract {name}")).refused("ECONNREFUSED");
}

/// With the host's network the namespace does not hide them; Landlock does.
#[test]
fn abstract_sockets_are_out_of_reach_on_the_hosts_network() {
    let name = format!("jail-test-{}", own_number(2));
    let _listener = abstract_listener(&name);
    let jail = Jail::new().args(["--network", "host"]);
    jail.outside(&format!("connect-abstract {name}")).answers("");
    jail.probe(&format!("connect-abstract {name}")).refused("EPERM");
}

/// What listens on 127.0.0.1 trusts whoever can connect. pasta lends the gateway's address to it,
/// unless it is told not to.
#[test]
fn the_hosts_loopback_is_out_of_reach_by_nat() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat"]);
    let addresses = [
        "127.0.0.1",
        "127.0.0.53",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        // The host's own addresses are the command's own.
        "198.51.100.2",
        "[2001:db8:1::2]",
    ];
    for address in addresses {
        outside.jail().outside(&format!("greet-tcp {address}:7000")).answers("host");
        jail.probe(&format!("greet-tcp {address}:7000")).refused("ECONNREFUSED");
    }
    for address in ["127.0.0.1", "[::1]", "198.51.100.2", "[2001:db8:1::2]"] {
        outside.jail().outside(&format!("greet-udp {address}:7000")).answers("host:hello");
        jail.probe(&format!("greet-udp {address}:7000")).refused("ECONNREFUSED");
    }
    // Whom the gateway's address leads to.
    for address in ["198.51.100.1", "[2001:db8:1::1]"] {
        jail.probe(&format!("greet-tcp {address}:7000")).answers("peer");
        jail.probe(&format!("greet-udp {address}:7000")).answers("peer:hello");
    }
}

/// The stand-in for a resolver on the host leads to its port 53, and nowhere else.
#[test]
fn the_resolvers_address_leads_to_the_resolver_alone() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let resolver = "echo nameserver 127.0.0.53 >resolv.conf\n\
                    mount --bind resolv.conf /etc/resolv.conf";
    let jail = outside.prepared(resolver).args(["--network", "nat"]);
    jail.run(["getent", "ahostsv4", "www.example.org"]).succeeds();
    let unreached = ["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET"];
    jail.probe("greet-tcp 169.254.1.1:7000").refused_with_any(&unreached);
    jail.probe("greet-udp 169.254.1.1:7000").refused_with_any(&unreached);
}

/// pasta would forward what anybody inside listens on.
#[test]
fn what_listens_inside_is_not_published_by_nat() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat"]);
    let mut running = jail.start_probe("serve-tcp 0.0.0.0:7070");
    running.wait_for("listening");
    for address in ["127.0.0.1", "[::1]", "198.51.100.2"] {
        let attempt = format!("greet-tcp {address}:7070");
        outside.jail().outside(&attempt).refused("ECONNREFUSED");
    }
}

/// One port leads inside: not the others, and none of them outside.
#[test]
fn what_was_not_published_is_out_of_reach() {
    let outside = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let other = outside.local_addr().expect("it is bound").port();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let jail = Jail::new().args(["-p", &format!("{port}:7080")]);
    let mut running = jail.start_probe("serve-tcp 0.0.0.0:7080");
    running.wait_for("listening");
    jail.outside(&format!("greet-tcp 127.0.0.1:{port}")).answers("inside");
    jail.outside("greet-tcp 127.0.0.1:7080").refused("ECONNREFUSED");
    drop(running);
    // The forwarder's own sockets are no way out.
    jail.outside(&format!("connect-tcp {other}")).answers("");
    for way in [other, port] {
        jail.probe(&format!("connect-tcp {way}")).refused("ECONNREFUSED");
    }
    // The shell lists them itself: what it started would come and go while they are counted.
    let count = ["sh", "-c", "set -- /proc/[0-9]*; echo $#"];
    let with = jail.run(count).succeeds().stdout_text();
    let without = Jail::new().run(count).succeeds().stdout_text();
    assert_eq!(with, without, "one process more is seen inside");
}

#[test]
fn abstract_sockets_of_the_host_are_out_of_reach_by_nat() {
    crate::require!(Feature::Tun);
    let name = format!("jail-test-{}", own_number(6));
    let outside = Outside::new();
    let host = outside.jail();
    let mut running = host.start_outside(&format!("listen-abstract {name}"));
    running.wait_for("listening");
    outside.jail().outside(&format!("connect-abstract {name}")).answers("");
    let jail = outside.jail().args(["--network", "nat"]);
    jail.probe(&format!("connect-abstract {name}")).refused("ECONNREFUSED");
}

/// It has the network of the host, and rights over the sandbox's.
#[test]
fn pasta_can_be_neither_seen_nor_reached_by_its_number() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat"]);
    jail.run(["sh", "-c", "cat /proc/[0-9]*/comm"]).succeeds().output_lacks("pas");
}

#[test]
fn other_ports_are_out_of_reach_on_the_hosts_network() {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port can be had"));
    let [allowed, other] =
        listeners.each_ref().map(|listener| listener.local_addr().expect("it is bound").port());
    let jail = Jail::new().args(["--network", "host", "--allow", &format!("*:{allowed}")]);
    jail.outside(&format!("connect-tcp {other}")).answers("");
    jail.probe(&format!("connect-tcp {allowed}")).answers("");
    jail.probe(&format!("connect-tcp {other}")).refused("EACCES");
}

/// Landlock's rule is not asked about these.
#[test]
fn no_other_kind_of_tcp_leads_to_other_ports_of_the_hosts_network() {
    require!(Feature::Program("python3"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    let jail = Jail::new().args(["--network", "host", "--allow", "*:443"]);
    let multipath = "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(there)";
    let at_once = "socket.socket().sendto(b'x', 0x20000000, there)";
    for (way, refusal) in [(multipath, "Protocol not supported"), (at_once, "not supported")] {
        let script = format!("import socket; there = ('127.0.0.1', {port}); {way}");
        jail.run_outside(["python3", "-c", &script]).succeeds();
        jail.run(["python3", "-c", &script]).exits(1).says(refusal);
    }
    let unfiltered = jail.args(["--seccomp", "off"]);
    unfiltered.run(["true"]).exits(125).says("cannot keep to the ports of `allow`");
}

#[test]
fn shared_memory_of_the_host_is_absent() {
    let key = own_number(3);
    let jail = Jail::new();
    jail.outside(&format!("shm-make {key}")).succeeds();
    let (outside, inside) =
        (jail.outside(&format!("shm-find {key}")), jail.probe(&format!("shm-find {key}")));
    jail.outside(&format!("shm-remove {key}")).succeeds();
    outside.succeeds();
    inside.refused("ENOENT");
}

#[test]
fn message_queues_of_the_host_are_absent() {
    let name = format!("jail-test-{}", own_number(4));
    let jail = Jail::new();
    jail.outside(&format!("mq-make {name}")).succeeds();
    let (outside, inside) =
        (jail.outside(&format!("mq-find {name}")), jail.probe(&format!("mq-find {name}")));
    jail.outside(&format!("mq-remove {name}")).succeeds();
    outside.succeeds();
    inside.refused("ENOENT");
}

#[test]
fn shared_memory_files_of_the_host_are_absent() {
    let path = format!("/dev/shm/jail-test-{}", own_number(5));
    let jail = Jail::new().file(&path, "s3cr3t");
    let attempt = format!("read {path}");
    let (outside, inside) = (jail.outside(&attempt), jail.probe(&attempt));
    std::fs::remove_file(&path).expect("it was made");
    outside.answers("s3cr3t");
    inside.refused("ENOENT");
}
