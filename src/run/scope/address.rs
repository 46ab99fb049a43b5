//! Where a D-Bus address leads.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::SocketAddr;

/// The unix sockets that a D-Bus address names, in the order in which they are to be tried.
/// The error says in words what is wrong with the address.
///
/// An address is a list separated by `;`, of `transport:key=value,key=value` with `%` and two
/// hexadecimal digits for what is special (D-Bus specification, "Server Addresses"). Only unix
/// sockets tell the other side which process speaks, so other transports are passed over.
pub fn sockets(address: &str) -> Result<Vec<SocketAddr>, String> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for entry in address.split(';').filter(|entry| !entry.is_empty()) {
        match entry.split_once(':') {
            Some(("unix", keys)) => found.push(socket(keys)?),
            Some((transport, _)) => others.push(transport),
            None => return Err(format!("`{entry}` names no transport")),
        }
    }
    match (found.is_empty(), others.first()) {
        (false, _) => Ok(found),
        (true, Some(transport)) => {
            Err(format!("its transport is `{transport}`, and only a unix socket will do"))
        }
        (true, None) => Err("it is empty".into()),
    }
}

/// The socket of one `unix:` entry. Keys that say nothing about where it is, such as `guid`,
/// are passed over.
fn socket(keys: &str) -> Result<SocketAddr, String> {
    let invalid = |error: io::Error| format!("`unix:{keys}` is no name for a socket: {error}");
    for pair in keys.split(',') {
        match pair.split_once('=') {
            Some(("path", value)) => {
                let path = OsString::from_vec(unescape(value)?);
                return SocketAddr::from_pathname(path).map_err(invalid);
            }
            Some(("abstract", value)) => {
                return SocketAddr::from_abstract_name(unescape(value)?).map_err(invalid);
            }
            _ => {}
        }
    }
    Err(format!("`unix:{keys}` has neither `path` nor `abstract`"))
}

fn unescape(value: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut pieces = value.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        // The conversion alone would take a sign for a digit.
        let digits = piece.get(..2).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = byte.ok_or_else(|| format!("`%` in `{value}` lacks two hexadecimal digits"))?;
        bytes.push(byte);
        bytes.extend(piece[2..].bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_escaped() {
        for (address, path) in [
            ("unix:path=/run/user/1000/bus", "/run/user/1000/bus"),
            ("unix:guid=0123,path=/run/bus,unknown=1", "/run/bus"),
            ("unix:path=/a%20b%3bc/%C3%A9", "/a b;c/é"),
            ("unix:path=/é", "/é"),
            (";unix:path=/bus;", "/bus"),
        ] {
            assert_eq!(paths(address), [Path::new(path)], "{address}");
        }
    }

    #[test]
    fn an_abstract_name_is_no_path() {
        let found = sockets("unix:abstract=/tmp/dbus-%41b,guid=1").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].as_abstract_name(), Some(&b"/tmp/dbus-Ab"[..]));
    }

    #[test]
    fn a_list_keeps_its_order_and_loses_other_transports() {
        let address = "tcp:host=localhost,port=1;unix:path=/one;unixexec:path=/x;unix:path=/two";
        assert_eq!(paths(address), [Path::new("/one"), Path::new("/two")]);
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        let long = format!("unix:path=/{}", "a".repeat(200));
        for (address, words) in [
            ("", "it is empty"),
            (";", "it is empty"),
            ("/run/user/1000/bus", "`/run/user/1000/bus` names no transport"),
            ("tcp:host=a,port=1", "its transport is `tcp`, and only a unix socket will do"),
            ("unix:", "`unix:` has neither `path` nor `abstract`"),
            ("unix:tmpdir=/tmp", "`unix:tmpdir=/tmp` has neither `path` nor `abstract`"),
            ("unix:path=/a%2", "`%` in `/a%2` lacks two hexadecimal digits"),
            ("unix:path=/a%é", "`%` in `/a%é` lacks two hexadecimal digits"),
            ("unix:path=/a%+1", "`%` in `/a%+1` lacks two hexadecimal digits"),
        ] {
            assert_eq!(sockets(address).unwrap_err(), words);
        }
        assert_eq!(
            sockets(&long).unwrap_err(),
            format!("`{long}` is no name for a socket: path must be shorter than SUN_LEN")
        );
        assert_eq!(
            sockets("unix:path=/a%00b").unwrap_err(),
            "`unix:path=/a%00b` is no name for a socket: paths must not contain interior null bytes"
        );
    }

    fn paths(address: &str) -> Vec<std::path::PathBuf> {
        let sockets = sockets(address).unwrap();
        sockets.iter().map(|socket| socket.as_pathname().unwrap().to_path_buf()).collect()
    }
}
