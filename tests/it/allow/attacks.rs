//! Ways around the list, each of which leads to a server that is there.

use super::world::{curl, heard, world};
use crate::require;
use crate::support::Feature;

#[test]
fn a_literal_address_is_refused_at_once() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    // The address that the allowed name leads to, by its number; and another.
    for address in ["203.0.113.7", "203.0.113.8", "10.0.0.7"] {
        let get = format!("https://{address}/");
        jail.run(curl(&["-k", &get])).fails().says(&format!("refused {address}:443 (curl, once)"));
    }
    jail.run_outside(curl(&["-k", "https://203.0.113.8/"])).succeeds();
}

#[test]
fn another_port_is_refused_at_once() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    jail.run(curl(&["http://good.example:8080/"])).exits(7).says(
        "refused good.example:8080 (once): not in `[network] allow`; add --allow good.example:8080\n",
    );
    jail.run(curl(&["http://203.0.113.7/"])).exits(7).says("refused 203.0.113.7:80 (once)");
    jail.run(curl(&["-6", "http://good.example/"])).exits(7).says("refused good.example:80 (once)");
    jail.run(curl(&["-6", "http://[2600::7]:8080/"]))
        .exits(7)
        .says("refused [2600::7]:8080 (once)");
    // Who is reached there trusts whoever reaches it: no advice leads there.
    jail.run(curl(&["http://169.254.169.254/"]))
        .exits(7)
        .says("refused 169.254.169.254:80 (once): not in `[network] allow`\n");
    // Between programs of the command.
    jail.run(curl(&["http://localhost:8080/"])).exits(7).says_nothing_of("refused");
    // One that is open for somebody else.
    let jail = world(&["good.example:443", "other.example:80"]);
    jail.run(curl(&["http://good.example/"])).fails().says("refused good.example:80 (curl, once)");
    jail.run(curl(&["http://other.example/"])).succeeds();
}

#[test]
fn an_address_that_stands_for_a_name_that_was_not_asked_for_leads_nowhere() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443", "*.wild.example:443", "0.0.0.0/0:443"]);
    for address in ["198.18.1.9", "198.19.255.255", "198.18.0.1"] {
        jail.run(curl(&["-k", &format!("https://{address}/")])).fails();
    }
    assert_eq!(heard(&jail), "");
    jail.run_outside(curl(&["-k", "https://198.18.1.9/"])).succeeds();
}

#[test]
fn an_address_of_ipv4_in_ipv6_is_that_of_ipv4() {
    require!(Feature::Userns);
    let jail = world(&["203.0.113.7:80", "[::]/0:80"]);
    jail.run(curl(&["-6", "http://[::ffff:203.0.113.7]/"])).succeeds();
    jail.run(curl(&["-6", "http://[::ffff:203.0.113.8]/"])).fails();
    jail.run(curl(&["-6", "http://[::ffff:127.0.0.1]/"])).fails();
    assert!(!heard(&jail).contains("127.0.0.1"));
}

#[test]
fn a_name_that_leads_to_this_machine_is_refused() {
    require!(Feature::Userns);
    let names = [
        "rebind.example",
        "metadata.example",
        "mapped.example",
        "private.example",
        // Addresses as of the internet, that this machine has.
        "own.example",
        "own6.example",
    ];
    let jail = world(&["*.example:80"]);
    for name in names {
        let get = format!("http://{name}/");
        jail.run(curl(&[&get]))
            .fails()
            .says(&format!("refused {name}:80 (curl, once): the name leads to"));
        let family = if name == "own6.example" { "-6" } else { "-4" };
        jail.run_outside(curl(&[family, &get])).succeeds();
    }
    assert!(jail.run(curl(&["http://good.example/"])).status.success());
}

