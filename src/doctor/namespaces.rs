//! Namespaces, one kind after the other: asked of the kernel by making them.

use nix::errno::Errno;
use nix::sched::CloneFlags;

use crate::diagnostic::errno_cause;
use crate::remedy::{Fix, Forbidden, Settings, Surroundings};
use crate::sys::{Clone, NEW_USER, clone_process, exit_now, wait_for_end};

use super::check::BLOCKED;
use super::child::{SHORT, in_child};
use super::primitive::Primitive;
use super::types::Check;

/// Beside the user namespace; each is made in one.
const OTHERS: [(&str, CloneFlags); 6] = [
    ("mount", CloneFlags::CLONE_NEWNS),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("net", CloneFlags::CLONE_NEWNET),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
];

/// A user namespace alone.
pub fn user(settings: &Settings, surroundings: &Surroundings) -> Check {
    let name = Primitive::UserNamespace;
    match refusal(0) {
        Ok(None) => Check::ok(name, "whoever calls can make one"),
        Err(words) => Check::missing(name, words),
        Ok(Some(errno)) => match Forbidden::by(errno, settings) {
            Some(forbidden) => {
                Check::missing(name, forbidden.because(errno)).fixes(forbidden.fixes(surroundings))
            }
            None => Check::missing(name, errno_cause(errno)),
        },
    }
}

/// All others; those that are refused are named.
pub fn others(settings: &Settings, surroundings: &Surroundings, user_is_there: bool) -> Check {
    let name = Primitive::Namespaces;
    if !user_is_there {
        return Check::not_tried(name, BLOCKED);
    }
    let mut refused = Vec::new();
    for (kind, flag) in OTHERS {
        match refusal(flag.bits() as u64) {
            Ok(None) => {}
            Ok(Some(errno)) => refused.push((kind, errno)),
            Err(words) => return Check::missing(name, words),
        }
    }
    let Some((_, errno)) = refused.first() else {
        return Check::ok(name, OTHERS.map(|(kind, _)| kind).join(", "));
    };
    let kinds: Vec<_> = refused.iter().map(|(kind, errno)| format!("{kind} [{errno:?}]")).collect();
    let check = Check::missing(name, format!("refused: {}", kinds.join(", ")));
    let limit = (*errno == Errno::ENOSPC)
        .then(|| Fix::new("see `sysctl user` for the limits: user.max_*_namespaces"));
    let forbidden = Forbidden::by(*errno, settings).filter(|_| limit.is_none());
    check.fixes(limit).fixes(forbidden.iter().flat_map(|it| it.fixes(surroundings)))
}

/// What clone3(2) says to a user namespace and this; the outer error is that nobody knows.
fn refusal(flags: u64) -> Result<Option<Errno>, String> {
    let attempt = || match clone_process(NEW_USER | flags, None) {
        Ok(Clone::Child) => exit_now(0),
        Ok(Clone::Parent { child }) => {
            while wait_for_end(child) == Err(Errno::EINTR) {}
            0
        }
        Err(errno) => errno as i32,
    };
    let errno = in_child(SHORT, attempt).map_err(|lost| lost.words())?;
    Ok((errno != 0).then(|| Errno::from_raw(errno)))
}
