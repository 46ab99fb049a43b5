//! Where registries lead, and what must not get there (CVE-2020-15157).

use std::sync::Arc;

use super::server::{Reply, Server};
use super::{CANNOT_PULL, blob, open, options, pattern, root, says, told};

/// A registry that wants a token, gives one itself, and then redirects to `target`.
fn redirecting(target: impl Fn(u16) -> String + Send + Sync + 'static) -> Server {
    let target = Arc::new(target);
    Server::start(move |request| {
        let host = request.header("host").unwrap();
        let port: u16 = host.rsplit_once(':').unwrap().1.parse().unwrap();
        match (request.path.as_str(), request.header("authorization")) {
            (path, _) if path.starts_with("/token") => {
                Reply::new(200, "", br#"{"token": "T0KEN"}"#)
            }
            (_, Some("Bearer T0KEN")) => {
                Reply::new(307, &format!("Location: {}\r\n", target(port)), b"")
            }
            _ => {
                let realm = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
                Reply::new(401, &format!("WWW-Authenticate: {realm}\r\n"), b"{}")
            }
        }
    })
}

#[test]
fn credentials_stay_with_the_registry() {
    let other = Server::start(|_| Reply::new(200, "", &pattern(1000)));
    let port = other.port();
    for host in ["127.0.0.1", "localhost"] {
        let registry = redirecting(move |_| format!("http://{host}:{port}/there?signed=yes"));
        assert!(blob(&open(&registry, &options(&[])), 1000, 0).unwrap() == pattern(1000));
    }
    let seen = other.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.path, "/there?signed=yes");
        assert_eq!(request.header("authorization"), None, "{request:?}");
    }
}

#[test]
fn ranges_and_kinds_are_said_to_whom_it_concerns() {
    let other = Server::start(|_| {
        Reply::new(206, "Content-Range: bytes 400-999/1000\r\n", &pattern(1000)[400..])
    });
    let port = other.port();
    let registry = redirecting(move |_| format!("//127.0.0.1:{port}/there"));
    assert!(blob(&open(&registry, &options(&[])), 1000, 400).unwrap() == pattern(1000)[400..]);
    assert_eq!(other.seen()[0].header("range"), Some("bytes=400-"));
    let manifest = Server::start(|_| Reply::new(200, "", b"manifest"));
    root(&open(&manifest, &options(&[]))).unwrap();
    // Without these, registries answer with manifests of before 2016.
    let kinds = "application/vnd.oci.image.index.v1+json, \
                 application/vnd.oci.image.manifest.v1+json, \
                 application/vnd.docker.distribution.manifest.list.v2+json, \
                 application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(manifest.seen()[0].header("accept"), Some(kinds));
}

#[test]
fn redirects_come_to_an_end() {
    let server =
        Server::start(|request| Reply::new(302, &format!("Location: {}x\r\n", request.path), b""));
    says(root(&open(&server, &options(&[]))), &["redirects, and there have been too many"]);
    assert_eq!(server.count(), 6);
}

#[test]
fn redirects_lead_to_no_weaker_place() {
    for (location, why) in [
        ("http://registry.example/x", "it leads to a connection without encryption"),
        ("file:///etc/passwd", "it leads to no address"),
        ("http://user:secret@127.0.0.1/", "it leads to no address"),
        ("http://127.0.0.1:1/a b", "it leads to no address"),
    ] {
        let server =
            Server::start(move |_| Reply::new(302, &format!("Location: {location}\r\n"), b""));
        let because = format!("because: `http://HOST` redirects, and {why}\n");
        told(&server, &options(&[]), CANNOT_PULL, &because);
        assert_eq!(server.count(), 1);
    }
    let nowhere = Server::start(|_| Reply::new(302, "", b""));
    let because = "because: `http://HOST` redirects, and it does not say where to\n";
    told(&nowhere, &options(&[]), CANNOT_PULL, because);
}
