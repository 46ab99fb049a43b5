//! Which addresses are this machine's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Whether what is sent to this address stays on this machine. It has to be asked each time: addresses
/// come and go.
///
/// Nothing is sent. The kernel chooses the address that it would send from, which for one of its own is
/// that one. What cannot be asked about counts as this machine's.
pub fn is_here(address: IpAddr) -> bool {
    const DISCARD: u16 = 9;
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let Ok(socket) = UdpSocket::bind((any, 0)) else { return true };
    if socket.connect((address, DISCARD)).is_err() {
        // No way leads there, so none leads here.
        return false;
    }
    socket.local_addr().map_or(true, |own| own.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_here() {
        assert!(is_here(Ipv4Addr::LOCALHOST.into()));
    }
}