/// `connect 2130706433:80` would be the proxy's own loopback interface.
#[test]
fn numbers_that_are_names_are_not_asked_of_a_proxy() {
    require!(Feature::Userns);
    let jail = world(&["*:80"]).env("ALL_PROXY", "http://proxy.example:3128");
    for host in ["2130706433", "0x7f000001", "127.1", "localhost", "x.localhost"] {
        // Resolved by the answerer inside, and not by curl, which knows these.
        let script = format!(
            "import socket\n\
             q = b'\\1\\2\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0'\n\
             for label in '{host}'.split('.'): q += bytes([len(label)]) + label.encode()\n\
             one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             one.sendto(q + b'\\0\\0\\1\\0\\1', ('198.18.0.1', 53))\n\
             answer = one.recv(512)\n\
             if answer[3] & 15 or not answer[7]: print('no such name')\n\
             else:\n\
             \x20   try:\n\
             \x20       there = socket.create_connection(('.'.join(map(str, answer[-4:])), 80))\n\
             \x20       there.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n\
             \x20       print(there.recv(9))\n\
             \x20   except ConnectionResetError: print('cut off')\n"
        );
        let inside = jail.run(["python3", "-c", &script]);
        assert!(
            ["no such name\n", "cut off\n"].contains(&inside.stdout_text().as_str()),
            "{host}: {inside:?}"
        );
    }
    assert_eq!(heard(&jail), "");
}

#[test]
fn everybody_at_a_port_is_not_this_machine() {
    require!(Feature::Userns);
    let jail = world(&["*:80"]);
    jail.run(curl(&["http://evil.example/", "http://203.0.113.8/"])).succeeds();
    for host in ["rebind.example", "169.254.169.254", "10.0.0.7"] {
        jail.run(curl(&[&format!("http://{host}/")])).fails();
    }
    assert!(!heard(&jail).contains("GET 1"), "{}", heard(&jail));
}

#[test]
fn a_handshake_for_another_name_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    let fronted = ["--connect-to", "evil.example:443:good.example:443", "https://evil.example/"];
    jail.run(curl(&fronted))
        .fails()
        .says("refused good.example:443 (curl, once): its first bytes are for `evil.example`");
    jail.run_outside(curl(&fronted)).succeeds();
}

#[test]
fn a_request_for_another_host_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]);
    let header = ["-H", "Host: evil.example", "http://good.example/"];
    jail.run(curl(&header)).fails().says("its first bytes are for `evil.example`");
    let absolute = ["-x", "http://good.example:80", "http://evil.example/"];
    jail.run(curl(&absolute)).fails().says("its first bytes are for `evil.example`");
    for words in [&header[..], &absolute] {
        jail.run_outside(curl(words)).succeeds();
    }
}

/// A head that ends with the connection is one to some servers.
#[test]
fn a_request_for_another_host_that_breaks_off_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 80))\n\
        one.sendall(b'GET / HTTP/1.0\\r\\nHost: evil.example')\n\
        one.shutdown(socket.SHUT_WR)\n\
        try: print(len(one.recv(99)))\n\
        except ConnectionResetError: print('cut off')\n";
    jail.run(["python3", "-c", script]).outputs("cut off\n").says("are for `evil.example`");
    assert_eq!(heard(&jail), "");
}

/// The name is the allowed one, and the port is not.
#[test]
fn another_port_by_way_of_an_allowed_host_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:8080"]);
    let by_proxy = ["-x", "http://good.example:8080"];
    for words in [&by_proxy[..], &["-p", "-x", "http://good.example:8080"]] {
        let get = [words, &["http://good.example:22/"]].concat();
        jail.run(curl(&get)).fails().says(
            "refused good.example:8080 (curl, once): its first bytes are for `good.example:22`",
        );
    }
    assert_eq!(heard(&jail), "");
    jail.run(curl(&["-x", "http://good.example:8080", "http://good.example:8080/"])).succeeds();
    jail.run_outside(curl(&["-x", "http://good.example:8080", "http://good.example:22/"]))
        .succeeds();
}

/// Begun like HTTP/2, of which nothing is read, it is a request to a server that knows only HTTP/1.
#[test]
fn a_request_that_begins_like_http_2_is_refused() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 80))\n\
        one.sendall(b'PRI * HTTP/2.0\\r\\nHost: evil.example\\r\\n\\r\\n')\n\
        try: print(len(one.recv(99)))\n\
        except ConnectionResetError: print('cut off')\n";
    let jail = world(&["good.example:80"]);
    jail.run(["python3", "-c", script])
        .outputs("cut off\n")
        .says("its first bytes are for `evil.example`");
    jail.run_outside(["python3", "-c", script]).output_lacks("cut off");
}

#[test]
fn a_tunnel_through_an_allowed_host_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:8080"]);
    let tunnel = ["-p", "-x", "http://good.example:8080", "http://evil.example/"];
    jail.run(curl(&tunnel)).fails().says("its first bytes are for `evil.example:80`");
    assert_eq!(heard(&jail), "");
    let _ = jail.run_outside(curl(&[
        "-m",
        "5",
        "-p",
        "-x",
        "http://good.example:8080",
        "http://evil.example/",
    ]));
    assert!(heard(&jail).contains("CONNECT evil.example:80"));
}

