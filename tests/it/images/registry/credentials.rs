//! Who is told which password and which token.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::server::{Reply, Request, Server};
use super::{CANNOT_PULL, open, options, root, says, told};

/// `me:s3cret`
const BASIC: &str = "Basic bWU6czNjcmV0";

/// A file with one entry.
fn auth_file(directory: &Path, host: &str, entry: &str) -> std::path::PathBuf {
    let file = directory.join("auth.json");
    fs::write(&file, format!(r#"{{"auths": {{"{host}": {entry}}}}}"#)).unwrap();
    file
}

const ENTRY: &str = r#"{"auth": "bWU6czNjcmV0"}"#;

fn challenge(realm: &str) -> Reply {
    let header = format!("WWW-Authenticate: {realm}\r\n");
    let body = br#"{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}"#;
    Reply::new(401, &header, body)
}

fn bearer(request: &Request) -> Reply {
    let host = request.header("host").unwrap();
    challenge(&format!(
        "Bearer realm=\"http://{host}/token?x=y\",service=\"the service\",scope=\"repository:team/app:pull\""
    ))
}

#[test]
fn a_token_is_fetched_with_the_password_and_used_again() {
    let server = Server::start(|request| match request.header("authorization") {
        Some(BASIC) if request.path.starts_with("/token") => {
            Reply::new(200, "", br#"{"access_token": "T", "expires_in": 300}"#)
        }
        Some("Bearer T") => Reply::new(200, "", b"manifest"),
        _ => bearer(request),
    });
    let directory = tempfile::tempdir().unwrap();
    let file = auth_file(directory.path(), &server.host(), ENTRY);
    let registry = open(&server, &options(&[("REGISTRY_AUTH_FILE", &file)]));
    for _ in 0..3 {
        assert_eq!(root(&registry).unwrap(), b"manifest");
    }
    let paths: Vec<_> = server.seen().iter().map(|request| request.path.clone()).collect();
    let manifest = "/v2/team/app/manifests/1";
    let token = "/token?x=y&scope=repository%3Ateam%2Fapp%3Apull&service=the%20service";
    assert_eq!(paths, [manifest, token, manifest, manifest, manifest]);
    // The registry itself has never seen the password.
    let to_registry = server.seen().into_iter().filter(|request| request.path == manifest);
    assert!(to_registry.clone().all(|request| request.header("authorization") != Some(BASIC)));
}

#[test]
fn a_token_that_the_registry_forgets_is_replaced_once() {
    let given = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if request.path.starts_with("/token") {
            let number = given.fetch_add(1, Ordering::Relaxed);
            return Reply::new(200, "", format!(r#"{{"token": "T{number}"}}"#).as_bytes());
        }
        match request.header("authorization") {
            Some("Bearer T0") if request.before == 1 => Reply::new(200, "", b"first"),
            Some("Bearer T1") => Reply::new(200, "", b"second"),
            _ => bearer(request),
        }
    });
    let registry = open(&server, &options(&[]));
    assert_eq!(root(&registry).unwrap(), b"first");
    assert_eq!(root(&registry).unwrap(), b"second");
    let refusing = Server::start(|request| match request.path.starts_with("/token") {
        true => Reply::new(200, "", br#"{"token": "T"}"#),
        false => bearer(request),
    });
    says(
        root(&open(&refusing, &options(&[]))),
        &["`", "may not be pulled", "[UNAUTHORIZED, HTTP 401]"],
    );
    assert_eq!(refusing.count(), 3);
}

#[test]
fn an_identity_token_is_exchanged() {
    let server = Server::start(|request| match request.header("authorization") {
        None if request.method == "POST" => Reply::new(200, "", br#"{"access_token": "T"}"#),
        Some("Bearer T") => Reply::new(200, "", b"manifest"),
        _ => bearer(request),
    });
    let directory = tempfile::tempdir().unwrap();
    let file = auth_file(directory.path(), &server.host(), r#"{"identitytoken": "a b"}"#);
    let registry = open(&server, &options(&[("REGISTRY_AUTH_FILE", &file)]));
    assert_eq!(root(&registry).unwrap(), b"manifest");
    let seen = server.seen();
    assert_eq!(
        seen[1].body,
        "scope=repository%3Ateam%2Fapp%3Apull&service=the%20service\
         &grant_type=refresh_token&client_id=jail&refresh_token=a%20b"
    );
}

#[test]
fn passwords_are_of_one_registry() {
    let directory = tempfile::tempdir().unwrap();
    for host in ["127.0.0.1", "localhost", "127.0.0.1:1"] {
        let server = Server::start(|_| challenge("Basic realm=\"x\""));
        let file = auth_file(directory.path(), host, ENTRY);
        let registry = open(&server, &options(&[("REGISTRY_AUTH_FILE", &file)]));
        let none = format!("there are no credentials for it in `{}`", file.display());
        says(root(&registry), &["may not be pulled", &none, "podman login 127.0.0.1:"]);
        assert!(server.seen().iter().all(|request| request.header("authorization").is_none()));
    }
}

#[test]
fn a_wrong_password_is_named_by_its_file() {
    let server = Server::start(|_| challenge("Basic realm=\"x\""));
    let directory = tempfile::tempdir().unwrap();
    let file = auth_file(directory.path(), &server.host(), ENTRY);
    let registry = open(&server, &options(&[("REGISTRY_AUTH_FILE", &file)]));
    says(root(&registry), &[&format!("the credentials of `{}` do not suffice", file.display())]);
    assert_eq!(server.count(), 2);
    let text = root(&registry).unwrap_err();
    assert!(!text.contains("s3cret") && !text.contains("bWU6"), "{text}");
}

#[test]
fn a_token_server_must_be_a_safe_place() {
    for (realm, why) in [
        ("http://tokens.example/token", "it leads to a connection without encryption"),
        ("ftp://127.0.0.1/token", "this is no address"),
        ("http://me:pw@127.0.0.1/token", "this is no address"),
        ("/token", "this is no address"),
    ] {
        let server = Server::start(move |_| challenge(&format!("Bearer realm=\"{realm}\"")));
        makes_no_sense(&server, &format!("it wants a token from `{realm}`, and {why}"));
        assert_eq!(server.count(), 1);
    }
}

#[test]
fn passwords_do_not_go_to_other_hosts_in_plain() {
    let tokens = Server::start(|_| Reply::new(200, "", br#"{"token": "T"}"#));
    let port = tokens.port();
    let server = Server::start(move |request| match request.header("authorization") {
        Some("Bearer T") => Reply::new(200, "", b"manifest"),
        _ => challenge(&format!("Bearer realm=\"http://localhost:{port}/token\"")),
    });
    let directory = tempfile::tempdir().unwrap();
    let file = auth_file(directory.path(), &server.host(), ENTRY);
    let registry = open(&server, &options(&[("REGISTRY_AUTH_FILE", &file)]));
    assert_eq!(root(&registry).unwrap(), b"manifest");
    assert_eq!(tokens.seen()[0].header("authorization"), None);
}

#[test]
fn odd_tokens_and_challenges_are_refused() {
    for (token, why) in [
        (r#"{"token": "a\r\nX: y"}"#, "its token is malformed"),
        (r#"{"token": "a b"}"#, "its token is malformed"),
        ("no", "its token is malformed"),
        (r#"{"token": ""}"#, "it gives no token"),
        ("{}", "it gives no token"),
    ] {
        let server = Server::start(move |request| match request.path.starts_with("/token") {
            true => Reply::new(200, "", token.as_bytes()),
            false => bearer(request),
        });
        makes_no_sense(&server, why);
        assert_eq!(server.count(), 2);
    }
    let server = Server::start(|_| challenge("Bearer realm=\"a\", realm=\"b\""));
    makes_no_sense(&server, "its `WWW-Authenticate` is malformed");
}

#[track_caller]
fn makes_no_sense(server: &Server, why: &str) {
    let rest = format!(
        "because: `http://HOST` makes no sense: {why}\nhelp: is `HOST` the address of a registry?\n"
    );
    told(server, &options(&[]), CANNOT_PULL, &rest);
}

#[test]
fn a_registry_that_refuses_without_a_question_is_told() {
    let server = Server::start(|_| Reply::new(401, "", b"{}"));
    told(
        &server,
        &options(&[]),
        "`HOST/team/app:1` may not be pulled",
        "because: `http://HOST` refuses access [HTTP 401]; it asks for no credentials that could be \
         given\n\
         help: look for a typing error in the name; if the image is private, log in with \
         `podman login HOST` or `docker login HOST`\n",
    );
    assert_eq!(server.count(), 1);
}

#[test]
fn a_token_server_is_not_followed_elsewhere() {
    let other = Server::start(|_| Reply::new(200, "", br#"{"token": "T"}"#));
    let port = other.port();
    let server = Server::start(move |request| match request.path.starts_with("/token") {
        true => Reply::new(307, &format!("Location: http://127.0.0.1:{port}/\r\n"), b""),
        false => bearer(request),
    });
    says(root(&open(&server, &options(&[]))), &["[HTTP 307]"]);
    assert_eq!(other.count(), 0);
}

#[test]
fn a_mirror_is_asked_first_and_left_when_it_fails() {
    let mirror = Server::start(|request| match request.path.as_str() {
        "/v2/copy/team/app/manifests/1" => Reply::new(200, "", b"of the mirror"),
        _ => Reply::new(404, "", b""),
    });
    let server = Server::start(|request| match request.path.contains("blobs") {
        true => Reply::new(200, "", b"of the registry"),
        false => Reply::new(500, "", b""),
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registries.conf");
    let text = format!(
        "[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}/copy\"\n",
        server.host(),
        mirror.host()
    );
    fs::write(&file, text).unwrap();
    let registry = open(&server, &options(&[("CONTAINERS_REGISTRIES_CONF", &file)]));
    assert_eq!(root(&registry).unwrap(), b"of the mirror");
    assert_eq!(server.count(), 0);
    assert_eq!(super::blob(&registry, 15, 0).unwrap(), b"of the registry");
}

#[test]
fn a_proxy_leads_to_what_is_not_this_machine() {
    let proxy = Server::start(|request| match request.method.as_str() {
        "CONNECT" => Reply::raw("HTTP/1.1 200 OK\r\n\r\n"),
        _ => Reply::new(200, "", b"through the proxy"),
    });
    let address = format!("http://me:pw@{}", proxy.host());
    let mut options = options(&[("ALL_PROXY", Path::new(&address))]);
    options.insecure = true;
    options.patience.connect = Duration::from_secs(5);
    let name = super::name("registry.example:5000", "team/app", "1");
    let registry = jail::image::registry::Registry::open(&name, &options).unwrap();
    assert_eq!(root(&registry).unwrap(), b"through the proxy");
    let seen = proxy.seen();
    let connect = seen.iter().find(|request| request.method == "CONNECT").unwrap();
    assert_eq!(connect.path, "registry.example:5000");
    let last = seen.last().unwrap();
    assert_eq!(last.path, "/v2/team/app/manifests/1");
    assert_eq!(last.header("proxy-authorization"), None);
}
