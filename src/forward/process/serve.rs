//! Serves all sockets and connections, in one thread that never waits for one of them.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{SockType, getsockopt, sockopt};

use crate::diagnostic::Diagnostic;

use super::super::dns;
use super::super::flow::{CHUNK, no_wait};
use super::super::public::without_mapping;
use super::super::refusals::{Refusals, Refused, Why};
use super::super::rules::{DOMAIN, Rules};
use super::super::synthetic::{Names, RESOLVER, is_synthetic};
use super::super::upstream::{Greeting, Upstream};
use super::super::wire::{Told, tell};
use super::lookup::{Found, Lookups};
use super::pair::{End, Pair, Ticket};
use super::questions::Questions;
use super::{Task, Tools};

/// Connections at once; the next ones wait in the kernel.
pub const MOST_PAIRS: usize = 512;

/// Connections to the name server at once; the next ones are closed.
const MOST_QUESTIONS: usize = 32;

/// How long what the command has sent may take to get away when the command has ended.
const LINGER: Duration = Duration::from_secs(2);

/// What an event is about: a kind, and which of them.
#[derive(Clone, Copy)]
enum About {
    Control,
    Bell,
    Datagrams,
    Listener(u32),
    Pair(Ticket),
    Questions(Ticket),
}

impl About {
    fn encode(self) -> u64 {
        let word = |kind: u64, place: u32, number: u32| {
            kind << 60 | u64::from(place & 0x0fff_ffff) << 32 | u64::from(number)
        };
        match self {
            Self::Control => word(0, 0, 0),
            Self::Bell => word(1, 0, 0),
            Self::Datagrams => word(2, 0, 0),
            Self::Listener(place) => word(3, place, 0),
            Self::Pair(Ticket { place, number }) => word(4, place, number),
            Self::Questions(Ticket { place, number }) => word(5, place, number),
        }
    }

    fn decode(word: u64) -> Self {
        let place = (word >> 32) as u32 & 0x0fff_ffff;
        let ticket = Ticket { place, number: word as u32 };
        match word >> 60 {
            0 => Self::Control,
            1 => Self::Bell,
            2 => Self::Datagrams,
            3 => Self::Listener(place),
            4 => Self::Pair(ticket),
            _ => Self::Questions(ticket),
        }
    }
}

/// One connection that is waited for, and whom it was for.
struct Joined {
    pair: Pair,
    whom: String,
    port: u16,
}

struct Server {
    epoll: Epoll,
    listeners: Vec<TcpListener>,
    listening: bool,
    datagrams: Option<UdpSocket>,
    v6: bool,
    pairs: Vec<Option<Joined>>,
    open: usize,
    most: usize,
    questions: Vec<Option<Questions>>,
    /// Of the last connection; no two have the same.
    number: u32,
    lookups: Lookups,
    names: Names,
    refusals: Refusals,
    rules: Rules,
    upstream: Option<Upstream>,
    speaks: bool,
}

/// Serves until the supervisor says that the command has ended, and then tells what was refused.
/// Calls `ready` when it can begin.
pub fn serve(
    task: Task,
    tools: Tools,
    control: OwnedFd,
    sockets: Vec<OwnedFd>,
    ready: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut server = Server::new(task, tools, sockets)?;
    server.watch_own(&control)?;
    ready()?;
    let mut scratch = vec![0; CHUNK];
    let mut until = None;
    loop {
        server.take_turn(&mut scratch, &mut until)?;
        if until.is_some_and(|until| Instant::now() >= until || server.has_sent_all()) {
            break;
        }
    }
    for counted in server.refusals.counted() {
        tell(&control, &Told::Counted(counted.clone()))?;
    }
    tell(&control, &Told::Further(server.refusals.further()))
}

impl Server {
    fn new(task: Task, tools: Tools, sockets: Vec<OwnedFd>) -> Result<Self, Errno> {
        let (mut listeners, mut datagrams) = (Vec::new(), None);
        for socket in sockets {
            match getsockopt(&socket, sockopt::SockType)? {
                SockType::Datagram => datagrams = Some(UdpSocket::from(socket)),
                _ => listeners.push(TcpListener::from(socket)),
            }
        }
        let is_v6 = |listener: &TcpListener| listener.local_addr().is_ok_and(|it| it.is_ipv6());
        let v6 = listeners.iter().any(is_v6);
        let taken = listeners.len() + MOST_QUESTIONS + 64;
        let room =
            usize::try_from(tools.descriptors).unwrap_or(usize::MAX).saturating_sub(taken) / 2;
        Ok(Self {
            epoll: tools.epoll,
            listeners,
            listening: false,
            datagrams,
            v6,
            pairs: Vec::new(),
            open: 0,
            most: MOST_PAIRS.min(room).max(1),
            questions: Vec::new(),
            number: 0,
            lookups: tools.lookups,
            names: task.rules.names(),
            refusals: Refusals::default(),
            rules: task.rules,
            upstream: task.upstream,
            speaks: task.speaks,
        })
    }

