//! The host that the head of an HTTP request is for (RFC 9112, 3.2).

use super::Said;

const MALFORMED: Said = Said::Nonsense("its HTTP request is malformed");
const TWO_HOSTS: Said = Said::Nonsense("its HTTP request names two hosts");

/// Something that does not begin like a request names nobody, and a head that is not whole is
/// not finished: the host may still come, or come twice.
pub fn read(bytes: &[u8]) -> Said {
    // Servers skip empty lines before a request (RFC 9112, 2.2), and some skip blanks as well.
    let empty = bytes.iter().take_while(|byte| is_space(**byte) || **byte == b'\n').count();
    let bytes = &bytes[empty..];
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if may_become_a_request(bytes) { Said::Unfinished } else { Said::Nobody };
    };
    let line = without_return(&bytes[..end]);
    let Some(target) = target(line) else { return Said::Nobody };
    // The preface of HTTP/2: names come later, and compressed.
    if line == b"PRI * HTTP/2.0" {
        return Said::Nobody;
    }
    match host_of_head(&bytes[end + 1..]) {
        Head::Unfinished => Said::Unfinished,
        Head::Bad(said) => said,
        Head::Host(host) => together(line, target, host),
    }
}

/// No server reads a longer method, or a longer line with it.
const LONGEST_METHOD: usize = 16 * 1024;

/// Whether there may be a method and a target in this, the end of which is not there yet.
fn may_become_a_request(bytes: &[u8]) -> bool {
    let method = bytes.iter().take_while(|byte| is_token(**byte)).count();
    if method > LONGEST_METHOD {
        return false;
    }
    let after = &bytes[method..];
    let begun = match after.first() {
        Some(b' ' | b'\t') => method > 0,
        Some(_) => false,
        None => true,
    };
    begun && after.iter().all(|byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r'))
}

/// The target of a request line, if it is one: `METHOD target HTTP/version`. As servers differ
/// in what they let pass, all that ends in a version is one.
fn target(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let version = line.rsplit(|byte| is_space(*byte)).next()?;
    if !version.get(..5)?.eq_ignore_ascii_case(b"HTTP/") {
        return None;
    }
    let before = &line[..line.len() - version.len()];
    let method = before.iter().take_while(|byte| !is_space(**byte)).count();
    Some(before[method..].trim_ascii())
}

enum Head {
    Unfinished,
    Bad(Said),
    Host(Option<String>),
}

/// The field `Host` of the lines up to the empty one.
fn host_of_head(mut rest: &[u8]) -> Head {
    let mut host = None;
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return Head::Unfinished;
        };
        let line = without_return(&rest[..end]);
        rest = &rest[end + 1..];
        if line.is_empty() {
            return Head::Host(host);
        }
        let name = line.iter().take_while(|byte| is_token(**byte)).count();
        let odd = line.iter().any(|byte| matches!(byte, 0 | b'\r'));
        // A line that goes on the one before, or a space before the colon, is read in one way by
        // some and in another by others (RFC 9112, 5.1 and 5.2).
        if name == 0 || line.get(name) != Some(&b':') || odd {
            return Head::Bad(MALFORMED);
        }
        if !line[..name].eq_ignore_ascii_case(b"host") {
            continue;
        }
        if host.is_some() {
            return Head::Bad(TWO_HOSTS);
        }
        match std::str::from_utf8(line[name + 1..].trim_ascii()) {
            Ok(value) => host = Some(value.to_owned()),
            Err(_) => return Head::Bad(MALFORMED),
        }
    }
}

/// The host of the request line and that of the head, which must be the same.
fn together(line: &[u8], target: &[u8], host: Option<String>) -> Said {
    let Ok(target) = std::str::from_utf8(target) else { return MALFORMED };
    let tunnel =
        line.trim_ascii_start().get(..7).is_some_and(|m| m.eq_ignore_ascii_case(b"CONNECT"));
    let authority = if tunnel {
        Some(target)
    } else {
        target.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])).map(
            |(_, rest)| {
                let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
                authority.rsplit('@').next().unwrap_or(authority)
            },
        )
    };
    let named: Vec<&str> = authority.into_iter().chain(host.as_deref()).map(without_port).collect();
    match named.as_slice() {
        [] | [""] => Said::Nobody,
        [one] => Said::Name((*one).to_owned()),
        [one, other, ..] if one.eq_ignore_ascii_case(other) => Said::Name((*one).to_owned()),
        [..] => TWO_HOSTS,
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r')
}

/// The characters of methods and of names of fields (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
