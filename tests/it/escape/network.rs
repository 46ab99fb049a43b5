//! Reaching somebody by a socket or by shared memory.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::support::Jail;

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
