//! A small HTTP server that does whatever a test wants, however wrong that is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a client has asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// How many requests for this path there have been before.
    pub before: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    pub fn range(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// Bytes to send as they are, and what to do then.
pub struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

enum Then {
    Close,
    /// Until the client has had enough.
    Wait,
    /// Sends more of the same, likewise.
    Repeat,
}

impl Reply {
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Close }
    }

    /// A whole answer; `headers` are lines with `\r\n` at their ends.
    pub fn new(status: u16, headers: &str, body: &[u8]) -> Self {
        Self::cut(status, headers, body.len(), body)
    }

    /// One that promises another length than it has.
    pub fn cut(status: u16, headers: &str, length: usize, body: &[u8]) -> Self {
        let mut bytes = format!(
            "HTTP/1.1 {status} Some Words\r\nContent-Length: {length}\r\n{headers}\
             Connection: close\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        Self::raw(bytes)
    }

    pub fn then_wait(self) -> Self {
        Self { then: Then::Wait, ..self }
    }

    pub fn then_repeat(self) -> Self {
        Self { then: Then::Repeat, ..self }
    }
}

/// It listens on loopback until the test ends.
pub struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                let stream = stream.unwrap();
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { port, seen }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As a registry is named: `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests there have been.
    pub fn count(&self) -> usize {
        self.seen().len()
    }
}

/// An error of the connection ends it: clients go away, which is what some tests are about.
fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Reply,
) -> Option<()> {
    let mut first = [0];
    // TLS begins with 22: this server does not speak it.
    if stream.peek(&mut first).ok()? == 0 || first[0] == 22 {
        return None;
    }
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let request = read(&mut reader, log)?;
    let Reply { bytes, then } = answer(&request);
    let mut writer = &stream;
    writer.write_all(&bytes).ok()?;
    if request.method == "CONNECT" {
        return serve(stream, log, answer);
    }
    match then {
        Then::Close => (),
        Then::Wait => drop(reader.read(&mut [0])),
        Then::Repeat => while writer.write_all(&bytes).is_ok() {},
    }
    Some(())
}

fn read(reader: &mut impl BufRead, log: &Mutex<Vec<Request>>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().map(|_| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: String::new(), before: 0 };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    reader.take(length.unwrap_or(0)).read_to_string(&mut request.body).ok()?;
    let mut log = log.lock().unwrap();
    request.before = log.iter().filter(|other| other.path == request.path).count();
    log.push(request.clone());
    Some(request)
}
