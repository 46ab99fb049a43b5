//! What a registry that is busy, slow or broken costs, and what it does not.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use super::server::{Reply, Server};
use super::{CANNOT_PULL, blob, open, options, pattern, root, says, told};

#[test]
fn a_busy_registry_is_asked_again() {
    let server = Server::start(|request| match request.before {
        0 => Reply::new(429, "Retry-After: 0\r\n", b"{}"),
        1 => Reply::new(503, "", b""),
        2 => Reply::raw(""),
        _ => Reply::new(200, "", b"manifest"),
    });
    assert_eq!(root(&open(&server, &options(&[]))).unwrap(), b"manifest");
    assert_eq!(server.count(), 4);
}

#[test]
fn a_registry_that_stays_busy_is_given_up() {
    let server = Server::start(|_| {
        let body = br#"{"errors": [{"code": "TOOMANYREQUESTS", "message": "pull rate limit"}]}"#;
        Reply::new(429, "", body)
    });
    let result = root(&open(&server, &options(&[])));
    let log_in = format!("wait, or log in with `podman login {}`", server.host());
    says(result, &["asked too often: pull rate limit [TOOMANYREQUESTS, HTTP 429]", &log_in]);
    assert_eq!(server.count(), 5);
}

#[test]
fn a_long_pause_is_not_waited_for() {
    let server = Server::start(|_| Reply::new(429, "Retry-After: 3600\r\n", b""));
    told(
        &server,
        &options(&[]),
        CANNOT_PULL,
        "because: `http://HOST` has been asked too often [HTTP 429]; it wants to be asked again in \
         3600 seconds\n\
         help: wait, or log in with `podman login HOST` or `docker login HOST` to be allowed more\n",
    );
    assert_eq!(server.count(), 1);
}

#[test]
fn nobody_there_is_an_error_at_once() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let name = super::name(&format!("127.0.0.1:{port}"), "team/app", "1");
    let registry = jail::image::registry::Registry::open(&name, &options(&[])).unwrap();
    says(root(&registry), &["connection refused [ECONNREFUSED]", "is the registry running"]);
}

#[test]
fn a_blob_that_breaks_off_goes_on_where_it_was() {
    let bytes = pattern(1_000_000);
    let server = Server::start(move |request| {
        let start = request.range().unwrap_or(0);
        let end = bytes.len().min(start + 300_000);
        let part = &bytes[start..end];
        let (last, size, rest) = (bytes.len() - 1, bytes.len(), bytes.len() - start);
        if request.range().is_some() {
            let range = format!("Content-Range: bytes {start}-{last}/{size}\r\n");
            return Reply::cut(206, &range, rest, part);
        }
        Reply::cut(200, "", rest, part)
    });
    let registry = open(&server, &options(&[]));
    assert!(blob(&registry, 1_000_000, 0).unwrap() == pattern(1_000_000));
    let starts: Vec<_> = server.seen().iter().map(|request| request.range()).collect();
    assert_eq!(starts, [None, Some(300_000), Some(600_000), Some(900_000)]);
    // And from the middle, as a pull that was ended wants it.
    assert!(blob(&registry, 1_000_000, 123_456).unwrap() == pattern(1_000_000)[123_456..]);
    assert_eq!(blob(&registry, 1_000_000, 1_000_000), Ok(Vec::new()));
}

#[test]
fn a_registry_without_ranges_begins_again() {
    let bytes = pattern(500_000);
    let server = Server::start(move |request| match request.before {
        0 => Reply::cut(200, "", bytes.len(), &bytes[..200_000]),
        _ => Reply::new(200, "", &bytes),
    });
    assert!(blob(&open(&server, &options(&[])), 500_000, 0).unwrap() == pattern(500_000));
    assert_eq!(server.count(), 2);
}

#[test]
fn a_byte_for_each_attempt_is_no_progress() {
    let server = Server::start(|request| match request.range() {
        None => Reply::cut(200, "", 1000, b"x"),
        Some(start) => {
            let range = format!("Content-Range: bytes {start}-999/1000\r\n");
            Reply::cut(206, &range, 1000 - start, b"x")
        }
    });
    says(blob(&open(&server, &options(&[])), 1000, 0), &["5 times at byte 5 of 1000"]);
    assert_eq!(server.count(), 5);
}

#[test]
fn silence_has_an_end() {
    let server = Server::start(|request| match request.path.contains("manifests") {
        true => Reply::raw("HTTP/1.1 200 OK\r\n").then_wait(),
        false => Reply::cut(200, "", 1000, b"beginning").then_wait(),
    });
    let mut options = options(&[]);
    options.patience.silence = Duration::from_millis(100);
    options.patience.attempts = 2;
    let registry = open(&server, &options);
    let begin = Instant::now();
    says(root(&registry), &["nothing came for too long", "try again later"]);
    says(blob(&registry, 1000, 0), &["nothing came for too long, 2 times at byte 9 of 1000"]);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_document_does_not_take_forever() {
    let server = Server::start(|_| {
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").then_wait()
    });
    let mut options = options(&[]);
    options.patience.document = Duration::ZERO;
    options.patience.attempts = 1;
    says(root(&open(&server, &options)), &["its answer takes too long"]);
}

/// Silence never lasts long enough to be an end by itself.
#[test]
fn a_blob_has_to_get_on() {
    let server = Server::start(|request| {
        let start = request.range().unwrap_or(0);
        let range = format!("Content-Range: bytes {start}-999/1000\r\n");
        let status = if start == 0 { 200 } else { 206 };
        Reply::cut(status, &range, 1000 - start, b"x").then_wait()
    });
    let mut options = options(&[]);
    options.patience.document = Duration::ZERO;
    options.patience.attempts = 3;
    let wanted = "too little came for too long, 3 times at byte 3 of 1000";
    says(blob(&open(&server, &options), 1000, 0), &[wanted]);
    assert_eq!(server.count(), 3);
}
