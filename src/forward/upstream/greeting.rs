//! What is said to a proxy before it passes bytes on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Kind, Upstream};

/// What is said to a proxy before bytes flow. Fed with what it answers.
#[derive(Debug)]
pub struct Greeting {
    stage: Stage,
    heard: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Http,
    /// Which way to prove who we are; then that; then the connection.
    SocksMethod {
        account: Option<Vec<u8>>,
        request: Vec<u8>,
    },
    SocksAccount {
        request: Vec<u8>,
    },
    SocksReply,
}

/// What to do next with a proxy.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Wait,
    Say(Vec<u8>),
    /// It is through; these bytes came from the server already.
    Through(Vec<u8>),
    No(String),
}

const NO_SOCKS: &str = "it does not speak SOCKS 5";
const NO_ACCOUNT: &str = "it does not accept name and password";

/// An answer of a proxy is shorter.
const MOST_ANSWER: usize = 16 * 1024;

impl Greeting {
    /// Begins to ask for a connection to `name`; the first words are returned.
    pub fn begin(upstream: &Upstream, name: &str, port: u16) -> (Self, Vec<u8>) {
        let account = upstream.account.as_ref();
        let (stage, words) = match upstream.kind {
            Kind::Http => {
                let mut words =
                    format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n");
                if let Some((user, password)) = account {
                    let account = STANDARD.encode(format!("{user}:{password}"));
                    words.push_str(&format!("Proxy-Authorization: Basic {account}\r\n"));
                }
                words.push_str("\r\n");
                (Stage::Http, words.into_bytes())
            }
            Kind::Socks => {
                let mut request = vec![5, 1, 0, 3];
                with_length(&mut request, name);
                request.extend(port.to_be_bytes());
                let account = account.map(|(user, password)| {
                    let mut words = vec![1];
                    with_length(&mut words, user);
                    with_length(&mut words, password);
                    words
                });
                let words = if account.is_some() { vec![5, 2, 0, 2] } else { vec![5, 1, 0] };
                (Stage::SocksMethod { account, request }, words)
            }
        };
        (Self { stage, heard: Vec::new() }, words)
    }

    /// Takes in what the proxy said.
    pub fn hear(&mut self, bytes: &[u8]) -> Next {
        self.heard.extend_from_slice(bytes);
        if self.heard.len() > MOST_ANSWER {
            return Next::No("its answer does not end".into());
        }
        let no = |words: &str| Next::No(words.to_owned());
        match (&mut self.stage, self.heard.as_slice()) {
            (Stage::Http, heard) => http_answer(heard),
            (Stage::SocksMethod { request, .. }, [5, 0]) => {
                let words = std::mem::take(request);
                self.go_on(Stage::SocksReply, words)
            }
            (Stage::SocksMethod { account: Some(account), request }, [5, 2]) => {
                let (words, request) = (std::mem::take(account), std::mem::take(request));
                self.go_on(Stage::SocksAccount { request }, words)
            }
            (Stage::SocksMethod { .. }, [] | [5]) => Next::Wait,
            (Stage::SocksMethod { account: None, .. }, [5, _]) => no("it wants to know who asks"),
            (Stage::SocksMethod { .. }, [5, _]) => no(NO_ACCOUNT),
            (Stage::SocksMethod { .. }, _) => no(NO_SOCKS),
            (Stage::SocksAccount { request }, [_, 0]) => {
                let words = std::mem::take(request);
                self.go_on(Stage::SocksReply, words)
            }
            (Stage::SocksAccount { .. }, [] | [_]) => Next::Wait,
            (Stage::SocksAccount { .. }, _) => no(NO_ACCOUNT),
            (Stage::SocksReply, heard) => socks_reply(heard),
        }
    }

    fn go_on(&mut self, stage: Stage, words: Vec<u8>) -> Next {
        self.stage = stage;
        self.heard.clear();
        Next::Say(words)
    }
}

fn with_length(words: &mut Vec<u8>, text: &str) {
    let text = &text.as_bytes()[..text.len().min(255)];
    words.push(text.len() as u8);
    words.extend_from_slice(text);
}

fn http_answer(heard: &[u8]) -> Next {
    let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Next::Wait;
    };
    let line = heard.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    match line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)) {
        Some(status) if status.starts_with('2') => Next::Through(heard[end + 4..].to_vec()),
        _ => Next::No(format!("it said `{}`", line.chars().take(80).collect::<String>())),
    }
}

fn socks_reply(heard: &[u8]) -> Next {
    let [version, code, _, rest @ ..] = heard else { return Next::Wait };
    if *version != 5 {
        return Next::No(NO_SOCKS.into());
    }
    if *code != 0 {
        return Next::No(format!("{} [reply {code}]", meaning(*code)));
    }
    let address = match rest {
        [1, ..] => 4,
        [3, length, ..] => 1 + usize::from(*length),
        [4, ..] => 16,
        [] | [3] => return Next::Wait,
        [..] => return Next::No(NO_SOCKS.into()),
    };
    match rest.get(1 + address + 2..) {
        Some(first) => Next::Through(first.to_vec()),
        None => Next::Wait,
    }
}