    fn watch_own(&mut self, control: &OwnedFd) -> Result<(), Errno> {
        let read = EpollFlags::EPOLLIN;
        self.epoll.add(control, EpollEvent::new(read, About::Control.encode()))?;
        let bell = self.lookups.bell.as_fd();
        self.epoll.add(bell, EpollEvent::new(read, About::Bell.encode()))?;
        if let Some(datagrams) = &self.datagrams {
            datagrams.set_nonblocking(true).map_err(errno)?;
            self.epoll.add(datagrams, EpollEvent::new(read, About::Datagrams.encode()))?;
        }
        for listener in &self.listeners {
            listener.set_nonblocking(true).map_err(errno)?;
        }
        self.listen(true)
    }

    /// Takes new connections, or leaves them to wait.
    fn listen(&mut self, listening: bool) -> Result<(), Errno> {
        if self.listening == listening {
            return Ok(());
        }
        for (place, listener) in self.listeners.iter().enumerate() {
            let about = About::Listener(place as u32).encode();
            match listening {
                true => self.epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, about))?,
                false => self.epoll.delete(listener)?,
            }
        }
        self.listening = listening;
        Ok(())
    }

    /// Waits for events and does what they ask for.
    fn take_turn(&mut self, scratch: &mut [u8], until: &mut Option<Instant>) -> Result<(), Errno> {
        let mut events = [EpollEvent::empty(); 64];
        let timed = until.is_some()
            || self.pairs.iter().flatten().any(|it| it.pair.deadline.is_some())
            || self.questions.iter().any(Option::is_some);
        let timeout = if timed { EpollTimeout::from(250_u8) } else { EpollTimeout::NONE };
        let count = match self.epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            result => result?,
        };
        for event in &events[..count] {
            match About::decode(event.data()) {
                About::Control => {
                    // Its end; nothing else ever comes from there.
                    if until.is_none() {
                        *until = Some(Instant::now() + LINGER);
                        self.listen(false)?;
                        self.listeners.clear();
                    }
                }
                About::Bell => self.take_found(scratch),
                About::Datagrams => self.answer_datagrams(),
                About::Listener(place) => self.accept(place as usize, scratch)?,
                About::Pair(ticket) => self.go_on(ticket, scratch),
                About::Questions(ticket) => self.answer_questions(ticket),
            }
        }
        if timed {
            self.look_at_the_clock(scratch);
        }
        if until.is_none() {
            self.listen(self.open < self.most)?;
        }
        Ok(())
    }

    fn has_sent_all(&self) -> bool {
        self.pairs.iter().flatten().all(|joined| joined.pair.has_said_all())
    }

    fn look_at_the_clock(&mut self, scratch: &mut [u8]) {
        let now = Instant::now();
        for place in 0..self.pairs.len() {
            let Some(joined) = &mut self.pairs[place] else { continue };
            if joined.pair.deadline.is_some_and(|deadline| deadline <= now) {
                let result = joined.pair.overdue();
                self.settle(place, result, scratch);
            }
        }
        for place in &mut self.questions {
            if place.as_ref().is_some_and(|questions| questions.deadline <= now) {
                *place = None;
            }
        }
    }

    fn accept(&mut self, place: usize, scratch: &mut [u8]) -> Result<(), Errno> {
        for _ in 0..64 {
            if self.open >= self.most {
                return Ok(());
            }
            let Some(listener) = self.listeners.get(place) else { return Ok(()) };
            match no_wait(|| listener.accept()) {
                Ok(Some((stream, _))) => self.admit(stream, scratch),
                Ok(None) => return Ok(()),
                // It has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                // There is room again when one ends.
                Err(_) => {
                    self.most = self.open.max(1);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A new connection: whom it is for says the address that it went to.
    fn admit(&mut self, stream: TcpStream, scratch: &mut [u8]) {
        let (Ok(()), Ok(to)) = (stream.set_nonblocking(true), stream.local_addr()) else { return };
        let _ = stream.set_nodelay(true);
        let address = without_mapping(to.ip());
        self.number = self.number.wrapping_add(1);
        if address == IpAddr::V4(RESOLVER) && to.port() == DOMAIN {
            return self.admit_questions(stream);
        }
        let name = self.names.name(address).map(str::to_owned);
        let whom = name.clone().unwrap_or_else(|| address.to_string());
        let allowed = match &name {
            Some(name) => self.rules.allow_name(name, to.port()),
            None => !is_synthetic(address) && self.rules.allow_address(address, to.port()),
        };
        let pair = Pair::new(self.number, stream, name.clone());
        if !allowed {
            pair.cut_off();
            // The command's own loopback: nobody serves this port there, and that is all.
            if !address.is_loopback() {
                self.refuse(Refused { whom, port: Some(to.port()), why: Why::NotAllowed });
            }
            return;
        }
        let place = self.pairs.iter().position(Option::is_none).unwrap_or(self.pairs.len());
        let ticket = Ticket { place: place as u32, number: self.number };
        let mut joined = Joined { pair, whom, port: to.port() };
        let result = match &name {
            Some(name) => self.find(ticket, name, to.port(), &mut joined.pair),
            None => {
                joined.pair.dial([SocketAddr::new(address, to.port())].into(), None, Errno::ENOENT)
            }
        };
        if place == self.pairs.len() {
            self.pairs.push(None);
        }
        self.pairs[place] = Some(joined);
        self.open += 1;
        self.settle(place, result, scratch);
    }

    /// Begins to find out where a name leads, or where the proxy is that knows.
    fn find(&self, ticket: Ticket, name: &str, port: u16, pair: &mut Pair) -> Result<(), End> {
        let name = match self.upstream_for(name, port) {
            Some(upstream) => match upstream.address() {
                Some(address) => {
                    let place = SocketAddr::new(address, upstream.port);
                    let greeting = Greeting::begin(upstream, name, port);
                    return pair.dial([place].into(), Some(greeting), Errno::ENOENT);
                }
                None => &upstream.host,
            },
            None => name,
        };
        if self.lookups.ask(ticket, name) {
            Ok(())
        } else {
            Err(End::Refused(Why::Limit("too many names are looked up at once".into())))
        }
    }

    fn upstream_for(&self, name: &str, port: u16) -> Option<&Upstream> {
        self.upstream.as_ref().filter(|upstream| !upstream.exempts(name, port))
    }

    fn take_found(&mut self, scratch: &mut [u8]) {
        for (ticket, found) in self.lookups.found() {
            let place = ticket.place as usize;
            let Some(Some(joined)) = self.pairs.get(place) else { continue };
            if joined.pair.number != ticket.number {
                continue;
            }
            let (name, port) = (joined.whom.clone(), joined.port);
            let wanted = match self.upstream_for(&name, port) {
                Some(upstream) => {
                    let greeting = Greeting::begin(upstream, &name, port);
                    let places = |found: Vec<IpAddr>| {
                        found.into_iter().map(|it| SocketAddr::new(it, upstream.port)).collect()
                    };
                    let unreachable =
                        |words| End::Refused(Why::Unreachable(format!("proxy: {words}")));
                    found.map(places).map(|places| (places, Some(greeting))).map_err(unreachable)
                }
                None => self.allowed_of(found, port).map(|places| (places, None)),
            };
            let Some(Some(joined)) = self.pairs.get_mut(place) else { continue };
            let result = wanted.and_then(|(places, greeting)| {
                joined.pair.dial(places, greeting, Errno::EADDRNOTAVAIL)
            });
            self.settle(place, result, scratch);
        }
    }

    /// Of the addresses that a name leads to, those that it may lead to.
    fn allowed_of(&self, found: Found, port: u16) -> Result<VecDeque<SocketAddr>, End> {
        let found = found.map_err(|words| End::Refused(Why::Unreachable(words)))?;
        let allowed: VecDeque<SocketAddr> = found
            .iter()
            .map(|address| without_mapping(*address))
            .filter(|address| self.rules.allow_lookup(*address, port))
            .map(|address| SocketAddr::new(address, port))
            .collect();
        match found.first() {
            Some(first) if allowed.is_empty() => Err(End::Refused(Why::LeadsTo(*first))),
            _ => Ok(allowed),
        }
    }

    fn go_on(&mut self, ticket: Ticket, scratch: &mut [u8]) {
        let place = ticket.place as usize;
        let Some(Some(joined)) = self.pairs.get(place) else { return };
        if joined.pair.number == ticket.number {
            self.settle(place, Ok(()), scratch);
        }
    }

    /// Lets a pair do what it can, and tells the kernel what it waits for next.
    fn settle(&mut self, place: usize, before: Result<(), End>, scratch: &mut [u8]) {
        let Some(Some(joined)) = self.pairs.get_mut(place) else { return };
        let result = before.and_then(|()| joined.pair.go_on(scratch));
        let ticket = Ticket { place: place as u32, number: joined.pair.number };
        let about = About::Pair(ticket).encode();
        let watched = result.and_then(|()| watch(&self.epoll, &mut joined.pair, about));
        let Err(end) = watched else { return };
        let Some(joined) = self.pairs[place].take() else { return };
        self.open -= 1;
        if let End::Broken | End::Refused(_) = end {
            joined.pair.cut_off();
        }
        if let End::Refused(why) = end {
            self.refuse(Refused { whom: joined.whom, port: Some(joined.port), why });
        }
    }

    fn refuse(&mut self, refused: Refused) {
        let first = self.refusals.count(refused).cloned();
        self.speak(first);
    }

    fn refuse_name(&mut self, refused: Refused, is_second: bool) {
        let first = match is_second {
            true => self.refusals.remember(refused),
            false => self.refusals.count(refused),
        };
        let first = first.cloned();
        self.speak(first);
    }

    fn speak(&self, first: Option<Refused>) {
        if let Some(refused) = first.filter(|_| self.speaks) {
            super::complain(Diagnostic::note(refused.line(None)));
        }
    }

    fn answer_datagrams(&mut self) {
        let mut room = [0; 4096];
        for _ in 0..64 {
            let Some(socket) = &self.datagrams else { return };
            let Ok(Some((length, from))) = no_wait(|| socket.recv_from(&mut room)) else { return };
            let answer = dns::answer(&room[..length], &self.rules, &mut self.names, self.v6);
            let Some(answer) = answer else { continue };
            // Who asks and does not listen asks again.
            let _ = socket.send_to(&answer.bytes, from);
            if let Some(refused) = answer.refused {
                self.refuse_name(refused, answer.is_second);
            }
        }
    }

    fn admit_questions(&mut self, stream: TcpStream) {
        let free = self.questions.iter().position(Option::is_none);
        let place = free.unwrap_or(self.questions.len());
        if place >= MOST_QUESTIONS {
            return;
        }
        if place == self.questions.len() {
            self.questions.push(None);
        }
        self.questions[place] = Some(Questions::new(self.number, stream));
        self.answer_questions(Ticket { place: place as u32, number: self.number });
    }

    fn answer_questions(&mut self, ticket: Ticket) {
        let place = ticket.place as usize;
        let Some(slot) = self.questions.get_mut(place) else { return };
        let Some(mut questions) = slot.take_if(|it| it.number == ticket.number) else { return };
        let mut refused = Vec::new();
        let (rules, names, v6) = (&self.rules, &mut self.names, self.v6);
        let open = questions.go_on(|message| {
            let answer = dns::answer(message, rules, names, v6)?;
            refused.extend(answer.refused.map(|refused| (refused, answer.is_second)));
            Some(answer.bytes)
        });
        refused.into_iter().for_each(|(refused, second)| self.refuse_name(refused, second));
        let wants = questions.wants();
        let about = About::Questions(ticket).encode();
        let mut known = questions.watched[0];
        let watched = watch_one(&self.epoll, questions.stream(), wants, &mut known, about);
        questions.watched[0] = known;
        if open && watched.is_ok() {
            self.questions[place] = Some(questions);
        }
    }
}

fn watch(epoll: &Epoll, pair: &mut Pair, about: u64) -> Result<(), End> {
    let mut watched = pair.watched;
    let wants = pair.wants().map(|side| side.map(|(_, flags)| flags));
    for (side, stream) in pair.streams().into_iter().enumerate() {
        let Some(stream) = stream else { continue };
        let wanted = wants[side].unwrap_or(EpollFlags::empty());
        watch_one(epoll, stream, wanted, &mut watched[side], about).map_err(|_| End::Broken)?;
    }
    pair.watched = watched;
    Ok(())
}

/// Nothing wanted is nothing watched: otherwise the kernel would tell again and again that the
/// other side is gone, before there is room to pass that on.
fn watch_one(
    epoll: &Epoll,
    stream: &TcpStream,
    wanted: EpollFlags,
    known: &mut Option<EpollFlags>,
    about: u64,
) -> Result<(), Errno> {
    let fd: BorrowedFd = stream.as_fd();
    let mut event = EpollEvent::new(wanted, about);
    match (*known, wanted.is_empty()) {
        (None, true) => {}
        (None, false) => epoll.add(fd, event)?,
        (Some(_), true) => epoll.delete(fd)?,
        (Some(old), false) if old == wanted => {}
        (Some(_), false) => epoll.modify(fd, &mut event)?,
    }
    *known = Some(wanted).filter(|flags| !flags.is_empty());
    Ok(())
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
