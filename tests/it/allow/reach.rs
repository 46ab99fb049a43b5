//! What is allowed is reached, and what is not is refused with the reason.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use super::world::{curl, heard, serving, world};
use crate::require;
use crate::support::{Feature, Jail};

#[test]
fn an_allowed_name_is_reached_and_another_is_refused_with_the_reason() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    jail.run(curl(&["https://good.example/"]))
        .succeeds()
        .outputs("reached 203.0.113.7 for good.example\n");
    jail.run(curl(&["https://evil.example/"])).exits(6).says(
        "refused evil.example (curl, once): not in `[network] allow`; add --allow evil.example, or \
             `evil.example:PORT` for others than 443 and 80\n",
    );
    jail.run_outside(curl(&["https://evil.example/"])).succeeds();
}

#[test]
fn the_place_to_change_is_named() {
    require!(Feature::Userns);
    let jail = world(&[]).profile("[network]\nmode = \"allow\"\nallow = [\"good.example:443\"]\n");
    jail.run(curl(&["https://evil.example/"]))
        .exits(6)
        .says("not in `[network] allow`; add \"evil.example\" in ")
        .says(".toml:3, or `evil.example:PORT` for others than 443 and 80\n");
}

#[test]
fn a_name_without_a_port_is_that_of_the_web() {
    require!(Feature::Userns);
    let jail = world(&["good.example"]);
    jail.run(curl(&["https://good.example/", "http://good.example/"])).succeeds();
    jail.run(curl(&["http://good.example:8080/"])).exits(7);
}

#[test]
fn a_wildcard_means_names_below_it() {
    require!(Feature::Userns);
    let jail = world(&["*.wild.example:80"]);
    jail.run(curl(&["http://a.wild.example/", "http://b.c.wild.example/"])).succeeds();
    jail.run(curl(&["http://wild.example/"])).exits(6).says("refused wild.example (curl, once)");
}

#[test]
fn a_network_is_reached_by_address() {
    require!(Feature::Userns);
    let jail = world(&["203.0.113.0/29:80"]);
    jail.run(curl(&["http://203.0.113.7/"])).succeeds();
    jail.run(curl(&["http://203.0.113.8/"])).fails().says(
        "refused 203.0.113.8:80 (curl, once): not in `[network] allow`; add --allow 203.0.113.8:80",
    );
}

#[test]
fn ipv6_is_reached_by_name_and_by_address() {
    require!(Feature::Userns);
    let jail = world(&["six.example:443", "[2600::7]:80", "good.example:80"]);
    jail.run(curl(&["https://six.example/"])).succeeds().output_has("reached 2600::7");
    jail.run(curl(&["-6", "https://six.example/"])).succeeds();
    jail.run(curl(&["-4", "https://six.example/"])).succeeds();
    // A program that speaks IPv6 alone reaches a server that does not.
    jail.run(curl(&["-6", "http://good.example/"])).succeeds();
    jail.run(curl(&["-6", "http://[2600::7]/"])).succeeds();
    jail.run(curl(&["-6", "http://[2600::8]/"])).fails().says("refused [2600::8]:80 (curl, once)");
}

#[test]
fn names_are_the_same_in_any_case_and_with_a_dot_behind() {
    require!(Feature::Userns);
    let jail = world(&["Good.Example.:80", "xn--bcher-kva.example:80"]);
    jail.run(curl(&["http://gOOd.eXample/", "http://good.example./"])).succeeds();
    jail.run(curl(&["http://xn--bcher-kva.example/"])).succeeds();
}

#[test]
fn an_address_beside_a_name_lets_the_name_lead_there() {
    require!(Feature::Userns);
    let jail = world(&["private.example:80", "10.0.0.0/8:80"]);
    jail.run(curl(&["http://private.example/"])).succeeds().output_has("reached 10.0.0.7");
}

#[test]
fn the_own_loopback_is_not_in_the_way() {
    require!(Feature::Userns);
    let script = "import socket\n\
        for place in [('127.0.0.1', 8443), ('::1', 8443)]:\n\
        \x20   server = socket.create_server(place, family=socket.AF_INET6 if ':' in place[0] else socket.AF_INET)\n\
        \x20   client = socket.create_connection(place)\n\
        \x20   other, _ = server.accept()\n\
        \x20   client.sendall(b'own')\n\
        \x20   print(other.recv(3).decode())\n";
    world(&["good.example:8443"]).run(["python3", "-c", script]).succeeds().outputs("own\nown\n");
}

