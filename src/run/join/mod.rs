//! A network namespace that is there already: init is cloned by a process that has entered it.
//!
//! The supervisor stays where it is. It opens the file of the namespace, once, and forks a process that
//! enters what was opened, clones init as a child of the supervisor, says which number it has, and is
//! gone. Where the namespace belongs to a user namespace of the caller's, that is entered first: nobody
//! else has a right to the network, and so the user namespace of init becomes one below it.

mod answer;
mod namespace;
mod words;

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{getegid, geteuid};

use crate::diagnostic::Diagnostic;
use crate::script::{Mapping, Namespaces};
use crate::sys::{Clone, clone_sibling, exit_now, fork, wait_for_end};

use super::beside::wait_for_answer;
use answer::{Answer, Stage};
use namespace::Namespace;

/// How long it may take; it needs less than a millisecond.
const LIMIT: Duration = Duration::from_secs(30);

/// Clones init inside of the namespace at `path`. This process must be single-threaded.
pub fn clone_inside(
    path: &CStr,
    namespaces: &mut Namespaces,
    cgroup: Option<BorrowedFd>,
) -> Result<Clone, Diagnostic> {
    let namespace = namespace::open(path)?;
    let failed = |call: &str, errno: Errno| words::failed(path, call, errno);
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|errno| failed("socketpair", errno))?;
    match fork().map_err(|errno| failed("fork", errno))? {
        Clone::Child => {
            drop(ours);
            go_in_and_clone(namespace, namespaces, cgroup, theirs)
        }
        Clone::Parent { child: middle } => {
            drop(theirs);
            let answer = wait(&ours).map_err(|errno| failed("recv", errno));
            // It has nothing more to do, whatever it has said.
            let _ = nix::sys::signal::kill(middle, nix::sys::signal::Signal::SIGKILL);
            while wait_for_end(middle) == Err(Errno::EINTR) {}
            match answer? {
                Answer::Cloned(init) => Ok(Clone::Parent { child: init }),
                Answer::Failed(stage, errno) => Err(words::refused(path, &namespace, stage, errno)),
            }
        }
    }
}

fn wait(socket: &OwnedFd) -> Result<Answer, Errno> {
    if !wait_for_answer(socket, LIMIT)? {
        return Err(Errno::ETIMEDOUT);
    }
    Answer::receive(socket)
}

/// The process in the middle. Returns in init only, which keeps nothing of the namespace open.
fn go_in_and_clone(
    namespace: Namespace,
    namespaces: &mut Namespaces,
    cgroup: Option<BorrowedFd>,
    socket: OwnedFd,
) -> Result<Clone, Diagnostic> {
    let entered = go_in(&namespace, namespaces);
    drop(namespace);
    let answer = match entered {
        Ok(()) => match clone_sibling(namespaces.flags, cgroup) {
            Ok(Clone::Child) => return Ok(Clone::Child),
            Ok(Clone::Parent { child }) => Answer::Cloned(child),
            Err(errno) => Answer::Failed(Stage::Clone, errno),
        },
        Err((stage, errno)) => Answer::Failed(stage, errno),
    };
    // When the supervisor is gone there is nobody left to tell.
    let _ = answer.send(&socket);
    exit_now(0)
}

fn go_in(namespace: &Namespace, namespaces: &mut Namespaces) -> Result<(), (Stage, Errno)> {
    let join = || setns(&namespace.network, CloneFlags::CLONE_NEWNET);
    let owner = match (join(), &namespace.owner) {
        (Err(Errno::EPERM), Some(owner)) => owner,
        (joined, _) => return joined.map_err(|errno| (Stage::Network, errno)),
    };
    let Mapping::Own { uid_map, gid_map } = &mut namespaces.ids.mapping else {
        return Err((Stage::Ids, Errno::EPERM));
    };
    setns(owner, CloneFlags::CLONE_NEWUSER).map_err(|errno| (Stage::Owner, errno))?;
    join().map_err(|errno| (Stage::Network, errno))?;
    // Who we are did not change, but how it is called here.
    *uid_map = with_outside(uid_map, geteuid().as_raw());
    *gid_map = with_outside(gid_map, getegid().as_raw());
    Ok(())
}

/// The line of a map with one id, which is another number outside.
fn with_outside(line: &[u8], outside: u32) -> Vec<u8> {
    let inside = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    [inside, format!(" {outside} 1\n").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_inside_stays() {
        assert_eq!(with_outside(b"1000 1000 1\n", 0), b"1000 0 1\n");
        assert_eq!(with_outside(b"0 1000 1\n", 65534), b"0 65534 1\n");
    }
}
