//! Whether this machine refuses namespaces: asked by making them, in a process of their own.
//!
//! No file says it. A container's filter, a security module and a setting each refuse another
//! part: the clone, the maps of ids, the first mount, or a new /proc.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::unistd::{Gid, Uid, getegid, geteuid};

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::profile::{Profile, Protection};
use crate::sys::{
    Attributes, Change, Clone, FsContext, NAMESPACES, NEW_NETWORK, clone_process, exit_now,
    move_mount, random, wait_for_end,
};
use crate::units::AbsolutePath;

use super::identity::maps_all_ids;
use super::types::{Bare, Host};

const PRIVATE: Attributes =
    Attributes { read_only: false, no_devices: true, no_exec: true, recursive: false };

/// Returns what stands against namespaces. `None` if they can be had, or if the answer would change
/// nothing.
pub fn survey(profile: &Profile, host: &Host) -> Result<Option<Bare>, Diagnostic> {
    if !profile.degrade.iter().any(|it| it.value == Protection::Namespaces) {
        return Ok(None);
    }
    let mode = profile.network.mode.as_ref();
    let network = if mode.is_none_or(|mode| mode.value.is_own()) { NEW_NETWORK } else { 0 };
    let Some(errno) = refusal(network) else { return Ok(None) };
    let random = random::<8>().map_err(|errno| {
        Diagnostic::error("cannot choose a name for private directories")
            .because(errno_cause(errno))
    })?;
    let name = format!("private-{:016x}", u64::from_ne_bytes(random));
    let place = base(host).join(name);
    Ok(Some(Bare { errno: errno as i32, place, memory_is_shut: memory_is_shut() }))
}

/// The directory of our own that holds those of all runs.
fn base(host: &Host) -> AbsolutePath {
    let named = |name: &str| host.environment.get(Path::new(name).as_os_str());
    if let Some(runtime) = named("XDG_RUNTIME_DIR").and_then(AbsolutePath::new)
        && is_private(&runtime, host.identity.uid)
    {
        return canonical(runtime).join("jail");
    }
    let temporary = named("TMPDIR").and_then(AbsolutePath::new);
    let temporary = temporary.unwrap_or_else(|| AbsolutePath::root().join("tmp"));
    canonical(temporary).join(format!("jail-{}", host.identity.uid))
}

/// Landlock's rules are about places, so no link may be on the way.
fn canonical(path: AbsolutePath) -> AbsolutePath {
    fs::canonicalize(path.as_path()).ok().and_then(AbsolutePath::new).unwrap_or(path)
}

/// As the record of runs wants it.
fn is_private(directory: &AbsolutePath, uid: u32) -> bool {
    fs::metadata(directory.as_path())
        .is_ok_and(|state| state.is_dir() && state.uid() == uid && state.mode() & 0o022 == 0)
}

/// A lack that passes, as of memory, is no refusal: the run meets it as well, and has the words. Nor are
/// limits of this machine that are used up, which a command may have done to take the namespaces away.
fn refusal(network: u64) -> Option<Errno> {
    attempt(network).filter(|errno| match errno {
        Errno::EPERM | Errno::EACCES | Errno::ENOSYS | Errno::EINVAL | Errno::EUSERS => true,
        Errno::ENOSPC => !sees_all_ids() || LIMITS.into_iter().any(allows_none),
        _ => false,
    })
}

/// Whether this is no container, whose limits are set outside, where nobody in it can read them.
fn sees_all_ids() -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| maps_all_ids(&map))
}

/// Of each kind of namespace in a sandbox (namespaces(7), "/proc/sys/user").
const LIMITS: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// One that cannot be read is taken for one that is none: a /proc without it is a container's.
fn allows_none(kind: &str) -> bool {
    let limit = fs::read_to_string(format!("/proc/sys/user/max_{kind}_namespaces"));
    limit.map_or(true, |limit| limit.trim() == "0")
}

/// Whether Yama lets nobody read the memory of a process who is nobody special, not even its parent
/// (Documentation/admin-guide/LSM/Yama.rst). Init reads there what it is asked to change.
fn memory_is_shut() -> bool {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    scope.is_ok_and(|scope| matches!(scope.trim(), "2" | "3"))
}

/// The errno of the first thing that a sandbox needs and that is not to be had.
fn attempt(network: u64) -> Option<Errno> {
    let ids = (geteuid(), getegid());
    match clone_process(NAMESPACES | network, None) {
        Err(errno) => Some(errno),
        Ok(Clone::Child) => exit_now(match build(ids) {
            Ok(()) => 0,
            Err(errno) => errno as i32,
        }),
        Ok(Clone::Parent { child }) => loop {
            match wait_for_end(child) {
                Err(Errno::EINTR) => {}
                Ok((Change::Exited(errno), _)) if errno != 0 => {
                    break Some(Errno::from_raw(errno.into()));
                }
                Ok(_) | Err(_) => break None,
            }
        },
    }
}

/// Ids, a file system in memory, and a /proc.
fn build((uid, gid): (Uid, Gid)) -> Result<(), Errno> {
    for (file, line) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{uid} {uid} 1")),
        ("/proc/self/gid_map", format!("{gid} {gid} 1")),
    ] {
        fs::write(file, line)
            .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    }
    let scratch = FsContext::open(c"tmpfs")?.mount(PRIVATE)?;
    FsContext::open(c"proc")?.mount(PRIVATE)?;
    move_mount(scratch.as_fd(), AT_FDCWD, c"/")
}