#[test]
fn first_bytes_that_are_cut_up_are_read_together() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 80))\n\
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n\
        try:\n\
        \x20   for byte in b'GET / HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n': one.sendall(bytes([byte]))\n\
        \x20   print(one.recv(1000))\n\
        except OSError: print('cut off')\n";
    let jail = world(&["good.example:80"]);
    jail.run(["python3", "-c", script]).outputs("cut off\n").says("are for `evil.example`");
    assert_eq!(heard(&jail), "");
}

/// Sends a question for evil.example and waits for what comes back.
fn ask(server: &str, kind: &str) -> String {
    format!(
        "import socket\n\
         one = socket.socket(socket.AF_INET, socket.{kind})\n\
         one.settimeout(20)\n\
         try:\n\
         \x20   one.connect(('{server}', 53))\n\
         \x20   one.send(bytes.fromhex('0007010000010000000000000465766c0000010001'))\n\
         \x20   print(one.recv(100))\n\
         except OSError as error: print(type(error).__name__)\n"
    )
}

#[test]
fn other_name_servers_are_out_of_reach() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    for kind in ["SOCK_DGRAM", "SOCK_STREAM"] {
        for server in ["203.0.113.7", "127.0.0.1"] {
            jail.run(["python3", "-c", &ask(server, kind)]).outputs("ConnectionRefusedError\n");
        }
        jail.run_outside(["python3", "-c", &ask("203.0.113.7", kind)]).output_has("evl");
    }
}

#[test]
fn names_are_refused_over_tcp_as_well() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('198.18.0.1', 53))\n\
        def ask(name):\n\
        \x20   name = b''.join(bytes([len(part)]) + part for part in name.split(b'.')) + b'\\0'\n\
        \x20   one.sendall((16 + len(name)).to_bytes(2, 'big') + bytes.fromhex('000701000001000000000000') + name + b'\\0\\1\\0\\1')\n\
        \x20   length = int.from_bytes(one.recv(2), 'big')\n\
        \x20   answer = one.recv(length)\n\
        \x20   return answer[3] & 15, answer[7]\n\
        print(ask(b'good.example'), ask(b'evil.example'))\n";
    let jail = world(&["good.example:443"]);
    let finished = jail.run(["python3", "-c", script]);
    finished.outputs("(0, 1) (3, 0)\n").says("refused evil.example (python3, once)");
}

#[test]
fn datagrams_and_raw_sockets_lead_nowhere() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        one.settimeout(20)\n\
        one.connect(('203.0.113.7', 443))\n\
        one.send(b'x')\n\
        try: print(one.recv(1))\n\
        except ConnectionRefusedError: print('refused')\n\
        for kind, protocol in [(socket.SOCK_RAW, 6), (socket.SOCK_RAW, 1), (socket.SOCK_DGRAM, 1)]:\n\
        \x20   try: socket.socket(socket.AF_INET, kind, protocol)\n\
        \x20   except OSError as error: print(error.errno)\n";
    let jail = world(&["good.example:443"]);
    jail.run(["python3", "-c", script]).outputs("refused\n97\n97\n13\n");
    jail.run_outside(["python3", "-c", script]).outputs("b'x'\n13\n");
}

/// QUIC, for one: what is allowed is TCP.
#[test]
fn datagrams_to_an_allowed_name_are_refused_at_once() {
    require!(Feature::Userns);
    let script = "import socket, time\n\
        start = time.monotonic()\n\
        for family in socket.AF_INET, socket.AF_INET6:\n\
        \x20   place = socket.getaddrinfo('good.example', 443, family, socket.SOCK_DGRAM)[0][4]\n\
        \x20   one = socket.socket(family, socket.SOCK_DGRAM)\n\
        \x20   one.settimeout(20)\n\
        \x20   one.connect(place)\n\
        \x20   one.send(b'x')\n\
        \x20   try: print(one.recv(1))\n\
        \x20   except ConnectionRefusedError: print('refused')\n\
        print(time.monotonic() - start < 10)\n";
    let jail = world(&["good.example:443"]);
    jail.run(["python3", "-c", script]).outputs("refused\nrefused\nTrue\n");
}

