//! Attempts to reach somebody by a socket.

use crate::answer::{Answer, Refusal, Words, kernel, one_line, pointer, pointer_mut, signed};
use crate::setup::pause;

/// How long an answer may take, in milliseconds.
const PATIENCE: usize = 5000;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "socket" => socket_by_numbers(words),
        "connect-tcp" => connect_tcp(words),
        "echo-udp" => echo_udp(words),
        "connect-abstract" => connect_unix(words, Place::Abstract),
        "listen-abstract" => listen_abstract(words),
        "connect-unix" => connect_unix(words, Place::Path),
        "own-loopback" => own_loopback(),
        _ => return None,
    })
}

/// Where the name of a unix socket is.
enum Place {
    Abstract,
    Path,
}

fn socket(family: i32, kind: i32, protocol: i32) -> Result<i64, Refusal> {
    let kind = kind | libc::SOCK_CLOEXEC;
    let arguments = [signed(family.into()), signed(kind.into()), signed(protocol.into())];
    kernel("socket", libc::SYS_socket, &arguments)
}

/// Family, type and protocol as they are: a filter must not read more bits of them than the
/// kernel does, so a number beyond 32 bits is possible here.
fn socket_by_numbers(words: &mut Words) -> Answer {
    let arguments = [signed(words.number()?), signed(words.number()?), signed(words.number()?)];
    kernel("socket", libc::SYS_socket, &arguments).map(|_| String::new())
}

/// struct sockaddr_in for a port of 127.0.0.1.
fn loopback_address(port: u16) -> [u8; 16] {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    address[2..4].copy_from_slice(&port.to_be_bytes());
    address[4..8].copy_from_slice(&[127, 0, 0, 1]);
    address
}

fn port(words: &mut Words) -> Result<u16, Refusal> {
    let number = words.number()?;
    u16::try_from(number).map_err(|_| Refusal::Usage(format!("{number} is not a port")))
}

fn connect(socket: i64, address: &[u8]) -> Answer {
    let arguments = [signed(socket), pointer(address), address.len()];
    kernel("connect", libc::SYS_connect, &arguments).map(|_| String::new())
}

fn connect_tcp(words: &mut Words) -> Answer {
    let address = loopback_address(port(words)?);
    connect(socket(libc::AF_INET, libc::SOCK_STREAM, 0)?, &address)
}

/// Sends a datagram and reads the answer.
fn echo_udp(words: &mut Words) -> Answer {
    let address = loopback_address(port(words)?);
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    connect(socket, &address)?;
    let text = b"probe";
    kernel("write", libc::SYS_write, &[signed(socket), pointer(text), text.len()])?;
    // struct pollfd: fd, events, revents.
    let mut poll = [i32::try_from(socket).expect("a descriptor is an int"), libc::POLLIN.into()];
    if kernel("poll", libc::SYS_poll, &[pointer_mut(&mut poll), 1, PATIENCE])? == 0 {
        return Err(Refusal::Errno { call: "poll", errno: libc::ETIMEDOUT });
    }
    let mut answer = [0_u8; 64];
    let arguments = [signed(socket), pointer_mut(&mut answer), answer.len()];
    let length = kernel("read", libc::SYS_read, &arguments)?;
    Ok(one_line(&answer[..usize::try_from(length).expect("a length is not negative")]))
}

fn connect_unix(words: &mut Words, place: Place) -> Answer {
    let address = unix_address(words, place)?;
    connect(socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?, &address)
}

/// Says that it listens, and does until it is killed.
fn listen_abstract(words: &mut Words) -> Answer {
    let address = unix_address(words, Place::Abstract)?;
    let listener = signed(socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?);
    kernel("bind", libc::SYS_bind, &[listener, pointer(&address[..]), address.len()])?;
    kernel("listen", libc::SYS_listen, &[listener, 8])?;
    pause("listening")
}

/// struct sockaddr_un, as long as its name.
fn unix_address(words: &mut Words, place: Place) -> Result<Vec<u8>, Refusal> {
    let name = words.path()?;
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    match place {
        Place::Abstract => {
            address.push(0);
            address.extend(name.as_bytes());
        }
        Place::Path => address.extend(name.as_bytes_with_nul()),
    }
    Ok(address)
}

/// Listens on 127.0.0.1 and connects to itself.
fn own_loopback() -> Answer {
    let listener = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let mut address = loopback_address(0);
    let mut length = 16_u32;
    kernel("bind", libc::SYS_bind, &[signed(listener), pointer(&address), 16])?;
    kernel("listen", libc::SYS_listen, &[signed(listener), 1])?;
    let arguments = [signed(listener), pointer_mut(&mut address), pointer_mut(&mut length)];
    kernel("getsockname", libc::SYS_getsockname, &arguments)?;
    connect(socket(libc::AF_INET, libc::SOCK_STREAM, 0)?, &address)
}
