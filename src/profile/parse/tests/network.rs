//! `[network]`

use super::{error, errors, path, profile};
use crate::profile::*;

#[test]
fn every_key_is_read() {
    let network = profile(
        r#"
        [network]
        mode = "nat"
        allow = ["example.org", "*.example.org:443", "10.0.0.0/8:5432"]
        publish = ["8080:80", "[::1]:8080:80", "0.0.0.0:5353:53/udp"]
        host-loopback = true
        hosts = { db = "127.0.0.1", "API.internal" = "::1" }
        dns = ["1.1.1.1", "2606:4700:4700::1111"]
        "#,
    )
    .network;
    let shown = |values: Vec<String>| values.join(" ");
    assert_eq!(network.mode.unwrap().value, NetworkMode::Nat);
    assert_eq!(
        shown(network.allow.iter().map(|it| it.value.to_string()).collect()),
        "example.org *.example.org:443 10.0.0.0/8:5432"
    );
    assert_eq!(
        shown(network.publish.iter().map(|it| it.value.to_string()).collect()),
        "127.0.0.1:8080:80 [::1]:8080:80 0.0.0.0:5353:53/udp"
    );
    assert!(network.host_loopback.unwrap().value);
    assert_eq!(
        shown(network.hosts.iter().map(|(name, it)| format!("{name}={}", it.value)).collect()),
        "api.internal=::1 db=127.0.0.1"
    );
    assert_eq!(
        shown(network.dns.iter().map(|it| it.value.to_string()).collect()),
        "1.1.1.1 2606:4700:4700::1111"
    );
}

#[test]
fn a_namespace_is_named_by_its_path() {
    let network = profile("network.mode = 'ns:~/x'").network;
    assert_eq!(network.mode.unwrap().value, NetworkMode::Namespace(path("~/x")));
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let shown = errors(
        "[network]\nallow = ['10.1.2.3', 'a:1', 'a:1']\npublish = ['80', '8080:80', '8080:81']\n\
         hosts = { 'a b' = '::1', c = 'd' }\ndns = ['one']\n",
    );
    assert_eq!(
        shown,
        "\
jail: error: cannot allow `10.1.2.3`
 --> x.toml:2:10
  |
2 | allow = ['10.1.2.3', 'a:1', 'a:1']
  |          ^^^^^^^^^^
because: an address needs a port
help: write `10.1.2.3:443`
jail: error: `allow` names the same thing twice
 --> x.toml:2:29
  |
2 | allow = ['10.1.2.3', 'a:1', 'a:1']
  |                             ^^^^^
because: it stands in line 2 already
jail: error: cannot publish `80`
 --> x.toml:3:12
  |
3 | publish = ['80', '8080:80', '8080:81']
  |            ^^^^
because: it needs a port outside and one inside
help: write it as `8080:80`, `192.0.2.1:8080:80` or `5353:53/udp`
jail: error: `127.0.0.1:8080` is published twice
 --> x.toml:3:29
  |
3 | publish = ['80', '8080:80', '8080:81']
  |                             ^^^^^^^^^
because: one port leads to one place
help: remove one of the two, or choose another port outside
jail: error: `a b` names no host
 --> x.toml:4:11
  |
4 | hosts = { 'a b' = '::1', c = 'd' }
  |           ^^^^^
because: letters, digits, `-`, `.` and `_` are allowed, ` ` is not
jail: error: `d` is no address
 --> x.toml:4:30
  |
4 | hosts = { 'a b' = '::1', c = 'd' }
  |                              ^^^
help: write it as `192.0.2.1` or `2001:db8::1`; names are not looked up here
jail: error: `one` is no address
 --> x.toml:5:8
  |
5 | dns = ['one']
  |        ^^^^^
help: write it as `192.0.2.1` or `2001:db8::1`; names are not looked up here
"
    );
    assert_eq!(
        error("network.mode = 'alow'"),
        "unknown network mode `alow`; did you mean `allow`?"
    );
}
