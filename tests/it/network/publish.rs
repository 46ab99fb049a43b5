//! `publish`: a port outside leads inside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::str;

use super::Outside;
use crate::support::{Feature, Jail, Running, wait_until};
use crate::words::says;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port that nobody has at the moment; its number is not given out again for a while.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    listener.local_addr().expect("it is bound").port()
}

fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).expect("the port is published")
}

/// All that is said by whoever listens there, to `said`.
fn converse(port: u16, said: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    let mut writer = stream.try_clone().expect("a descriptor can be had");
    let said = said.to_vec();
    let writing = std::thread::spawn(move || {
        writer.write_all(&said).expect("somebody reads");
        writer.shutdown(Shutdown::Write).expect("it is connected");
    });
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("it ends well");
    writing.join().expect("all was read");
    all
}

#[test]
fn a_published_port_leads_inside_without_any_network() {
    let port = free_port();
    for server in ["0.0.0.0", "[::1]", "127.0.0.1"] {
        let jail = Jail::new().args(["-p", &format!("{port}:7080")]);
        let mut running = jail.start_probe(&format!("serve-tcp {server}:7080"));
        running.wait_for("listening");
        assert_eq!(converse(port, b"hello "), b"inside\nhello bye\n");
        // Only where it was asked for, and nothing else inside.
        jail.outside(&format!("greet-tcp [::1]:{port}")).refused("ECONNREFUSED");
        jail.outside("greet-tcp 127.0.0.1:7080").refused("ECONNREFUSED");
    }
}

/// More than any buffer on the way holds, in both directions: who does not read makes the other wait.
#[test]
fn what_is_passed_on_is_whole() {
    let port = free_port();
    let jail = Jail::new().args(["-p", &format!("{port}:7080")]);
    let mut running = jail.start_probe("serve-tcp 0.0.0.0:7080");
    running.wait_for("listening");
    let said: Vec<u8> = (0..8_000_000_u32).map(|number| (number % 251) as u8).collect();
    let heard = converse(port, &said);
    assert_eq!(heard.len(), said.len() + 11);
    assert!(heard[7..].starts_with(&said), "the bytes are others");
}

#[test]
fn each_way_in_leads_to_its_port() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let ports = ["-p", "8080:80", "-p", "[::1]:8081:80", "-p", "198.51.100.2:8082:80"];
    let jail = outside.jail().args(["--network", "nat"]).args(ports);
    let jail = jail.args(["--user", "root", "--cap-add", "NET_BIND_SERVICE"]);
    let mut running = jail.start_probe("serve-tcp [::]:80");
    running.wait_for("listening");
    let host = outside.jail();
    host.outside("converse-tcp 127.0.0.1:8080").answers("inside hello bye");
    host.outside("converse-tcp [::1]:8081").answers("inside hello bye");
    host.outside("converse-tcp 198.51.100.2:8082").answers("inside hello bye");
    for closed in ["198.51.100.2:8080", "[::1]:8080", "127.0.0.1:8081", "127.0.0.1:80"] {
        host.outside(&format!("greet-tcp {closed}")).refused("ECONNREFUSED");
    }
}

#[test]
fn a_published_port_of_udp_leads_inside() {
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.expect("a port can be had").port();
    let jail = Jail::new().args(["-p", &format!("{port}:5300/udp")]);
    let mut running = jail.start_probe("serve-udp 0.0.0.0:5300");
    running.wait_for("listening");
    // More senders than there is room for at once: each is answered all the same.
    let senders: Vec<UdpSocket> =
        (0..200).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port can be had")).collect();
    for (number, sender) in senders.iter().enumerate() {
        let (said, mut answer) = (format!("{number}"), [0; 64]);
        sender.set_read_timeout(Some(PATIENCE)).expect("it takes a time");
        sender.send_to(said.as_bytes(), ("127.0.0.1", port)).expect("somebody listens");
        let (length, from) = sender.recv_from(&mut answer).expect("it is answered");
        assert_eq!(&answer[..length], format!("inside:{number}").as_bytes());
        assert_eq!(from, SocketAddr::from(([127, 0, 0, 1], port)));
    }
}

#[test]
fn many_connections_at_once_are_all_served() {
    let port = free_port();
    let script = "import socket,threading\n\
        l = socket.create_server(('127.0.0.1', 7080), backlog=512)\n\
        print('listening', flush=True)\n\
        def talk(c):\n    c.sendall(c.recv(9)); c.close()\n\
        while True:\n    threading.Thread(target=talk, args=(l.accept()[0],)).start()\n";
    let jail = Jail::new().args(["-p", &format!("{port}:7080")]);
    let mut running = jail.start(["python3", "-c", script]);
    running.wait_for("listening");
    // More than are passed on at once: the others wait until some have ended.
    let mut all: Vec<TcpStream> = (0..400).map(|_| connect(port)).collect();
    for (number, stream) in all.iter_mut().enumerate() {
        stream
            .write_all(format!("{number}\n").as_bytes())
            .expect("somebody reads, sooner or later");
    }
    for (number, stream) in all.into_iter().enumerate() {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("it is answered");
        assert_eq!(line, format!("{number}\n"));
    }
}

