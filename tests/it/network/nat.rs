//! `mode = "nat"`: all that the host reaches, by pasta.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::str;

use super::Outside;
use crate::support::{Feature, Finished, Jail, processes_named, wait_until};
use crate::words::told;

const NAT: [&str; 2] = ["--network", "nat"];

#[test]
fn what_the_host_reaches_is_reached() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(NAT);
    // A whole talk is not compared: pasta of 2023 says some of it twice on newer kernels.
    for address in ["198.51.100.1:7000", "[2001:db8:1::1]:7000", "203.0.113.7:7000"] {
        jail.probe(&format!("greet-tcp {address}")).answers("peer");
        jail.probe(&format!("greet-udp {address}")).answers("peer:hello");
    }
}

#[test]
fn programs_find_names() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    // The first is asked as it is; the others are on the host, and are asked by another address.
    for (server, inside) in [
        ("198.51.100.1", "198.51.100.1"),
        ("127.0.0.53", "169.254.1.1"),
        ("127.0.0.1", "169.254.1.1"),
        ("198.51.100.2", "169.254.1.1"),
    ] {
        let resolver = format!(
            "printf 'nameserver {server}\\nsearch test.example\\n' >resolv.conf\n\
             mount --bind resolv.conf /etc/resolv.conf"
        );
        let jail = outside.prepared(&resolver).args(NAT);
        jail.run(["cat", "/etc/resolv.conf"])
            .succeeds()
            .outputs(&format!("nameserver {inside}\nsearch test.example\n"));
        jail.run(["getent", "ahostsv4", "www.example.org"]).succeeds().output_has("203.0.113.7");
        let named = jail.args(["--dns", "198.51.100.1"]);
        named.run(["cat", "/etc/resolv.conf"]).outputs("nameserver 198.51.100.1\n");
        named.run(["getent", "ahostsv4", "www.example.org"]).succeeds().output_has("203.0.113.7");
    }
}

#[test]
fn host_loopback_lends_the_gateways_address() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(NAT).args(["--host-loopback", "on"]);
    jail.probe("greet-tcp 198.51.100.1:7000").answers("host");
    jail.probe("greet-tcp 203.0.113.7:7000").answers("peer");
}

