//! What holds init and the command, entered by init first of all, and how all of it ends.
//!
//! With namespaces init is process 1, and the kernel ends everything inside with it. Without, init
//! is in a Landlock domain out of which no signal leads, and the command in another one inside of
//! it: `kill(-1)` by init reaches all that came from the command and nobody else, and none of
//! them reaches init. What loses its parent becomes init's child.

use std::os::fd::{AsFd, OwnedFd};

use landlock::{RulesetCreated, RulesetStatus};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getppid, setgroups, write};

use crate::script::{Ids, Isolation, Mapping, Script};
use crate::sys::{
    become_subreaper, continue_with_parents_death, die_with_parent, exit_now, no_new_privileges,
    signal_all,
};

use super::message::{Call, During, Failure, Fault, Report};

/// What has to be ended by init, as nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// The kernel ends everything with init.
    Nothing,
    /// All that came from the command.
    Descendants,
}

/// Dies when the supervisor dies, from now on. It may be dead already: then the other end
/// of the socket is closed. The signal alone would miss that, and the kernel takes it
/// back when ids or capabilities change; afterwards init sees the end of the socket.
///
/// Without namespaces init must not die before it has ended the rest, only not sleep over it.
pub fn follow_the_supervisor(isolation: &Isolation, socket: &OwnedFd) -> Result<(), Fault> {
    match isolation {
        Isolation::Namespaces(_) => die_with_parent(),
        Isolation::Domain(_) => continue_with_parents_death(),
    }
    .during(Call::Prctl)?;
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut peer, PollTimeout::ZERO).during(Call::Open)?;
    let gone = peer[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
    if gone {
        exit_now(0);
    }
    Ok(())
}

/// Goes to where nobody else is.
pub fn enter(script: &mut Script, socket: &OwnedFd) -> Result<Remains, Failure> {
    let is_entered = script.is_entered();
    match &mut script.isolation {
        Isolation::Namespaces(namespaces) => {
            if let Some(cgroup) = &script.cgroup {
                let step = cgroup.step;
                hide_other_cgroups().map_err(|fault| Failure { step, fault })?;
            }
            let step = namespaces.ids.step;
            map_ids(&namespaces.ids).map_err(|fault| Failure { step, fault })?;
            if is_entered {
                let told = Report::Mapped.send(socket).during(Call::Connect);
                told.map_err(|fault| Failure { step, fault })?;
            }
            Ok(Remains::Nothing)
        }
        Isolation::Domain(domain) => {
            let step = domain.step;
            enter_domain(&domain.signals).map_err(|fault| Failure { step, fault })?;
            Ok(Remains::Descendants)
        }
    }
}

/// The cgroup that we are in by now becomes the only one that can be seen, or mounted.
fn hide_other_cgroups() -> Result<(), Fault> {
    unshare(CloneFlags::CLONE_NEWCGROUP).during(Call::Unshare)
}

fn map_ids(ids: &Ids) -> Result<(), Fault> {
    match &ids.mapping {
        Mapping::Own { uid_map, gid_map } => {
            // Without setgroups(2) denied the kernel would not let us write the gid map;
            // see user_namespaces(7).
            write_whole(c"/proc/self/setgroups", b"deny")?;
            write_whole(c"/proc/self/uid_map", uid_map)?;
            write_whole(c"/proc/self/gid_map", gid_map)
        }
        Mapping::Helpers { .. } => {
            setgroups(&[]).during(Call::Write)?;
            // Changing groups made the kernel forget whose death is ours.
            die_with_parent().during(Call::Prctl)
        }
    }
}

fn write_whole(path: &std::ffi::CStr, content: &[u8]) -> Result<(), Fault> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let file = openat(AT_FDCWD, path, flags, Mode::empty()).during(Call::Open)?;
    write(&file, content).during(Call::Write).map(drop)
}

/// SAFETY: what ends everything inside would end every process of the user if the domain did not
/// hold. So it is tried: our parent is outside, and must be out of reach.
fn enter_domain(signals: &RulesetCreated) -> Result<(), Fault> {
    become_subreaper().during(Call::Prctl)?;
    no_new_privileges().during(Call::Prctl)?;
    let signals = signals.try_clone().map_err(|_| Errno::EMFILE).during(Call::Landlock)?;
    restrict(signals)?;
    match kill(getppid(), None) {
        Err(Errno::EPERM) => Ok(()),
        Ok(()) | Err(_) => Err(Fault { call: Call::Landlock, errno: Errno::ENOTSUP }),
    }
}

/// The library may enforce a part only and call that a success; we do not.
pub fn restrict(ruleset: RulesetCreated) -> Result<(), Fault> {
    let fault = |errno| Fault { call: Call::Landlock, errno };
    let status = ruleset.restrict_self().map_err(|_| fault(Errno::last()))?;
    if status.ruleset == RulesetStatus::FullyEnforced && status.no_new_privs {
        Ok(())
    } else {
        Err(fault(Errno::ENOTSUP))
    }
}

/// Ends what init has to end, until nothing is left. Who has a fatal signal waiting can make no
/// process any more, and the kernel gives it to all at once: nobody escapes by forking.
pub fn end(remains: Remains) {
    if remains == Remains::Nothing {
        return;
    }
    loop {
        // Where nobody is left this fails, and the wait says so.
        let _ = signal_all(Signal::SIGKILL as i32);
        match waitpid(None::<Pid>, Some(WaitPidFlag::empty())) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
