//! The host that the head of an HTTP request is for (RFC 9112, 3.2).

use super::Said;

const MALFORMED: Said = Said::Nonsense("its HTTP request is malformed");
const TWO_HOSTS: Said = Said::Nonsense("its HTTP request names two hosts");

/// Something that does not begin like a request names nobody, and a head that is not whole is
/// not finished: the host may still come, or come twice.
///
/// What is said of a beginning holds however it goes on: a server waits for the rest, so bytes that
/// were let pass for being nobody's must not become a request later.
pub fn read(bytes: &[u8]) -> Said {
    // Servers skip empty lines before a request (RFC 9112, 2.2), and some skip blanks as well.
    let empty = bytes.iter().take_while(|byte| is_space(**byte) || **byte == b'\n').count();
    let bytes = &bytes[empty..];
    match line(bytes) {
        Line::Unfinished => Said::Unfinished,
        Line::Nobodys => Said::Nobody,
        Line::Odd => MALFORMED,
        Line::Request { line, rest } => match host_of_head(rest) {
            Head::Unfinished => Said::Unfinished,
            Head::Bad(said) => said,
            Head::Host(host) => together(line, host),
        },
    }
}

/// No server reads a longer method, or a longer line with it.
const LONGEST_METHOD: usize = 16 * 1024;
/// What comes first over git's own protocol, after four digits: there is a NUL in the same line.
const GIT: &[u8] = b"git-";

enum Line<'a> {
    Unfinished,
    /// Whatever comes, it is no request.
    Nobodys,
    /// Some servers would take it for a request, and others for another one or for none.
    Odd,
    Request {
        line: RequestLine<'a>,
        rest: &'a [u8],
    },
}

struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
}

/// The first line. It is a request if it is `METHOD target HTTP/version`; as servers differ in
/// what they let pass, all that ends in a version is one, with any blanks between.
fn line(bytes: &[u8]) -> Line<'_> {
    let length = bytes.iter().take_while(|byte| is_token(**byte)).count();
    let (method, after) = bytes.split_at(length);
    if length > LONGEST_METHOD {
        return Line::Nobodys;
    }
    let Some(next) = after.first() else { return Line::Unfinished };
    let is_git =
        length > 8 && method[..4].iter().all(u8::is_ascii_hexdigit) && method[4..].starts_with(GIT);
    if length == 0 || !is_space(*next) || is_git {
        return Line::Nobodys;
    }
    let end = after.iter().position(|byte| *byte == b'\n');
    let line = &after[..end.unwrap_or(after.len())];
    // The return before the end, which may be all that has come so far.
    let line = without_return(line);
    // Blanks of other kinds, NUL and the like: servers split, end or refuse a line there.
    let is_odd = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    match end {
        _ if line.iter().any(is_odd) => Line::Odd,
        None => Line::Unfinished,
        Some(end) => whole(method, line, &after[end + 1..]),
    }
}

/// A line that begins like a request, and has its end.
fn whole<'a>(method: &'a [u8], line: &'a [u8], rest: &'a [u8]) -> Line<'a> {
    // The preface of HTTP/2: names come later, and compressed.
    if method == b"PRI" && line == b" * HTTP/2.0" {
        return Line::Nobodys;
    }
    let line = line.trim_ascii();
    let is_version =
        |word: &&[u8]| word.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"HTTP/"));
    let words: Vec<&[u8]> =
        line.split(|byte| is_space(*byte)).filter(|word| !word.is_empty()).collect();
    match (words.iter().position(is_version), words.len()) {
        (Some(place), count) if place + 1 == count => {
            let version = words[place].len();
            let target = line[..line.len() - version].trim_ascii();
            Line::Request { line: RequestLine { method, target }, rest }
        }
        (Some(_), _) => Line::Odd,
        // A request of HTTP/0.9 has no head, but may name a host all the same.
        (None, _) if words.first().is_some_and(|target| has_scheme(target)) => Line::Odd,
        (None, _) => Line::Nobodys,
    }
}

fn has_scheme(target: &[u8]) -> bool {
    let Some(place) = target.windows(3).position(|part| part == b"://") else { return false };
    !target[..place].iter().any(|byte| matches!(byte, b'/' | b'?'))
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
fn together(line: RequestLine, host: Option<String>) -> Said {
    let Ok(target) = std::str::from_utf8(line.target) else { return MALFORMED };
    let tunnel = line.method.eq_ignore_ascii_case(b"CONNECT");
    let authority = if tunnel {
        Some(target)
    } else if has_scheme(line.target) {
        target.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest))
    } else {
        None
    };
    // Who is asked, in front of an `@` or behind a `\`, is read in one way by some and in another by
    // others.
    if authority.is_some_and(|name| name.is_empty() || name.contains(['@', '\\', ' ', '\t'])) {
        return MALFORMED;
    }
    let named: Vec<&str> = authority.into_iter().chain(host.as_deref()).map(without_port).collect();
    match named.as_slice() {
        [] | [""] => Said::Nobody,
        [one, other, ..] if !one.eq_ignore_ascii_case(other) => TWO_HOSTS,
        // With its port, so that it means no host that the connection could be for: a server that is
        // allowed is not asked to pass on to others, not even to itself.
        [..] if tunnel && target.contains(':') => Said::Name(target.to_owned()),
        [..] if tunnel => MALFORMED,
        [one, ..] => Said::Name((*one).to_owned()),
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

/// What any server takes for a blank: Python's split at all that Unicode calls one.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r' | 0x1c..=0x1f | 0x85 | 0xa0)
}

/// The characters of methods and of names of fields (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
