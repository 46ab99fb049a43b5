//! What the forwarder tells the supervisor at the end.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use serde::{Deserialize, Serialize};

use super::refusals::Counted;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    Counted(Counted),
    /// So many refusals there was no room for. It is the last message.
    Further(u64),
}

/// Longer ones are not made: names are short.
const LONGEST: usize = 4096;

pub fn tell(socket: &OwnedFd, told: &Told) -> Result<(), Errno> {
    let words = serde_json::to_vec(told).map_err(|_| Errno::EBADMSG)?;
    send(socket.as_raw_fd(), &words, MsgFlags::MSG_NOSIGNAL).map(drop)
}

/// The next message; `None` when the forwarder is gone.
pub fn hear(socket: &OwnedFd) -> Result<Option<Told>, Errno> {
    let mut words = [0; LONGEST];
    loop {
        match recv(socket.as_raw_fd(), &mut words, MsgFlags::empty()) {
            Ok(0) => return Ok(None),
            Ok(length) => {
                let told = serde_json::from_slice(&words[..length]);
                return told.map(Some).map_err(|_| Errno::EBADMSG);
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
