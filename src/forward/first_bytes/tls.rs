//! The name in a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3).

use super::Said;

/// The type of a record that carries a handshake.
pub const HANDSHAKE: u8 = 22;

const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
/// The longest record (RFC 8446, 5.1), with what older versions add.
const LONGEST_RECORD: usize = (1 << 14) + 2048;

const MALFORMED: Said = Said::Nonsense("its TLS handshake is malformed");

/// Reads records until the first message is whole; it may be cut up into several.
pub fn read(bytes: &[u8]) -> Said {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        match whole(&message) {
            Some(hello) => return hello.unwrap_or(MALFORMED),
            None if rest.is_empty() => return Said::Unfinished,
            None => {}
        }
        let [kind, major, _, high, low, body @ ..] = rest else {
            return if starts_like_a_record(rest) { Said::Unfinished } else { MALFORMED };
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind != HANDSHAKE || *major != 3 || length == 0 || length > LONGEST_RECORD {
            return MALFORMED;
        }
        message.extend_from_slice(&body[..body.len().min(length)]);
        rest = body.get(length..).unwrap_or_default();
    }
}

fn starts_like_a_record(bytes: &[u8]) -> bool {
    bytes.iter().zip([HANDSHAKE, 3]).all(|(byte, expected)| *byte == expected)
}

/// What the message says when it is whole; `Some(None)` if it is malformed.
fn whole(message: &[u8]) -> Option<Option<Said>> {
    let [kind, rest @ ..] = message else { return None };
    if *kind != CLIENT_HELLO {
        return Some(None);
    }
    let [a, b, c, body @ ..] = rest else { return None };
    let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
    if length > super::MOST {
        return Some(None);
    }
    body.get(..length).map(hello)
}

fn hello(body: &[u8]) -> Option<Said> {
    let mut hello = Reader(body);
    let _version_and_random = hello.take(2 + 32)?;
    let _session = hello.with_length(1)?;
    let _ciphers = hello.with_length(2)?;
    let _compressions = hello.with_length(1)?;
    if hello.0.is_empty() {
        return Some(Said::Nobody);
    }
    let mut extensions = Reader(hello.with_length(2)?);
    if !hello.0.is_empty() {
        return None;
    }
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let content = extensions.with_length(2)?;
        if kind == SERVER_NAME {
            // Which of two would the server take?
            if found.is_some() {
                return None;
            }
            found = Some(server_name(content)?);
        }
    }
    Some(found.map_or(Said::Nobody, Said::Name))
}

/// The list may have one name of each type, and one type is all there is.
fn server_name(content: &[u8]) -> Option<String> {
    let mut extension = Reader(content);
    let mut list = Reader(extension.with_length(2)?);
    let kind = list.take(1)?;
    let name = list.with_length(2)?;
    let alone = extension.0.is_empty() && list.0.is_empty();
    if kind != [HOST_NAME] || !alone || name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    String::from_utf8(name.to_vec()).ok()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes behind their number, which has `width` bytes itself.
    fn with_length(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.take(width)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        self.take(length)
    }
}
