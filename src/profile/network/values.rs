//! Modes, names and addresses.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::super::{BadValue, Base, PathText};
use super::NetworkMode;

impl FromStr for NetworkMode {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text {
            "none" => Ok(Self::None),
            "host" => Ok(Self::Host),
            "nat" => Ok(Self::Nat),
            "allow" => Ok(Self::Allow),
            _ => match text.strip_prefix("ns:") {
                Some("") => Err(BadValue::new("`ns:` names no namespace")
                    .help("write the path of its file, as `ns:/proc/1234/ns/net`")),
                Some(path) => Ok(Self::Namespace(PathText {
                    text: path.into(),
                    base: Base::WorkingDirectory,
                })),
                None => Err(unknown(text)),
            },
        }
    }
}

fn unknown(text: &str) -> BadValue {
    let known = ["none", "host", "nat", "allow", "ns:PATH"];
    match text {
        "pasta" | "slirp4netns" | "private" | "bridge" => {
            BadValue::new(format!("unknown network mode `{text}`")).help("the one here is `nat`")
        }
        _ => BadValue::unknown_word("network mode", text, &known),
    }
}

/// A name for /etc/hosts: letters, digits, `-`, `.` and `_`, which some services have in theirs.
pub fn parse_host_name(text: &str) -> Result<String, BadValue> {
    let bad =
        |because: &str| Err(BadValue::new(format!("`{text}` names no host")).because(because));
    if text.is_empty() {
        return bad("it is empty");
    }
    if text.len() > 253 {
        return bad("it is longer than 253 bytes");
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"-._".contains(*c)) {
        return bad(&format!(
            "letters, digits, `-`, `.` and `_` are allowed, `{}` is not",
            odd.escape_default()
        ));
    }
    if text.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return bad("between dots, 1 to 63 characters must stand");
    }
    // So do many read it: 127.1, 2130706433 and 0x7f.1 are 127.0.0.1 (inet_aton(3)).
    let last = text.rsplit('.').next().unwrap_or(text);
    let digits = last.bytes().all(|byte| byte.is_ascii_digit());
    if digits || last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x")) {
        return bad("it is an address");
    }
    Ok(text.to_ascii_lowercase())
}

/// An address without a port; one of IPv6 may stand in brackets.
pub fn parse_address(text: &str) -> Result<IpAddr, BadValue> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    };
    address.ok_or_else(|| {
        BadValue::new(format!("`{text}` is no address"))
            .help("write it as `192.0.2.1` or `2001:db8::1`; names are not looked up here")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for mode in ["none", "host", "nat", "allow"] {
            assert_eq!(mode.parse::<NetworkMode>().unwrap().name(), mode);
        }
        let Ok(NetworkMode::Namespace(path)) = "ns:/run/netns/a:b".parse() else { panic!() };
        assert_eq!(path.text, "/run/netns/a:b");
        for (text, words) in [
            (
                "ns:",
                "`ns:` names no namespace; write the path of its file, as `ns:/proc/1234/ns/net`",
            ),
            ("pasta", "unknown network mode `pasta`; the one here is `nat`"),
            ("alow", "unknown network mode `alow`; did you mean `allow`?"),
            (
                "wifi",
                "unknown network mode `wifi`; use `none`, `host`, `nat`, `allow` or `ns:PATH`",
            ),
        ] {
            assert_eq!(text.parse::<NetworkMode>().unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn names_for_hosts() {
        for (text, name) in [("db", "db"), ("My_DB.Example.org", "my_db.example.org")] {
            assert_eq!(parse_host_name(text).as_deref(), Ok(name));
        }
        for (text, because) in [
            ("", "it is empty"),
            ("a b", "letters, digits, `-`, `.` and `_` are allowed, ` ` is not"),
            ("a\nb", "letters, digits, `-`, `.` and `_` are allowed, `\\n` is not"),
            ("a..b", "between dots, 1 to 63 characters must stand"),
            ("a.", "between dots, 1 to 63 characters must stand"),
            ("127.0.0.1", "it is an address"),
            (&"a.".repeat(127), "it is longer than 253 bytes"),
        ] {
            assert_eq!(parse_host_name(text).unwrap_err().because.as_deref(), Some(because));
        }
    }

    #[test]
    fn addresses() {
        for text in ["127.0.0.1", "::1", "[::1]", "2001:db8::1"] {
            assert!(parse_address(text).is_ok(), "{text}");
        }
        for text in
            ["", "localhost", "127.1", "127.0.0.1:53", "[127.0.0.1]", "fe80::1%eth0", "[::1"]
        {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }
}
