use proptest::prelude::*;

use super::*;

/// A ClientHello with these extensions, cut up into records of at most `longest` bytes.
fn hello(extensions: &[(u16, Vec<u8>)], longest: usize) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, content) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((content.len() as u16).to_be_bytes());
        list.extend(content);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    let mut records = Vec::new();
    for part in message.chunks(longest) {
        records.extend([22, 3, 1]);
        records.extend((part.len() as u16).to_be_bytes());
        records.extend(part);
    }
    records
}

fn server_name(name: &str) -> (u16, Vec<u8>) {
    let length = name.len() as u16;
    let mut content = (length + 3).to_be_bytes().to_vec();
    content.push(0);
    content.extend(length.to_be_bytes());
    content.extend(name.as_bytes());
    (0, content)
}

const MALFORMED_HANDSHAKE: Said = Said::Nonsense("its TLS handshake is malformed");
const MALFORMED_REQUEST: Said = Said::Nonsense("its HTTP request is malformed");
const TWO_HOSTS: Said = Said::Nonsense("its HTTP request names two hosts");

fn named(name: &str) -> Said {
    Said::Name(name.to_owned())
}

#[test]
fn a_handshake_names_its_server() {
    let grease = (0x0a0a, vec![]);
    let hello = |longest| hello(&[grease.clone(), server_name("Good.example")], longest);
    assert_eq!(read(&hello(1 << 14)), named("Good.example"));
    assert_eq!(read(&hello(1)), named("Good.example"));
    assert_eq!(read(&hello(7)), named("Good.example"));
}

#[test]
fn a_handshake_need_not_name_anybody() {
    assert_eq!(read(&hello(&[(43, vec![2, 3, 4])], 1 << 14)), Said::Nobody);
}

#[test]
fn a_handshake_is_not_judged_before_it_is_whole() {
    let whole = hello(&[server_name("good.example")], 11);
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length]), Said::Unfinished, "{length} bytes");
    }
}

#[test]
fn a_handshake_that_names_two_servers_is_refused() {
    let two = hello(&[server_name("good.example"), server_name("evil.example")], 1 << 14);
    assert_eq!(read(&two), MALFORMED_HANDSHAKE);
}

#[test]
fn a_handshake_that_breaks_off_or_goes_on_is_refused() {
    let mut one = hello(&[server_name("good.example")], 1 << 14);
    // The length of the name, one too many.
    let place = one.len() - 13;
    one[place] += 1;
    assert_eq!(read(&one), MALFORMED_HANDSHAKE);
    for bytes in [&[22, 2][..], &[22, 3, 1, 0, 0], &[22, 3, 1, 0, 1, 2], &[22, 3, 1, 255, 255]] {
        assert_eq!(read(bytes), MALFORMED_HANDSHAKE, "{bytes:?}");
    }
    let odd = hello(&[server_name("good.example\0.evil.example")], 1 << 14);
    assert_eq!(read(&odd), MALFORMED_HANDSHAKE);
}

