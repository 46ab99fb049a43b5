//! Datagrams: each sender outside has a socket inside, as long as there are not too many.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

/// Who was quiet for the longest time makes room for the next.
const MOST: usize = 128;
/// The longest datagram (RFC 768).
const LONGEST: usize = 65_535;

/// The senders, those that were heard last at the end.
#[derive(Default)]
pub struct Peers {
    peers: Vec<Peer>,
    buffer: Vec<u8>,
}

struct Peer {
    /// A copy of the socket outside that it sends to.
    outside: UdpSocket,
    /// Where that is.
    place: SocketAddr,
    sender: SocketAddr,
    port: u16,
    inside: UdpSocket,
}

impl Peers {
    /// In the order of [`answer`](Self::answer).
    pub fn sockets(&self) -> Vec<BorrowedFd<'_>> {
        self.peers.iter().map(|peer| peer.inside.as_fd()).collect()
    }

    /// Passes one datagram on that has come to `outside`. What cannot be passed on is lost, as datagrams
    /// may be.
    pub fn ask(&mut self, outside: &UdpSocket, port: u16) {
        self.buffer.resize(LONGEST, 0);
        let Ok((length, sender)) = outside.recv_from(&mut self.buffer) else { return };
        let Ok(place) = outside.local_addr() else { return };
        let is_it = |peer: &Peer| (peer.place, peer.sender, peer.port) == (place, sender, port);
        let known = self.peers.iter().position(is_it).map(|index| self.peers.remove(index));
        let peer = known.or_else(|| {
            let (outside, inside) = (outside.try_clone().ok()?, socket_inside(port).ok()?);
            Some(Peer { outside, place, sender, port, inside })
        });
        let Some(peer) = peer else { return };
        let _ = peer.inside.send(&self.buffer[..length]);
        if self.peers.len() >= MOST {
            self.peers.remove(0);
        }
        self.peers.push(peer);
    }

    /// Passes on what has come back, for each that `ready` says so of.
    pub fn answer(&mut self, ready: &[bool]) {
        self.buffer.resize(LONGEST, 0);
        for (peer, _) in self.peers.iter().zip(ready).filter(|(_, ready)| **ready) {
            // An error is that nobody listens inside, which a sender learns by silence.
            if let Ok(length) = peer.inside.recv(&mut self.buffer) {
                let _ = peer.outside.send_to(&self.buffer[..length], peer.sender);
            }
        }
    }
}

fn socket_inside(port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
