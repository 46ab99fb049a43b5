//! What goes wrong between a request and its answer, as far as anyone decides by it.

use std::io;
use std::time::Duration;

use crate::diagnostic::Diagnostic;

use super::address::{Address, Server};
use super::pace::TooSlow;

/// Why there is no answer to use.
#[derive(Debug)]
pub enum Trouble {
    /// No answer at all.
    Silent { server: Server, broken: Broken },
    /// An answer that is no success.
    Status(Box<Status>),
    /// An answer that leads nowhere.
    Redirect { from: Address, why: String },
    /// An answer that makes no sense.
    Nonsense { server: Server, why: String },
    /// The registry wants to know who asks, and this is all there is to say.
    Unauthorized { status: Box<Status>, known: String },
    /// Something that is not the registry's doing: a file, a helper.
    Own(Box<Diagnostic>),
}

/// A failed connection.
#[derive(Debug)]
pub enum Broken {
    /// The name has no address.
    NoSuchHost(String),
    Refused,
    /// The certificate is signed by nobody who is trusted here.
    UnknownAuthority,
    /// Something else is wrong with the certificate.
    Certificate(String),
    /// The server does not speak TLS, or not with us.
    Tls(String),
    /// Nothing came, or too slowly.
    Timeout(&'static str),
    /// Broken off, or another error of the connection.
    Lost(String),
    Proxy(String),
    /// What came is no HTTP, or too large.
    Protocol(String),
}

/// An answer that is no success.
#[derive(Clone, Debug)]
pub struct Status {
    pub server: Server,
    pub number: u16,
    /// `MANIFEST_UNKNOWN`, if the registry says so.
    pub code: Option<String>,
    /// What the registry says, if anything.
    pub message: Option<String>,
    /// How long the server wants not to be asked.
    pub wait: Option<Duration>,
}

impl Trouble {
    pub fn own(diagnostic: Diagnostic) -> Self {
        Self::Own(Box::new(diagnostic))
    }

    /// May it be gone a moment later?
    pub fn passes(&self) -> bool {
        match self {
            Self::Silent { broken, .. } => {
                matches!(broken, Broken::Lost(_) | Broken::Timeout(_))
            }
            Self::Status(status) => matches!(status.number, 429 | 500 | 502..=504),
            Self::Redirect { .. }
            | Self::Nonsense { .. }
            | Self::Unauthorized { .. }
            | Self::Own(_) => false,
        }
    }

    /// How long the server wants not to be asked.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Status(status) => status.wait,
            _ => None,
        }
    }
}

impl Broken {
    /// What the library says, sorted.
    pub fn from_ureq(error: ureq::Error, host: &str) -> Self {
        match error {
            ureq::Error::Io(error) => Self::from_io(&error, host),
            ureq::Error::HostNotFound => Self::NoSuchHost(format!("`{host}` has no address")),
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Self::Timeout("no connection came about")
            }
            ureq::Error::Timeout(_) => Self::Timeout("nothing came for too long"),
            ureq::Error::ConnectProxyFailed(why) => Self::Proxy(why),
            ureq::Error::InvalidProxyUrl => Self::Proxy("its address is malformed".to_owned()),
            ureq::Error::Rustls(error) => Self::from_tls(&error),
            ureq::Error::Tls(why) => Self::Tls(why.to_owned()),
            other => Self::Protocol(other.to_string()),
        }
    }

    /// The same for an error in the middle of an answer.
    pub fn from_io(error: &io::Error, host: &str) -> Self {
        if let Some(inner) = error.get_ref() {
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Self::from_tls(tls);
            }
            if inner.is::<TooSlow>() {
                return Self::Timeout("too little came for too long");
            }
            match inner.downcast_ref::<ureq::Error>() {
                Some(ureq::Error::Timeout(_)) => {
                    return Self::Timeout("nothing came for too long");
                }
                Some(other @ ureq::Error::Protocol(_)) => {
                    return Self::Protocol(other.to_string());
                }
                _ => (),
            }
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Self::Timeout("nothing came for too long")
            }
            io::ErrorKind::UnexpectedEof => {
                Self::Lost("the server closed the connection".to_owned())
            }
            // The standard library gives the errors of getaddrinfo(3) no kind and no number.
            _ if is_lookup(error) => {
                let why = error.to_string();
                let words = why.strip_prefix(LOOKUP).unwrap_or(&why).trim_start_matches([':', ' ']);
                Self::NoSuchHost(format!("`{host}`: {words}"))
            }
            _ => Self::Lost(crate::diagnostic::cause(error)),
        }
    }

    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer | rustls::CertificateError::BadSignature,
            ) => Self::UnknownAuthority,
            rustls::Error::InvalidCertificate(why) => Self::Certificate(certificate_words(why)),
            other => Self::Tls(other.to_string()),
        }
    }
}

