//! Attempts to change what is mounted, by the old interface and the new one.

use crate::answer::{Answer, Refusal, Words, c_pointer, c_string, kernel, pointer, signed};

const AT_FDCWD: usize = signed(libc::AT_FDCWD as i64);
const OPEN_TREE_CLONE: usize = 1;
const MOVE_MOUNT_F_EMPTY_PATH: usize = 4;
const FSOPEN_CLOEXEC: usize = 1;
const FSPICK_CLOEXEC: usize = 1;
const MOUNT_ATTR_RDONLY: u64 = 1;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "mount-tmpfs" => mount_new(words, "tmpfs"),
        "mount-cgroup" => mount_new(words, "cgroup2"),
        "bind" => bind(words),
        "remount-writable" => remount(words, 0),
        "remount-read-only" => remount(words, libc::MS_RDONLY),
        "umount" => umount(words),
        "pivot-root" => pivot_root(words),
        "chroot" => chroot(words),
        "fsopen" => fsopen(),
        "fspick" => fspick(words),
        "open-tree" => open_tree(words).map(|_| String::new()),
        "move-mount" => move_mount(words),
        "mount-setattr" => mount_setattr(words),
        _ => return None,
    })
}

fn mount_new(words: &mut Words, kind: &str) -> Answer {
    let target = words.path()?;
    let kind = c_string(kind);
    let arguments = [c_pointer(&kind), c_pointer(&target), c_pointer(&kind), 0, 0];
    kernel("mount", libc::SYS_mount, &arguments).map(|_| String::new())
}

fn bind(words: &mut Words) -> Answer {
    let (from, to) = (words.path()?, words.path()?);
    let arguments = [c_pointer(&from), c_pointer(&to), 0, libc::MS_BIND as usize, 0];
    kernel("mount", libc::SYS_mount, &arguments).map(|_| String::new())
}

fn remount(words: &mut Words, flags: libc::c_ulong) -> Answer {
    let target = words.path()?;
    let flags = (libc::MS_REMOUNT | libc::MS_BIND | flags) as usize;
    kernel("mount", libc::SYS_mount, &[0, c_pointer(&target), 0, flags, 0]).map(|_| String::new())
}

fn umount(words: &mut Words) -> Answer {
    let target = words.path()?;
    let arguments = [c_pointer(&target), libc::MNT_DETACH as usize];
    kernel("umount2", libc::SYS_umount2, &arguments).map(|_| String::new())
}

fn pivot_root(words: &mut Words) -> Answer {
    let place = words.path()?;
    let arguments = [c_pointer(&place), c_pointer(&place)];
    kernel("pivot_root", libc::SYS_pivot_root, &arguments).map(|_| String::new())
}

fn chroot(words: &mut Words) -> Answer {
    let place = words.path()?;
    kernel("chroot", libc::SYS_chroot, &[c_pointer(&place)]).map(|_| String::new())
}

fn fsopen() -> Answer {
    let kind = c_string("tmpfs");
    let arguments = [c_pointer(&kind), FSOPEN_CLOEXEC];
    kernel("fsopen", libc::SYS_fsopen, &arguments).map(|_| String::new())
}

fn fspick(words: &mut Words) -> Answer {
    let path = words.path()?;
    let arguments = [AT_FDCWD, c_pointer(&path), FSPICK_CLOEXEC];
    kernel("fspick", libc::SYS_fspick, &arguments).map(|_| String::new())
}

fn open_tree(words: &mut Words) -> Result<i64, Refusal> {
    let path = words.path()?;
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as usize;
    kernel("open_tree", libc::SYS_open_tree, &[AT_FDCWD, c_pointer(&path), flags])
}

/// Mounts a copy of one directory onto another. Where no copy can be had, it asks to move a
/// descriptor that does not exist: the kernel would say EBADF.
fn move_mount(words: &mut Words) -> Answer {
    let tree = open_tree(words).unwrap_or(-1);
    let target = words.path()?;
    let nothing = c_string("");
    let arguments =
        [signed(tree), c_pointer(&nothing), AT_FDCWD, c_pointer(&target), MOVE_MOUNT_F_EMPTY_PATH];
    kernel("move_mount", libc::SYS_move_mount, &arguments).map(|_| String::new())
}

fn mount_setattr(words: &mut Words) -> Answer {
    let path = words.path()?;
    let attributes = [MOUNT_ATTR_RDONLY, 0, 0, 0];
    let arguments = [AT_FDCWD, c_pointer(&path), 0, pointer(&attributes), size_of_val(&attributes)];
    kernel("mount_setattr", libc::SYS_mount_setattr, &arguments).map(|_| String::new())
}
