//! Descriptors that go from one process to another (unix(7), `SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// How many one message may carry; the kernel takes 253.
pub const MOST_AT_ONCE: usize = 128;

/// Sends one byte, and with it the descriptors.
pub fn send_descriptors(socket: BorrowedFd, byte: u8, fds: &[RawFd]) -> Result<(), Errno> {
    let content = [byte];
    let rights = [ControlMessage::ScmRights(fds)];
    let rights = if fds.is_empty() { &rights[..0] } else { &rights[..] };
    let content = [IoSlice::new(&content)];
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &content, rights, MsgFlags::MSG_NOSIGNAL, None) {
            Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}

/// One byte and the descriptors that came with it; `None` when the other side is gone.
pub fn receive_descriptors(socket: BorrowedFd) -> Result<Option<(u8, Vec<OwnedFd>)>, Errno> {
    let mut byte = [0];
    let mut space = cmsg_space!([RawFd; MOST_AT_ONCE]);
    let mut content = [IoSliceMut::new(&mut byte)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut content, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            result => break result?,
        }
    };
    let mut fds = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = part {
            // SAFETY: the kernel has just made these descriptors for us; nobody else knows them.
            fds.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let (length, flags) = (message.bytes, message.flags);
    if flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMFILE);
    }
    Ok((length > 0).then_some((byte[0], fds)))
}
