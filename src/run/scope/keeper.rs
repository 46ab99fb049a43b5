//! The process that asks for the scope and then stays in it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::run::beside::{AtItsDeath, follow_the_supervisor, wait_for_the_supervisor};
use crate::sys::exit_now;

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
    follow_the_supervisor(socket, &[], AtItsDeath::Die)
        .map_err(|(call, errno)| Refusal::Kernel { call: call.into(), errno: errno as i32 })?;
    let unit = unit_name(id);
    make_scope(connect(bus)?, &unit, &format!("jail run {id}"), member)?;
    common_cgroup(&unit, member)
}

pub fn unit_name(id: &str) -> String {
    format!("jail-{id}.scope")
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
