//! An attempt in a process that is thrown away, and that has no more time than it needs.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, pipe2, read};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::{Clone, die_with_parent, exit_now, fork};

/// How long what the kernel does by itself may take.
pub const SHORT: Duration = Duration::from_secs(10);
/// How long it may take with the help of other programs: longer than they are waited for.
pub const LONG: Duration = Duration::from_secs(40);

/// An answer has to come from a child of ours; more than this is none.
const LONGEST_ANSWER: usize = 1 << 20;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There was no process to be had.
    NotStarted(Errno),
    /// It took too long, and was killed.
    Late(Duration),
    /// It ended without a word.
    Silent,
}

impl Lost {
    pub fn words(self) -> String {
        match self {
            Self::NotStarted(errno) => format!("no process could be started to try it [{errno:?}]"),
            Self::Late(limit) => format!("it took longer than {} seconds", limit.as_secs()),
            Self::Silent => "the process that tried it ended without an answer".to_owned(),
        }
    }
}

/// Makes the attempt in a child, for `limit` at most. This process must be single-threaded.
pub fn in_child<T: Serialize + DeserializeOwned>(
    limit: Duration,
    attempt: impl FnOnce() -> T,
) -> Result<T, Lost> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC).map_err(Lost::NotStarted)?;
    let child = match fork().map_err(Lost::NotStarted)? {
        Clone::Child => {
            drop(ours);
            // What it makes ends with it, and it with us.
            if die_with_parent().is_ok() {
                answer(theirs, &attempt());
            }
            exit_now(0)
        }
        Clone::Parent { child } => child,
    };
    drop(theirs);
    let heard = listen(&ours, limit);
    if heard.is_none() {
        // It may have ended meanwhile.
        let _ = kill(child, Signal::SIGKILL);
    }
    reap(child);
    let heard = heard.ok_or(Lost::Late(limit))?;
    serde_json::from_slice(&heard).map_err(|_| Lost::Silent)
}

fn answer(pipe: OwnedFd, answer: &impl Serialize) {
    let text = serde_json::to_vec(answer).unwrap_or_default();
    // Without a reader there is nobody to tell.
    let _ = File::from(pipe).write_all(&text);
}

/// All that is written until the other side ends; `None` if that takes too long.
fn listen(pipe: &OwnedFd, limit: Duration) -> Option<Vec<u8>> {
    let end = Instant::now() + limit;
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return None,
            Err(Errno::EINTR) => continue,
            Err(_) => return Some(heard),
            Ok(_) => {}
        }
        match read(pipe, &mut buffer) {
            Ok(0) => return Some(heard),
            Ok(length) if heard.len() + length <= LONGEST_ANSWER => {
                heard.extend_from_slice(&buffer[..length]);
            }
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return Some(heard),
        }
    }
}

/// Until it has ended. One that the kernel itself holds (uninterruptible sleep) is left to it.
fn reap(child: Pid) {
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(nix::sys::wait::WaitStatus::StillAlive) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(Errno::EINTR) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives_whole() {
        let long = "x".repeat(200_000);
        assert_eq!(in_child(SHORT, || long.clone()), Ok(long.clone()));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let begun = Instant::now();
        let limit = Duration::from_millis(50);
        let lost = in_child(limit, || -> u8 {
            loop {
                std::thread::park();
            }
        });
        assert_eq!(lost, Err(Lost::Late(limit)));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_death_is_no_answer() {
        assert_eq!(in_child(SHORT, || -> u8 { exit_now(3) }), Err(Lost::Silent));
    }

    #[test]
    fn why_there_is_no_answer_is_said() {
        for (lost, words) in [
            (Lost::NotStarted(Errno::EAGAIN), "no process could be started to try it [EAGAIN]"),
            (Lost::Late(SHORT), "it took longer than 10 seconds"),
            (Lost::Silent, "the process that tried it ended without an answer"),
        ] {
            assert_eq!(lost.words(), words);
        }
    }
}
