//! What the guard says to the supervisor: one record.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

/// pasta explains itself in fewer bytes.
pub const LONGEST_WORDS: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The interface inside has its addresses.
    Up,
    /// pasta has ended, or could not be started; what it said.
    Ended(Vec<u8>),
}

impl Answer {
    pub fn send(&self, socket: impl AsFd) -> Result<(), Errno> {
        let record = match self {
            Self::Up => vec![1],
            Self::Ended(words) => [&[0], &words[..words.len().min(LONGEST_WORDS)]].concat(),
        };
        loop {
            match send(socket.as_fd().as_raw_fd(), &record, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                result => return result.map(drop),
            }
        }
    }

    /// The next answer; `None` if the guard is gone.
    pub fn receive(socket: impl AsFd) -> Result<Option<Self>, Errno> {
        let mut record = [0; LONGEST_WORDS + 1];
        let length = loop {
            match recv(socket.as_fd().as_raw_fd(), &mut record, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                result => break result?,
            }
        };
        match &record[..length] {
            [] => Ok(None),
            [1] => Ok(Some(Self::Up)),
            [0, words @ ..] => Ok(Some(Self::Ended(words.to_vec()))),
            _ => Err(Errno::EBADMSG),
        }
    }
}
