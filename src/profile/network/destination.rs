//! `allow`: what may be reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::super::BadValue;
use super::{parse_address, parse_host_name};

/// One entry of `allow`: `name`, `name:port`, `*.name:port`, `address:port`, `network/bits:port`,
/// `*:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub target: Target,
    /// `None`: 443 and 80, those of the web; only for names.
    pub port: Option<u16>,
}

/// Who may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whoever it is.
    Any,
    /// This name, in small letters, without a dot at its end.
    Name(String),
    /// Every name that ends in a dot and this one, at any depth.
    Below(String),
    /// Every address that begins with the first `bits` of this one; all others of it are 0.
    Addresses { network: IpAddr, bits: u8 },
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Any => f.write_str("*")?,
            Target::Name(name) => f.write_str(name)?,
            Target::Below(name) => write!(f, "*.{name}")?,
            Target::Addresses { network, bits } => {
                match network {
                    IpAddr::V4(v4) => write!(f, "{v4}")?,
                    IpAddr::V6(v6) => write!(f, "[{v6}]")?,
                }
                if *bits < width(*network) {
                    write!(f, "/{bits}")?;
                }
            }
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Destination {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let bad = || BadValue::new(format!("cannot allow `{text}`"));
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(bad()
                .because(format!("`{scheme}://` is no part of a name"))
                .help("write `example.org:443`: a path cannot be told from outside"));
        }
        let (target, port) = split(text);
        let port = match port {
            Some(port) => Some(number(port).ok_or_else(|| {
                bad().because(format!("`{port}` is no port from 1 to 65535")).help(FORM)
            })?),
            None => None,
        };
        let explained = |wrong: BadValue| {
            let because = wrong.because.unwrap_or(wrong.title);
            bad().because(because).help(wrong.help.unwrap_or_else(|| FORM.into()))
        };
        let target = match target {
            "" | "*" => Target::Any,
            _ if looks_like_addresses(target) => addresses(target).map_err(explained)?,
            _ => name(target).map_err(explained)?,
        };
        match (&target, port) {
            (Target::Any, None) => Err(bad()
                .because("that is everything")
                .help("name a port, as `*:443`, or use `mode = \"nat\"`")),
            (Target::Addresses { .. }, None) => {
                Err(bad().because("an address needs a port").help(format!("write `{text}:443`")))
            }
            _ => Ok(Self { target, port }),
        }
    }
}

const FORM: &str =
    "write it as `example.org:443`, `*.example.org:443`, `192.0.2.0/24:5432` or `[2001:db8::1]:22`";

/// What stands before the last colon outside of brackets, and behind it.
fn split(text: &str) -> (&str, Option<&str>) {
    let after_brackets = text.rfind(']').map_or(0, |end| end + 1);
    let rest = &text[after_brackets..];
    match rest.rfind(':') {
        // Several colons without brackets are an address of IPv6 without a port.
        Some(_) if after_brackets == 0 && rest.matches(':').count() > 1 => (text, None),
        Some(colon) => (&text[..after_brackets + colon], Some(&text[after_brackets + colon + 1..])),
        None => (text, None),
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// A name never has only digits behind its last dot (RFC 3696, 2).
fn looks_like_addresses(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or(text);
    text.contains(['[', ':', '/']) || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

fn addresses(text: &str) -> Result<Target, BadValue> {
    // `[2001:db8::]/32` and `[2001:db8::/32]` mean the same.
    let (address, bits) = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) if inner.contains('/') => {
            let (address, bits) = inner.split_once('/').unwrap_or((inner, ""));
            (format!("[{address}]"), Some(bits))
        }
        _ => match text.rsplit_once('/') {
            Some((address, bits)) => (address.to_owned(), Some(bits)),
            None => (text.to_owned(), None),
        },
    };
    let address = parse_address(&address)?;
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        return Err(BadValue::new(format!("`{v6}` is `{v4}`")).help(format!("write `{v4}`")));
    }
    let width = width(address);
    let bits = match bits {
        None => width,
        Some(bits) => number_of_bits(bits, width).ok_or_else(|| {
            BadValue::new(format!("`{bits}` is no number of bits from 0 to {width}"))
        })?,
    };
    let network = masked(address, bits);
    if network != address {
        return Err(BadValue::new(format!("`{address}` has bits set behind the first {bits}"))
            .help(format!("write `{network}/{bits}`")));
    }
    Ok(Target::Addresses { network, bits })
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number_of_bits(text: &str, width: u8) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bits| digits && *bits <= width)
}

