//! The network of mode `nat`: pasta(1), which connects our network namespace with the host's without
//! privilege.
//!
//! The supervisor forks the [`guard`], the guard starts pasta, and pasta enters the namespaces of init,
//! which waits meanwhile. What is heard of pasta comes back over a socket as [`answer`]s; the end of
//! that socket tells each of the two that the other is gone.

mod answer;
mod guard;
mod words;

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;

use crate::diagnostic::Diagnostic;
use crate::run::beside::{has_answer, wait_for_answer};
use crate::script;
use crate::sys::{Clone, fork, wait_for_end};

use answer::Answer;
use guard::Program;

/// How long pasta may take; it needs a few milliseconds.
const LIMIT: Duration = Duration::from_secs(30);

/// A running pasta with its guard. Both end when this goes out of scope.
pub struct Nat {
    guard: Pid,
    /// `None` from when the guard is to end.
    socket: Option<OwnedFd>,
}

impl Nat {
    /// Connects the network namespace of `init`, a child that has not been waited for and has its ids,
    /// and returns when its interface is up.
    ///
    /// This process must be single-threaded.
    pub fn connect(nat: &script::Nat, init: Pid) -> Result<Self, Diagnostic> {
        Self::connect_within(LIMIT, nat, init)
    }

    fn connect_within(limit: Duration, nat: &script::Nat, init: Pid) -> Result<Self, Diagnostic> {
        let failed = |call: &str, errno: Errno| words::failed(call, errno);
        let kind = SockType::SeqPacket;
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
            .map_err(|errno| failed("socketpair", errno))?;
        let program = Program { path: &nat.program, argv: arguments(nat, init) };
        let guard = match fork().map_err(|errno| failed("fork", errno))? {
            Clone::Child => guard::run(&theirs, &program),
            Clone::Parent { child } => child,
        };
        drop(theirs);
        let started = Self { guard, socket: Some(ours) };
        match started.first_answer(limit).map_err(|errno| failed("recv", errno))? {
            Some(Some(Answer::Up)) => Ok(started),
            Some(Some(Answer::Ended(said))) => Err(words::refused(&said)),
            Some(None) => Err(words::refused(b"")),
            None => Err(words::silence(limit)),
        }
    }

    /// The outer `None` is that there was none in time.
    fn first_answer(&self, limit: Duration) -> Result<Option<Option<Answer>>, Errno> {
        let Some(socket) = &self.socket else { return Ok(Some(None)) };
        match wait_for_answer(socket, limit)? {
            true => Answer::receive(socket).map(Some),
            false => Ok(None),
        }
    }

    /// Ends pasta. Says so if it had ended before.
    pub fn end(self) -> Result<(), Diagnostic> {
        let Some(socket) = &self.socket else { return Ok(()) };
        match has_answer(socket).is_ok_and(|heard| heard).then(|| Answer::receive(socket)) {
            Some(Ok(Some(Answer::Ended(said)))) => Err(words::lost(&said)),
            Some(Ok(None)) => Err(words::lost(b"")),
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Nat {
    /// By the end of the socket, so that the guard is there to see pasta die.
    fn drop(&mut self) {
        self.socket = None;
        // One that somebody has stopped would not see it.
        let _ = kill(self.guard, Signal::SIGCONT);
        while wait_for_end(self.guard) == Err(Errno::EINTR) {}
    }
}

fn arguments(nat: &script::Nat, init: Pid) -> Vec<CString> {
    let namespace = |name: &str| {
        CString::new(format!("/proc/{init}/ns/{name}")).expect("digits and letters are not NUL")
    };
    let place = [c"--userns".into(), namespace("user"), c"--netns".into(), namespace("net")];
    // By its last part it is pasta, and not passt.
    [nat.program.clone()].into_iter().chain(nat.arguments.iter().cloned()).chain(place).collect()
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpid;

    use crate::diagnostic::{Palette, render};

    use super::*;

    #[test]
    fn a_pasta_that_never_connects_is_not_waited_for() {
        let arguments = vec![c"-c".into(), c"exec sleep 300".into()];
        let nat = script::Nat { step: 0, program: c"/bin/sh".into(), arguments };
        let limit = Duration::from_secs(1);
        let silence = Nat::connect_within(limit, &nat, getpid()).map(drop).unwrap_err();
        assert_eq!(
            render(&silence, Palette::Plain),
            "jail: error: cannot connect the sandbox's network\n\
             because: pasta has not connected it within 1 s\n\
             help: see whether the machine is overloaded, and try again\n"
        );
        assert_eq!(nix::sys::wait::wait(), Err(Errno::ECHILD), "the guard is left");
    }
}
