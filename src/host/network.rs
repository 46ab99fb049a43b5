//! What the machine knows about networks, as far as a profile asks for it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use crate::forward::Variables;
use crate::profile::{NetworkMode, Profile};
use crate::units::AbsolutePath;

use super::programs;

/// Files that a resolver reads are short; a longer one is none.
const LONGEST_FILE: u64 = 1 << 20;

/// Empty unless the profile asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    /// The program pasta(1), for `mode = "nat"`.
    pub pasta: Option<AbsolutePath>,
    /// Whom the host asks for names, for `mode = "nat"`.
    pub resolver: Resolver,
    /// /etc/hosts, where the profile adds to it.
    pub hosts: Vec<u8>,
    /// What ip-netns(8) shows as /etc/resolv.conf in the namespace that is joined, if anything.
    pub resolver_of_namespace: Option<Vec<u8>>,
    /// The caller's proxies, for `mode = "allow"`.
    pub proxy: Variables,
}

/// What /etc/resolv.conf says (resolv.conf(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    pub servers: Vec<NameServer>,
    /// The lines about search domains and options, as they are.
    pub settings: Vec<u8>,
}

/// A server that answers questions about names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer {
    pub address: IpAddr,
    /// The address is one of this machine, such as 127.0.0.53: another network has its own there.
    pub is_here: bool,
}

/// Looks at what `profile` needs to know.
pub fn survey(profile: &Profile, environment: &BTreeMap<OsString, OsString>) -> NetworkFacts {
    let mut facts = NetworkFacts::default();
    if let Some(NetworkMode::Namespace(file)) = profile.network.mode.as_ref().map(|it| &it.value) {
        facts.resolver_of_namespace = resolver_file(&file.text).map(|file| text(&file));
    }
    match profile.network.mode.as_ref().map(|mode| &mode.value) {
        Some(NetworkMode::Nat) => {
            facts.pasta = programs::find("pasta", environment);
            facts.resolver = resolver(&text("/etc/resolv.conf"));
        }
        Some(NetworkMode::Host | NetworkMode::Namespace(_))
            if !profile.network.hosts.is_empty() =>
        {
            facts.hosts = text("/etc/hosts");
        }
        Some(NetworkMode::Allow) => {
            facts.proxy = Variables::new(|name| {
                environment.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned())
            });
        }
        Some(NetworkMode::None | NetworkMode::Host | NetworkMode::Namespace(_)) | None => {}
    }
    facts
}

/// The file of ip-netns(8) about a namespace that it has made, if it is there.
fn resolver_file(namespace: &OsStr) -> Option<String> {
    let namespace = namespace.to_str()?;
    let name =
        ["/run/netns/", "/var/run/netns/"].iter().find_map(|it| namespace.strip_prefix(it))?;
    let file = format!("/etc/netns/{name}/resolv.conf");
    let is_plain = !name.contains('/') && ![".", ".."].contains(&name);
    (is_plain && Path::new(&file).is_file()).then_some(file)
}

/// A file that is missing or cannot be read says nothing, to every resolver.
fn text(path: &str) -> Vec<u8> {
    let is_short =
        Path::new(path).metadata().is_ok_and(|file| file.is_file() && file.len() <= LONGEST_FILE);
    if is_short { std::fs::read(path).unwrap_or_default() } else { Vec::new() }
}

fn resolver(text: &[u8]) -> Resolver {
    let mut resolver = Resolver::default();
    for line in text.split(|byte| *byte == b'\n') {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match words.next() {
            Some(b"nameserver") => {
                resolver.servers.extend(words.next().and_then(address).map(name_server));
            }
            Some(b"search" | b"domain" | b"options") => {
                resolver.settings.extend_from_slice(line);
                resolver.settings.push(b'\n');
            }
            Some(_) | None => {}
        }
    }
    resolver
}

/// One with a scope, `fe80::1%eth0`, means nothing on another interface.
fn address(word: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The kernel lets us bind to addresses of this machine alone.
fn name_server(address: IpAddr) -> NameServer {
    NameServer { address, is_here: UdpSocket::bind((address, 0)).is_ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_settings_are_read_as_a_resolver_does() {
        let text = b"# nameserver 192.0.2.9\nnameserver 127.0.0.53\n nameserver\t198.51.100.1 x\n\
            nameserver fe80::1%eth0\nsearch a.example b.example\noptions edns0\nsortlist 1\n";
        let resolver = resolver(text);
        let servers: Vec<_> =
            resolver.servers.iter().map(|it| (it.address.to_string(), it.is_here)).collect();
        assert_eq!(servers, [("127.0.0.53".into(), true), ("198.51.100.1".into(), false)]);
        assert_eq!(resolver.settings, b"search a.example b.example\noptions edns0\n");
    }

    #[test]
    fn a_file_that_names_nobody_names_nobody() {
        for text in [&b""[..], b"nameserver nobody\n", b"\xff"] {
            assert_eq!(resolver(text), Resolver::default());
        }
    }

    #[test]
    fn only_namespaces_of_ip_netns_have_a_resolver_there() {
        for path in ["/run/netns/../x", "/run/netns/a/b", "/run/netns/", "/run/netns/..", "/x", ""]
        {
            assert_eq!(resolver_file(OsStr::new(path)), None, "{path}");
        }
    }
}
