//! Names and servers for one run, in namespaces of their own.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Jail, User, spawn};

/// Runs everything among the hosts and servers of `world.py`; `flags` are for `--allow`. Outside,
/// the same command is among the same hosts.
pub fn world(allow: &[&str]) -> Jail {
    let jail = Jail::new();
    let place = jail.project().join("world");
    let jail = jail.file("world/world.py", include_str!("world.py")).file("world/heard", "");
    certificate(&place, jail.user());
    let launcher = ["unshare", "-Urmnpf", "--mount-proc", "--kill-child", "python3"];
    let launcher = launcher.map(std::ffi::OsString::from).into_iter();
    let script = place.join("world.py").into_os_string();
    let jail = jail.through(launcher.chain([script, place.into_os_string()]));
    let jail = jail.args(["--network", "allow"]);
    allow.iter().fold(jail, |jail, entry| jail.args(["--allow", entry]))
}

/// What the servers heard, a line for each request.
pub fn heard(jail: &Jail) -> String {
    std::fs::read_to_string(jail.project().join("world/heard")).expect("the file was made")
}

/// One certificate for all servers, which is its own authority.
fn certificate(place: &PathBuf, user: &User) {
    let names = "DNS:good.example,DNS:*.wild.example,DNS:six.example,DNS:evil.example,\
        DNS:private.example,DNS:rebind.example,IP:203.0.113.7";
    let mut openssl = Command::new("openssl");
    openssl
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split(' '));
    openssl.args(["-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=world"]);
    openssl.args(["-addext", &format!("subjectAltName={names}")]);
    openssl.current_dir(place).stderr(std::process::Stdio::null());
    user.apply(&mut openssl);
    let status = spawn(&mut openssl).wait().expect("a child can be waited for");
    assert!(status.success(), "openssl makes a certificate");
}

/// curl that trusts the servers. By one family of addresses, unless a test says another: what is refused
/// by the first it would try again by the second.
pub const CURL: [&str; 5] = ["curl", "-sS", "--cacert", "world/server.crt", "-4"];

pub fn curl<'a>(words: &[&'a str]) -> Vec<&'a str> {
    CURL.iter().chain(words).copied().collect()
}
