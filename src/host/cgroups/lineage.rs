//! The cgroups from our own upwards, as far as they are ours.

use std::path::Path;

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use crate::sys::attribute;
use crate::units::AbsolutePath;

use super::{Cgroup, Outer, read_controllers};

/// Reads our own cgroup and those above it, until one is not ours to change.
///
/// Where systemd has booted the machine, all cgroups are its own but those below a unit with
/// `Delegate=`, which it marks; what the user's systemd made is writable for the user, and
/// still not for anyone else to change (systemd's CGROUP_DELEGATION document).
pub fn survey(root: &AbsolutePath, own: &AbsolutePath, booted: bool) -> Vec<Cgroup> {
    let above: Vec<AbsolutePath> =
        own.as_path().ancestors().filter_map(AbsolutePath::new).collect();
    let inside = above.iter().take_while(|path| root.contains(path));
    let mine: Vec<&AbsolutePath> = inside.take_while(|path| is_writable(path.as_path())).collect();
    let reach = if booted {
        mine.iter().position(|path| is_delegated(path.as_path())).map_or(0, |index| index + 1)
    } else {
        mine.len()
    };
    mine[..reach].iter().map(|path| fact(path, *path == own)).collect()
}

/// The cgroups that we are in, and that `scope`, where the user's systemd makes its scopes, is not
/// in: only those with a limit.
pub fn left(root: &AbsolutePath, own: &AbsolutePath, scope: &AbsolutePath) -> Vec<Outer> {
    let above = own.as_path().ancestors().filter_map(AbsolutePath::new);
    let left = above.take_while(|path| root.contains(path) && !path.contains(scope));
    left.map(|path| outer(&path))
        .filter(|outer| !outer.limits.is_empty() || outer.pids.is_some())
        .collect()
}

fn outer(path: &AbsolutePath) -> Outer {
    let read = |file: &str| std::fs::read_to_string(path.join(file).as_path()).unwrap_or_default();
    let all = limits(path);
    Outer {
        path: path.clone(),
        limits: all.into_iter().filter(|file| *file != "pids.max").collect(),
        pids: read("pids.max").trim().parse().ok(),
    }
}

/// The three files that a delegate is given (cgroup-v2, "Model of Delegation").
fn is_writable(directory: &Path) -> bool {
    let files = ["", "cgroup.procs", "cgroup.subtree_control"];
    files.iter().all(|file| {
        let path = directory.join(file);
        faccessat(AT_FDCWD, &path, AccessFlags::W_OK, AtFlags::AT_EACCESS).is_ok()
    })
}

/// systemd 251 and later mark what they delegate. The user's systemd itself is such a unit.
fn is_delegated(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with("user@")
        && attribute(directory, c"user.delegate").is_ok_and(|mark| mark == b"1")
}

fn fact(path: &AbsolutePath, own: bool) -> Cgroup {
    let directory = path.as_path();
    let read = |file: &str| std::fs::read_to_string(directory.join(file)).unwrap_or_default();
    let me = std::process::id().to_string();
    Cgroup {
        path: path.clone(),
        controllers: read_controllers(path, "cgroup.controllers"),
        enabled: read_controllers(path, "cgroup.subtree_control"),
        others: read("cgroup.procs").lines().filter(|pid| *pid != me).count(),
        own,
        root: !directory.join("cgroup.type").exists(),
        limits: limits(path),
    }
}

fn limits(path: &AbsolutePath) -> Vec<&'static str> {
    let read = |file: &str| std::fs::read_to_string(path.join(file).as_path()).unwrap_or_default();
    LIMITS.into_iter().filter(|file| is_set(&read(file))).collect()
}

const LIMITS: [&str; 7] = [
    "cpu.max",
    "cpuset.cpus",
    "io.max",
    "memory.high",
    "memory.max",
    "memory.swap.max",
    "pids.max",
];

/// Whether a file holds less than everything: `max`, `max 100000`, or nothing.
fn is_set(text: &str) -> bool {
    text.split_ascii_whitespace().next().is_some_and(|first| first != "max")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_seen() {
        for text in ["", "\n", "max\n", "max 100000\n"] {
            assert!(!is_set(text), "{text:?}");
        }
        for text in ["0\n", "150000 100000\n", "0-3\n", "8:0 rbps=1 wbps=max\n"] {
            assert!(is_set(text), "{text:?}");
        }
    }

    #[test]
    fn a_directory_that_is_no_cgroup_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsolutePath::new(directory.path().canonicalize().unwrap()).unwrap();
        assert_eq!(survey(&root, &root, false), []);
    }

    /// A directory tree with the files of a cgroup, as an ordinary user would be given it.
    fn tree() -> (tempfile::TempDir, AbsolutePath) {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsolutePath::new(directory.path().canonicalize().unwrap()).unwrap();
        for path in ["a", "a/b"] {
            let here = root.join(path);
            std::fs::create_dir(here.as_path()).unwrap();
            let put =
                |file: &str, text: &str| std::fs::write(here.join(file).as_path(), text).unwrap();
            put("cgroup.procs", &format!("1\n{}\n", std::process::id()));
            put("cgroup.subtree_control", "memory\n");
            put("cgroup.controllers", "cpu memory misc pids\n");
            put("cgroup.type", "domain\n");
            put("memory.max", "4096\n");
        }
        (directory, root)
    }

    #[test]
    fn without_systemd_everything_writable_is_ours() {
        use super::super::Controller::{Cpu, Memory, Pids};
        let (_keep, root) = tree();
        let lineage = survey(&root, &root.join("a/b"), false);
        let paths: Vec<_> = lineage.iter().map(|cgroup| cgroup.path.clone()).collect();
        assert_eq!(paths, [root.join("a/b"), root.join("a")]);
        assert_eq!(lineage[0].controllers, [Cpu, Memory, Pids]);
        assert_eq!(lineage[0].enabled, [Memory]);
        assert_eq!((lineage[0].others, lineage[0].own, lineage[0].root), (1, true, false));
        assert_eq!(lineage[1].limits, ["memory.max"]);
        assert!(!lineage[1].own);
    }

    #[test]
    fn limits_that_a_scope_would_leave_are_seen() {
        let (_keep, root) = tree();
        let own = root.join("a/b");
        std::fs::write(own.join("pids.max").as_path(), "77\n").unwrap();
        let scope = root.join("a/app.slice");
        let left = left(&root, &own, &scope);
        let expected = Outer { path: own.clone(), limits: vec!["memory.max"], pids: Some(77) };
        assert_eq!(left, [expected]);
        assert_eq!(super::left(&root, &own, &own.join("app.slice")), []);
        assert_eq!(super::left(&root, &own, &root.join("other")).len(), 2);
    }

    #[test]
    fn with_systemd_only_what_it_has_marked_is_ours() {
        let (_keep, root) = tree();
        assert_eq!(survey(&root, &root.join("a/b"), true), []);
    }
}
