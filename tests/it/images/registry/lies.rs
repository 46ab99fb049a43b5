//! Answers that are wrong on purpose.

use jail::image::document::MediaType;
use jail::image::source::Source;

use super::server::{Reply, Server};
use super::{
    CANNOT_PULL, DIGEST, blob, layer, name, open, options, pattern, root, says, text, told,
};

#[test]
fn a_blob_of_another_length_is_refused() {
    let short = Server::start(|_| Reply::new(200, "", &pattern(10)));
    let wanted = format!(
        "`http://{}` makes no sense: it says that the blob has 10 bytes, the manifest says 11\n\
         help: whoever runs the registry has to correct it\n",
        short.host()
    );
    says(blob(&open(&short, &options(&[])), 11, 0), &[&wanted]);
    assert_eq!(short.count(), 1);
    let long = Server::start(|_| {
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
    });
    for size in [3, 0] {
        let wanted =
            format!("the registry sends more than the {size} bytes that the manifest says");
        assert_eq!(blob(&open(&long, &options(&[])), size, 0).unwrap_err(), wanted);
    }
}

#[test]
fn another_part_than_asked_for_is_refused() {
    let server =
        Server::start(|_| Reply::new(206, "Content-Range: bytes 0-9/10\r\n", &pattern(10)));
    says(blob(&open(&server, &options(&[])), 10, 5), &["another part of the blob"]);
}

#[test]
fn a_part_that_nobody_asked_for_is_refused() {
    let server = Server::start(|_| Reply::new(206, "Content-Range: bytes 5-9/10\r\n", &pattern(5)));
    says(blob(&open(&server, &options(&[])), 10, 0), &["another part of the blob"]);
}

#[test]
fn another_digest_than_asked_for_is_refused() {
    let other = DIGEST.replace("0123", "3210");
    let header = format!("Docker-Content-Digest: {other}\r\n");
    let server = Server::start(move |_| Reply::new(200, &header, b"{}"));
    let options = options(&[]);
    // By tag, it is the digest of whatever it is.
    assert_eq!(root(&open(&server, &options)).unwrap(), b"{}");
    let name = name(&server.host(), "team/app", DIGEST);
    let registry = jail::image::registry::Registry::open(&name, &options).unwrap();
    says(root(&registry), &[&format!("asked for `{DIGEST}` it gives `{other}`")]);
    let mut descriptor = layer(2);
    descriptor.media_type = MediaType::Manifest;
    says(registry.document(&descriptor).map_err(text), &[&other]);
}

#[test]
fn a_manifest_without_end_is_not_read() {
    let claimed = Server::start(|_| Reply::cut(200, "", 5_000_000, b"{"));
    says(root(&open(&claimed, &options(&[]))), &["longer than 4096 KiB"]);
    let endless = Server::start(|request| {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(request.method, "GET");
        Reply::raw([head.as_bytes(), &[b' '; 65536]].concat()).then_repeat()
    });
    says(root(&open(&endless, &options(&[]))), &["longer than 4096 KiB"]);
    let registry = open(&endless, &options(&[]));
    let mut config = layer(100);
    config.media_type = MediaType::Config;
    says(registry.document(&config).map_err(text), &["longer than 4096 KiB"]);
}

#[test]
fn a_header_without_end_is_not_read() {
    let server =
        Server::start(|_| Reply::raw("HTTP/1.1 200 OK\r\nX: y\r\n".repeat(1000)).then_repeat());
    says(root(&open(&server, &options(&[]))), &["something else than HTTP"]);
}

#[test]
fn a_page_for_people_is_no_registry() {
    let server = Server::start(|_| {
        Reply::new(200, "Content-Type: text/html; charset=utf-8\r\n", b"<html>Hello")
    });
    told(
        &server,
        &options(&[]),
        CANNOT_PULL,
        "because: `http://HOST` makes no sense: it answers with `text/html`: this is not a registry\n\
         help: is `HOST` the address of a registry?\n",
    );
}

#[test]
fn something_else_than_http_is_no_registry() {
    let server = Server::start(|_| Reply::raw("220 mail.example ESMTP\r\n"));
    says(root(&open(&server, &options(&[]))), &["something else than HTTP"]);
}

#[test]
fn errors_cannot_flood_or_steer_the_terminal() {
    let server = Server::start(|_| {
        let body = format!(
            r#"{{"errors": [{{"code": "X", "message": "\u001b[2J\n{}"}}]}}"#,
            "long ".repeat(1000)
        );
        Reply::new(400, "", body.as_bytes())
    });
    let text = root(&open(&server, &options(&[]))).unwrap_err();
    assert!(!text.contains('\u{1b}') && text.len() < 600, "{text}");
}