#[test]
fn a_connection_that_nobody_takes_inside_ends() {
    let port = free_port();
    let jail = Jail::new().args(["-p", &format!("{port}:7080")]);
    let mut running = jail.start(["sh", "-c", "echo ready; read line"]);
    running.wait_for("ready");
    let mut all = Vec::new();
    // Either way of ending will do.
    let _ = connect(port).read_to_end(&mut all);
    assert_eq!(all, b"");
}

#[test]
fn a_port_that_cannot_be_had_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    Jail::new()
        .profile(&format!("[network]\npublish = [\"{port}:80\"]\n"))
        .run(["true"])
        .exits(125)
        .outputs("")
        .says(&format!("jail: error: cannot publish `127.0.0.1:{port}:80`\n"))
        .says(&format!("2 | publish = [\"{port}:80\"]\n"))
        .says(&format!("because: 127.0.0.1:{port}: address already in use [EADDRINUSE]\n"))
        .says("help: `ss -ltnp` says which program has it\n");
    Jail::new()
        .args(["-p", "192.0.2.77:8080:80"])
        .run(["true"])
        .exits(125)
        .says("[EADDRNOTAVAIL]\nhelp: `ip address` says which addresses this machine has\n");
}

#[test]
fn a_port_of_udp_that_cannot_be_had_is_an_error() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port can be had");
    let port = socket.local_addr().expect("it is bound").port();
    let jail = Jail::new().args(["-p", &format!("{port}:53/udp")]);
    let finished = jail.run(["touch", "ran"]);
    let expected = format!(
        "jail: error: cannot publish `127.0.0.1:{port}:53/udp`\n --> --publish\n\
         because: 127.0.0.1:{port}: address already in use [EADDRINUSE]\n\
         help: `ss -lunp` says which program has it\n"
    );
    says(&jail, &finished, 125, expected);
}

/// In a network of its own, where the kernel's default is in force.
#[test]
fn a_port_of_root_is_refused() {
    let outside = Outside::new();
    let jail = outside.jail().args(["-p", "80:80"]);
    says(
        &jail,
        &jail.run(["touch", "ran"]),
        125,
        str![[r#"
jail: error: cannot publish `127.0.0.1:80:80`
 --> --publish
because: 127.0.0.1:80: permission denied [EACCES]
help: ports below net.ipv4.ip_unprivileged_port_start, as a rule 1024, are root's: choose a higher one

"#]],
    );
}

/// Nobody listens, and nobody is left.
#[test]
fn a_fault_in_the_process_that_publishes_stops_the_run() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let port = free_port();
    let marker = format!("jail-publisher-{}", std::process::id());
    let publish = |fault: &str| {
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setns", "-e", fault];
        let jail = Jail::new().through(strace).env("MARK", &marker);
        let jail = jail.args(["-p", &format!("{port}:80")]);
        let finished = jail.run(["touch", "ran"]);
        (jail, finished)
    };
    let (jail, finished) = publish("inject=setns:error=EPERM");
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot publish the ports of the sandbox
 --> --publish
because: setns: operation not permitted [EPERM]

"#]],
    );
    let (jail, finished) = publish("inject=setns:signal=SIGKILL");
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot publish the ports of the sandbox
 --> --publish
because: the process that does it was killed
help: if nobody did that on purpose, the machine may have run out of memory: dmesg | grep -i kill

"#]],
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "somebody listens");
    assert_eq!(crate::support::processes_named(&marker), [0_u32; 0]);
}

/// The child of the supervisor that is in no pid namespace of its own.
fn publisher(running: &Running) -> Pid {
    let parent = format!("\nPPid:\t{}\n", running.pid());
    let mut processes = std::fs::read_dir("/proc").expect("it can be listed").flatten();
    let found = processes.find_map(|entry| {
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        let is_it = status.contains(&parent) && ids.split_whitespace().count() == 1;
        is_it.then(|| ids.trim().parse().expect("a number"))
    });
    Pid::from_raw(found.expect("it is a child"))
}

#[test]
fn the_death_of_the_publisher_is_told() {
    let port = free_port();
    let jail = Jail::new().args(["-p", &format!("{port}:80")]);
    let mut running = jail.start(["sh", "-c", "echo ready; read line; exit 3"]);
    running.wait_for("ready");
    kill(publisher(&running), Signal::SIGKILL).expect("it is running");
    wait_until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).is_err());
    running.say("");
    running
        .finish()
        .exits(3)
        .says("jail: warning: the process that published ports ended before the command did\n")
        .says("because: from then on nobody outside could connect\n");
    jail.run(["true"]).succeeds().is_silent();
}

#[test]
fn the_port_is_free_again_after_the_run() {
    let port = free_port();
    let jail = Jail::new().args(["-p", &format!("{port}:80")]);
    for _ in 0..3 {
        jail.run(["true"]).succeeds();
        jail.outside(&format!("greet-tcp 127.0.0.1:{port}")).refused("ECONNREFUSED");
    }
}
