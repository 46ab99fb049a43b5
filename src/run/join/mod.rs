//! A network namespace that is there already: init is cloned by a process that has entered it.
//!
//! The supervisor stays where it is. It opens the file of the namespace, once, and forks a process that
//! enters what was opened, clones init as a child of the supervisor, says which number it has, and is
//! gone; it dies with the supervisor, also while somebody has stopped it. Where the namespace belongs to a
//! user namespace of the caller's, that is entered first: nobody else has a right to the network, and so
//! the user namespace of init becomes one below it.

mod answer;
mod namespace;
mod words;

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{Pid, getegid, geteuid};

use crate::diagnostic::Diagnostic;
use crate::script::{Mapping, Namespaces};
use crate::sys::{Clone, clone_sibling, die_with_parent, exit_now, fork, wait_for_end};

use super::beside::{has_ended, wait_for_answer};
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
            match hear(middle, &ours, path, LIMIT)? {
                Answer::Cloned(init) => Ok(Clone::Parent { child: init }),
                Answer::Failed(stage, errno) => Err(words::refused(path, &namespace, stage, errno)),
            }
        }
    }
}

/// What the process in the middle says. It has nothing more to do then, whatever it was.
fn hear(middle: Pid, socket: &OwnedFd, path: &CStr, limit: Duration) -> Result<Answer, Diagnostic> {
    let answer = wait(socket, path, limit);
    // It may have ended by itself, which is as good.
    let _ = kill(middle, Signal::SIGKILL);
    while wait_for_end(middle) == Err(Errno::EINTR) {}
    answer
}

fn wait(socket: &OwnedFd, path: &CStr, limit: Duration) -> Result<Answer, Diagnostic> {
    match wait_for_answer(socket, limit) {
        Ok(true) => Answer::receive(socket).map_err(|errno| match errno {
            Errno::EPIPE => words::gone(path),
            errno => words::failed(path, "recv", errno),
        }),
        Ok(false) => Err(words::silence(path, limit)),
        Err(errno) => Err(words::failed(path, "ppoll", errno)),
    }
}

/// The process in the middle. Returns in init only, which keeps nothing of the namespace open.
fn go_in_and_clone(
    namespace: Namespace,
    namespaces: &mut Namespaces,
    cgroup: Option<BorrowedFd>,
    socket: OwnedFd,
) -> Result<Clone, Diagnostic> {
    let entered = follow_the_supervisor(&socket).and_then(|()| go_in(&namespace, namespaces));
    drop(namespace);
    let answer = match entered {
        Ok(()) => match clone_sibling(namespaces.flags, cgroup) {
            Ok(Clone::Child) => return Ok(Clone::Child),
            Ok(Clone::Parent { child }) => Answer::Cloned(child),
            Err(Errno::EPERM) if is_nobody() => Answer::Failed(Stage::Known, Errno::EPERM),
            Err(errno) => Answer::Failed(Stage::Clone, errno),
        },
        Err((stage, errno)) => Answer::Failed(stage, errno),
    };
    // When the supervisor is gone there is nobody left to tell.
    let _ = answer.send(&socket);
    exit_now(0)
}

/// Dies when the supervisor dies, which may have happened before the kernel was told. Entering a user
/// namespace whose owner we are does not make the kernel forget that, as other changes of who we are do.
fn follow_the_supervisor(socket: &OwnedFd) -> Result<(), (Stage, Errno)> {
    let is_alone = die_with_parent().and_then(|()| has_ended(socket));
    if is_alone.map_err(|errno| (Stage::Follow, errno))? {
        exit_now(0);
    }
    Ok(())
}

/// Whether the user namespace that we have entered does not know our uid or gid: then it shows the
/// number of nobody (user_namespaces(7), "Unmapped user and group IDs").
fn is_nobody() -> bool {
    const NOBODY: u32 = 65534;
    [geteuid().as_raw(), getegid().as_raw()].contains(&NOBODY)
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
    use std::process::Command;

    use crate::diagnostic::{Palette, render};
    use crate::sys::Change;

    use super::*;

    #[test]
    fn whose_supervisor_is_gone_already_goes_no_further() {
        let kind = SockType::SeqPacket;
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
        drop(ours);
        match fork().unwrap() {
            Clone::Child => {
                let _ = follow_the_supervisor(&theirs);
                exit_now(1)
            }
            Clone::Parent { child } => {
                assert_eq!(wait_for_end(child).unwrap().0, Change::Exited(0));
            }
        }
    }

    #[test]
    fn the_number_inside_stays() {
        assert_eq!(with_outside(b"1000 1000 1\n", 0), b"1000 0 1\n");
        assert_eq!(with_outside(b"0 1000 1\n", 65534), b"0 65534 1\n");
    }

    #[test]
    fn who_says_nothing_is_not_waited_for_and_ended() {
        let kind = SockType::SeqPacket;
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let told = || {
            let middle = Command::new("sleep").arg("300").spawn().unwrap().id();
            let middle = Pid::from_raw(i32::try_from(middle).unwrap());
            let heard = hear(middle, &ours, c"/run/netns/lab", Duration::from_secs(1));
            assert_eq!(kill(middle, None), Err(Errno::ESRCH), "it is left");
            render(&heard.unwrap_err(), Palette::Plain)
        };
        assert_eq!(
            told(),
            "jail: error: cannot join the network namespace `/run/netns/lab`\n\
             because: the process that enters it was not ready within 1 s\n\
             help: see whether the machine is overloaded, and try again\n"
        );
        drop(theirs);
        assert_eq!(
            told(),
            "jail: error: cannot join the network namespace `/run/netns/lab`\n\
             because: the process that enters it was killed\n\
             help: if nobody did that on purpose, the machine may have run out of memory: \
             dmesg | grep -i kill\n"
        );
    }
}
