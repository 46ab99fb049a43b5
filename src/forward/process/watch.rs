//! What is waited for, and what an event is about (epoll(7)).

use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::pair::{End, Pair, Ticket};

/// What an event is about: a kind, and which of them.
#[derive(Clone, Copy)]
pub enum About {
    Control,
    Bell,
    Datagrams,
    Resets(u32),
    Listener(u32),
    Pair(Ticket),
    Questions(Ticket),
}

impl About {
    pub fn encode(self) -> u64 {
        let word = |kind: u64, place: u32, number: u32| {
            kind << 60 | u64::from(place & 0x0fff_ffff) << 32 | u64::from(number)
        };
        match self {
            Self::Control => word(0, 0, 0),
            Self::Bell => word(1, 0, 0),
            Self::Datagrams => word(2, 0, 0),
            Self::Resets(place) => word(6, place, 0),
            Self::Listener(place) => word(3, place, 0),
            Self::Pair(Ticket { place, number }) => word(4, place, number),
            Self::Questions(Ticket { place, number }) => word(5, place, number),
        }
    }

    pub fn decode(word: u64) -> Self {
        let place = (word >> 32) as u32 & 0x0fff_ffff;
        let ticket = Ticket { place, number: word as u32 };
        match word >> 60 {
            0 => Self::Control,
            1 => Self::Bell,
            2 => Self::Datagrams,
            3 => Self::Listener(place),
            4 => Self::Pair(ticket),
            5 => Self::Questions(ticket),
            _ => Self::Resets(place),
        }
    }
}

/// Waits for what a pair wants, and for nothing else.
pub fn watch(epoll: &Epoll, pair: &mut Pair, about: u64) -> Result<(), End> {
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
pub fn watch_one(
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
