//! Calls of the kernel that fail while an image comes in, and what a disk or a limit refuses.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount, umount};

use super::commands::{entries, image, refused, store, verifies};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Jail};

macro_rules! require_faults {
    () => {
        require!(Feature::Program("strace"));
        require!(Feature::Tracing);
    };
}

/// What has the system calls of one name fail, those about a path only if there is one.
pub fn failing(call: &str, errno: &str, path: Option<&str>) -> Vec<OsString> {
    injecting(call, &format!("error={errno}"), path)
}

/// What has all reads of a file find its end, as if it were cut off meanwhile.
pub fn at_the_end(call: &str, path: &Path) -> Vec<OsString> {
    injecting(call, "retval=0", path.to_str())
}

fn injecting(call: &str, what: &str, path: Option<&str>) -> Vec<OsString> {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{what}"));
    let mut words = vec!["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    words.extend(path.iter().flat_map(|path| ["-P", path]));
    words.into_iter().map(OsString::from).collect()
}

/// A layer with one of everything that takes a call of its own.
fn layout(jail: &Jail) -> Layout {
    let layer = Tar::new()
        .directory("d/", 0o755)
        .file("d/file", 0o644, "content")
        .symlink("link", "d/file")
        .file("d/.wh.gone", 0o644, "")
        .owner(1, 1)
        .file("owned", 0o644, "content");
    Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[layer])
}

#[track_caller]
fn nothing_is_there(jail: &Jail) {
    for part in ["references", "images/sha256", "layers/sha256", "tmp"] {
        assert_eq!(entries(jail, part), [] as [PathBuf; 0], "{part}");
    }
    verifies(jail);
}

#[test]
fn a_layer_that_the_kernel_refuses_is_named_with_what_was_tried() {
    require_faults!();
    for (call, errno, because) in [
        ("symlinkat", "EIO", "its entry `link`: cannot make a symbolic link: I/O error [EIO]"),
        ("readlinkat", "EIO", "cannot read what was unpacked: I/O error [EIO]"),
        (
            "mknodat",
            "EPERM",
            "its entry `d/.wh.gone`: the kernel or the file system does not let users make \
             whiteouts, which are character devices 0/0 [EPERM]\n\
             help: use a file system such as ext4, XFS or btrfs, and Linux 5.8 or newer; \
             `$XDG_DATA_HOME` says where images are kept",
        ),
    ] {
        let jail = Jail::new();
        let layout = layout(&jail);
        let name = layout.reference();
        let failing = jail.through(failing(call, errno, None));
        let short = layout.blobs[0].short();
        let message = format!(
            "jail: error: cannot unpack layer 1 (`{short}`) of `{name}`\nbecause: {because}\n"
        );
        refused(&image(&failing, &["import", &name, "faulty"]), &message);
        nothing_is_there(&failing.through([] as [&str; 0]));
    }
}

/// A layer of entries that need more than one call each.
fn with_particulars(jail: &Jail) -> Layout {
    let layer = Tar::new()
        .directory("d/", 0o755)
        .directory("d/", 0o700)
        .file("d/file", 0o666, "content")
        .symlink("link", "d/file")
        .hard_link("hard", "d/file")
        .fifo("fifo", 0o644)
        .file("twice", 0o644, "first")
        .file("twice", 0o644, "second")
        .file(".wh.old", 0o644, "")
        .file("old/new", 0o644, "");
    Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer])
}

/// The second word is what strace(1) has behind `error=`, the third a path as the call has it.
#[test]
fn each_step_of_an_entry_that_fails_is_named_with_it() {
    require_faults!();
    let rows: [(&str, &str, Option<&str>, &str); 15] = [
        ("fremovexattr", "EIO", None, "cannot remove a default access list"),
        ("fstatfs", "EIO", None, "cannot ask for free space"),
        ("fremovexattr", "EIO:when=2", None, "its entry `d/`: cannot remove an extended attribute"),
        ("fchmod", "EIO:when=2", None, "its entry `d/file`: cannot set the mode of a file"),
        ("utimensat", "EIO", None, "its entry `d/file`: cannot set the time of a file"),
        (
            "utimensat",
            "EIO",
            Some("link"),
            "its entry `link`: cannot set the time of a symbolic link",
        ),
        (
            "newfstatat",
            "EIO",
            Some("file"),
            "its entry `hard`: cannot look at the target of a link",
        ),
        ("linkat", "EIO", None, "its entry `hard`: cannot make a hard link"),
        ("fchmod", "EIO:when=3", None, "its entry `fifo`: cannot set the mode of a fifo"),
        ("utimensat", "EIO:when=3", None, "its entry `fifo`: cannot set the time of a fifo"),
        (
            "unlinkat",
            "EIO:when=1",
            Some("twice"),
            "its entry `twice`: cannot remove what an entry replaces",
        ),
        (
            "newfstatat",
            "EIO",
            Some("old"),
            "its entry `old/new`: cannot look at what an entry replaces",
        ),
        ("fsetxattr", "EIO", None, "its entry `old/new`: cannot set an extended attribute"),
        ("fchmod", "EIO:when=4", None, "its entry `d`: cannot set the mode of a directory"),
        ("utimensat", "EIO", Some("d"), "its entry `d`: cannot set the time of a directory"),
    ];
    for (call, fault, path, because) in rows {
        let jail = Jail::new();
        let layout = with_particulars(&jail);
        let name = layout.reference();
        let failing = jail.through(failing(call, fault, path));
        let short = layout.blobs[0].short();
        let message = format!(
            "jail: error: cannot unpack layer 1 (`{short}`) of `{name}`\n\
             because: {because}: I/O error [EIO]\n"
        );
        refused(&image(&failing, &["import", "-q", &name, "faulty"]), &message);
        nothing_is_there(&failing.through([] as [&str; 0]));
    }
}

