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
    // Nothing else that begins like it is one: names come later in HTTP/2, and compressed.
    if bytes.starts_with(PREFACE) {
        return Said::Nobody;
    }
    if PREFACE.starts_with(bytes) {
        return Said::Unfinished;
    }
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
/// How HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
    if length == 0 || !is_space(*next) {
        return Line::Nobodys;
    }
    let end = after.iter().position(|byte| *byte == b'\n');
    let line = &after[..end.unwrap_or(after.len())];
    // The return before the end, which may be all that has come so far.
    let line = without_return(line);
    // Servers that take any method take no such bytes, and those that take such bytes know their methods,
    // none of which begins with a digit. Messages of LDAP and of git's own protocol do.
    let is_text = !method[0].is_ascii_digit();
    match end {
        _ if !is_text && line.iter().any(|byte| is_control(*byte) && !is_space(*byte)) => {
            Line::Nobodys
        }
        // Blanks of other kinds, NUL and the like: servers split, end or refuse a line there.
        _ if is_text && line.iter().any(|byte| is_control(*byte)) => Line::Odd,
        None => Line::Unfinished,
        Some(_) if line.iter().any(|byte| is_control(*byte)) => Line::Odd,
        Some(end) => whole(method, line, &after[end + 1..]),
    }
}

/// A line that begins like a request, and has its end.
fn whole<'a>(method: &'a [u8], line: &'a [u8], rest: &'a [u8]) -> Line<'a> {
    let line = line.trim_ascii();
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
        (None, 1) if is_connect(method) && has_port(words[0]) => Line::Odd,
        (None, _) => Line::Nobodys,
    }
}

/// The protocols whose requests have this form.
fn is_version(word: &&[u8]) -> bool {
    let is = |name: &[u8]| word.get(..5).is_some_and(|it| it.eq_ignore_ascii_case(name));
    is(b"HTTP/") || is(b"RTSP/") || is(b"ICAP/")
}

fn is_connect(method: &[u8]) -> bool {
    method.eq_ignore_ascii_case(b"CONNECT")
}

fn has_port(target: &[u8]) -> bool {
    std::str::from_utf8(target).is_ok_and(|target| split_port(target).1.is_some())
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
        let odd = line.iter().any(|byte| is_control(*byte));
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
    let Some(place) = place(&line) else { return MALFORMED };
    let host = host.as_deref().map(|host| split_port(host).0);
    match (place, host) {
        (None, None | Some("")) => Said::Nobody,
        (None, Some(host)) => Said::Name(host.to_owned()),
        (Some((one, _)), Some(other)) if !one.eq_ignore_ascii_case(other) => TWO_HOSTS,
        // With its port, so that it means no host that the connection could be for: a server that is
        // allowed is not asked to pass on to others, not even to itself.
        (Some((host, port)), _) if is_connect(line.method) => Said::Name(format!("{host}:{port}")),
        (Some((host, port)), _) => Said::Place(host.to_owned(), port),
    }
}

/// The host and the port in the target, if it has them: `Some(None)` if it is a path. A target that is of
/// no form, or in which two readers could see two hosts, is none.
fn place<'a>(line: &RequestLine<'a>) -> Option<Option<(&'a str, u16)>> {
    let tunnel = is_connect(line.method);
    if !tunnel && (line.target.starts_with(b"/") || line.target == b"*") {
        return Some(None);
    }
    let target = std::str::from_utf8(line.target).ok()?;
    let (authority, usual) = if tunnel {
        (target, None)
    } else {
        let (scheme, rest) = target.split_once("://")?;
        (rest.split(['/', '?', '#']).next().unwrap_or(rest), usual_port(scheme))
    };
    // Who is asked, in front of an `@` or behind a `\`, is read in one way by some and in another by
    // others.
    if authority.contains(['@', '\\', '/', '?', '#', ' ', '\t']) {
        return None;
    }
    let (host, port) = split_port(authority);
    let port = match port {
        Some(port) if !port.is_empty() => port.parse().ok(),
        Some(_) | None => usual,
    };
    Some(Some((Some(host).filter(|host| !host.is_empty())?, port?)))
}

fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "rtsp" => 554,
        "icap" => 1344,
        _ => return None,
    })
}

/// The host of an authority and its port, which may be empty.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What any server takes for a blank: Python's split at all that Unicode calls one.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r' | 0x1c..=0x1f | 0x85 | 0xa0)
}

/// What no text has in a line.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// The characters of methods and of names of fields (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
