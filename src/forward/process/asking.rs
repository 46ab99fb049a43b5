//! Which program it was that was refused: the forwarder asks, the supervisor looks.
//!
//! Only the supervisor sees the processes of the sandbox. It is asked once for each refusal that is new, and
//! for no more of them than are remembered, over a socket of its own; nothing else can be asked there.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use serde::{Deserialize, Serialize};

use super::super::refusals::MOST;

/// How long an answer may take; it needs less than a millisecond. Everybody else waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(300);
/// So often nobody answers in time, and then nobody is asked any more.
const MOST_MISSES: u32 = 3;
/// No message is longer.
const LONGEST: usize = 256;

/// By what it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    Tcp,
    Udp,
}

/// Who has the socket inside that is bound there?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    number: u32,
    pub transport: Transport,
    pub from: SocketAddr,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    number: u32,
    program: Option<String>,
}

/// The forwarder's end.
#[derive(Debug)]
pub struct Asker {
    socket: OwnedFd,
    number: u32,
    misses: u32,
}

impl Asker {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, number: 0, misses: 0 }
    }

    /// What the program calls itself, if it can be found out.
    pub fn program(&mut self, transport: Transport, from: Option<SocketAddr>) -> Option<String> {
        if self.misses >= MOST_MISSES {
            return None;
        }
        self.number = self.number.wrapping_add(1);
        let question = Question { number: self.number, transport, from: from? };
        let answered = say(&self.socket, &question).and_then(|()| self.wait());
        match answered {
            Ok(Some(answer)) => answer.program,
            Ok(None) | Err(_) => {
                self.misses += 1;
                None
            }
        }
    }

    /// The answer to the last question; others have come too late.
    fn wait(&self) -> Result<Option<Answer>, Errno> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).map_err(|_| Errno::EINVAL)?;
            match poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            }
            let answer: Answer = heard(&self.socket)?;
            if answer.number == self.number {
                return Ok(Some(answer));
            }
        }
    }
}

/// The supervisor's end.
#[derive(Debug)]
pub struct Asked {
    socket: OwnedFd,
    /// So many questions are answered yet.
    left: usize,
}

impl Asked {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, left: MOST }
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Answers the question that is there. False when there is to be no other: the forwarder has ended, or
    /// does what no forwarder of ours would do.
    pub fn answer(&mut self, find: impl FnOnce(Question) -> Option<String>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let question: Question = match heard(&self.socket) {
            Ok(question) => question,
            Err(_) => return false,
        };
        let answer = Answer { number: question.number, program: find(question) };
        say(&self.socket, &answer).is_ok()
    }
}

fn say(socket: &OwnedFd, message: &impl Serialize) -> Result<(), Errno> {
    let words = serde_json::to_vec(message).map_err(|_| Errno::EBADMSG)?;
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    send(socket.as_raw_fd(), &words, flags).map(drop)
}

/// A message that is there.
fn heard<M: for<'a> Deserialize<'a>>(socket: &OwnedFd) -> Result<M, Errno> {
    let mut words = [0; LONGEST];
    let length = recv(socket.as_raw_fd(), &mut words, MsgFlags::MSG_DONTWAIT)?;
    serde_json::from_slice(&words[..length]).map_err(|_| Errno::EBADMSG)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    fn pair() -> (Asker, Asked) {
        let kind = SockType::SeqPacket;
        let (one, other) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
        (Asker::new(one), Asked::new(other))
    }

    fn from() -> Option<SocketAddr> {
        Some("[2001:db8::1]:65535".parse().unwrap())
    }

    /// When a question has come.
    fn wait_for_question(asked: &Asked) {
        poll(&mut [PollFd::new(asked.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    }

    #[test]
    fn the_program_is_what_the_supervisor_says() {
        let (mut asker, mut asked) = pair();
        thread::scope(|scope| {
            scope.spawn(|| {
                for program in [Some("npm"), None] {
                    wait_for_question(&asked);
                    assert!(asked.answer(|question| {
                        assert_eq!(Some(question.from), from());
                        assert_eq!(question.transport, Transport::Udp);
                        program.map(str::to_owned)
                    }));
                }
            });
            assert_eq!(asker.program(Transport::Udp, from()).as_deref(), Some("npm"));
            assert_eq!(asker.program(Transport::Udp, from()), None);
        });
        assert_eq!(asker.misses, 0);
    }

    /// A supervisor that is stopped must not hold the network up for long, nor its late answers be taken for
    /// others.
    #[test]
    fn who_does_not_answer_is_not_asked_for_ever() {
        let (mut asker, mut asked) = pair();
        assert_eq!(asker.program(Transport::Tcp, from()), None);
        assert!(asked.answer(|_| Some("late".into())));
        assert_eq!(asker.program(Transport::Tcp, from()), None);
        assert_eq!(asker.program(Transport::Tcp, from()), None);
        let start = Instant::now();
        assert_eq!(asker.program(Transport::Tcp, from()), None);
        assert!(start.elapsed() < PATIENCE, "it waits still");
    }

    #[test]
    fn not_more_is_answered_than_can_be_remembered() {
        let (mut asker, mut asked) = pair();
        asked.left = 1;
        let question = Question { number: 1, transport: Transport::Tcp, from: from().unwrap() };
        say(&asker.socket, &question).unwrap();
        assert!(asked.answer(|_| None));
        say(&asker.socket, &question).unwrap();
        assert!(!asked.answer(|_| panic!("it is answered")));
        drop(asked);
        assert_eq!(asker.program(Transport::Tcp, from()), None);
    }

    #[test]
    fn nonsense_ends_it() {
        let (asker, mut asked) = pair();
        send(asker.socket.as_raw_fd(), b"{", MsgFlags::empty()).unwrap();
        assert!(!asked.answer(|_| panic!("it is answered")));
        let (asker, mut asked) = pair();
        drop(asker);
        assert!(!asked.answer(|_| panic!("it is answered")));
    }
}