/// Nor can it be removed, and goes with the next `prune`.
#[test]
fn a_directory_that_cannot_be_used_is_not_unpacked_into() {
    require_faults!();
    for (call, path, because) in [
        ("openat", Some("."), "cannot read the directory of the layer: I/O error [EIO]"),
        ("fchmod", None, "cannot set the mode of the layer's directory: I/O error [EIO]"),
    ] {
        let jail = Jail::new();
        let layout = with_particulars(&jail);
        let name = layout.reference();
        let failing = jail.through(failing(call, "EIO", path));
        let message = format!(
            "jail: error: cannot unpack layer 1 (`{}`) of `{name}`\nbecause: {because}\n",
            layout.blobs[0].short()
        );
        refused(&image(&failing, &["import", "-q", &name, "faulty"]), &message);
        assert_eq!(entries(&failing, "tmp").len(), 1);
        let jail = failing.through([] as [&str; 0]);
        image(&jail, &["prune"]).succeeds();
        nothing_is_there(&jail);
    }
}

#[test]
fn a_disk_that_cannot_say_how_full_it_is_gets_nothing() {
    require_faults!();
    let jail = Jail::new();
    let name = layout(&jail).reference();
    let failing = jail.through(failing("statfs", "EIO", None));
    let message = format!(
        "jail: error: cannot ask how much room is in `{}`\nbecause: I/O error [EIO]\n",
        store(&failing).display()
    );
    refused(&image(&failing, &["import", "-q", &name, "faulty"]), &message);
    nothing_is_there(&failing.through([] as [&str; 0]));
}

/// A lock is a file that is made, though there is nothing in it.
#[test]
fn a_disk_without_room_for_a_lock_is_full() {
    require_faults!();
    let jail = Jail::new();
    let layer = Tar::new().file("file", 0o644, "content");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer]);
    let lock = store(&jail).join("locks").join(format!("sha256-{}", layout.blobs[0].hex()));
    let failing = jail.through(failing("?open,openat", "ENOSPC", lock.to_str()));
    let message = format!(
        "jail: error: cannot write `{}` of the image store\n\
         because: no space left on device [ENOSPC]\n\
         help: make room, for example by `jail image prune`, and run the command again\n",
        lock.display()
    );
    refused(&image(&failing, &["import", "-q", &layout.reference(), "full"]), &message);
    nothing_is_there(&failing.through([] as [&str; 0]));
}

/// Nothing of a file is kept for the next attempt, so none is promised to go on.
#[test]
fn a_file_that_cannot_be_read_is_no_connection_that_broke_off() {
    require_faults!();
    let jail = Jail::new();
    let layout = layout(&jail);
    let (name, blob) = (layout.reference(), layout.blob(&layout.blobs[0]));
    let failing = jail.through(failing("pread64", "EIO", blob.to_str()));
    let short = layout.blobs[0].short();
    let message = format!(
        "jail: error: cannot read layer 1 (`{short}`) of `{name}`\n\
         because: it cannot be read: I/O error [EIO]\n"
    );
    refused(&image(&failing, &["import", &name, "faulty"]), &message);
    nothing_is_there(&failing.through([] as [&str; 0]));
}

#[test]
fn a_file_that_is_cut_off_meanwhile_is_told() {
    require_faults!();
    let jail = Jail::new();
    let layout = layout(&jail);
    let (name, blob) = (layout.reference(), layout.blob(&layout.blobs[0]));
    let failing = jail.through(at_the_end("pread64", &blob));
    let short = layout.blobs[0].short();
    let message = format!(
        "jail: error: cannot read layer 1 (`{short}`) of `{name}`\n\
         because: it cannot be read: the file became shorter meanwhile\n"
    );
    refused(&image(&failing, &["import", &name, "faulty"]), &message);
    nothing_is_there(&failing.through([] as [&str; 0]));
}

/// The kernel counts all processes of the user, and lets one that is there already go on.
#[test]
fn without_a_thread_nothing_is_unpacked() {
    require!(Feature::Program("prlimit"));
    let jail = Jail::new();
    let name = layout(&jail).reference();
    let jail = jail.through(["prlimit", "--nproc=1"]);
    let message = format!(
        "jail: error: cannot start a thread to unpack `{name}`\nbecause: try again [EAGAIN]\n\
         help: end other programs, or raise the limit: `ulimit -u`, or `pids.max` of the cgroup\n"
    );
    refused(&image(&jail, &["import", "-q", &name, "many"]), &message);
    nothing_is_there(&jail.through([] as [&str; 0]));
}

/// The kernel's own file system in memory, ramfs, has no extended attributes.
#[test]
fn a_file_system_without_attributes_keeps_no_images() {
    require!(Feature::Root);
    let jail = Jail::new();
    let layout = layout(&jail);
    let name = layout.reference();
    let place = store(&jail);
    fs::create_dir_all(&place).unwrap();
    mount(Some("ramfs"), &place, Some("ramfs"), MsFlags::empty(), Some("mode=700")).unwrap();
    jail.user().own(&place);
    let finished = image(&jail, &["import", &name, "owned"]);
    let left = entries(&jail, "layers/sha256");
    umount(&place).unwrap();
    let short = layout.blobs[0].short();
    let message = format!(
        "jail: error: cannot unpack layer 1 (`{short}`) of `{name}`\n\
         because: its entry `owned`: the file system has no extended attributes of users, which \
         layers need [EOPNOTSUPP]\n\
         help: use a file system such as ext4, XFS or btrfs, and Linux 5.8 or newer; \
         `$XDG_DATA_HOME` says where images are kept\n"
    );
    refused(&finished, &message);
    assert_eq!(left, [] as [PathBuf; 0]);
}
