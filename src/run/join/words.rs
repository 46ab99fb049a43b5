//! What a person reads when a network namespace cannot be joined.

use std::ffi::CStr;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::run::explain::{LOOK_FOR_ITS_END, explain_clone};
use crate::sys::owner_of_user_namespace;

use super::answer::Stage;
use super::namespace::Namespace;

const NAME_ONE: &str = "name the file of one, as /proc/PID/ns/net or /run/netns/NAME";

fn error(path: &CStr) -> Diagnostic {
    Diagnostic::error(format!("cannot join the network namespace `{}`", path.to_string_lossy()))
}

pub fn failed(path: &CStr, call: &str, errno: Errno) -> Diagnostic {
    error(path).because(format!("{call}: {}", errno_cause(errno)))
}

pub fn not_opened(path: &CStr, errno: Errno) -> Diagnostic {
    let error = error(path).because(errno_cause(errno));
    match errno {
        Errno::ENOENT => error.help("`ip netns list` and `lsns --type net` say which there are"),
        Errno::EACCES if path.to_bytes().starts_with(b"/proc/") => error.help(
            "a process of another user keeps its namespaces to itself: run jail as that user, or as root",
        ),
        Errno::EACCES => {
            error.help("`namei -l` with this path shows which directory on the way keeps you out")
        }
        _ => error,
    }
}

/// The process in the middle has not said anything in time.
pub fn silence(path: &CStr, limit: Duration) -> Diagnostic {
    error(path)
        .because(format!("the process that enters it was not ready within {} s", limit.as_secs()))
        .help("see whether the machine is overloaded, and try again")
}

/// It ended without a word.
pub fn gone(path: &CStr) -> Diagnostic {
    error(path).because("the process that enters it was killed").help(LOOK_FOR_ITS_END)
}

pub fn no_namespace(path: &CStr, mode: libc::mode_t) -> Diagnostic {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFREG => "a file",
        libc::S_IFDIR => "a directory",
        libc::S_IFIFO => "a fifo",
        libc::S_IFSOCK => "a socket",
        libc::S_IFCHR | libc::S_IFBLK => "a device",
        _ => "something else",
    };
    error(path).because(format!("it is {kind}, and no namespace")).help(NAME_ONE)
}

pub fn another_kind(path: &CStr, kind: i32) -> Diagnostic {
    let name = match kind {
        libc::CLONE_NEWNS => "a mount namespace",
        libc::CLONE_NEWPID => "a pid namespace",
        libc::CLONE_NEWUSER => "a user namespace",
        libc::CLONE_NEWIPC => "an ipc namespace",
        libc::CLONE_NEWUTS => "a uts namespace",
        libc::CLONE_NEWCGROUP => "a cgroup namespace",
        _ => "a namespace of another kind",
    };
    error(path).because(format!("it is {name}")).help(NAME_ONE)
}

/// A path that leads back to where we are grants all that `host` does, without saying so.
pub fn of_the_host(path: &CStr) -> Diagnostic {
    error(path)
        .because("it is the network that jail itself is in")
        .help("say `host` if that is what the command shall have")
}

pub fn owned_outside(path: &CStr) -> Diagnostic {
    error(path)
        .because("it belongs to a user namespace outside of the one that jail is in [EPERM]")
        .help("start jail outside of this user namespace")
}

/// The process in the middle could not do its part.
pub fn refused(path: &CStr, namespace: &Namespace, stage: Stage, errno: Errno) -> Diagnostic {
    match (stage, errno, &namespace.owner) {
        (Stage::Network, Errno::EPERM, None) => error(path)
            .because("it was made by root, and joining it takes CAP_SYS_ADMIN [EPERM]")
            .help(
                "run jail as root, or name one of yours, as `unshare --map-root-user --net` makes",
            ),
        (Stage::Owner, Errno::EPERM, Some(owner)) => match owner_of_user_namespace(owner) {
            Ok(uid) => error(path)
                .because(format!("it belongs to the user with the uid {uid} [EPERM]"))
                .help("run jail as that user, or as root"),
            Err(errno) => failed(path, "NS_GET_OWNER_UID", errno),
        },
        (Stage::Ids, _, _) => error(path)
            .because(
                "it belongs to another user namespace, from which subordinate ids cannot be mapped",
            )
            .help("use `ids = \"single\"`, or run jail as root"),
        (Stage::Known, ..) => error(path)
            .because("the user namespace that it belongs to does not map your uid and gid [EPERM]")
            .help("make it with a map of both, as `unshare --map-root-user --net` does"),
        (Stage::Clone, errno, _) => explain_clone(errno),
        (Stage::Network | Stage::Owner, errno, _) => failed(path, "setns", errno),
        (Stage::Follow, errno, _) => failed(path, "prctl", errno),
    }
}
