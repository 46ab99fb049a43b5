//! What the forwarder tells the supervisor at the end.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use serde::{Deserialize, Serialize};

use super::refusals::Counted;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    Counted(Counted),
    /// It is the last message.
    End {
        /// So many refusals there was no room for.
        further: u64,
        /// There may have been more than were counted.
        uncounted: bool,
    },
}

/// Longer ones are not made: names are short.
const LONGEST: usize = 4096;

pub fn tell(socket: &OwnedFd, told: &Told) -> Result<(), Errno> {
    let words = serde_json::to_vec(told).map_err(|_| Errno::EBADMSG)?;
    send(socket.as_raw_fd(), &words, MsgFlags::MSG_NOSIGNAL).map(drop)
}

/// The next message; `None` when the forwarder is gone, or says nothing until the deadline: it
/// reads what the sandbox sends, and nobody is to wait for it for ever.
pub fn hear(socket: &OwnedFd, deadline: Instant) -> Result<Option<Told>, Errno> {
    let mut words = [0; LONGEST];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).map_err(|_| Errno::EINVAL)?;
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::super::refusals::{Refused, Why};
    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let kind = SockType::SeqPacket;
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn every_message_arrives_as_it_was_sent() {
        let (here, there) = pair();
        let whom = "a".repeat(253);
        let why = Why::MeantFor("\u{1}".repeat(253));
        let refused = Refused { whom, port: Some(443), why };
        for told in [
            Told::Counted(Counted { refused, times: u64::MAX, program: Some("\u{1}".repeat(15)) }),
            Told::End { further: 3, uncounted: true },
        ] {
            tell(&here, &told).unwrap();
            assert_eq!(hear(&there, soon()), Ok(Some(told)));
        }
    }

    #[test]
    fn one_that_is_gone_or_says_nothing_is_not_waited_for() {
        let (here, there) = pair();
        assert_eq!(hear(&there, Instant::now()), Ok(None));
        drop(here);
        assert_eq!(hear(&there, soon()), Ok(None));
    }

    #[test]
    fn nonsense_is_an_error() {
        let (here, there) = pair();
        send(here.as_raw_fd(), b"{", MsgFlags::empty()).unwrap();
        assert_eq!(hear(&there, soon()), Err(Errno::EBADMSG));
    }
}
