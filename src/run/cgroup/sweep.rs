//! What supervisors that were killed have left below a parent.
//!
//! With the supervisor everything inside dies, so such a cgroup is empty or will be in a moment.
//! That it is nobody's any more is known from its lock, not from a process id, which may
//! belong to somebody else by now, or to another pid namespace.

use std::ffi::OsStr;

use super::directory::Directory;

/// How the names of all cgroups of ours begin; the number of the run follows.
pub const PREFIX: &str = "jail-";

/// How the name of a leaf ends that a supervisor goes to.
pub const SUPERVISOR: &str = "-supervisor";

/// Removes them. One that cannot be removed stays for the next run: it must not block this one.
pub fn sweep(parent: &Directory) {
    for name in parent.children() {
        if is_ours(&name) {
            remove_if_stale(parent, &name);
        }
    }
}

/// Somebody else's `jail-web` has no lock either, and is not stale.
fn is_ours(name: &OsStr) -> bool {
    let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { return false };
    let id = rest.strip_suffix(SUPERVISOR).unwrap_or(rest);
    id.len() == 8 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn remove_if_stale(parent: &Directory, name: &OsStr) {
    let Ok(stale) = parent.child(name) else { return };
    // Whoever makes one claims it before anything else, and makes another if we were quicker.
    let Some(_claim) = stale.claim() else { return };
    for child in stale.children() {
        let _ = stale.remove(&child);
    }
    let _ = parent.remove(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_give_are_ours() {
        for (name, ours) in [
            ("jail-0123abcd", true),
            ("jail-0123abcd-supervisor", true),
            ("jail-web", false),
            ("jail-0123abcde", false),
            ("jail-0123ABCD", false),
            ("jail-0123abcd-other", false),
            ("0123abcd", false),
        ] {
            assert_eq!(is_ours(OsStr::new(name)), ours, "{name}");
        }
    }
}