/// Why a proxy does not connect (RFC 1928, 6).
fn meaning(code: u8) -> &'static str {
    match code {
        2 => "its rules forbid that",
        3 => "it cannot reach the network",
        4 => "it cannot reach the host",
        5 => "the host refused the connection",
        _ => "it said no",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Variables;
    use super::*;

    fn upstream(value: &str) -> Upstream {
        let variables = Variables::new(|name| (name == "HTTPS_PROXY").then(|| value.to_owned()));
        variables.upstream().unwrap().unwrap()
    }

    #[test]
    fn a_tunnel_of_http() {
        let upstream = upstream("http://me:a%40b@a:1");
        let (mut greeting, words) = Greeting::begin(&upstream, "good.example", 443);
        assert_eq!(
            String::from_utf8(words).unwrap(),
            "CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\n\
             Proxy-Authorization: Basic bWU6YUBi\r\n\r\n"
        );
        assert_eq!(greeting.hear(b"HTTP/1.1 200 OK\r\nA: b\r\n"), Next::Wait);
        assert_eq!(greeting.hear(b"\r\nfirst"), Next::Through(b"first".to_vec()));
        let (mut greeting, _) = Greeting::begin(&upstream, "good.example", 443);
        let no = Next::No("it said `HTTP/1.1 403 No`".into());
        assert_eq!(greeting.hear(b"HTTP/1.1 403 No\r\n\r\n"), no);
    }

    #[test]
    fn a_tunnel_of_socks() {
        let (mut greeting, words) = Greeting::begin(&upstream("socks5h://m:p@a"), "b.example", 443);
        assert_eq!(words, [5, 2, 0, 2]);
        assert_eq!(greeting.hear(&[5]), Next::Wait);
        assert_eq!(greeting.hear(&[2]), Next::Say(vec![1, 1, b'm', 1, b'p']));
        let request = [&[5, 1, 0, 3, 9][..], b"b.example", &[1, 187]].concat();
        assert_eq!(greeting.hear(&[1, 0]), Next::Say(request));
        assert_eq!(greeting.hear(&[5, 0, 0, 1, 0, 0, 0, 0, 0]), Next::Wait);
        assert_eq!(greeting.hear(&[0, 9]), Next::Through(vec![9]));
    }

    #[test]
    fn why_a_proxy_does_not_let_us_through() {
        let endless = vec![b'a'; MOST_ANSWER];
        let named = "socks5h://m:p@a";
        for (proxy, answers, expected) in [
            ("http://a", &[&b"HTTP/1.1 403 No\r\n\r\n"[..]][..], "it said `HTTP/1.1 403 No`"),
            ("http://a", &[b"HTTP/1.1 200 OK\r\nA: ", &endless], "its answer does not end"),
            ("socks5h://a", &[&[5, 0xff]], "it wants to know who asks"),
            ("socks5h://a", &[&[5, 2]], "it wants to know who asks"),
            ("socks5h://a", &[b"HTTP/1.1 400 Bad Request\r\n"], "it does not speak SOCKS 5"),
            ("socks5h://a", &[&[4, 0]], "it does not speak SOCKS 5"),
            ("socks5h://a", &[&[5, 0], &[4, 0, 0]], "it does not speak SOCKS 5"),
            ("socks5h://a", &[&[5, 0], &[5, 0, 0, 2]], "it does not speak SOCKS 5"),
            (named, &[&[5, 0xff]], "it does not accept name and password"),
            (named, &[&[5, 2], &[1, 1]], "it does not accept name and password"),
            ("socks5h://a", &[&[5, 0], &[5, 1, 0]], "it said no [reply 1]"),
            ("socks5h://a", &[&[5, 0], &[5, 2, 0]], "its rules forbid that [reply 2]"),
            ("socks5h://a", &[&[5, 0], &[5, 3, 0]], "it cannot reach the network [reply 3]"),
            ("socks5h://a", &[&[5, 0], &[5, 4, 0]], "it cannot reach the host [reply 4]"),
            ("socks5h://a", &[&[5, 0], &[5, 5, 0]], "the host refused the connection [reply 5]"),
        ] {
            let (mut greeting, _) = Greeting::begin(&upstream(proxy), "b.example", 443);
            let said: Vec<Next> = answers.iter().map(|answer| greeting.hear(answer)).collect();
            assert_eq!(said.last(), Some(&Next::No(expected.into())), "{answers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(answers: Vec<Vec<u8>>, socks: bool) {
            let value = if socks { "socks5://m:p@a" } else { "http://a" };
            let (mut greeting, _) = Greeting::begin(&upstream(value), "b.example", 443);
            for answer in answers {
                greeting.hear(&answer);
            }
        }
    }
}
