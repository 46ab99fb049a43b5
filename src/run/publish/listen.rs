//! Sockets on the host's network.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen as listen_at,
    setsockopt, socket, sockopt,
};

use crate::diagnostic::Diagnostic;
use crate::profile::{Publish, Transport};

use super::words;

/// A place outside, and the port inside that it leads to.
pub struct Listener {
    pub kind: Kind,
    pub inside: u16,
}

pub enum Kind {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Listener {
    pub fn socket(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Tcp(listener) => listener.as_fd(),
            Kind::Udp(socket) => socket.as_fd(),
        }
    }
}

/// Listens where `publish` says, without ever waiting there.
pub fn listen(publish: &Publish) -> Result<Listener, Diagnostic> {
    let refused = |errno| words::refused(publish, errno);
    let kind = match publish.transport {
        Transport::Tcp => {
            let listener = bound(publish.outside, SockType::Stream).map_err(refused)?;
            listen_at(&listener, Backlog::MAXCONN).map_err(refused)?;
            Kind::Tcp(listener.into())
        }
        Transport::Udp => {
            Kind::Udp(bound(publish.outside, SockType::Datagram).map_err(refused)?.into())
        }
    };
    Ok(Listener { kind, inside: publish.inside })
}

fn bound(address: SocketAddr, kind: SockType) -> Result<std::os::fd::OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = socket(family, kind, flags, None)?;
    if kind == SockType::Stream {
        // Connections of an earlier run that have ended do not hold the port.
        setsockopt(&made, sockopt::ReuseAddr, &true)?;
    }
    if address.is_ipv6() {
        // `[::]` is not `0.0.0.0` as well.
        setsockopt(&made, sockopt::Ipv6V6Only, &true)?;
    }
    bind(made.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(made)
}