#[test]
fn a_request_names_its_host() {
    for (request, host) in [
        ("GET / HTTP/1.1\r\nHost: good.example\r\n\r\n", "good.example"),
        ("GET / HTTP/1.1\nhOST:good.example:8080\n\n", "good.example"),
        ("\r\n\r\nget /x http/1.1\r\nA: b\r\nHost:\tevil.example \r\n\r\nbody", "evil.example"),
        ("CONNECT evil.example:443 HTTP/1.1\r\n\r\n", "evil.example:443"),
        ("connect good.example:22 HTTP/1.1\r\nHost: good.example\r\n\r\n", "good.example:22"),
        ("X  /  HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "[::1]"),
        ("GET /?u=http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "b"),
    ] {
        assert_eq!(read(request.as_bytes()), named(host), "{request:?}");
    }
}

#[test]
fn a_request_to_a_proxy_names_its_host_and_port() {
    for (request, host, port) in [
        ("GET http://evil.example/x HTTP/1.1\r\n\r\n", "evil.example", 80),
        ("GET http://evil.example:81?x HTTP/1.0\r\n\r\n", "evil.example", 81),
        ("GET HTTPS://a/ HTTP/1.1\r\nHost: A:80\r\n\r\n", "a", 443),
        ("PLAY rtsp://a/film RTSP/1.0\r\nCSeq: 1\r\n\r\n", "a", 554),
        ("GET http://[::1]:/ HTTP/1.1\nHost: [::1]\n\n", "[::1]", 80),
    ] {
        assert_eq!(read(request.as_bytes()), Said::Place(host.into(), port), "{request:?}");
    }
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused() {
    for request in [
        "GET / HTTP/1.1\r\nHost: good.example\r\nHost : evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: good.example\r\n evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rHost: evil.example\r\nHost: good.example\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \0\r\n\r\n",
        "CONNECT evil.example HTTP/1.1\r\n\r\n",
        "GET http://good.example@evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "GET http://evil.example\\@good.example/ HTTP/1.1\r\n\r\n",
        "GET http:///x HTTP/1.1\r\n\r\n",
        // Without a version, or with something after it.
        "GET http://evil.example/\r\n",
        "GET / HTTP/1.1 x\r\nHost: evil.example\r\n\r\n",
        // Where a line has something in it that is not a blank and not a letter.
        "GET / HTTP/1.1\rHost: evil.example\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET\u{b}/ HTTP/1.1\u{b}\r\nHost: evil.example\r\n\r\n",
        "0\u{b}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \u{b}\r\nHost: good.example\r\n\r\n",
        // Targets of no form.
        "GET evil.example HTTP/1.1\r\n\r\n",
        "GET http:/evil.example HTTP/1.1\r\n\r\n",
        "GET http:\\\\evil.example HTTP/1.1\r\n\r\n",
        "GET odd://evil.example/ HTTP/1.1\r\n\r\n",
        "GET http://evil.example:99999/ HTTP/1.1\r\n\r\n",
        "CONNECT :443 HTTP/1.1\r\n\r\n",
        "CONNECT evil.example:443\r\n",
    ] {
        assert_eq!(read(request.as_bytes()), MALFORMED_REQUEST, "{request:?}");
    }
}

#[test]
fn a_request_that_names_two_hosts_is_refused() {
    for request in [
        "GET / HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: good.example\r\n\r\n",
        // It begins like HTTP/2, and is none.
        "PRI * HTTP/2.0\r\nHost: good.example\r\nHost: evil.example\r\n\r\n",
    ] {
        assert_eq!(read(request.as_bytes()), TWO_HOSTS, "{request:?}");
    }
}

#[test]
fn a_request_is_not_judged_before_it_is_whole() {
    let request = b"GET / HTTP/1.1\r\nHost: good.example\r\nA: b\r\n\r\n";
    for length in 0..request.len() - 1 {
        assert_eq!(read(&request[..length]), Said::Unfinished, "{length} bytes");
    }
}

/// Who sends in parts is judged as who sends at once.
#[test]
fn what_is_said_of_a_beginning_holds() {
    check_cuts(b"GET /\x01 HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    check_cuts(b"GET\x0b/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    check_cuts(b"GET\xa0/\x85HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    check_cuts(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    check_cuts(b"0032git-upload-pack /project\0host=a\0\n HTTP/1.1\nHost: a\n\n");
    check_cuts(b"0\x0c\x02\x01\x01\x60\x07\n HTTP/1.1\nHost: a\n\n");
    check_cuts(b"0\x0c/ HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    check_cuts(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    check_cuts(b"PRI * HTTP/2.0\r\nHost: evil.example\r\n\r\n");
}

#[track_caller]
fn check_cuts(whole: &[u8]) {
    let said = read(whole);
    for length in 0..whole.len() {
        let part = read(&whole[..length]);
        assert!(
            part == Said::Unfinished || part == said,
            "{length} of {whole:?}: {part:?}, {said:?}"
        );
    }
}

/// Python's server splits at them.
#[test]
fn blanks_of_other_kinds_hide_no_request() {
    for blank in [b"\x1c", b"\x1f", b"\x85", b"\xa0"] {
        let all = [b"GET", &blank[..], b"/", blank, b"HTTP/1.1\r\nHost: evil.example\r\n\r\n"];
        assert!(!matches!(read(&all.concat()), Said::Nobody), "{blank:?}");
        let one = [b"GET /", &blank[..], b"HTTP/1.1\r\nHost: evil.example\r\n\r\n"];
        assert!(!matches!(read(&one.concat()), Said::Nobody), "{blank:?}");
    }
    let accented = b"GET /\xc3\xa0 HTTP/1.1\r\nHost: good.example\r\n\r\n";
    assert_eq!(read(accented), named("good.example"));
}

#[test]
fn what_ends_is_judged_as_servers_take_it() {
    assert_eq!(read_all(b"GET / HTTP/1.1\r\nHost: evil.example"), named("evil.example"));
    assert_eq!(read_all(b"GET / HTTP/1.1\r\nHost: evil.example\r\n"), named("evil.example"));
    assert_eq!(read_all(b""), Said::Nobody);
    assert_eq!(read_all(b"QUIT"), Said::Nobody);
    let hello = hello(&[server_name("evil.example")], 1 << 14);
    for length in 1..hello.len() {
        let broken = Said::Nonsense("its beginning breaks off");
        assert_eq!(read_all(&hello[..length]), broken, "{length} bytes");
    }
    assert_eq!(read_all(&hello), named("evil.example"));
}

/// Python's server is one that does not mind.
#[test]
fn blanks_before_a_request_do_not_hide_it() {
    let request = b" \t\r\n \n GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for length in 0..request.len() - 1 {
        assert_eq!(read(&request[..length]), Said::Unfinished, "{length} bytes");
    }
    assert_eq!(read(request), named("evil.example"));
}

#[test]
fn other_protocols_pass_at_once() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"0032git-upload-pack /project\0host=a\0",
        b"*1\r\n$4\r\nPING\r\n",
        b"EHLO me\r\n",
        b"CONNECT {\"verbose\":false}\r\n",
        // LDAP: the length is a blank.
        b"0\x0c\x02\x01\x01\x60\x07",
        b"0\x20\x02\x01\x01\x60\x1b",
        b"GET /\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x80\x2e",
    ] {
        assert_eq!(read(bytes), Said::Nobody, "{bytes:?}");
    }
}

#[test]
fn what_never_ends_is_refused() {
    let head = [&b"GET / HTTP/1.1\r\nA: "[..], &vec![b'a'; MOST]].concat();
    let endless = Said::Nonsense("its beginning does not end");
    assert_eq!(read(&head), endless);
    let line = [b"GET /", &vec![b'a'; MOST][..]].concat();
    assert_eq!(read(&line), endless);
    // It is no method of any server.
    assert_eq!(read(&vec![b'a'; MOST]), Said::Nobody);
}

#[test]
fn names_are_the_same_in_any_case_and_with_a_dot_behind() {
    assert!(means("Good.Example.", "good.example"));
    assert!(means("good.example", "good.example"));
    assert!(!means("good.example..", "good.example"));
    assert!(!means("good.example.evil.example", "good.example"));
    assert!(!means("xgood.example", "good.example"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn no_damage_to_a_handshake_makes_it_panic(
        place in 0..200_usize, byte: u8, longest in 1..300_usize, cut in 0..400_usize,
    ) {
        let mut hello = hello(&[(16, vec![0, 3, 2, b'h', b'2']), server_name("good.example")], longest);
        if let Some(damaged) = hello.get_mut(place) {
            *damaged = byte;
        }
        hello.truncate(cut);
        read(&hello);
    }

    #[test]
    fn what_is_said_does_not_depend_on_how_it_is_cut(longest in 1..300_usize) {
        let one = hello(&[server_name("good.example")], longest);
        prop_assert_eq!(read(&one), named("good.example"));
    }

    #[test]
    fn once_said_more_bytes_change_nothing(text in "[A-Z]{1,4} [!-~]{1,9} HTTP/1\\.1\r\n(H: [a-z]{1,5}\r\n){0,3}(Host: [a-z.]{1,9}\r\n)?\r\n", more: Vec<u8>) {
        let said = read(text.as_bytes());
        prop_assert_ne!(&said, &Said::Unfinished);
        let longer = [text.as_bytes(), &more].concat();
        prop_assert_eq!(read(&longer), said);
    }
}

proptest! {
    /// Of anything that looks a little like a request.
    #[test]
    fn no_cut_changes_what_is_said(
        parts in prop::collection::vec(
            prop::sample::select(&[
                "GET", "CONNECT", " ", "\t", "\u{b}", "\r", "\n", "\r\n", "\0", "/", "http://", "a",
                "HTTP/1.1", "Host", ":", "b.example", "@", "\\", "0032git-upload-pack", "{", "PRI",
                "*", "HTTP/2.0",
            ][..]),
            0..16,
        )
    ) {
        check_cuts(parts.concat().as_bytes());
    }
}
