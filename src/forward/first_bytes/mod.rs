//! What the first bytes of a connection say about whom they are for.
//!
//! The address that a connection goes to stands for one name. A server that has many may
//! listen to another: to the one in a TLS handshake, or in the head of an HTTP request. What is
//! read here is what such a server would read; where two readers could differ, it is refused.
//!
//! What is not seen: names in encrypted parts (the inner name of Encrypted Client Hello, HTTP
//! inside of TLS), HTTP/2 without TLS, what comes after the first request, and TLS that a
//! protocol changes over to later (STARTTLS).

mod http;
mod tls;

/// Longer beginnings without an answer are refused.
pub const MOST: usize = 64 * 1024;

/// What the bytes so far say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Not yet anything; more bytes may.
    Unfinished,
    /// They name nobody.
    Nobody,
    /// This host; as it is written.
    Name(String),
    /// This host at this port: a request that a proxy would take there.
    Place(String, u16),
    /// They are malformed, in a way that servers may read as they like.
    Nonsense(&'static str),
}

/// Reads the beginning of what a client sends.
pub fn read(bytes: &[u8]) -> Said {
    let said = match bytes.first() {
        None => Said::Unfinished,
        Some(&tls::HANDSHAKE) => tls::read(bytes),
        Some(_) => http::read(bytes),
    };
    match said {
        Said::Unfinished if bytes.len() >= MOST => Said::Nonsense("its beginning does not end"),
        said => said,
    }
}

/// The same when no more bytes will come: what servers make of a head that ends like this.
pub fn read_all(bytes: &[u8]) -> Said {
    let whole = match bytes.first() {
        None => return Said::Nobody,
        Some(&tls::HANDSHAKE) => tls::read(bytes),
        // Some take the end of the connection for that of the head.
        Some(_) => http::read(&[bytes, b"\r\n\r\n"].concat()),
    };
    match whole {
        Said::Unfinished => Said::Nonsense("its beginning breaks off"),
        said => said,
    }
}

/// Whether what is written in a handshake or a head means this name.
pub fn means(written: &str, name: &str) -> bool {
    written.strip_suffix('.').unwrap_or(written).eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests;
