//! A process beside the supervisor, such as one that keeps a scope or a network going: how it begins,
//! how it ends with the supervisor, and how the supervisor waits for its answer.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;

use crate::sys::{close_all_but, continue_with_parents_death, die_with_parent, exit_now};

/// A call that failed, by its name.
pub type Failed = (&'static str, Errno);

/// What the death of the supervisor does to a process beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtItsDeath {
    /// It dies.
    Die,
    /// It sees the end of its socket, and has something to do before it dies. Should it be stopped, it
    /// goes on.
    GoOn,
}

/// Lets go of the caller's descriptors, all but `socket` and `kept`, and of the supervisor when that dies, which
/// may have happened before the kernel was told: then the other end of `socket` is closed.
///
/// Nothing that owns another descriptor may be used, or dropped, later.
pub fn follow_the_supervisor(
    socket: &OwnedFd,
    kept: &[RawFd],
    death: AtItsDeath,
) -> Result<(), Failed> {
    let asked = match death {
        AtItsDeath::Die => die_with_parent(),
        AtItsDeath::GoOn => continue_with_parents_death(),
    };
    asked.map_err(during("prctl"))?;
    let kept = kept.iter().copied().chain([socket.as_raw_fd()]).collect();
    close_all_but(kept).map_err(during("close_range"))?;
    occupy_standard_streams().map_err(during("open /dev/null"))?;
    if has_ended(socket).map_err(during("poll"))? {
        exit_now(0);
    }
    Ok(())
}

/// Whether there is an answer, or the end of the other side, by now.
pub fn has_answer(socket: &OwnedFd) -> Result<bool, Errno> {
    let mut other = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut other, PollTimeout::ZERO).map(|ready| ready > 0)
}

/// Whether nobody holds the other end of the socket any more.
pub fn has_ended(socket: &OwnedFd) -> Result<bool, Errno> {
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut peer, PollTimeout::ZERO)?;
    Ok(peer[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)))
}

/// So that nothing written to a standard stream lands in a socket.
fn occupy_standard_streams() -> Result<(), Errno> {
    loop {
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        // It is to stay open.
        let _ = null.into_raw_fd();
    }
}

fn during(call: &'static str) -> impl Fn(Errno) -> Failed {
    move |errno| (call, errno)
}

/// The supervisor says nothing more; the end of its socket is what is waited for.
pub fn wait_for_the_supervisor(socket: &OwnedFd) {
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    while poll(&mut peer, PollTimeout::NONE) == Err(Errno::EINTR) {}
}

/// Waits until there is an answer, or the end of the other side; false if there is neither in time.
/// Signals that end or stop a program do that while this waits, though they are blocked otherwise.
pub fn wait_for_answer(socket: &OwnedFd, limit: Duration) -> Result<bool, Errno> {
    let mask = without_signals_that_end_us()?;
    let start = Instant::now();
    loop {
        let left = TimeSpec::from_duration(limit.saturating_sub(start.elapsed()));
        let mut other = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut other, Some(left), Some(mask)) {
            Err(Errno::EINTR) => {}
            result => return result.map(|ready| ready > 0),
        }
    }
}

/// Nobody reads those signals from a descriptor yet, and the command has not begun: let them
/// do to us what they do to any program, instead of waiting with us.
fn without_signals_that_end_us() -> Result<SigSet, Errno> {
    let mut mask = SigSet::thread_get_mask()?;
    for signal in
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP]
    {
        mask.remove(signal);
    }
    Ok(mask)
}