/// Every address is local, so the sandbox's own kernel would answer for everybody.
#[test]
fn echo_requests_are_refused_at_once() {
    require!(Feature::Userns);
    require!(Feature::Program("ping"));
    let jail = world(&["good.example:443", "203.0.113.7:443"]);
    for place in ["good.example", "203.0.113.7", "203.0.113.8", "127.0.0.1"] {
        let ping = ["ping", "-n", "-c", "1", "-w", "20", place];
        jail.run(ping).fails().says("ping: ").output_lacks("bytes from");
    }
    let script = "import socket\n\
        for kind in socket.SOCK_DGRAM, socket.SOCK_RAW:\n\
        \x20   for family, protocol in (socket.AF_INET, 1), (socket.AF_INET6, 58):\n\
        \x20       try: socket.socket(family, kind, protocol); print('made')\n\
        \x20       except OSError as error: print(error.strerror)\n";
    let refused = "Permission denied\nPermission denied\n\
        Address family not supported by protocol\nAddress family not supported by protocol\n";
    jail.run(["python3", "-c", script]).outputs(refused);
}

#[test]
fn routes_cannot_be_changed_from_inside() {
    require!(Feature::Userns);
    let script = "ip route add 203.0.113.7 dev lo 2>&1; ip link set lo down 2>&1; true";
    let jail = world(&["good.example:443"]);
    jail.run(["/sbin/ip", "address"]).output_has("198.18.0.1");
    jail.run(["sh", "-c", &format!("PATH=$PATH:/sbin; {script}")])
        .output_has("Operation not permitted");
}

#[test]
fn a_flood_of_names_is_told_in_a_few_lines() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        one.connect(('198.18.0.1', 53))\n\
        for number in range(3000):\n\
        \x20   name = b'n%d' % number\n\
        \x20   one.send(bytes.fromhex('000701000001000000000000') + bytes([len(name)]) + name + b'\\4evil\\0\\0\\1\\0\\1')\n\
        \x20   one.recv(100)\n";
    let jail = world(&["good.example:443"]);
    let finished = jail.run(["python3", "-c", script]);
    finished
        .succeeds()
        .says("refused n0.evil (python3, once)")
        .says("2980 more were refused by the network");
    assert!(finished.stderr.len() < 10_000);
}

#[test]
fn a_flood_of_allowed_names_ends_and_leaves_the_others_alone() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        one.connect(('198.18.0.1', 53))\n\
        def ask(name):\n\
        \x20   one.send(bytes.fromhex('000701000001000000000000') + bytes([len(name)]) + name + b'\\4wild\\7example\\0\\0\\1\\0\\1')\n\
        \x20   return one.recv(100)[3] & 15\n\
        codes = [ask(b'n%d' % number) for number in range(5000)]\n\
        print(codes.count(0), codes.count(2), ask(b'n0'))\n";
    let jail = world(&["*.wild.example:443"]);
    let finished = jail.run(["python3", "-c", script]);
    finished
        .outputs("4096 904 0\n")
        .says("refused further names (python3, 904 times): more than 4096 names were asked for\n");
}

#[test]
fn a_flood_of_ports_is_told_in_a_few_lines() {
    require!(Feature::Userns);
    let script = "import socket\n\
        for port in range(10000, 13000):\n\
        \x20   assert socket.socket().connect_ex(('203.0.113.8', port)) == 111\n";
    let jail = world(&["good.example:443"]);
    let finished = jail.run(["python3", "-c", script]);
    finished
        .succeeds()
        .says("refused 203.0.113.8:10000 (once)")
        .says(" more were refused by the network");
    assert!(finished.stderr.len() < 10_000);
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    require!(Feature::Userns);
    let script = "import socket\n\
        for place in ['\\0world-abstract', '/run/docker.sock', '/run/dbus/system_bus_socket', '/run/nscd/socket']:\n\
        \x20   try: socket.socket(socket.AF_UNIX).connect(place); print('connected')\n\
        \x20   except OSError as error: print(type(error).__name__)\n";
    world(&["*:443"]).run(["python3", "-c", script]).outputs(
        "ConnectionRefusedError\nFileNotFoundError\nFileNotFoundError\nFileNotFoundError\n",
    );
}

#[test]
fn no_socket_of_the_forwarder_is_inside() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    jail.run(["ls", "-l", "/proc/self/fd"]).succeeds().output_lacks("socket:");
}