/// Without ids pasta would be nobody in the user namespace.
#[test]
fn the_ids_are_there_before_pasta_is() {
    let script = "#!/bin/sh\nfor last; do :; done\ncat ${last%/ns/net}/uid_map >&2\n";
    let jail = stand_in(script);
    let uid = jail.user().uid;
    let squeezed = |finished: &Finished| {
        let text = String::from_utf8_lossy(&finished.stderr).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let single = squeezed(&jail.run(["true"]));
    assert!(single.contains(&format!("because: pasta: {uid} {uid} 1")), "{single}");
    crate::require!(Feature::Program("newuidmap"));
    let many = squeezed(&jail.args(["--ids", "subuid"]).run(["true"]));
    assert!(many.contains(&format!("; {uid} {uid} 1;")), "{many}");
}

#[test]
fn no_pasta_is_an_error_with_the_packages_name() {
    let outside = Outside::new();
    let jail = outside.prepared("mount --bind /dev/null /usr/bin/pasta").args(NAT);
    jail.run(["true"])
        .exits(125)
        .says("jail: error: cannot connect the sandbox's network: no program `pasta`\n")
        .says("--network\n")
        .says("help: install the package `passt`\n");
}

/// A program in the place of pasta.
fn stand_in(script: &str) -> Jail {
    let jail = Jail::new().script("bin/pasta", script).args(NAT);
    let path = format!("{}:/usr/bin:/bin", jail.project().join("bin").display());
    jail.env("PATH", path)
}

#[test]
fn what_pasta_says_is_passed_on_with_what_to_do() {
    for (said, help) in [
        (
            "pasta: unrecognized option '--no-map-gw'",
            "this pasta is too old: install a newer package `passt`, of 2023 or later",
        ),
        (
            "No interface with a default route for IPv4 or IPv6",
            "this machine has no default route, so there is nothing to connect to: `ip route`",
        ),
        (
            "Failed to open() /dev/net/tun: No such device",
            "pasta needs /dev/net/tun: `sudo modprobe tun`, and mode 0666 as udev gives it",
        ),
    ] {
        stand_in(&format!("#!/bin/sh\necho \"{said}\" >&2\nexit 1\n"))
            .run(["true"])
            .exits(125)
            .says("jail: error: cannot connect the sandbox's network\n")
            .says(&format!("because: pasta: {said}\n"))
            .says(&format!("help: {help}\n"));
    }
    stand_in("#!/bin/sh\nprintf '\\033[2J' >&2\n").run(["true"]).exits(125).says("u{1b}[2J");
    stand_in("#!/bin/sh\n").run(["true"]).exits(125).says("because: pasta ended without a word\n");
    stand_in("#!/missing\n")
        .run(["true"])
        .exits(125)
        .says("because: pasta: cannot be executed: no such file or directory [ENOENT]\n");
}

#[test]
fn pasta_gets_nothing_of_the_callers() {
    let script = "#!/bin/sh\necho $(ls -l /proc/self/fd | sed 's/.* //') : $(tr '\\0' ' ' \
                  </proc/self/environ) >&2\n";
    let jail = stand_in(script).env("SECRET", "s3cr3t").stdin("input");
    let through = ["sh", "-c", "exec 7</etc/passwd 8>&1; exec \"$@\"", "sh"];
    let finished = jail.through(through).run(["true"]);
    finished.exits(125).outputs("").says("because: pasta: ").says("/dev/null pipe:");
    finished.says_nothing_of("s3cr3t").says_nothing_of("/etc/passwd").says_nothing_of("socket:");
}

/// Left to itself it would become `nobody`, and could not enter the namespaces.
#[test]
fn for_root_pasta_stays_root() {
    crate::require!(Feature::Root);
    let jail = Jail::as_root().script("bin/pasta", "#!/bin/sh\necho \"$*\" >&2\n").args(NAT);
    let path = format!("{}:/usr/bin:/bin", jail.project().join("bin").display());
    jail.env("PATH", path).run(["true"]).exits(125).says(" --runas 0:0 ");
}

#[test]
fn a_pasta_that_never_connects_can_be_interrupted() {
    let mut jail = stand_in("#!/bin/sh\nexec sleep 300\n");
    let marker = jail.project().join("bin/pasta").display().to_string();
    jail = jail.env("MARKER", "1");
    let running = jail.start(["true"]);
    wait_until("pasta is started", || !processes_named("300").is_empty());
    running.signal(Signal::SIGTERM);
    running.finish().killed_by(libc::SIGTERM);
    wait_until("pasta has ended", || processes_named(&marker).is_empty());
}

#[test]
fn a_network_that_is_lost_is_told_of() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let (jail, marker) = with_own_pasta(outside.jail());
    let mut running = jail.start(["sh", "-c", "echo ready; read line; exit 3"]);
    running.wait_for("ready");
    let pastas = processes_of_pasta(&marker);
    assert_eq!(pastas.len(), 1, "{pastas:?}");
    let guard = status(pastas[0], "PPid").expect("it is there");
    kill(Pid::from_raw(pastas[0]), Signal::SIGKILL).expect("it is there");
    let guard = guard.parse().expect("a number");
    wait_until("the guard has told", || {
        status(guard, "State").is_none_or(|it| it.starts_with('Z'))
    });
    running.say("go");
    let finished = running.finish();
    told(
        &jail,
        &finished,
        3,
        str![[r#"
jail: warning: the network was lost before the command ended: pasta was killed, or gave up; the command went on without it

"#]],
    );
}

/// A line of /proc/PID/status.
fn status(process: i32, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:")))?;
    Some(line.trim().to_owned())
}

/// pasta by a path of this jail's own, so that it can be told from those of other tests.
pub fn with_own_pasta(jail: Jail) -> (Jail, String) {
    let jail = jail.directory("bin").link("bin/pasta", "/usr/bin/pasta").args(NAT);
    let directory = jail.project().join("bin");
    let path = format!("{}:/usr/bin:/bin", directory.display());
    (jail.env("PATH", path), directory.join("pasta").display().to_string())
}

/// Those that have the path as their first word.
pub fn processes_of_pasta(path: &str) -> Vec<i32> {
    let first = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).next() == Some(path.as_bytes())
    };
    let named = processes_named(path).into_iter().filter(first);
    named.map(|pid| i32::try_from(pid).expect("a pid is an int")).collect()
}
