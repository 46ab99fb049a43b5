//! What the kernel says about itself, where that explains a refusal.

use std::fs;
use std::path::Path;

use crate::host::maps_all_ids;

/// Settings, and what this process is under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `user.max_user_namespaces` of the namespace that we are in.
    pub max_user_namespaces: Option<String>,
    /// `kernel.unprivileged_userns_clone`, of Debian's kernels.
    pub unprivileged_userns_clone: Option<String>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu's.
    pub apparmor_restrict_unprivileged_userns: Option<String>,
    /// AppArmor's profile that this process is confined by.
    pub apparmor_profile: Option<String>,
    /// SELinux enforces.
    pub selinux: bool,
    /// A seccomp filter is in force.
    pub filtered: bool,
    /// Not the first user namespace.
    pub nested: bool,
    /// The root of this process is no mount, as in a chroot(2).
    pub chrooted: bool,
    /// The kernel was built with user namespaces.
    pub user_namespaces: bool,
}

impl Settings {
    pub fn read() -> Self {
        let sysctl = |name: &str| text(&format!("/proc/sys/{name}"));
        let status = text("/proc/self/status").unwrap_or_default();
        let filtered =
            |line: &str| line.strip_prefix("Seccomp:").is_some_and(|it| it.trim() != "0");
        Self {
            max_user_namespaces: sysctl("user/max_user_namespaces"),
            unprivileged_userns_clone: sysctl("kernel/unprivileged_userns_clone"),
            apparmor_restrict_unprivileged_userns: sysctl(
                "kernel/apparmor_restrict_unprivileged_userns",
            ),
            apparmor_profile: text("/proc/self/attr/apparmor/current").filter(is_confining),
            selinux: text("/sys/fs/selinux/enforce").as_deref() == Some("1"),
            filtered: status.lines().any(filtered),
            nested: text("/proc/self/uid_map").is_some_and(|map| !maps_all_ids(&map)),
            chrooted: text("/proc/self/mountinfo").is_some_and(|mounts| !has_root(&mounts)),
            user_namespaces: Path::new("/proc/self/ns/user").exists(),
        }
    }
}

/// What is not there, or not ours to read, says nothing.
fn text(path: &str) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_matches(['\n', '\0', ' ']).to_owned())
}

/// `unconfined`, or a profile and its mode in brackets; complaints alone refuse nothing, nor does a profile
/// that is there to give a right.
fn is_confining(profile: &String) -> bool {
    let confines_nothing = ["(complain)", "(unconfined)"];
    let is_loose = confines_nothing.iter().any(|mode| profile.ends_with(mode));
    !profile.is_empty() && profile != "unconfined" && !is_loose
}

/// Whether something is mounted at `/` (proc_pid_mountinfo(5)).
fn has_root(mounts: &str) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_confines_by_its_mode() {
        let confines = |profile: &str| is_confining(&profile.to_owned());
        assert!(confines("cage (enforce)") && confines("cage (kill)"));
        for loose in ["", "unconfined", "cage (complain)", "jail (unconfined)"] {
            assert!(!confines(loose), "{loose}");
        }
    }

    #[test]
    fn the_root_of_a_chroot_is_no_mount() {
        let usual =
            "21 1 254:1 / / rw shared:1 - ext4 /dev/vda1 rw\n22 21 0:5 / /proc rw - proc x rw";
        assert!(has_root(usual));
        assert!(!has_root("22 21 0:5 / /proc rw - proc proc rw"));
    }

    #[test]
    fn who_is_unconfined_is_under_no_profile() {
        for (text, confines) in [
            ("unconfined", false),
            ("", false),
            ("docker-default (enforce)", true),
            ("snap.x (complain)", false),
        ] {
            assert_eq!(is_confining(&text.to_owned()), confines, "{text}");
        }
    }
}
