//! Connections that the kernel refused, as nobody listens on their port.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{SockaddrStorage, recvfrom};

use crate::sys::dropped_packets;

use super::super::super::public::without_mapping;
use super::super::super::refusals::{Refused, Why};
use super::super::super::resets::{LONGEST, refused};
use super::super::super::synthetic::{OWN_V6, RESOLVER};
use super::Server;

/// How many are heard before others have their turn.
const TURNS: usize = 512;

impl Server {
    /// When the command has ended: nobody is left who could make more.
    pub(super) fn hear_last_resets(&mut self) {
        for place in 0..self.resets.len() {
            while self.hear_resets(place) {}
        }
    }

    /// Whether some were never heard: what comes when a socket is full is dropped by the kernel.
    pub(super) fn missed_resets(&self) -> bool {
        // Where that cannot be told, no number is promised either.
        self.resets.iter().any(|socket| dropped_packets(socket.as_fd()) != Ok(0))
    }

    /// Returns whether there may be more.
    pub(super) fn hear_resets(&mut self, place: usize) -> bool {
        for _ in 0..TURNS {
            let Some(socket) = self.resets.get(place) else { return false };
            let mut room = [0; LONGEST];
            // Nothing there, or something of a socket that only tells: either is the end of it.
            let heard = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut room);
            let Ok((length, from)) = heard else { return false };
            let from = from.and_then(|from| from.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())));
            let Some(whom) = refused(&room[..length], from) else { continue };
            let address = without_mapping(whom.ip());
            let own = [IpAddr::V4(RESOLVER), IpAddr::V6(OWN_V6)];
            // Between programs of the command, which is nobody's business.
            if address.is_loopback() || own.contains(&address) {
                continue;
            }
            let name = self.names.name(address).map(str::to_owned);
            let host = name.unwrap_or_else(|| address.to_string());
            let refused = Refused { whom: host, port: Some(whom.port()), why: Why::NotAllowed };
            // The program's socket has no address any more by which it could be found.
            self.refuser.refuse(refused, None.into());
        }
        true
    }
}
