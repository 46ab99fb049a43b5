//! The loop that everything arrives at.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::datagrams::Peers;
use super::listen::{Kind, Listener};
use super::stream::Streams;

/// How long a connection waits outside when there are too many, or no descriptors are left, until it is
/// looked at again: the end of another is not announced.
const RECESS: u16 = 50;

/// Until the supervisor ends.
pub fn serve(supervisor: &OwnedFd, listeners: &[Listener]) {
    let mut streams = Streams::default();
    let mut peers = Peers::default();
    loop {
        let accepts = streams.have_room();
        let listening = |listener: &&Listener| accepts || matches!(listener.kind, Kind::Udp(_));
        let heard: Vec<&Listener> = listeners.iter().filter(listening).collect();
        let timeout = if accepts { PollTimeout::NONE } else { RECESS.into() };
        let inside = peers.sockets();
        let sockets = [supervisor.as_fd()].into_iter();
        let sockets = sockets.chain(heard.iter().map(|listener| listener.socket())).chain(inside);
        let Ok(ready) = wait(sockets.collect(), timeout) else { return };
        let (outside, inside) = ready[1..].split_at(heard.len());
        if ready[0] {
            return;
        }
        peers.answer(inside);
        for (listener, _) in heard.iter().zip(outside).filter(|(_, ready)| **ready) {
            match &listener.kind {
                Kind::Tcp(tcp) => streams.accept(tcp, listener.inside),
                Kind::Udp(udp) => peers.ask(udp, listener.inside),
            }
        }
    }
}

/// Which of the sockets have something, be it their end.
fn wait(sockets: Vec<BorrowedFd>, timeout: PollTimeout) -> Result<Vec<bool>, Errno> {
    let mut fds: Vec<_> =
        sockets.into_iter().map(|socket| PollFd::new(socket, PollFlags::POLLIN)).collect();
    match poll(&mut fds, timeout) {
        Ok(_) => {
            let happened = |fd: &PollFd| fd.revents().is_some_and(|events| !events.is_empty());
            Ok(fds.iter().map(happened).collect())
        }
        Err(Errno::EINTR) => Ok(vec![false; fds.len()]),
        Err(errno) => Err(errno),
    }
}
