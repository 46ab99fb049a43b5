//! The forwarder: a process outside that serves the sockets made inside.
//!
//! It is a child of the supervisor and ends with it. Before it takes the sockets it gives up what
//! it does not need ([`confine`]): whatever the sandbox sends to it, it can then do no more
//! than connect to the ports that the rules name. One thread serves all connections
//! ([`serve`]); others only look names up ([`lookup`]).
//!
//! Bounds: [`serve::MOST_PAIRS`] connections at once, further ones wait in the kernel until one ends;
//! 256 KiB wait in each direction, and 64 KiB of first bytes.

mod asking;
mod confine;
mod here;
mod lookup;
mod pair;
mod questions;
mod serve;
mod watch;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::unistd::Pid;

use crate::diagnostic::{Diagnostic, Palette, errno_cause, render};
use crate::sys::{
    Change, Clone, exit_now, fork, receive_descriptors, send_descriptors, wait_for_end,
};

use super::refusals::Counted;
use super::rules::Rules;
use super::upstream::Upstream;
use super::wire::{Told, hear};

pub use asking::{Asked, Question, Transport};

use asking::Asker;

/// What the forwarder does.
#[derive(Clone, Debug)]
pub struct Task {
    pub rules: Rules,
    pub upstream: Option<Upstream>,
    /// Tell each refusal on standard error when it happens first.
    pub speaks: bool,
}

/// A running forwarder. It ends when this is dropped.
#[derive(Debug)]
pub struct Forwarder {
    process: Option<Pid>,
    control: OwnedFd,
    /// On which it asks which program it was.
    pub asked: Option<Asked>,
}

/// The end of a socket on which sockets are handed over, inside.
#[derive(Debug)]
pub struct Handover(OwnedFd);

/// What it has to say at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub refused: Vec<Counted>,
    pub further: u64,
    /// They came faster than they are counted: there may have been more.
    pub uncounted: bool,
    /// It had ended before: from then on there was no network.
    pub died: bool,
}

/// How long it may take to end: as long as what was sent may be on its way, and a little more.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last of the messages with sockets.
const LAST: u8 = 1;
const MORE: u8 = 0;

impl Forwarder {
    /// Forks it. This process must be single-threaded; the other end of the handover is for
    /// whoever makes the sockets.
    pub fn start(task: Task) -> Result<(Self, Handover), Errno> {
        let pair = || {
            let kind = SockType::SeqPacket;
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        };
        let ((control, its_control), (inside, outside)) = (pair()?, pair()?);
        let (asked, asker) = pair()?;
        match fork()? {
            Clone::Child => run(task, its_control, outside, asker),
            Clone::Parent { child } => {
                let asked = Some(Asked::new(asked));
                Ok((Self { process: Some(child), control, asked }, Handover(inside)))
            }
        }
    }

    /// Lets it pass on what the command has sent, and hears what it has to tell.
    pub fn finish(mut self) -> Account {
        let mut account = Account { died: true, ..Account::default() };
        // If it is gone, hearing from it says so.
        let _ = shutdown(self.control.as_raw_fd(), Shutdown::Write);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(Some(told)) = hear(&self.control, deadline) {
            match told {
                // It reads what the sandbox sends: it is not trusted to keep its own bounds.
                Told::Counted(_) if account.refused.len() >= super::refusals::MOST => break,
                Told::Counted(counted) => account.refused.push(counted),
                Told::End { further, uncounted } => {
                    account = Account { further, uncounted, died: false, ..account };
                    break;
                }
            }
        }
        self.end();
        account
    }

    fn end(&mut self) -> Option<Change> {
        let process = self.process.take()?;
        // It may have ended by itself, which is as good.
        let _ = kill(process, Signal::SIGKILL);
        loop {
            match wait_for_end(process) {
                Err(Errno::EINTR) => {}
                result => return result.ok().map(|(change, _)| change),
            }
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.end();
    }
}

impl Handover {
    /// Hands the sockets over, and waits until the forwarder is ready to serve them.
    pub fn hand_over(self, sockets: &[OwnedFd]) -> Result<(), Errno> {
        let numbers: Vec<_> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
        for part in numbers.chunks(crate::sys::MOST_AT_ONCE) {
            send_descriptors(self.0.as_fd(), MORE, part)?;
        }
        send_descriptors(self.0.as_fd(), LAST, &[])?;
        match receive_descriptors(self.0.as_fd())? {
            Some(_) => Ok(()),
            // It could not be confined, or has died.
            None => Err(Errno::EPIPE),
        }
    }
}

/// All that a forwarder ever does.
fn run(task: Task, control: OwnedFd, handover: OwnedFd, asker: OwnedFd) -> ! {
    let kept = [control.as_raw_fd(), handover.as_raw_fd(), asker.as_raw_fd()];
    match confine::let_go(&kept).and_then(|()| prepare(&task)) {
        Ok(tools) => {
            let served = take_over(&handover).and_then(|sockets| {
                // Whoever made the sockets may go on.
                let ready = || send_descriptors(handover.as_fd(), LAST, &[]);
                serve::serve(task, tools, control, Asker::new(asker), sockets, ready)
            });
            match served {
                // Where nobody is at the other end any more, there is nobody to tell either.
                Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => {}
                Err(errno) => complain(
                    Diagnostic::error("the process that serves the network failed")
                        .because(errno_cause(errno)),
                ),
            }
        }
        Err(unconfined) => complain(not_confined(unconfined)),
    }
    exit_now(0)
}

fn not_confined((call, errno): confine::Unconfined) -> Diagnostic {
    let error = Diagnostic::error("cannot confine the process that serves the network")
        .because(format!("{call}: {}", errno_cause(errno)));
    match (call, errno) {
        ("landlock", Errno::E2BIG) => {
            error.help("the kernel nests 16 Landlock rulesets at most: start jail further outside")
        }
        _ => error,
    }
}

/// What it has when it has given up the rest.
struct Tools {
    lookups: lookup::Lookups,
    epoll: Epoll,
    /// How many descriptors it may have.
    descriptors: u64,
}

fn prepare(task: &Task) -> Result<Tools, confine::Unconfined> {
    let descriptors = confine::raise_limits()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC);
    let epoll = epoll.map_err(|errno| ("epoll_create1", errno))?;
    let proxy = task.upstream.iter().map(|upstream| upstream.port);
    confine::landlock(task.rules.ports().into_iter().chain(proxy))?;
    let lookups = lookup::Lookups::start().map_err(|errno| ("clone", errno))?;
    confine::filter()?;
    Ok(Tools { lookups, epoll, descriptors })
}

/// All sockets of the sandbox.
fn take_over(handover: &OwnedFd) -> Result<Vec<OwnedFd>, Errno> {
    let mut sockets = Vec::new();
    loop {
        let Some((byte, more)) = receive_descriptors(handover.as_fd())? else {
            return Err(Errno::EPIPE);
        };
        sockets.extend(more);
        if byte == LAST {
            return Ok(sockets);
        }
    }
}

/// On standard error, which is the caller's.
fn complain(diagnostic: Diagnostic) {
    use std::io::Write;
    let words = render(&diagnostic, Palette::for_stderr());
    // There is nobody else to tell.
    let _ = std::io::stderr().write_all(words.as_bytes());
}
