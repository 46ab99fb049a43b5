//! One connection of the sandbox, and the one outside that it is joined to.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, connect, setsockopt, socket,
    sockopt,
};

use super::super::first_bytes::{self, Said};
use super::super::flow::{Pipe, interest, no_wait};
use super::super::refusals::Why;
use super::super::upstream::{Greeting, Next};

/// Which connection something is about, also when another has its place by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub place: u32,
    pub number: u32,
}

/// How long one address may take to answer.
const DIAL: Duration = Duration::from_secs(15);

/// How long a name may take to be looked up, and a proxy to let us through.
pub const TALK: Duration = Duration::from_secs(30);

/// How long the first bytes may take, once the first of them has come.
const FIRST_BYTES: Duration = Duration::from_secs(10);

pub struct Pair {
    pub number: u32,
    inside: TcpStream,
    /// Whom its first bytes must be for; `None` where an address was allowed.
    name: Option<String>,
    stage: Stage,
    /// When what is waited for at this stage must have come.
    pub deadline: Option<Instant>,
    /// What is waited for on both connections, as it was told to the kernel.
    pub watched: [Option<EpollFlags>; 2],
}

enum Stage {
    LookingUp,
    Dialling {
        outside: TcpStream,
        left: VecDeque<SocketAddr>,
        greeting: Option<(Greeting, Vec<u8>)>,
    },
    Greeting {
        outside: TcpStream,
        greeting: Greeting,
        words: Vec<u8>,
    },
    Open {
        outside: TcpStream,
        there: Pipe,
        back: Pipe,
        gate: Gate,
    },
}

/// What holds back what the client says.
enum Gate {
    Open,
    /// Until it is known whom these bytes are for.
    Closed(Vec<u8>),
}

/// Why a pair ends.
pub enum End {
    Finished,
    /// Both are cut off.
    Broken,
    Refused(Why),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

impl Pair {
    pub fn new(number: u32, inside: TcpStream, name: Option<String>) -> Self {
        let deadline = Some(Instant::now() + TALK);
        Self { number, inside, name, stage: Stage::LookingUp, deadline, watched: [None; 2] }
    }

    /// The connections, and what is to be waited for on each.
    pub fn wants(&self) -> [Option<(&TcpStream, EpollFlags)>; 2] {
        let nothing = EpollFlags::empty();
        let [inside, outside] = match &self.stage {
            Stage::LookingUp => [nothing, nothing],
            Stage::Dialling { .. } => [nothing, EpollFlags::EPOLLOUT],
            Stage::Greeting { words, .. } => {
                [nothing, interest(words.is_empty(), !words.is_empty())]
            }
            Stage::Open { there, back, gate, .. } => {
                let listens = matches!(gate, Gate::Closed(_)) || there.wants_bytes();
                [
                    interest(listens, back.wants_room()),
                    interest(back.wants_bytes(), there.wants_room()),
                ]
            }
        };
        let wanted = |flags: EpollFlags| Some(flags).filter(|flags| !flags.is_empty());
        [wanted(inside).map(|flags| (&self.inside, flags)), self.outside().zip(wanted(outside))]
    }

    /// Where the program inside has its end.
    pub fn client(&self) -> Option<SocketAddr> {
        self.inside.peer_addr().ok()
    }

    pub fn streams(&self) -> [Option<&TcpStream>; 2] {
        [Some(&self.inside), self.outside()]
    }

    fn outside(&self) -> Option<&TcpStream> {
        match &self.stage {
            Stage::LookingUp => None,
            Stage::Dialling { outside, .. }
            | Stage::Greeting { outside, .. }
            | Stage::Open { outside, .. } => Some(outside),
        }
    }

    /// Begins to connect to the first of these that takes a connection.
    pub fn dial(
        &mut self,
        mut left: VecDeque<SocketAddr>,
        greeting: Option<(Greeting, Vec<u8>)>,
        mut last: Errno,
    ) -> Result<(), End> {
        while let Some(next) = left.pop_front() {
            match begin_to_connect(next) {
                Ok(outside) => {
                    self.deadline = Some(Instant::now() + DIAL);
                    // The kernel forgets what it was to wait for on the one before.
                    self.watched[1] = None;
                    self.stage = Stage::Dialling { outside, left, greeting };
                    return Ok(());
                }
                Err(errno) => last = errno,
            }
        }
        let words = last.desc().to_lowercase();
        Err(match greeting {
            Some(_) => no_proxy(&words),
            None => End::Refused(Why::Unreachable(words)),
        })
    }

    /// What was waited for did not come in time.
    pub fn overdue(&mut self) -> Result<(), End> {
        match std::mem::replace(&mut self.stage, Stage::LookingUp) {
            Stage::Dialling { left, greeting, .. } => self.dial(left, greeting, Errno::ETIMEDOUT),
            Stage::LookingUp => {
                let words = "looking up a name took too long";
                Err(End::Refused(Why::Unreachable(words.into())))
            }
            Stage::Greeting { .. } => Err(no_proxy("it took too long")),
            Stage::Open { .. } => Err(End::Refused(Why::Limit("its first bytes broke off".into()))),
        }
    }

