//! A request with everything around it: who asks, where it leads, and once more after a failure.

use std::io::Read;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::address::{Address, Server, refusal};
use super::endpoint::Endpoint;
use super::options::Patience;
use super::token::{proof, renew, unauthorized};
use super::transport::{Answer, Transport};
use super::trouble::{Broken, Status, Trouble};

/// A success (200 or 206), and who gave it.
pub struct Fetched {
    pub server: Server,
    pub answer: Answer,
}

/// What is asked of an endpoint: below its repository, with headers.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// `manifests/latest`
    pub end: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
}

/// Tries until it works, as often as patience allows.
pub fn fetch(
    endpoint: &Endpoint,
    wish: Wish<'_>,
    transport: &Transport,
) -> Result<Fetched, Trouble> {
    let patience = &transport.options().patience;
    let mut attempt = 1;
    loop {
        let trouble = match once(endpoint, wish, transport) {
            Ok(fetched) => return Ok(fetched),
            Err(trouble) => trouble,
        };
        let pause = pause(&trouble, attempt, patience);
        match pause {
            Some(pause) if attempt < patience.attempts => std::thread::sleep(pause),
            _ => return Err(trouble),
        }
        attempt += 1;
    }
}

/// How long to wait before the next attempt; `None` if another one is of no use.
pub fn pause(trouble: &Trouble, attempt: u32, patience: &Patience) -> Option<Duration> {
    if !trouble.passes() {
        return None;
    }
    if let Some(wanted) = trouble.wait() {
        return (wanted <= patience.longest_pause).then_some(wanted);
    }
    let whole = patience.pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let whole = whole.min(patience.longest_pause);
    // Not all at once, when a server comes back: between a half and the whole.
    let [random] = crate::sys::random::<1>().unwrap_or([u8::MAX]);
    Some(whole / 2 + whole / 2 * u32::from(random) / 255)
}

/// One attempt, which also finds out how to speak with the server.
fn once(endpoint: &Endpoint, wish: Wish<'_>, transport: &Transport) -> Result<Fetched, Trouble> {
    if let Some(server) = endpoint.answered.get() {
        return ask(endpoint, server, wish, transport);
    }
    let first = ask(endpoint, &endpoint.https, wish, transport);
    let http = endpoint.http.as_ref().filter(|_| may_be_plain(&first, endpoint));
    let Some(http) = http else { return first };
    let second = ask(endpoint, http, wish, transport);
    // If both are no use, what TLS says is of more interest, unless it is only that there is none.
    match (&first, &second) {
        (
            Err(Trouble::Silent { broken: Broken::Refused | Broken::Timeout(_), .. }),
            Err(Trouble::Silent { .. }),
        ) => first,
        _ => second,
    }
}

/// Does a server that does not speak TLS look like this? A bad certificate does not,
/// and a server that has answered by TLS speaks it, whatever broke afterwards.
fn may_be_plain(result: &Result<Fetched, Trouble>, endpoint: &Endpoint) -> bool {
    match result {
        Err(Trouble::Silent { server, broken }) => {
            *server == endpoint.https
                && endpoint.answered.get().is_none()
                && matches!(
                    broken,
                    Broken::Tls(_) | Broken::Lost(_) | Broken::Refused | Broken::Timeout(_)
                )
        }
        _ => false,
    }
}

/// The registry's own answer, by another proof if it refuses the first; then where it leads.
fn ask(
    endpoint: &Endpoint,
    server: &Server,
    wish: Wish<'_>,
    transport: &Transport,
) -> Result<Fetched, Trouble> {
    let address = endpoint.address(server, wish.end);
    let used = proof(endpoint, server, transport)?;
    let mut answer = send(&address, wish, used.as_deref(), endpoint, transport)?;
    // Another thread may have found out the same.
    let _ = endpoint.answered.set(server.clone());
    if answer.status().as_u16() == 401 {
        let Some(new) = renew(endpoint, server, transport, used.as_deref(), &answer)? else {
            return Err(unauthorized(endpoint, status_of(server, answer, transport)));
        };
        answer = send(&address, wish, Some(&new), endpoint, transport)?;
    }
    if matches!(answer.status().as_u16(), 401 | 403) {
        return Err(unauthorized(endpoint, status_of(server, answer, transport)));
    }
    follow(address, answer, wish, endpoint, transport)
}

fn send(
    address: &Address,
    wish: Wish<'_>,
    proof: Option<&str>,
    endpoint: &Endpoint,
    transport: &Transport,
) -> Result<Answer, Trouble> {
    let mut headers = wish.headers.to_vec();
    headers.extend(proof.map(|proof| ("Authorization", proof)));
    transport.get(address, &headers, endpoint.trust)
}

const MOST_REDIRECTS: usize = 5;

