//! `publish`: a port of this machine that leads inside.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::super::BadValue;
use super::parse_address;
use crate::diagnostic::{Diagnostic, Located};

/// `[IP:]HOST:INSIDE[/udp]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    pub outside: SocketAddr,
    /// A port inside.
    pub inside: u16,
    pub transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

impl Publish {
    /// Whether both would listen in the same place.
    pub fn clashes(&self, other: &Self) -> bool {
        self.outside == other.outside && self.transport == other.transport
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.outside, self.inside)?;
        match self.transport {
            Transport::Tcp => Ok(()),
            Transport::Udp => f.write_str("/udp"),
        }
    }
}

impl FromStr for Publish {
    type Err = BadValue;

    /// Without an address it is this machine alone that may connect.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (ports, transport) = match text.rsplit_once('/') {
            Some((ports, "udp")) => (ports, Transport::Udp),
            Some((ports, "tcp")) => (ports, Transport::Tcp),
            Some((_, other)) => {
                return Err(bad(text)
                    .because(format!("`{other}` is neither `tcp` nor `udp`"))
                    .help(FORM));
            }
            None => (text, Transport::Tcp),
        };
        let Some((place, inside)) = ports.rsplit_once(':') else {
            return Err(bad(text).because("it needs a port outside and one inside").help(FORM));
        };
        let (address, outside) = match place.rsplit_once(':') {
            Some((address, outside)) => (Some(address), outside),
            None => (None, place),
        };
        let address = match address {
            // Two colons at the end are those of an address of IPv6 without brackets.
            Some(address) if address.contains(':') && !address.starts_with('[') => {
                return Err(
                    bad(text).help("write an address of IPv6 in brackets, as `[::1]:8080:80`")
                );
            }
            Some(address) => {
                parse_address(address).map_err(|wrong| bad(text).because(wrong.title).help(FORM))?
            }
            None => Ipv4Addr::LOCALHOST.into(),
        };
        Ok(Self {
            outside: SocketAddr::new(without_mapping(address), port(text, outside)?),
            inside: port(text, inside)?,
            transport,
        })
    }
}

const FORM: &str = "write it as `8080:80`, `192.0.2.1:8080:80` or `5353:53/udp`";

fn bad(text: &str) -> BadValue {
    BadValue::new(format!("cannot publish `{text}`"))
}

/// `::ffff:127.0.0.1` is 127.0.0.1.
fn without_mapping(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn port(whole: &str, text: &str) -> Result<u16, BadValue> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ if text.contains('-') => Err(bad(whole)
            .because(format!("`{text}` is a range"))
            .help("write an entry for each port")),
        _ => Err(bad(whole).because(format!("`{text}` is no port from 1 to 65535")).help(FORM)),
    }
}

/// An error for each that listens where an earlier one does.
pub fn published_twice(all: &[Located<Publish>]) -> Vec<Diagnostic> {
    let twice = all.iter().enumerate().filter(|(index, new)| {
        all[..*index].iter().any(|old| old.value.clashes(&new.value) && old.value != new.value)
    });
    let error = |new: &Located<Publish>| {
        Diagnostic::error(format!("`{}` is published twice", new.value.outside))
            .at(&new.origin)
            .because("one port leads to one place")
            .help("remove one of the two, or choose another port outside")
    };
    twice.map(|(_, new)| error(new)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        for (text, shown) in [
            ("8080:80", "127.0.0.1:8080:80"),
            ("8080:80/tcp", "127.0.0.1:8080:80"),
            ("0.0.0.0:8080:80", "0.0.0.0:8080:80"),
            ("[::1]:8080:80", "[::1]:8080:80"),
            ("[::ffff:127.0.0.1]:8080:80", "127.0.0.1:8080:80"),
            ("5353:53/udp", "127.0.0.1:5353:53/udp"),
        ] {
            let publish: Publish = text.parse().unwrap();
            assert_eq!(publish.to_string(), shown);
            assert_eq!(shown.parse(), Ok(publish));
        }
    }

    #[test]
    fn what_is_no_port_is_refused() {
        let form = format!("; {FORM}");
        for (text, words) in [
            ("", format!("it needs a port outside and one inside{form}")),
            ("80", format!("it needs a port outside and one inside{form}")),
            ("80:", format!("`` is no port from 1 to 65535{form}")),
            (":80", format!("`` is no port from 1 to 65535{form}")),
            ("0:80", format!("`0` is no port from 1 to 65535{form}")),
            ("80:65536", format!("`65536` is no port from 1 to 65535{form}")),
            ("+80:80", format!("`+80` is no port from 1 to 65535{form}")),
            ("80-90:80-90", "`80-90` is a range; write an entry for each port".into()),
            ("80:80/sctp", format!("`sctp` is neither `tcp` nor `udp`{form}")),
            ("localhost:80:80", format!("`localhost` is no address{form}")),
            ("::1:80:80", "write an address of IPv6 in brackets, as `[::1]:8080:80`".into()),
        ] {
            let bad = text.parse::<Publish>().unwrap_err();
            assert_eq!(bad.to_string(), format!("cannot publish `{text}`; {words}"));
        }
    }
}
