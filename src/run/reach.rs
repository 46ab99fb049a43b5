//! Sockets inside for the process outside that serves them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, bind,
    listen, setsockopt, socket, sockopt,
};

use crate::forward::{Handover, OWN_V6, RESOLVER, filter_resets};
use crate::sys::{Netlink, attach_filter};

use super::message::{Call, During, Fault};

/// How many connections may wait until they are taken.
const WAITING: i32 = 1024;

/// Makes every address local and hands the sockets at `places` over.
pub fn open_network(places: &[SocketAddr], handover: Handover) -> Result<(), Fault> {
    let v6 = every_address_is_local().during(Call::Netlink)?;
    let mut sockets = Vec::with_capacity(places.len() + 1);
    for place in places.iter().filter(|place| v6 || place.is_ipv4()) {
        sockets.push(bound(*place, SockType::Stream).during(Call::Bind)?);
    }
    for socket in &sockets {
        let waiting = Backlog::new(WAITING).during(Call::Bind)?;
        listen(socket, waiting).during(Call::Bind)?;
    }
    let names = SocketAddr::new(RESOLVER.into(), 53);
    sockets.push(bound(names, SockType::Datagram).during(Call::Bind)?);
    sockets.push(resets(AddressFamily::Inet).during(Call::Bind)?);
    if v6 {
        sockets.push(resets(AddressFamily::Inet6).during(Call::Bind)?);
    }
    handover.hand_over(&sockets).during(Call::HandOver)
}

/// Returns whether there is IPv6; a host can be without it.
fn every_address_is_local() -> Result<bool, Errno> {
    let netlink = Netlink::open()?;
    // With no address but that of the loopback interface the C library would look up no
    // addresses at all for who asks for those that can be used (getaddrinfo(3), AI_ADDRCONFIG).
    netlink.add_loopback_address(RESOLVER.into())?;
    netlink.make_every_address_local(Ipv4Addr::UNSPECIFIED.into())?;
    match netlink.add_loopback_address(OWN_V6.into()) {
        Ok(()) => {}
        // Not built in, or switched off (net.ipv6.conf.all.disable_ipv6).
        Err(Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP | Errno::EACCES | Errno::EPERM) => {
            return Ok(false);
        }
        Err(errno) => return Err(errno),
    }
    netlink.make_every_address_local(Ipv6Addr::UNSPECIFIED.into())?;
    Ok(true)
}

/// Hears of each connection that the kernel refuses, because nobody listens.
fn resets(family: AddressFamily) -> Result<OwnedFd, Errno> {
    // What comes before the filter is there is of nobody: the command has not begun.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Raw, flags, Some(SockProtocol::Tcp))?;
    attach_filter(socket.as_fd(), &mut filter_resets(family == AddressFamily::Inet))?;
    Ok(socket)
}

fn bound(place: SocketAddr, kind: SockType) -> Result<OwnedFd, Errno> {
    let family = match place.ip() {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    // For IPv6 the kernel asks whether an interface has the address, which none has.
    setsockopt(&socket, sockopt::IpFreebind, &true)?;
    match place {
        SocketAddr::V4(place) => bind(socket.as_raw_fd(), &SockaddrIn::from(place))?,
        SocketAddr::V6(place) => {
            setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
            bind(socket.as_raw_fd(), &SockaddrIn6::from(place))?;
        }
    }
    Ok(socket)
}
