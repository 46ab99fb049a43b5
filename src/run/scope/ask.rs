//! The supervisor's side: starts the keeper, and waits for its answer, but not for ever.

use std::mem;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;

use crate::diagnostic::Diagnostic;
use crate::run::beside::wait_for_answer;
use crate::sys::{Change, Clone, fork, wait_for_end};

use super::answer::Answer;
use super::{keeper, words};

/// How long the whole talk may take; as long as D-Bus clients wait for one reply.
const LIMIT: Duration = Duration::from_secs(25);

/// A scope of the user's systemd, with the keeper and one more process in it. systemd removes
/// it when nobody is in it any more.
#[derive(Debug)]
pub struct Scope {
    /// The cgroup, relative to the root of cgroup v2; its files belong to this user.
    pub path: PathBuf,
    keeper: Keeper,
    /// Its end would end the keeper.
    _socket: OwnedFd,
}

impl Scope {
    /// Asks the systemd at the D-Bus address `bus` for the scope `jail-ID.scope` with `member`
    /// in it, and returns when it is there. `id` is made of what the name of a unit may have
    /// (systemd.unit(5)); `member` is a child that has not been waited for.
    ///
    /// This process must be single-threaded. Signals that end or stop a program do that while
    /// this waits, though they are blocked otherwise. Fails after 25 s at the latest, and then
    /// there is no scope, or one that ends with `member`.
    pub fn ask(bus: &str, id: &str, member: Pid) -> Result<Self, Diagnostic> {
        Self::ask_within(LIMIT, bus, id, member)
    }

    /// The process that keeps the cgroup from being removed; a child of this one.
    pub fn keeper(&self) -> Pid {
        self.keeper.0
    }

    /// Ends the keeper; when the other processes have ended too, systemd removes the cgroup.
    pub fn end(self) {
        drop(self);
    }

    fn ask_within(limit: Duration, bus: &str, id: &str, member: Pid) -> Result<Self, Diagnostic> {
        let (keeper, socket) = start_keeper(bus, id, member)?;
        let heard = wait_for_answer(&socket, limit)
            .and_then(|heard| if heard { Answer::receive(&socket).map(Some) } else { Ok(None) })
            .map_err(|errno| words::no_keeper("receive", errno))?;
        match heard {
            Some(Some(Answer::Made(path))) => {
                Ok(Self { path: path.into(), keeper, _socket: socket })
            }
            Some(Some(Answer::Refused(refusal))) => Err(words::refused(bus, id, &refusal)),
            Some(None) => Err(words::keeper_died(keeper.how_it_died())),
            None => Err(words::silence(bus, limit)),
        }
    }
}

/// Ends its process when it goes out of scope, on whatever way.
#[derive(Debug)]
struct Keeper(Pid);

impl Keeper {
    /// Waits for one that is ending by itself.
    fn how_it_died(self) -> Option<Change> {
        let change = wait(self.0);
        mem::forget(self);
        change
    }
}

impl Drop for Keeper {
    /// Not by the end of the socket alone: a keeper that somebody has stopped would not see it.
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = kill(self.0, Signal::SIGKILL);
        wait(self.0);
    }
}

fn wait(keeper: Pid) -> Option<Change> {
    loop {
        match wait_for_end(keeper) {
            Err(Errno::EINTR) => {}
            result => return result.ok().map(|(change, _)| change),
        }
    }
}

/// Forks the keeper; in it this does not return.
fn start_keeper(bus: &str, id: &str, member: Pid) -> Result<(Keeper, OwnedFd), Diagnostic> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|errno| words::no_keeper("socketpair", errno))?;
    match fork().map_err(|errno| words::no_keeper("fork", errno))? {
        Clone::Child => keeper::run(theirs, bus, id, member),
        Clone::Parent { child } => Ok((Keeper(child), ours)),
    }
}

#[cfg(test)]
mod tests;
