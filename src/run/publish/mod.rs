//! Published ports: a process beside the supervisor listens outside, and connects inside.
//!
//! Its sockets to listen on are made in the host's network before it enters the namespaces of init,
//! which waits meanwhile. There it makes sockets to connect with, and has no right to anything else:
//! [`confine`]. [`serve`] passes on what comes, [`stream`] over TCP and [`datagrams`] over UDP.

mod confine;
mod datagrams;
mod listen;
mod serve;
mod stream;
mod words;

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::Pid;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::profile::Publish;
use crate::run::beside::{AtItsDeath, Failed, follow_the_supervisor, has_ended, wait_for_answer};
use crate::sys::{Clone, exit_now, fork, wait_for_end};

use listen::Listener;

/// How long it may take to be ready; it needs less than a millisecond.
const LIMIT: Duration = Duration::from_secs(30);

/// The running process. It ends when this goes out of scope.
pub struct Publisher {
    process: Pid,
    /// Its end would end the process.
    socket: OwnedFd,
}

impl Publisher {
    /// Listens in all places, and returns when what comes there can be passed on. `init` is a child
    /// that has not been waited for and has its ids.
    ///
    /// This process must be single-threaded.
    pub fn start(publish: &[Publish], init: Pid) -> Result<Self, Diagnostic> {
        let listeners: Vec<Listener> =
            publish.iter().map(listen::listen).collect::<Result<_, _>>()?;
        let failed = |call: &str, errno: Errno| words::failed(call, errno);
        let kind = SockType::SeqPacket;
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
            .map_err(|errno| failed("socketpair", errno))?;
        let process = match fork().map_err(|errno| failed("fork", errno))? {
            Clone::Child => run(&theirs, &listeners, init),
            Clone::Parent { child } => child,
        };
        drop(theirs);
        let started = Self { process, socket: ours };
        started.wait_until_ready(LIMIT)?;
        Ok(started)
    }

    /// Ends it. Says so if it had ended before.
    pub fn end(self) -> Result<(), Diagnostic> {
        match has_ended(&self.socket) {
            Ok(true) => Err(words::lost()),
            Ok(false) => Ok(()),
            Err(errno) => Err(words::lost().because(errno_cause(errno))),
        }
    }

    /// It says an errno, 0 if there is none, and the call that it came from.
    fn wait_until_ready(&self, limit: Duration) -> Result<(), Diagnostic> {
        match wait_for_answer(&self.socket, limit) {
            Ok(true) => {}
            Ok(false) => return Err(words::silence(limit)),
            Err(errno) => return Err(words::failed("ppoll", errno)),
        }
        let mut answer = [0; 64];
        let socket = self.socket.as_raw_fd();
        let length = loop {
            match recv(socket, &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                result => break result.map_err(|errno| words::failed("recv", errno))?,
            }
        };
        match answer[..length].split_first_chunk::<4>() {
            Some((errno, call)) => match i32::from_ne_bytes(*errno) {
                0 => Ok(()),
                errno => Err(words::failed(&String::from_utf8_lossy(call), Errno::from_raw(errno))),
            },
            None => Err(words::gone()),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = kill(self.process, Signal::SIGKILL);
        while wait_for_end(self.process) == Err(Errno::EINTR) {}
    }
}

/// All that the process ever does.
fn run(socket: &OwnedFd, listeners: &[Listener], init: Pid) -> ! {
    let ready = prepare(socket, listeners, init);
    let (call, errno) = ready.err().map_or(("", 0), |(call, errno)| (call, errno as i32));
    let answer = [&errno.to_ne_bytes()[..], call.as_bytes()].concat();
    // When the supervisor is gone there is nobody left to tell.
    let told = send(socket.as_raw_fd(), &answer, MsgFlags::MSG_NOSIGNAL);
    if told.is_ok() && errno == 0 {
        serve::serve(socket, listeners);
    }
    exit_now(0)
}

fn prepare(socket: &OwnedFd, listeners: &[Listener], init: Pid) -> Result<(), Failed> {
    let kept: Vec<_> = listeners.iter().map(|listener| listener.socket().as_raw_fd()).collect();
    follow_the_supervisor(socket, &kept, AtItsDeath::Die)?;
    confine::enter(init)?;
    confine::confine()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::diagnostic::{Palette, render};

    use super::*;

    #[test]
    fn who_is_not_ready_in_time_is_ended() {
        let kind = SockType::SeqPacket;
        let (ours, _theirs) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let process = Command::new("sleep").arg("300").spawn().unwrap().id();
        let process = Pid::from_raw(i32::try_from(process).unwrap());
        let started = Publisher { process, socket: ours };
        let silence = started.wait_until_ready(Duration::from_secs(1)).unwrap_err();
        assert_eq!(
            render(&silence, Palette::Plain),
            "jail: error: cannot publish the ports of the sandbox\n\
             because: the process that does it was not ready within 1 s\n\
             help: see whether the machine is overloaded, and try again\n"
        );
        drop(started);
        assert_eq!(kill(process, None), Err(Errno::ESRCH), "it is left");
    }
}
