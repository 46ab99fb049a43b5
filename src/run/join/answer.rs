//! What the process in the middle says: one record.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::Pid;

/// What it was about when the kernel said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Entering the network namespace.
    Network,
    /// Entering the user namespace that it belongs to.
    Owner,
    /// Ids that cannot be mapped from there.
    Ids,
    /// Being somebody there.
    Known,
    /// Cloning init.
    Clone,
    /// Ending with the supervisor.
    Follow,
}

const STAGES: [Stage; 6] =
    [Stage::Network, Stage::Owner, Stage::Ids, Stage::Known, Stage::Clone, Stage::Follow];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Cloned(Pid),
    Failed(Stage, Errno),
}

impl Answer {
    pub fn send(self, socket: impl AsFd) -> Result<(), Errno> {
        let (kind, number) = match self {
            Self::Cloned(pid) => (STAGES.len() as u8, pid.as_raw()),
            Self::Failed(stage, errno) => (stage as u8, errno as i32),
        };
        let [a, b, c, d] = number.to_ne_bytes();
        let record = [kind, a, b, c, d];
        send(socket.as_fd().as_raw_fd(), &record, MsgFlags::MSG_NOSIGNAL).map(drop)
    }

    /// The answer; an error if the other side is gone without one.
    pub fn receive(socket: impl AsFd) -> Result<Self, Errno> {
        let mut record = [0; 5];
        let length = recv(socket.as_fd().as_raw_fd(), &mut record, MsgFlags::empty())?;
        if length != record.len() {
            return Err(Errno::EPIPE);
        }
        let [kind, number @ ..] = record;
        let number = i32::from_ne_bytes(number);
        Ok(match STAGES.get(usize::from(kind)) {
            Some(stage) => Self::Failed(*stage, Errno::from_raw(number)),
            None => Self::Cloned(Pid::from_raw(number)),
        })
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn every_answer_arrives_as_it_was_sent() {
        let kind = SockType::SeqPacket;
        let (here, there) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let failures = STAGES.map(|stage| Answer::Failed(stage, Errno::EPERM));
        for answer in failures.into_iter().chain([Answer::Cloned(Pid::from_raw(i32::MAX))]) {
            answer.send(&here).unwrap();
            assert_eq!(Answer::receive(&there), Ok(answer));
        }
        drop(here);
        assert_eq!(Answer::receive(&there), Err(Errno::EPIPE));
    }
}
