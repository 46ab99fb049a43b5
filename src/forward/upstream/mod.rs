//! The proxy of the caller's environment: how names are reached where only it reaches them.

mod greeting;

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Origin};
use crate::image::registry::names_host;

pub use greeting::{Greeting, Next};

/// A proxy, and who is reached without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The variable that names it.
    pub variable: String,
    pub kind: Kind,
    pub host: String,
    pub port: u16,
    /// Name and password. Never shown.
    account: Option<(String, String)>,
    /// `NO_PROXY`.
    exempt: Vec<String>,
}

/// What is spoken with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `CONNECT` of HTTP (RFC 9110, 9.3.6).
    Http,
    /// RFC 1928, names looked up by the proxy.
    Socks,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} proxy {}:{}", self.kind, self.host, self.port)
    }
}

/// The caller's variables about proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, String)>);

const NAMES: [&str; 2] = ["HTTPS_PROXY", "ALL_PROXY"];

impl Variables {
    /// Each in upper or in lower case.
    pub fn new(mut read: impl FnMut(&str) -> Option<String>) -> Self {
        let names = NAMES.into_iter().chain(["NO_PROXY"]);
        let found = names.filter_map(|name| {
            let (upper, lower) = (name.to_owned(), name.to_ascii_lowercase());
            let value = read(&upper).filter(|value| !value.is_empty());
            let value = value.or_else(|| read(&lower).filter(|value| !value.is_empty()));
            value.map(|value| (upper, value))
        });
        Self(found.collect())
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The proxy for names, if one is set.
    pub fn upstream(&self) -> Result<Option<Upstream>, Diagnostic> {
        let set = NAMES.into_iter().find_map(|name| Some((name, self.get(name)?)));
        let Some((variable, value)) = set else { return Ok(None) };
        let exempt = self.get("NO_PROXY").unwrap_or_default();
        let exempt = exempt.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
        let exempt = exempt.map(str::to_ascii_lowercase).collect();
        // The value is not shown: it may hold a password.
        let unusable = |because: &str| {
            Diagnostic::error(format!("the proxy in `${variable}` cannot be used"))
                .because(because.to_owned())
                .at(&Origin::Variable(variable.to_owned()))
                .help("write `http://HOST:PORT` or `socks5h://HOST:PORT`, or unset it")
        };
        parse(value).map_err(unusable).map(|parsed| {
            let (kind, host, port, account) = parsed;
            Some(Upstream { variable: variable.to_owned(), kind, host, port, account, exempt })
        })
    }
}

type Parsed = (Kind, String, u16, Option<(String, String)>);

fn parse(value: &str) -> Result<Parsed, &'static str> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let (kind, usual) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Kind::Http, 80),
        "socks5" | "socks5h" | "socks" => (Kind::Socks, 1080),
        "https" => return Err("jail speaks no TLS with a proxy"),
        _ => return Err("it is neither `http` nor `socks5h`"),
    };
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let (account, place) = match rest.rsplit_once('@') {
        Some((account, place)) => {
            let (name, password) = account.split_once(':').unwrap_or((account, ""));
            (Some((decoded(name)?, decoded(password)?)), place)
        }
        None => (None, rest),
    };
    let bare_v6 = place.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !bare_v6 && !port.contains(']') => {
            (host, port.parse().map_err(|_| "its port is no number")?)
        }
        _ => (place, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || !host.bytes().all(good) || port == 0 {
        return Err("it is malformed");
    }
    Ok((kind, host.to_owned(), port, account))
}

/// `%40` is `@`.
fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("its name or password is malformed")?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "its name or password is malformed")
}

impl Upstream {
    /// Whether this name is reached without the proxy.
    pub fn exempts(&self, name: &str, port: u16) -> bool {
        self.exempt.iter().any(|entry| names_host(entry, name, port))
    }

    /// The address, if the proxy is named by one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Palette, render};

    fn upstream(value: &str) -> Upstream {
        let variables = Variables::new(|name| (name == "HTTPS_PROXY").then(|| value.to_owned()));
        variables.upstream().unwrap().unwrap()
    }

    #[test]
    fn proxies() {
        for (value, kind, host, port) in [
            ("http://proxy.example:3128", Kind::Http, "proxy.example", 3128),
            ("proxy.example:3128/", Kind::Http, "proxy.example", 3128),
            ("http://me:a%40b@[::1]:1", Kind::Http, "::1", 1),
            ("socks5h://10.0.0.1", Kind::Socks, "10.0.0.1", 1080),
        ] {
            let upstream = upstream(value);
            assert_eq!((upstream.kind, upstream.host.as_str(), upstream.port), (kind, host, port));
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for (value, because) in [
            ("https://a:1", "jail speaks no TLS with a proxy"),
            ("ftp://me:secret@a:1", "it is neither `http` nor `socks5h`"),
            ("http://me:secret@:1", "it is malformed"),
            ("http://a b", "it is malformed"),
            ("http://me:secret%zz@a:1", "its name or password is malformed"),
            ("a:x", "its port is no number"),
        ] {
            let variables = Variables::new(|name| (name == "all_proxy").then(|| value.to_owned()));
            let error = variables.upstream().unwrap_err();
            assert_eq!(
                render(&error, Palette::Plain),
                format!(
                    "jail: error: the proxy in `$ALL_PROXY` cannot be used\n --> $ALL_PROXY\n\
                     because: {because}\n\
                     help: write `http://HOST:PORT` or `socks5h://HOST:PORT`, or unset it\n"
                )
            );
        }
    }

    #[test]
    fn names_that_need_no_proxy() {
        let mut upstream = upstream("http://a:1");
        for (entry, name, is) in [
            ("*", "a.example", true),
            ("example", "a.example", true),
            (".a.example", "a.example", true),
            ("*.a.example", "b.a.example", true),
            ("ample", "a.example", false),
            ("a.example:443", "a.example", true),
            ("a.example:80", "a.example", false),
        ] {
            upstream.exempt = vec![entry.to_owned()];
            assert_eq!(upstream.exempts(name, 443), is, "{entry} {name}");
        }
    }
}