/// The first `bits` bits of an address.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

fn name(text: &str) -> Result<Target, BadValue> {
    let (below, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    if rest.contains('*') {
        return Err(BadValue::new("`*` stands for the beginning of a name alone, before a dot"));
    }
    if !rest.is_ascii() {
        return Err(BadValue::new("it is not written in ASCII")
            .help("write it as it stands in DNS, as `xn--bcher-kva.example`"));
    }
    let name = parse_host_name(rest)?;
    Ok(if below { Target::Below(name) } else { Target::Name(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        for (text, shown) in [
            ("example.org", "example.org"),
            ("Example.ORG.:443", "example.org:443"),
            ("localhost:80", "localhost:80"),
            ("*.example.org:443", "*.example.org:443"),
            ("*.example.org", "*.example.org"),
            ("10.1.2.3:5432", "10.1.2.3:5432"),
            ("10.0.0.0/8:22", "10.0.0.0/8:22"),
            ("0.0.0.0/0:443", "0.0.0.0/0:443"),
            ("[2001:db8::1]:22", "[2001:db8::1]:22"),
            ("[2001:db8::]/32:22", "[2001:db8::]/32:22"),
            ("[2001:db8::/32]:22", "[2001:db8::]/32:22"),
            ("[::]/0:22", "[::]/0:22"),
            ("*:443", "*:443"),
            (":443", "*:443"),
        ] {
            let made: Destination = text.parse().unwrap();
            assert_eq!(made.to_string(), shown);
            assert_eq!(shown.parse(), Ok(made), "{text}");
        }
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for (text, because) in [
            ("", "that is everything"),
            ("*", "that is everything"),
            ("https://example.org", "`https://` is no part of a name"),
            ("example.org:", "`` is no port from 1 to 65535"),
            ("example.org:0", "`0` is no port from 1 to 65535"),
            ("example.org:https", "`https` is no port from 1 to 65535"),
            ("example.org:443/x", "`443/x` is no port from 1 to 65535"),
            ("a.*.org:443", "`*` stands for the beginning of a name alone, before a dot"),
            ("*example.org:443", "`*` stands for the beginning of a name alone, before a dot"),
            ("*.:443", "it is empty"),
            ("b\u{fc}cher.example:443", "it is not written in ASCII"),
            ("a\u{0}b:443", "letters, digits, `-`, `.` and `_` are allowed, `\\u{0}` is not"),
            ("10.1.2.3", "an address needs a port"),
            ("10.1.2.300:1", "`10.1.2.300` is no address"),
            ("10.1.2.3/8:1", "`10.1.2.3` has bits set behind the first 8"),
            ("10.0.0.0/33:1", "`33` is no number of bits from 0 to 32"),
            ("2001:db8::1", "an address needs a port"),
            ("[::ffff:10.0.0.1]:1", "`::ffff:10.0.0.1` is `10.0.0.1`"),
            ("127.1:80", "`127.1` is no address"),
        ] {
            let bad = text.parse::<Destination>().unwrap_err();
            assert_eq!(bad.because.as_deref(), Some(because), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(
            address: IpAddr,
            bits in 0..=128_u8,
            name in "[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?(\\.[a-z][a-z0-9-]{0,5}[a-z0-9]){1,3}",
            port in 1..=u16::MAX,
            kind in 0..5_u8,
        ) {
            let bits = bits.min(width(address));
            let (target, port) = match kind {
                0 => (Target::Any, Some(port)),
                1 => (Target::Name(name), Some(port)),
                2 => (Target::Name(name), None),
                3 => (Target::Below(name), Some(port)),
                _ => (Target::Addresses { network: masked(address, bits), bits }, Some(port)),
            };
            let made = Destination { target, port };
            let mapped = matches!(made.target, Target::Addresses { network: IpAddr::V6(v6), .. }
                if v6.to_ipv4_mapped().is_some());
            if !mapped {
                proptest::prop_assert_eq!(made.to_string().parse(), Ok(made));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = text.parse::<Destination>();
        }
    }
}
