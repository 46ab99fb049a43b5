//! Where a request goes, and where an answer may lead.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// How to speak with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What credentials are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    pub scheme: Scheme,
    /// In lower case; an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
}

impl Server {
    /// From `HOST` or `HOST:PORT`.
    pub fn parse(scheme: Scheme, host: &str) -> Option<Self> {
        let address = Address::parse(&format!("{}://{host}/", scheme.name()))?;
        (address.path == "/").then_some(address.server)
    }

    /// Is it this machine, whoever answers names? `localhost` is never looked up.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Does it look like another way to write this machine? Less is certain than for a loopback: it is
    /// enough to be refused by.
    fn may_be_here(&self) -> bool {
        let name = self.host.trim_end_matches('.');
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let is_here = |address: IpAddr| {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        };
        name == "localhost" || name.ends_with(".localhost") || bare.parse().is_ok_and(is_here)
    }

    /// `HOST`, or `HOST:PORT` if the port is not the usual one.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

/// A server and what to ask it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub server: Server,
    /// With the query; starts with `/`.
    pub path: String,
}

impl Address {
    /// Whole addresses of HTTP only. One with a user or a password in it is refused: no registry
    /// needs it, and it could stand for another host in the eyes of another reader.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host();
        // Neither a user, nor a port that is no number.
        let after = authority.as_str().strip_prefix(host)?;
        let port = match after.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if after.is_empty() => scheme.port(),
            None => return None,
        };
        if host.is_empty() {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { server: Server { scheme, host: host.to_ascii_lowercase(), port }, path })
    }

    /// Where `Location: text` leads from here (RFC 9110, section 10.2.2).
    pub fn join(&self, text: &str) -> Option<Self> {
        if text.starts_with("//") {
            return Self::parse(&format!("{}:{text}", self.server.scheme.name()));
        }
        if text.starts_with('/') {
            return Self::parse(&format!("{}{text}", self.server));
        }
        if text.contains("://") {
            return Self::parse(text);
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let (directory, _) = path.rsplit_once('/')?;
        Self::parse(&format!("{}{directory}/{text}", self.server))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

/// Why an answer of `from` may not lead to `to`; `insecure`: plain HTTP was asked for.
pub fn refusal(from: &Server, to: &Server, insecure: bool) -> Option<&'static str> {
    if to.may_be_here() && !from.is_loopback() {
        return Some("it leads to this machine itself");
    }
    let plain_is_fine = from.scheme == Scheme::Http && (insecure || to.is_loopback());
    if to.scheme == Scheme::Http && !plain_is_fine {
        return Some("it leads to a connection without encryption");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        Address::parse(text).unwrap().server
    }

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("https://Example.com", "https://example.com/"),
            ("https://example.com:443/a?b=c", "https://example.com/a?b=c"),
            ("http://example.com:443/a", "http://example.com:443/a"),
            ("http://[::1]:5000/v2/", "http://[::1]:5000/v2/"),
            ("https://a/x#fragment", "https://a/x"),
        ] {
            assert_eq!(Address::parse(text).map(|at| at.to_string()), Some(written.to_owned()));
        }
    }

    #[test]
    fn what_could_be_another_host_is_no_address() {
        for text in [
            "https://user@example.com/",
            "https://registry.example:x@evil.example/",
            "https://example.com:/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://exa mple.com/",
            "https://example.com/a\r\nX: y",
            "https:///path",
            "example.com",
            "",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
        assert_eq!(Server::parse(Scheme::Https, "a/b"), None);
        assert_eq!(Server::parse(Scheme::Https, "a?b"), None);
    }

    #[test]
    fn locations_are_taken_from_where_they_are_said() {
        let here = Address::parse("https://r.example:5000/v2/a/blobs/x?y=/z").unwrap();
        for (location, there) in [
            ("/c", "https://r.example:5000/c"),
            ("d?e=f", "https://r.example:5000/v2/a/blobs/d?e=f"),
            ("//cdn.example/g", "https://cdn.example/g"),
            ("http://cdn.example/g", "http://cdn.example/g"),
        ] {
            assert_eq!(here.join(location).map(|at| at.to_string()), Some(there.to_owned()));
        }
        assert_eq!(here.join("https://u:p@cdn.example/"), None);
    }

    #[test]
    fn loopback_is_what_cannot_be_anything_else() {
        for (text, is) in [
            ("http://localhost:5000/", true),
            ("http://127.3.2.1/", true),
            ("http://[::1]/", true),
            ("http://localhost.example/", false),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(server(text).is_loopback(), is, "{text}");
        }
    }

    #[test]
    fn answers_lead_to_no_weaker_place() {
        let (https, other) = (server("https://a.example/"), server("https://b.example/"));
        let (http, local) = (server("http://a.example/"), server("http://127.0.0.1:5000/"));
        let local_tls = server("https://localhost/");
        let (here, weaker) = (
            Some("it leads to this machine itself"),
            Some("it leads to a connection without encryption"),
        );
        for (from, to, insecure, why) in [
            (&https, &other, false, None),
            (&https, &http, false, weaker),
            (&https, &http, true, weaker),
            (&https, &local, true, here),
            (&https, &local_tls, false, here),
            (&https, &server("https://0.0.0.0/"), false, here),
            (&https, &server("https://[::]/"), false, here),
            (&https, &server("https://[::ffff:127.0.0.1]/"), false, here),
            (&https, &server("https://localhost./"), false, here),
            (&https, &server("https://x.localhost/"), false, here),
            (&http, &server("http://0.0.0.0:5000/"), true, here),
            (&http, &other, true, None),
            (&http, &http, true, None),
            (&http, &http, false, weaker),
            (&local, &local, false, None),
            (&local, &other, false, None),
            (&local, &http, false, weaker),
        ] {
            assert_eq!(refusal(from, to, insecure), why, "{from} {to} {insecure}");
        }
    }
}
