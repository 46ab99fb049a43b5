//! The process that asks for the scope and then stays in it.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::sys::{close_all_but, die_with_parent, exit_now};

use super::address;
use super::answer::{Answer, Refusal};
use super::place::common_cgroup;
use super::systemd::make_scope;

/// All that a keeper ever does. Ends with the supervisor: by SIGKILL, and by the end of
/// `socket`, which is all that it keeps of the supervisor's descriptors.
pub fn run(socket: OwnedFd, bus: &str, id: &str, member: Pid) -> ! {
    let answer = match ask(&socket, bus, id, member) {
        Ok(cgroup) => Answer::Made(cgroup),
        Err(refusal) => Answer::Refused(refusal),
    };
    // When the supervisor is gone there is nobody left to tell, or to wait for.
    if answer.send(&socket).is_ok() && matches!(answer, Answer::Made(_)) {
        wait_for_the_supervisor(&socket);
    }
    exit_now(0)
}

fn ask(socket: &OwnedFd, bus: &str, id: &str, member: Pid) -> Result<String, Refusal> {
    follow_the_supervisor(socket)?;
    let unit = unit_name(id);
    make_scope(connect(bus)?, &unit, &format!("jail run {id}"), member)?;
    common_cgroup(&unit, member)
}

pub fn unit_name(id: &str) -> String {
    format!("jail-{id}.scope")
}

/// Lets go of the caller's descriptors and dies when the supervisor dies, which may have
/// happened before the kernel was told: then the other end of the socket is closed.
fn follow_the_supervisor(socket: &OwnedFd) -> Result<(), Refusal> {
    die_with_parent().map_err(during("prctl"))?;
    let kept = socket.as_raw_fd();
    close_all_but(vec![kept]).map_err(during("close_range"))?;
    occupy_standard_streams().map_err(during("open /dev/null"))?;
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut peer, PollTimeout::ZERO).map_err(during("poll"))?;
    if peer[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)) {
        exit_now(0);
    }
    Ok(())
}

/// So that nothing written to a standard stream lands on the bus.
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

fn during(call: &str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::Kernel { call: call.into(), errno: errno as i32 }
}

/// A connection to the first socket of the address that takes one.
fn connect(bus: &str) -> Result<UnixStream, Refusal> {
    let mut errno = Errno::ENOENT;
    for socket in address::sockets(bus).map_err(Refusal::Address)? {
        match UnixStream::connect_addr(&socket) {
            Ok(stream) => return Ok(stream),
            Err(error) => errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        }
    }
    Err(Refusal::Connect(errno as i32))
}

/// The supervisor says nothing more; the end of its socket is what is waited for.
fn wait_for_the_supervisor(socket: &OwnedFd) {
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    while poll(&mut peer, PollTimeout::NONE) == Err(Errno::EINTR) {}
}
