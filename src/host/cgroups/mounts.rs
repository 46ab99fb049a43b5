//! Where the cgroup file systems are mounted (proc_pid_mountinfo(5), cgroups(7)).

use crate::host::mounts::unescaped;
use crate::units::AbsolutePath;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::Layout;

/// What /proc/self/mountinfo says about cgroups.
pub struct Mounts {
    pub unified: Option<Mount>,
    /// Are controllers of version 1 mounted?
    legacy: bool,
}

/// Where cgroup v2 is mounted.
pub struct Mount {
    pub point: AbsolutePath,
    /// The cgroup that is seen there, as /proc/self/cgroup would name it.
    root: AbsolutePath,
}

impl Mounts {
    /// Of several mounts of version 2 the first counts.
    pub fn read(table: &str) -> Self {
        let mut mounts = Self { unified: None, legacy: false };
        for line in table.lines() {
            let mut fields = line.split(' ');
            let (Some(root), Some(point)) = (fields.nth(3), fields.next()) else { continue };
            let Some(kind) = fields.skip_while(|field| *field != "-").nth(1) else { continue };
            match kind {
                "cgroup" if !line.contains("name=") => mounts.legacy = true,
                "cgroup2" if mounts.unified.is_none() => {
                    let path = |text: &str| {
                        AbsolutePath::new(OsString::from_vec(unescaped(text.as_bytes())))
                    };
                    mounts.unified =
                        path(point).zip(path(root)).map(|(point, root)| Mount { point, root });
                }
                _ => {}
            }
        }
        mounts
    }

    pub fn layout(&self) -> Layout {
        match (&self.unified, self.legacy) {
            (Some(_), false) => Layout::Unified,
            (Some(_), true) => Layout::Hybrid,
            (None, true) => Layout::Legacy,
            (None, false) => Layout::Absent,
        }
    }

    /// The mount point and the directory of the cgroup that `own`, the text of
    /// /proc/self/cgroup, names; `None` if it cannot be seen from here.
    pub fn directory_of(&self, own: &str) -> Option<(AbsolutePath, AbsolutePath)> {
        let mount = self.unified.as_ref()?;
        let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
        // A cgroup outside of our cgroup namespace is named `/../…`; a removed one has a mark.
        if path.starts_with("/..") || path.ends_with(" (deleted)") {
            return None;
        }
        let path = AbsolutePath::new(path)?;
        let below = path.as_path().strip_prefix(mount.root.as_path()).ok()?;
        Some((mount.point.clone(), mount.point.join(below)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
    const MEMORY: &str = "33 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    const NAMED: &str = "34 24 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";

    fn layout(table: &str) -> Layout {
        Mounts::read(table).layout()
    }

    #[test]
    fn layouts_are_told_apart() {
        assert_eq!(layout(UNIFIED), Layout::Unified);
        assert_eq!(layout(&format!("{UNIFIED}{NAMED}")), Layout::Unified);
        assert_eq!(layout(&format!("{MEMORY}{UNIFIED}")), Layout::Hybrid);
        assert_eq!(layout(MEMORY), Layout::Legacy);
        assert_eq!(layout("1 0 8:1 / / rw - ext4 /dev/sda1 rw\nodd\n\n"), Layout::Absent);
    }

    #[test]
    fn the_own_cgroup_is_found_below_the_mount() {
        let check = |table: &str, own: &str, directory: Option<&str>| {
            let found = Mounts::read(table).directory_of(own).map(|(_, own)| own);
            assert_eq!(found, directory.and_then(AbsolutePath::new), "{own}");
        };
        check(UNIFIED, "3:memory:/x\n0::/a/b\n", Some("/sys/fs/cgroup/a/b"));
        check(UNIFIED, "0::/\n", Some("/sys/fs/cgroup"));
        check(UNIFIED, "0::/../a\n", None);
        check(UNIFIED, "0::/a (deleted)\n", None);
        check(UNIFIED, "3:memory:/x\n", None);
        // A container that sees its own part of the hierarchy, without a cgroup namespace.
        let part = UNIFIED.replace(" / /sys", " /docker/1 /sys");
        check(&part, "0::/docker/1/x\n", Some("/sys/fs/cgroup/x"));
        check(&part, "0::/docker/2\n", None);
        check(MEMORY, "0::/a\n", None);
    }
}
