//! What the keeper says to the supervisor: one record.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use serde::{Deserialize, Serialize};

/// The one thing that a keeper says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Keeper and member are in the scope. Its cgroup, relative to the root of cgroup v2.
    Made(String),
    Refused(Refusal),
}

/// Why there is no scope. Texts are those of others: systemd, the bus, the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The address leads to no unix socket, in words.
    Address(String),
    /// No socket could be connected to; the errno is that of the last one tried.
    Connect(i32),
    /// The bus does not let us in.
    Authentication(String),
    /// The bus knows the keeper by another number: numbers that we name would be those of
    /// other processes there.
    OtherNumbers,
    /// Bus or systemd answered with an error of D-Bus: its name and its words.
    Error { name: String, words: String },
    /// systemd took the job and it did not end as `done`.
    Job(String),
    /// The talk broke off.
    Broken(String),
    /// systemd says that all is done, and this process is somewhere else.
    Elsewhere { who: Who, cgroup: String },
    /// A call of our own failed: its name and errno.
    Kernel { call: String, errno: i32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    Keeper,
    Member,
}

/// More than any answer needs: a path has at most 4096 bytes, a text is cut.
const LONGEST: usize = 16 * 1024;

/// The most that is passed on of what others say, in bytes.
const LONGEST_WORDS: usize = 1000;

impl Answer {
    pub fn send(&self, socket: impl AsFd) -> Result<(), Errno> {
        let record = serde_json::to_vec(self).expect("strings and numbers are JSON");
        loop {
            match send(socket.as_fd().as_raw_fd(), &record, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                result => return result.map(drop),
            }
        }
    }

    /// The answer; `None` if the keeper ended without one.
    pub fn receive(socket: impl AsFd) -> Result<Option<Self>, Errno> {
        let mut record = vec![0; LONGEST];
        let length = loop {
            match recv(socket.as_fd().as_raw_fd(), &mut record, MsgFlags::empty()) {
                Ok(0) => return Ok(None),
                Ok(length) => break length,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        };
        serde_json::from_slice(&record[..length]).map(Some).map_err(|_| Errno::EBADMSG)
    }
}

/// A text of others, cut to a length that fits into an answer.
pub fn cut(words: impl Into<String>) -> String {
    let mut words = words.into();
    words.truncate(words.floor_char_boundary(LONGEST_WORDS));
    words
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn every_answer_arrives_as_it_was_sent() {
        let (here, there) = pair();
        let name = "org.freedesktop.systemd1.UnitExists".to_string();
        let words = cut("\u{1}\"é".repeat(LONGEST));
        for answer in [
            Answer::Made(format!("user.slice/{}", "\\x2d".repeat(1000))),
            Answer::Refused(Refusal::Address(words.clone())),
            Answer::Refused(Refusal::Connect(111)),
            Answer::Refused(Refusal::Authentication("no".into())),
            Answer::Refused(Refusal::OtherNumbers),
            Answer::Refused(Refusal::Error { name, words: words.clone() }),
            Answer::Refused(Refusal::Job("failed".into())),
            Answer::Refused(Refusal::Broken(words)),
            Answer::Refused(Refusal::Elsewhere { who: Who::Member, cgroup: "a\nb".into() }),
            Answer::Refused(Refusal::Kernel { call: "prctl".into(), errno: 1 }),
        ] {
            answer.send(&here).unwrap();
            assert_eq!(Answer::receive(&there), Ok(Some(answer)));
        }
    }

    #[test]
    fn a_keeper_that_ends_has_said_nothing() {
        let (here, there) = pair();
        drop(here);
        assert_eq!(Answer::receive(&there), Ok(None));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let (here, there) = pair();
        send(here.as_raw_fd(), b"{\"Made\":1}", MsgFlags::empty()).unwrap();
        assert_eq!(Answer::receive(&there), Err(Errno::EBADMSG));
    }

    #[test]
    fn words_are_cut_between_characters() {
        assert_eq!(cut("é".repeat(501)), "é".repeat(500));
        assert_eq!(cut(format!("a{}", "é".repeat(500))), format!("a{}", "é".repeat(499)));
        assert_eq!(cut("short"), "short");
    }

    fn pair() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
        let kind = SockType::SeqPacket;
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }
}
