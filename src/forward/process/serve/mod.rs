//! Serves all sockets and connections, in one thread that never waits for one of them.

mod admit;
mod names;
mod refuser;
mod resets;

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{SockType, getsockopt, sockopt};

use super::super::flow::{CHUNK, no_wait};
use super::super::refusals::{Refusals, Refused};
use super::super::rules::Rules;
use super::super::synthetic::Names;
use super::super::upstream::Upstream;
use super::super::wire::{Told, tell};
use super::asking::Asker;
use super::lookup::Lookups;
use super::pair::{End, Pair, Ticket};
use super::questions::Questions;
use super::watch::{About, watch};
use super::{Task, Tools};
use names::MOST_QUESTIONS;
use refuser::Refuser;

/// Connections at once; the next ones wait in the kernel.
pub const MOST_PAIRS: usize = 512;

/// How long what the command has sent may take to get away when the command has ended.
const LINGER: Duration = Duration::from_secs(2);

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
    /// They hear of connections that the kernel refused.
    resets: Vec<OwnedFd>,
    v6: bool,
    pairs: Vec<Option<Joined>>,
    open: usize,
    /// So many connections at once, for now, and when there is room.
    most: usize,
    room: usize,
    questions: Vec<Option<Questions>>,
    /// Of the last connection; no two have the same.
    number: u32,
    lookups: Lookups,
    names: Names,
    refuser: Refuser,
    rules: Rules,
    upstream: Option<Upstream>,
}

/// Serves until the supervisor says that the command has ended, and then tells what was refused.
/// Calls `ready` when it can begin.
pub fn serve(
    task: Task,
    tools: Tools,
    control: OwnedFd,
    asker: Asker,
    sockets: Vec<OwnedFd>,
    ready: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut server = Server::new(task, tools, asker, sockets)?;
    server.watch_own(&control)?;
    ready()?;
    let mut scratch = vec![0; CHUNK];
    let mut until = None;
    loop {
        let ended = until.is_some();
        server.take_turn(&mut scratch, &mut until)?;
        if until.is_some() && !ended {
            // It would go on telling of its end.
            server.epoll.delete(&control)?;
        }
        if until.is_some_and(|until| Instant::now() >= until || server.has_sent_all()) {
            break;
        }
    }
    for counted in server.refuser.refusals.counted() {
        tell(&control, &Told::Counted(counted.clone()))?;
    }
    let further = server.refuser.refusals.further();
    tell(&control, &Told::End { further, uncounted: server.missed_resets() })
}

impl Server {
    fn new(task: Task, tools: Tools, asker: Asker, sockets: Vec<OwnedFd>) -> Result<Self, Errno> {
        let (mut listeners, mut datagrams, mut resets) = (Vec::new(), None, Vec::new());
        for socket in sockets {
            match getsockopt(&socket, sockopt::SockType)? {
                SockType::Datagram => datagrams = Some(UdpSocket::from(socket)),
                SockType::Raw => resets.push(socket),
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
            resets,
            v6,
            pairs: Vec::new(),
            open: 0,
            most: MOST_PAIRS.min(room).max(1),
            room: MOST_PAIRS.min(room).max(1),
            questions: Vec::new(),
            number: 0,
            lookups: tools.lookups,
            names: task.rules.names(),
            refuser: Refuser {
                refusals: Refusals::default(),
                asker: Some(asker),
                speaks: task.speaks,
            },
            rules: task.rules,
            upstream: task.upstream,
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
        for (place, socket) in self.resets.iter().enumerate() {
            self.epoll.add(socket, EpollEvent::new(read, About::Resets(place as u32).encode()))?;
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
                        self.refuser.asker = None;
                        // What was begun before the end has been begun.
                        for place in 0..self.listeners.len() {
                            self.accept(place, scratch)?;
                        }
                        self.listen(false)?;
                        self.listeners.clear();
                        self.hear_last_resets();
                    }
                }
                About::Bell => self.take_found(scratch),
                About::Datagrams => self.answer_datagrams(),
                About::Resets(place) => {
                    self.hear_resets(place as usize);
                }
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
                Err(error) if is_lack_of_room(&error) => {
                    self.most = self.open.max(1);
                    return Ok(());
                }
                // It is one connection that went wrong (accept(2), "Error handling").
                Err(_) => {}
            }
        }
        Ok(())
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
        self.most = self.room;
        if let End::Broken | End::Refused(_) = end {
            joined.pair.cut_off();
        }
        if let End::Refused(why) = end {
            let refused = Refused { whom: joined.whom, port: Some(joined.port), why };
            self.refuser.refuse(refused, joined.pair.client().into());
        }
    }
}

fn is_lack_of_room(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS))
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
