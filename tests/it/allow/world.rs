//! Names and servers for one run, in namespaces of their own.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::support::{Jail, spawn};

/// Runs everything among the hosts and servers of `world.py`; `flags` are for `--allow`. Outside,
/// the same command is among the same hosts.
pub fn world(allow: &[&str]) -> Jail {
    let jail = Jail::new();
    let place = jail.project().join("world");
    let jail = jail.file("world/world.py", include_str!("world.py")).file("world/heard", "");
    let jail = jail.file("world/names.py", include_str!("names.py"));
    let jail = jail.file("world/names", "dug.example 203.0.113.8\n");
    certificate(&jail);
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

/// A real server of good.example and other.example: a command line, which listens on this port of
/// 203.0.113.7 and 203.0.113.8. It runs as the ordinary user.
pub fn serving<const COUNT: usize>(jail: Jail, port: u16, command: [&str; COUNT]) -> Jail {
    jail.file(format!("world/services/{port}"), command.join("\n"))
}

/// Runs a program in `world` that makes something for a server, as the ordinary user and without a jail.
pub fn prepare<I>(jail: &Jail, command: I)
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let words: Vec<_> = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
    let mut made = Command::new(&words[0]);
    made.args(&words[1..]).current_dir(jail.project().join("world"));
    made.stdout(Stdio::piped()).stderr(Stdio::piped());
    jail.user().apply(&mut made);
    let made = spawn(&mut made).wait_with_output().expect("a child can be waited for");
    assert!(made.status.success(), "{words:?}: {}", String::from_utf8_lossy(&made.stderr));
}

/// One certificate for all servers, which is its own authority.
fn certificate(jail: &Jail) {
    let names = "subjectAltName=DNS:good.example,DNS:*.wild.example,DNS:six.example,DNS:evil.example,\
        DNS:private.example,DNS:rebind.example,IP:203.0.113.7";
    let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -keyout server.key -out server.crt -subj /CN=world -addext";
    prepare(jail, make.split_whitespace().chain([names]));
}

/// curl that trusts the servers. By one family of addresses, unless a test says another: what is refused
/// by the first it would try again by the second.
pub const CURL: [&str; 5] = ["curl", "-sS", "--cacert", "world/server.crt", "-4"];

pub fn curl<'a>(words: &[&'a str]) -> Vec<&'a str> {
    CURL.iter().chain(words).copied().collect()
}