    /// Does all that can be done without waiting.
    pub fn go_on(&mut self, scratch: &mut [u8]) -> Result<(), End> {
        if let Stage::Dialling { .. } = self.stage {
            self.see_whether_connected()?;
        }
        if let Stage::Greeting { .. } = self.stage {
            self.greet(scratch)?;
        }
        let Stage::Open { outside, there, back, gate } = &mut self.stage else { return Ok(()) };
        // What a server says is passed on at once: some speak first.
        back.pump(outside, &self.inside, scratch)?;
        if let Gate::Closed(bytes) = gate {
            let name = self.name.as_deref().unwrap_or_default();
            if listen(&self.inside, bytes, name, scratch)? {
                there.put(bytes);
                *gate = Gate::Open;
                self.deadline = None;
            } else if !bytes.is_empty() && self.deadline.is_none() {
                self.deadline = Some(Instant::now() + FIRST_BYTES);
            }
        }
        if let Gate::Open = gate {
            there.pump(&self.inside, outside, scratch)?;
        }
        if there.is_done() && back.is_done() { Err(End::Finished) } else { Ok(()) }
    }

    fn see_whether_connected(&mut self) -> Result<(), End> {
        let Stage::Dialling { outside, .. } = &self.stage else { return Ok(()) };
        let error = outside.take_error()?.and_then(|error| error.raw_os_error());
        let connected = error.is_none() && outside.peer_addr().is_ok();
        if error.is_none() && !connected {
            return Ok(());
        }
        let Stage::Dialling { outside, left, greeting } =
            std::mem::replace(&mut self.stage, Stage::LookingUp)
        else {
            return Ok(());
        };
        match (error, greeting) {
            (Some(errno), greeting) => self.dial(left, greeting, Errno::from_raw(errno)),
            (None, Some((greeting, words))) => {
                self.deadline = Some(Instant::now() + TALK);
                self.stage = Stage::Greeting { outside, greeting, words };
                Ok(())
            }
            (None, None) => {
                self.open(outside, &[]);
                Ok(())
            }
        }
    }

    fn open(&mut self, outside: TcpStream, first: &[u8]) {
        let mut back = Pipe::default();
        back.put(first);
        let gate = if self.name.is_some() { Gate::Closed(Vec::new()) } else { Gate::Open };
        self.deadline = None;
        self.stage = Stage::Open { outside, there: Pipe::default(), back, gate };
    }

    fn greet(&mut self, scratch: &mut [u8]) -> Result<(), End> {
        loop {
            let Stage::Greeting { outside, greeting, words } = &mut self.stage else {
                return Ok(());
            };
            while !words.is_empty() {
                match no_wait(|| (&mut &*outside).write(words))? {
                    Some(count) => drop(words.drain(..count)),
                    None => return Ok(()),
                }
            }
            let heard = match no_wait(|| (&mut &*outside).read(scratch)) {
                Ok(Some(0)) => return Err(no_proxy("it closed the connection")),
                Ok(Some(count)) => &scratch[..count],
                Ok(None) => return Ok(()),
                Err(error) => return Err(no_proxy(&error.to_string())),
            };
            match greeting.hear(heard) {
                Next::Wait => {}
                Next::Say(more) => *words = more,
                Next::No(said) => return Err(no_proxy(&said)),
                Next::Through(first) => {
                    let stage = std::mem::replace(&mut self.stage, Stage::LookingUp);
                    if let Stage::Greeting { outside, .. } = stage {
                        self.open(outside, &first);
                    }
                }
            }
        }
    }

    /// Whether nothing is on its way from inside to outside any more. The command has ended: what it
    /// has not sent by now it never will.
    pub fn has_said_all(&self) -> bool {
        match &self.stage {
            Stage::Open { there, .. } => there.is_done(),
            Stage::LookingUp | Stage::Dialling { .. } | Stage::Greeting { .. } => {
                matches!(no_wait(|| self.inside.peek(&mut [0])), Ok(Some(0)) | Err(_))
            }
        }
    }