const LOOKUP: &str = "failed to lookup address information";

fn is_lookup(error: &io::Error) -> bool {
    error.to_string().starts_with(LOOKUP)
}

fn certificate_words(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Error;
    match error {
        Error::Expired | Error::ExpiredContext { .. } => "it has expired".to_owned(),
        Error::NotValidYet | Error::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock right?".to_owned()
        }
        Error::NotValidForName | Error::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        Error::Revoked => "it has been revoked".to_owned(),
        other => {
            let words = format!("{other:?}");
            if words.contains("CaUsedAsEndEntity") { "it is self-signed".to_owned() } else { words }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::super::address::Scheme;
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_to_do() {
        let sorted = |kind| Broken::from_io(&io::Error::from(kind), "h");
        assert!(matches!(sorted(io::ErrorKind::ConnectionRefused), Broken::Refused));
        assert!(matches!(sorted(io::ErrorKind::UnexpectedEof), Broken::Lost(_)));
        let tls = io::Error::other(rustls::Error::InvalidCertificate(
            rustls::CertificateError::UnknownIssuer,
        ));
        assert!(matches!(Broken::from_io(&tls, "h"), Broken::UnknownAuthority));
    }

    /// How the standard library words it is not promised anywhere.
    #[test]
    fn a_name_without_an_address_is_known_by_the_words_of_the_library() {
        let real = ("no host", 443).to_socket_addrs().unwrap_err();
        assert!(matches!(Broken::from_io(&real, "h"), Broken::NoSuchHost(_)), "{real}");
        let words = "failed to lookup address information: Name or service not known";
        let Broken::NoSuchHost(why) = Broken::from_io(&io::Error::other(words), "h") else {
            panic!("{words}")
        };
        assert_eq!(why, "`h`: Name or service not known");
    }

    /// How it is told of the server `h`.
    fn words(broken: Broken) -> String {
        let server = Server::parse(Scheme::Https, "h").unwrap();
        super::super::explain::words(&Trouble::Silent { server, broken })
    }

    #[test]
    fn what_the_library_says_is_told_in_words_of_our_own() {
        use ureq::Error;
        for (error, told) in [
            (Error::HostNotFound, "the name of the registry has no address: `h` has no address"),
            (Error::Timeout(ureq::Timeout::Connect), "`https://h`: no connection came about"),
            (Error::Timeout(ureq::Timeout::Resolve), "`https://h`: no connection came about"),
            (Error::Timeout(ureq::Timeout::RecvResponse), "`https://h`: nothing came for too long"),
            (
                Error::InvalidProxyUrl,
                "the proxy does not lead to `https://h`: its address is malformed",
            ),
            (
                Error::Io(io::ErrorKind::UnexpectedEof.into()),
                "the connection to `https://h` broke: the server closed the connection",
            ),
        ] {
            assert_eq!(words(Broken::from_ureq(error, "h")), told);
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_told() {
        use rustls::CertificateError as Error;
        for (error, told) in [
            (Error::Expired, "it has expired"),
            (Error::NotValidYet, "it is not valid yet; is the clock right?"),
            (Error::NotValidForName, "it is for another name"),
            (Error::Revoked, "it has been revoked"),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(error));
            let wanted = format!("the certificate of `https://h` is not to be trusted: {told}");
            assert_eq!(words(Broken::from_io(&error, "h")), wanted);
        }
    }
}