#[test]
fn nobody_is_on_the_own_loopback_by_himself() {
    require!(Feature::Userns);
    let jail = world(&["good.example:443"]);
    jail.run(curl(&["https://127.0.0.1/"])).fails().says_nothing_of("refused");
    assert_eq!(heard(&jail), "");
}

#[test]
fn two_hundred_connections_at_once() {
    require!(Feature::Userns);
    let script = "import socket\n\
        all = [socket.create_connection(('good.example', 80)) for _ in range(200)]\n\
        for one in all: one.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n\
        print(sum(b'reached' in b''.join(iter(lambda: one.recv(4096), b'')) for one in all))\n";
    world(&["good.example:80"])
        .run(["python3", "-c", script])
        .succeeds()
        .outputs("200\n")
        .is_silent();
}

#[test]
fn a_large_transfer_arrives_intact() {
    require!(Feature::Userns);
    let script = "import urllib.request as web\n\
        got = web.urlopen('http://good.example/bytes/50000128').read()\n\
        print(got == bytes(range(256)) * (50000128 // 256))\n";
    world(&["good.example:80"])
        .run(["python3", "-c", script])
        .succeeds()
        .outputs("True\n")
        .is_silent();
}

#[test]
fn the_end_of_what_is_sent_is_passed_on_by_itself() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 7000))\n\
        one.sendall(b'\\0' * 3000000)\n\
        one.shutdown(socket.SHUT_WR)\n\
        print(one.recv(100).decode(), end='')\n";
    world(&["good.example:7000"]).run(["python3", "-c", script]).outputs("got 3000000\n");
}

#[test]
fn what_is_sent_right_before_the_end_arrives() {
    require!(Feature::Userns);
    let script = "import socket, os\n\
        one = socket.create_connection(('good.example', 7000))\n\
        one.sendall(b'\\0' * 100000)\n\
        os._exit(0)\n";
    // A wait at the end of the world: the server says so when it has all.
    let jail = world(&["good.example:7000"]);
    let line = jail.run_line(["python3", "-c", script]);
    let shell = "\"$@\" && until grep -q 'got 100000' world/heard; do :; done";
    let words = ["timeout", "20", "sh", "-c", shell, "sh"].map(std::ffi::OsString::from);
    jail.run_outside(words.into_iter().chain(line)).succeeds();
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 7001))\n\
        print(one.recv(100).decode().strip())\n\
        one.sendall(b'EHLO me\\r\\n')\n\
        print(one.recv(100).decode().strip())\n";
    world(&["good.example:7001"])
        .run(["python3", "-c", script])
        .outputs("220 speaking first\n250 heard\n");
}

#[test]
fn a_reader_that_does_not_read_is_in_nobodys_way() {
    require!(Feature::Userns);
    let script = "import socket\n\
        def ask(path):\n\
        \x20   one = socket.create_connection(('good.example', 80))\n\
        \x20   one.sendall(b'GET ' + path + b' HTTP/1.0\\r\\n\\r\\n')\n\
        \x20   return one\n\
        def hear(one): return b''.join(iter(lambda: one.recv(65536), b''))\n\
        slow = ask(b'/bytes/30000128')\n\
        print(sum(b'reached' in hear(ask(b'/')) for _ in range(20)))\n\
        print(len(hear(slow).split(b'\\r\\n\\r\\n', 1)[1]))\n";
    world(&["good.example:80"]).run(["python3", "-c", script]).outputs("20\n30000128\n");
}

#[test]
fn a_connection_that_is_cut_off_outside_is_cut_off_inside() {
    require!(Feature::Userns);
    let script = "import socket\n\
        one = socket.create_connection(('good.example', 7002))\n\
        one.sendall(b'x\\n')\n\
        try: one.recv(1); print('end')\n\
        except ConnectionResetError: print('reset')\n";
    world(&["good.example:7002"]).run(["python3", "-c", script]).outputs("reset\n");
}

#[test]
fn a_server_that_is_not_there_is_told_from_one_that_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:81", "nowhere.example:80"]);
    jail.run(curl(&["http://good.example:81/"]))
        .fails()
        .says("could not reach good.example:81 (curl, once): connection refused");
    jail.run(curl(&["http://nowhere.example/"]))
        .fails()
        .says("could not reach nowhere.example:80 (curl, once): name or service not known\n");
}

