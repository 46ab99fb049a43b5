//! Names that lead somewhere else while the command runs.
//!
//! Inside a name keeps its address. Outside it is looked up for every connection, and what was
//! good a moment ago counts for nothing.

use std::fs;

use super::world::{heard, world};
use crate::require;
use crate::support::{Feature, Jail, Running};

const NAME: &str = "moving.example";

/// For each line that it is told: the address of the name, and what is heard by a new connection.
const CLIENT: &str = "\
import socket, sys
for line in sys.stdin:
    address = socket.gethostbyname('moving.example')
    try:
        there = socket.create_connection((address, 80))
        there.sendall(b'GET / HTTP/1.0\\r\\nHost: moving.example\\r\\n\\r\\n')
        heard = b''.join(iter(lambda: there.recv(4096), b'')).decode().splitlines()[-1]
    except OSError as error:
        heard = type(error).__name__
    print(address, heard, flush=True)
";

/// What the name servers of the world say from now on. By a rename: they may be reading.
fn leads_to(jail: &Jail, addresses: &str) {
    let new = jail.project().join("world/names.new");
    fs::write(&new, format!("{NAME} {addresses}\n")).expect("it can be written");
    fs::rename(&new, jail.project().join("world/names")).expect("it can be renamed");
}

fn start(jail: &Jail, addresses: &str) -> Running {
    leads_to(jail, addresses);
    jail.start(["python3", "-c", CLIENT])
}

/// What the next connection hears, when it was given the only address that the name has inside.
#[track_caller]
fn next(running: &mut Running) -> String {
    running.say("go");
    let line = running.wait_for("198.18.1.0 ");
    line["198.18.1.0 ".len()..].to_owned()
}

#[test]
fn a_name_that_moves_is_found_at_its_new_address() {
    require!(Feature::Userns);
    let jail = world(&["moving.example:80"]);
    let mut running = start(&jail, "203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    leads_to(&jail, "203.0.113.8");
    assert_eq!(next(&mut running), "reached 203.0.113.8 for moving.example");
    // Of the other family, for a client that knows of one of IPv4.
    leads_to(&jail, "2600::7");
    assert_eq!(next(&mut running), "reached 2600::7 for moving.example");
    // Nobody listens at the first of two.
    leads_to(&jail, "203.0.113.9 203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    running.finish().succeeds().says_nothing_of("refused");
}

#[test]
fn a_name_that_turns_inward_is_refused_from_then_on() {
    require!(Feature::Userns);
    let jail = world(&["moving.example:80"]);
    let mut running = start(&jail, "203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    // Each of these answers on port 80, and to whoever asks.
    let traps = ["127.0.0.1", "169.254.169.254", "10.0.0.7", "203.0.113.50", "::1", "2600:1::50"];
    for trap in traps {
        leads_to(&jail, trap);
        assert_eq!(next(&mut running), "ConnectionResetError", "{trap}");
    }
    leads_to(&jail, "203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    let finished = running.finish();
    finished.succeeds();
    for trap in traps {
        finished.says(&format!("refused moving.example:80 (once): the name leads to {trap}, "));
    }
    let heard = heard(&jail);
    assert!(heard.lines().all(|line| line.starts_with("GET 203.0.113.7 ")), "{heard}");
}

/// As an attacker's name server answers who wants the second address to be tried when the first is dead.
#[test]
fn an_address_inward_beside_a_good_one_is_not_tried() {
    require!(Feature::Userns);
    let jail = world(&["moving.example:80"]);
    let mut running = start(&jail, "127.0.0.1 169.254.169.254 ::1 203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    leads_to(&jail, "203.0.113.9 127.0.0.1");
    assert_eq!(next(&mut running), "ConnectionResetError");
    running.finish().succeeds().says("could not reach moving.example:80 (once)");
    assert!(!heard(&jail).contains("GET 1"), "{}", heard(&jail));
}

#[test]
fn a_name_that_is_gone_is_told_from_one_that_is_refused() {
    require!(Feature::Userns);
    let jail = world(&["moving.example:80"]);
    let mut running = start(&jail, "203.0.113.7");
    assert_eq!(next(&mut running), "reached 203.0.113.7 for moving.example");
    fs::write(jail.project().join("world/names"), "").expect("it can be written");
    assert_eq!(next(&mut running), "ConnectionResetError");
    running.finish().succeeds().says("could not reach moving.example:80 (once)");
}