    /// Closes both so that both sides see that something went wrong.
    pub fn cut_off(&self) {
        for stream in self.streams().into_iter().flatten() {
            let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
            // Without it the end is an orderly one, which is all that is lost.
            let _ = setsockopt(stream, sockopt::Linger, &at_once);
        }
    }
}

/// It is not the server that is to blame.
pub fn no_proxy(words: &str) -> End {
    End::Refused(Why::Unreachable(format!("proxy: {words}")))
}

/// Reads the first bytes; true when they may pass.
fn listen(
    inside: &TcpStream,
    bytes: &mut Vec<u8>,
    name: &str,
    scratch: &mut [u8],
) -> Result<bool, End> {
    // Bytes come with each turn, and longer beginnings are refused.
    loop {
        let room = scratch.len().min(first_bytes::MOST);
        let said = match no_wait(|| (&mut &*inside).read(&mut scratch[..room]))? {
            None => return Ok(false),
            Some(0) => first_bytes::read_all(bytes),
            Some(count) => {
                bytes.extend_from_slice(&scratch[..count]);
                first_bytes::read(bytes)
            }
        };
        if may_pass(said, name, inside.local_addr()?.port())? {
            return Ok(true);
        }
    }
}

/// Whether what was said is for this name at this port; false while that is not known.
fn may_pass(said: Said, name: &str, port: u16) -> Result<bool, End> {
    let written = match said {
        Said::Unfinished => return Ok(false),
        Said::Nobody => return Ok(true),
        Said::Nonsense(words) => return Err(End::Refused(Why::Nonsense(words.into()))),
        Said::Name(written) | Said::Place(written, _) if !first_bytes::means(&written, name) => {
            written
        }
        Said::Place(written, other) if other != port => format!("{written}:{other}"),
        Said::Name(_) | Said::Place(..) => return Ok(true),
    };
    Err(End::Refused(Why::MeantFor(written.chars().take(253).collect())))
}

fn begin_to_connect(to: SocketAddr) -> Result<TcpStream, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = |family| socket(family, SockType::Stream, flags, None);
    let (outside, begun) = match to {
        SocketAddr::V4(to) => {
            let outside = made(AddressFamily::Inet)?;
            let begun = connect(outside.as_raw_fd(), &SockaddrIn::from(to));
            (outside, begun)
        }
        SocketAddr::V6(to) => {
            let outside = made(AddressFamily::Inet6)?;
            let begun = connect(outside.as_raw_fd(), &SockaddrIn6::from(to));
            (outside, begun)
        }
    };
    match begun {
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => {}
        Err(errno) => return Err(errno),
    }
    let outside = TcpStream::from(outside);
    // Small messages are not held back a second time.
    let _ = outside.set_nodelay(true);
    Ok(outside)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::super::super::refusals::{Counted, Refused};
    use super::super::super::upstream::Variables;
    use super::*;

    /// A client, and its connection as it arrives.
    fn client() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let inside = listener.accept().unwrap().0;
        inside.set_nonblocking(true).unwrap();
        (client, inside)
    }

    /// Goes on until the pair has come so far.
    fn until(pair: &mut Pair, reached: impl Fn(&Pair) -> bool) -> Option<End> {
        let begun = Instant::now();
        while !reached(pair) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not come so far");
            if let Err(end) = pair.go_on(&mut [0; 4096]) {
                return Some(end);
            }
            std::thread::yield_now();
        }
        None
    }

    fn line(end: Option<End>) -> String {
        let Some(End::Refused(why)) = end else { panic!("it was not refused") };
        Counted {
            refused: Refused { whom: "a.example".into(), port: Some(80), why },
            times: 1,
            program: None,
        }
        .first_line()
    }

    #[test]
    fn a_name_that_is_looked_up_for_too_long() {
        let (_client, inside) = client();
        let mut pair = Pair::new(1, inside, Some("a.example".into()));
        assert!(pair.deadline.is_some());
        let said = line(pair.overdue().err());
        assert_eq!(said, "could not reach a.example:80: looking up a name took too long");
    }

    #[test]
    fn first_bytes_that_do_not_go_on() {
        let (mut client, inside) = client();
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut pair = Pair::new(1, inside, Some("a.example".into()));
        assert!(pair.dial([server.local_addr().unwrap()].into(), None, Errno::ENOENT).is_ok());
        let is_open = |pair: &Pair| matches!(pair.stage, Stage::Open { .. });
        assert!(until(&mut pair, is_open).is_none());
        // It may be silent for as long as it likes, but not in the middle.
        assert_eq!(pair.deadline, None);
        client.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
        assert!(until(&mut pair, |pair| pair.deadline.is_some()).is_none());
        let said = line(pair.overdue().err());
        assert_eq!(said, "refused a.example:80: its first bytes broke off");
    }

    #[test]
    fn a_proxy_that_is_silent() {
        let (_client, inside) = client();
        let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let variables =
            Variables::new(|name| (name == "ALL_PROXY").then(|| "socks5h://a".to_owned()));
        let upstream = variables.upstream().unwrap().unwrap();
        let greeting = Greeting::begin(&upstream, "a.example", 80);
        let mut pair = Pair::new(1, inside, Some("a.example".into()));
        let place = proxy.local_addr().unwrap();
        assert!(pair.dial([place].into(), Some(greeting), Errno::ENOENT).is_ok());
        let is_greeting = |pair: &Pair| matches!(pair.stage, Stage::Greeting { .. });
        assert!(until(&mut pair, is_greeting).is_none());
        let said = line(pair.overdue().err());
        assert_eq!(said, "could not reach a.example:80: proxy: it took too long");
    }
}