/// Follows redirects by hand: without `Authorization` from the first one on, even back to the
/// registry, and never to a weaker connection.
fn follow(
    mut address: Address,
    mut answer: Answer,
    wish: Wish<'_>,
    endpoint: &Endpoint,
    transport: &Transport,
) -> Result<Fetched, Trouble> {
    for hops in 0.. {
        match answer.status().as_u16() {
            200 | 206 => return Ok(Fetched { server: address.server, answer }),
            301 | 302 | 303 | 307 | 308 => (),
            _ => return Err(Trouble::Status(status_of(&address.server, answer, transport))),
        }
        if hops == MOST_REDIRECTS {
            break;
        }
        address = next(&address, &answer, endpoint)?;
        answer = send(&address, wish, None, endpoint, transport)?;
    }
    Err(Trouble::Redirect { from: address, why: "there have been too many before".to_owned() })
}

fn next(from: &Address, answer: &Answer, endpoint: &Endpoint) -> Result<Address, Trouble> {
    let refused = |why: &str| Trouble::Redirect { from: from.clone(), why: why.to_owned() };
    let location = answer.headers().get("Location").and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| refused("it does not say where to"))?;
    let to = from.join(location).ok_or_else(|| refused("it leads to no address"))?;
    match refusal(&from.server, &to.server, endpoint.is_insecure()) {
        Some(why) => Err(refused(why)),
        None => Ok(to),
    }
}

/// A whole body, within bounds of length and time.
pub fn read_bounded(
    server: &Server,
    answer: Answer,
    most: u64,
    transport: &Transport,
) -> Result<Vec<u8>, Trouble> {
    let too_long = || Trouble::Nonsense {
        server: server.clone(),
        why: format!("its answer is longer than {} KiB", most / 1024),
    };
    let broken = |broken| Trouble::Silent { server: server.clone(), broken };
    let end = Instant::now() + transport.options().patience.document;
    let (parts, body) = answer.into_parts();
    let length = content_length(&parts.headers);
    if length.is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let mut reader = body.into_reader();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = reader.read(&mut buffer);
        match read.map_err(|error| broken(Broken::from_io(&error, &server.host)))? {
            0 => break,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
        if bytes.len() as u64 > most {
            return Err(too_long());
        }
        if Instant::now() > end {
            return Err(broken(Broken::Timeout("its answer takes too long")));
        }
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(broken(Broken::Lost("the server closed the connection".to_owned())));
    }
    Ok(bytes)
}

/// The length that an answer claims.
pub fn content_length(headers: &ureq::http::HeaderMap) -> Option<u64> {
    headers.get("Content-Length")?.to_str().ok()?.parse().ok()
}

/// An answer that is no success, with what it says (distribution specification, "Error Codes").
pub fn status_of(server: &Server, answer: Answer, transport: &Transport) -> Box<Status> {
    let number = answer.status().as_u16();
    let wait = answer.headers().get("Retry-After").and_then(|wait| wait.to_str().ok());
    let wait = wait.and_then(|wait| wait.trim().parse().ok()).map(Duration::from_secs);
    // What cannot be read says nothing; the number says enough.
    let text = read_bounded(server, answer, MOST_ERROR, transport).unwrap_or_default();
    let errors = serde_json::from_slice::<Errors>(&text).unwrap_or_default();
    let (mut code, mut message) = (None, errors.details);
    if let Some(first) = errors.errors.into_iter().next() {
        (code, message) = (first.code, first.message);
    }
    Box::new(Status {
        server: server.clone(),
        number,
        code: code.map(short),
        message: message.map(short),
        wait,
    })
}

const MOST_ERROR: u64 = 64 * 1024;

fn short(text: String) -> String {
    let is_fine = |c: &char| !c.is_control();
    text.chars().filter(is_fine).take(200).collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Errors {
    errors: Vec<ErrorEntry>,
    /// Servers of tokens have another form.
    details: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(number: u16, wait: Option<u64>) -> Trouble {
        let server = Address::parse("https://r.example/").unwrap().server;
        let wait = wait.map(Duration::from_secs);
        Trouble::Status(Box::new(Status { server, number, code: None, message: None, wait }))
    }

    #[test]
    fn pauses_double_within_bounds() {
        let patience = Patience::default();
        for (attempt, whole) in [(1, 500), (2, 1000), (4, 4000), (40, 60_000)] {
            let pause = pause(&status(503, None), attempt, &patience).unwrap().as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{attempt} {pause}");
        }
    }

    #[test]
    fn the_server_may_name_the_pause_if_it_is_short() {
        let patience = Patience::default();
        let pause = |number, wait| pause(&status(number, wait), 1, &patience);
        assert_eq!(pause(429, Some(7)), Some(Duration::from_secs(7)));
        assert_eq!(pause(429, Some(3600)), None);
        assert_eq!(pause(404, Some(1)), None);
        assert_eq!(pause(501, None), None);
    }
}
