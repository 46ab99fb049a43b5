//! Attempts to hear who listens somewhere: a server of the tests that names itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::answer::{Answer, Refusal, Words};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "greet-tcp" => address(words).and_then(greet_tcp),
        "greet-udp" => address(words).and_then(greet_udp),
        "converse-tcp" => address(words).and_then(converse_tcp),
        "serve-tcp" => address(words).and_then(serve_tcp),
        "serve-udp" => address(words).and_then(serve_udp),
        _ => return None,
    })
}

fn address(words: &mut Words) -> Result<SocketAddr, Refusal> {
    let text = words.text()?;
    text.parse().map_err(|_| Refusal::Usage(format!("`{text}` is no address and port")))
}

fn during(call: &'static str) -> impl Fn(std::io::Error) -> Refusal {
    move |error| {
        let errno = match error.kind() {
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => libc::ETIMEDOUT,
            _ => error.raw_os_error().unwrap_or(libc::EIO),
        };
        Refusal::Errno { call, errno }
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream, Refusal> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(during("connect"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(during("setsockopt"))?;
    Ok(stream)
}

/// The first line that the server says.
fn greet_tcp(address: SocketAddr) -> Answer {
    let mut line = String::new();
    BufReader::new(connect(address)?).read_line(&mut line).map_err(during("read"))?;
    if line.is_empty() { Err(during("read")(ended())) } else { Ok(line.trim_end().to_owned()) }
}

/// A forwarder that has nobody to connect to may accept first, and then end.
fn ended() -> std::io::Error {
    std::io::Error::from_raw_os_error(libc::ECONNRESET)
}

/// All that the server says, up to `bye`, when we have said something, and that there is no more.
fn converse_tcp(address: SocketAddr) -> Answer {
    let mut stream = connect(address)?;
    stream.write_all(b"hello ").map_err(during("write"))?;
    stream.shutdown(Shutdown::Write).map_err(during("shutdown"))?;
    let mut all = String::new();
    let mut reader = BufReader::new(stream);
    while !all.ends_with("bye\n") {
        if reader.read_line(&mut all).map_err(during("read"))? == 0 {
            return Err(during("read")(ended()));
        }
    }
    Ok(all.replace('\n', " ").trim_end().to_owned())
}

fn greet_udp(address: SocketAddr) -> Answer {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).map_err(during("bind"))?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(during("setsockopt"))?;
    socket.connect(address).map_err(during("connect"))?;
    socket.send(b"hello").map_err(during("send"))?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).map_err(during("recv"))?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

/// Greets whoever connects, and says what they say, until it is killed.
fn serve_tcp(address: SocketAddr) -> Answer {
    let listener = TcpListener::bind(address).map_err(during("bind"))?;
    println!("listening");
    for stream in listener.incoming() {
        let mut stream = stream.map_err(during("accept"))?;
        // Whoever went away needs no answer.
        let _ = stream.write_all(b"inside\n").and_then(|()| {
            let mut said = Vec::new();
            stream.read_to_end(&mut said)?;
            stream.write_all(&said)?;
            stream.write_all(b"bye\n")
        });
    }
    Ok(String::new())
}

fn serve_udp(address: SocketAddr) -> Answer {
    let socket = UdpSocket::bind(address).map_err(during("bind"))?;
    println!("listening");
    loop {
        let mut said = [0; 512];
        let (length, from) = socket.recv_from(&mut said).map_err(during("recv"))?;
        let answer = [b"inside:", &said[..length]].concat();
        socket.send_to(&answer, from).map_err(during("send"))?;
    }
}
