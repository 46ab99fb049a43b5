//! Addresses and routes of this network namespace (rtnetlink(7)).

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// A conversation with the kernel about the network namespace in which it is begun.
pub struct Netlink(OwnedFd);

/// The interface `lo` is the first of every network namespace.
const LOOPBACK: u32 = 1;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const REQUEST_AND_ACKNOWLEDGE: u16 = 0x1 | 0x4;
const CREATE_NEW: u16 = 0x400 | 0x200;
const ERROR: u16 = 2;
const LOCAL_TABLE: u8 = 255;
/// By an administrator, for good.
const BOOT_PROTOCOL: u8 = 3;
const LOCAL_TYPE: u8 = 2;
const HOST_SCOPE: u8 = 254;
/// No search for others who have the address.
const NO_DETECTION: u8 = 0x02;

impl Netlink {
    pub fn open() -> Result<Self, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let route = SockProtocol::NetlinkRoute;
        socket(AddressFamily::Netlink, SockType::Raw, flags, route).map(Self)
    }

    /// Gives the loopback interface one more address.
    pub fn add_loopback_address(&self, address: IpAddr) -> Result<(), Errno> {
        let (family, bytes) = family(address);
        // struct ifaddrmsg: family, length of the prefix, flags, scope, interface.
        let mut body = vec![family, width(address), NO_DETECTION, 0];
        body.extend(LOOPBACK.to_ne_bytes());
        attribute(&mut body, 2, &bytes);
        attribute(&mut body, 1, &bytes);
        self.change(NEW_ADDRESS, &body)
    }

    /// Every address of the family of `any` becomes one of this namespace, unless a narrower
    /// route leads elsewhere: `ip route add local default dev lo table local`.
    pub fn make_every_address_local(&self, any: IpAddr) -> Result<(), Errno> {
        let (family, _) = family(any);
        // struct rtmsg: family, lengths of both prefixes, tos, table, protocol, scope, type, flags.
        let mut body = vec![family, 0, 0, 0, LOCAL_TABLE, BOOT_PROTOCOL, HOST_SCOPE, LOCAL_TYPE];
        body.extend(0_u32.to_ne_bytes());
        attribute(&mut body, 4, &LOOPBACK.to_ne_bytes());
        self.change(NEW_ROUTE, &body)
    }

    /// Sends one message and waits for the kernel's word.
    fn change(&self, kind: u16, body: &[u8]) -> Result<(), Errno> {
        let flags = REQUEST_AND_ACKNOWLEDGE | CREATE_NEW;
        let length = u32::try_from(16 + body.len()).map_err(|_| Errno::EMSGSIZE)?;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend_from_slice(body);
        send(self.0.as_raw_fd(), &message, MsgFlags::empty())?;
        let mut answer = [0; 512];
        let length = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        // struct nlmsghdr, and struct nlmsgerr behind it, which begins with the errno.
        let [_, _, _, _, kind @ ..] = &answer[..length] else { return Err(Errno::EBADMSG) };
        let (Some(kind), Some(error)) = (kind.first_chunk(), answer[..length].get(16..20)) else {
            return Err(Errno::EBADMSG);
        };
        if u16::from_ne_bytes(*kind) != ERROR {
            return Err(Errno::EBADMSG);
        }
        match error.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes)) {
            0 => Ok(()),
            error => Err(Errno::from_raw(-error)),
        }
    }
}

fn attribute(message: &mut Vec<u8>, kind: u16, content: &[u8]) {
    // The kernel wants each at a multiple of four; all of ours are as long as that.
    let length = u16::try_from(4 + content.len()).unwrap_or(u16::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend_from_slice(content);
}

fn family(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(v4) => (libc::AF_INET as u8, v4.octets().to_vec()),
        IpAddr::V6(v6) => (libc::AF_INET6 as u8, v6.octets().to_vec()),
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
