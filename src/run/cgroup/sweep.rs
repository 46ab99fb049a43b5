//! What supervisors that were killed have left below a parent.
//!
//! With the supervisor everything inside dies, so such a cgroup is empty or will be in a moment.
//! That it is nobody's any more is known from its lock, not from a process id, which may
//! belong to somebody else by now, or to another pid namespace.

use std::ffi::OsStr;

use nix::fcntl::FlockArg;

use super::directory::Directory;

/// How all cgroups of ours are named.
pub const PREFIX: &str = "jail-";

/// Removes them. One that cannot be removed stays for the next run: it must not block this one.
pub fn sweep(parent: &Directory) {
    for name in parent.children() {
        if name.to_string_lossy().starts_with(PREFIX) {
            remove_if_stale(parent, &name);
        }
    }
}

fn remove_if_stale(parent: &Directory, name: &OsStr) {
    let Ok(stale) = parent.child(name) else { return };
    // Whoever makes one claims it before anything else, and makes another if we were quicker.
    let Some(_claim) = stale.claim(FlockArg::LockExclusiveNonblock) else { return };
    for child in stale.children() {
        let _ = stale.remove(&child);
    }
    let _ = parent.remove(name);
}