#[test]
fn names_are_reached_by_the_proxy_of_the_caller() {
    require!(Feature::Userns);
    let get = curl(&["--noproxy", "*", "https://good.example/"]);
    let by = |name: &str, value: &str| {
        let jail = world(&["good.example:443"]).env(name, value);
        jail.run(&get).succeeds();
        heard(&jail)
    };
    let connect = "CONNECT good.example:443 HTTP/1.1";
    assert!(by("HTTPS_PROXY", "http://proxy.example:3128").contains(connect));
    let account = by("https_proxy", "http://me:a%40b@203.0.113.9:3128");
    assert!(account.contains("Basic bWU6YUBi"), "{account}");
    assert!(by("ALL_PROXY", "socks5h://proxy.example:1080").contains("socks good.example:443"));
    let jail = world(&["good.example:443"]).env("NO_PROXY", ".example");
    let jail = jail.env("HTTPS_PROXY", "http://proxy.example:3128");
    jail.run(&get).succeeds();
    assert!(!heard(&jail).contains("proxy"));
}

/// Answers each request over SOCKS with the bytes of its argument.
const PROXY: &str = "\
import socket, sys
many = socket.create_server(('0.0.0.0', 1081))
while True:
    one = many.accept()[0]
    if one.recv(3):
        one.sendall(b'\\5\\0')
        one.recv(99)
        one.sendall(bytes.fromhex(sys.argv[1]))
    one.close()
";

#[test]
fn what_a_proxy_does_not_do_is_told() {
    require!(Feature::Userns);
    for (reply, words) in [
        ("05050001", "the host refused the connection [reply 5]"),
        ("05020001", "its rules forbid that [reply 2]"),
        ("485454", "it does not speak SOCKS 5"),
        ("", "it closed the connection"),
    ] {
        let jail = world(&["good.example:80"]).file("world/proxy.py", PROXY);
        let script = jail.project().join("world/proxy.py");
        let command = ["python3", script.to_str().expect("it is ASCII"), reply];
        let jail = serving(jail, 1081, command).env("ALL_PROXY", "socks5h://203.0.113.7:1081");
        let get = curl(&["--noproxy", "*", "http://good.example/"]);
        jail.run(get)
            .fails()
            .says(&format!("could not reach good.example:80 (curl, once): proxy: {words}\n"));
    }
}

/// It is not the server that is down.
#[test]
fn a_proxy_that_is_not_there_is_told_from_a_server() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]).env("ALL_PROXY", "http://203.0.113.9:3129");
    jail.run(curl(&["--noproxy", "*", "http://good.example/"]))
        .fails()
        .says("could not reach good.example:80 (curl, once): proxy: connection refused\n");
}

#[test]
fn the_report_has_what_was_refused() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]).args(["--report", "fd:1"]);
    let finished = jail.run(curl(&["-o", "/dev/null", "http://203.0.113.8/"]));
    finished.reports("/network/refused/0/host", "203.0.113.8");
    finished.reports("/network/refused/0/why", "not_allowed");
    finished.reports("/network/refused/0/program", "curl");
    finished.reports("/network/refused/0/entry", "203.0.113.8:80");
    finished.reports("/network/died", false).reports("/network/uncounted", false);
}

#[test]
fn refusals_are_told_at_once_if_asked_for() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]).args(["--verbose"]);
    let finished = jail.run(curl(&["http://evil.example/"]));
    finished.exits(6).says("note: refused evil.example (curl): not in `[network] allow`\n");
}

#[test]
fn a_port_can_be_published_as_well() {
    require!(Feature::Userns);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let jail = Jail::new().args(["--network", "allow", "--allow", "good.example:443"]);
    let jail = jail.args(["-p", &format!("{port}:7080")]);
    let script = "import socket\n\
        server = socket.create_server(('127.0.0.1', 7080))\n\
        print('listening', flush=True)\n\
        server.accept()[0].sendall(b'inside')\n";
    let mut running = jail.start(["python3", "-c", script]);
    running.wait_for("listening");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the port is published");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it ends well");
    assert_eq!(said, "inside");
    running.finish().succeeds();
}
