//! Out of the mounts and the namespaces.

use super::{refused, refused_though_root, refused_without_filter};
use crate::require;
use crate::support::{Feature, Jail, jail_binary};

/// In a user namespace of its own a process is root, and most of the kernel's privileged code
/// is in reach: CVE-2022-0185, CVE-2023-0386, CVE-2024-1086 and many more begin there.
#[test]
fn a_nested_user_namespace_is_refused() {
    require!(Feature::Userns);
    refused("unshare user", "EPERM");
}

/// Behind the filter stands a limit of zero user namespaces.
#[test]
fn a_nested_user_namespace_is_refused_without_a_filter() {
    require!(Feature::Userns);
    let jail = Jail::new();
    jail.outside("unshare user").answers("");
    jail.args(["--seccomp", "off"]).probe("unshare user").refused("ENOSPC");
}

#[test]
fn cloning_into_a_user_namespace_is_refused() {
    require!(Feature::Userns);
    refused("clone user", "EPERM");
}

#[test]
fn cloning_into_a_user_namespace_is_refused_without_a_filter() {
    require!(Feature::Userns);
    let jail = Jail::new();
    jail.outside("clone user").answers("");
    jail.args(["--seccomp", "off"]).probe("clone user").refused("ENOSPC");
}

#[test]
fn no_other_namespace_can_be_made() {
    require!(Feature::Userns);
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] {
        refused_though_root("", &format!("unshare {kind}"), "EPERM");
    }
}

/// A descriptor of another namespace, passed in or found in /proc, would be a door.
#[test]
fn entering_a_namespace_is_refused() {
    require!(Feature::Userns);
    refused_though_root("", "setns /proc/self/ns/uts", "EPERM");
}

#[test]
fn mounting_is_refused() {
    require!(Feature::Userns);
    refused_though_root("", "mount-tmpfs sub", "EPERM");
}

#[test]
fn mounting_is_refused_without_a_filter() {
    require!(Feature::Userns);
    refused_without_filter("", "mount-tmpfs sub", "EPERM");
}

#[test]
fn binding_is_refused() {
    require!(Feature::Userns);
    refused_though_root("", "bind . sub", "EPERM");
}

/// Taking a mount away shows what is below it: a masked file, a writable directory.
#[test]
fn unmounting_is_refused() {
    require!(Feature::Userns);
    refused_though_root("mount-tmpfs sub", "umount sub", "EPERM");
}

#[test]
fn unmounting_a_mask_is_refused_without_a_filter() {
    require!(Feature::Userns);
    let jail = Jail::new().file(".env", "s3cr3t").args(["--mask", "./.env", "--seccomp", "off"]);
    jail.outside("in-userns -- bind .env .env -- umount .env -- read .env").answers("s3cr3t");
    jail.probe("umount .env").refused("EPERM");
}

#[test]
fn remounting_writable_is_refused() {
    require!(Feature::Userns);
    let jail = Jail::new().file("lib/a", "a").args(["--read", "./lib"]);
    let own = "in-userns -- bind lib lib -- remount-read-only lib -- remount-writable lib";
    jail.outside(own).answers("");
    jail.probe("remount-writable lib").refused("EPERM");
    jail.flag("--seccomp=off").probe("remount-writable lib").refused("EPERM");
}

/// The newer interface does the same by other calls (CVE-2021-41133).
#[test]
fn the_new_mount_calls_are_absent() {
    require!(Feature::Userns);
    refused_though_root("", "fsopen", "ENOSYS");
    refused_though_root("", "open-tree sub", "ENOSYS");
    refused_though_root("", "move-mount sub sub", "ENOSYS");
    refused_though_root("mount-tmpfs sub", "fspick sub", "ENOSYS");
    refused_though_root("bind sub sub", "mount-setattr sub", "ENOSYS");
}

#[test]
fn the_new_mount_calls_are_refused_without_a_filter() {
    require!(Feature::Userns);
    refused_without_filter("", "fsopen", "EPERM");
    refused_without_filter("", "open-tree sub", "EPERM");
    refused_without_filter("bind sub sub", "mount-setattr sub", "EPERM");
}

#[test]
fn changing_the_root_is_refused() {
    require!(Feature::Userns);
    refused_though_root("mount-tmpfs sub", "pivot-root sub", "EPERM");
}

/// The oldest way out of a changed root is another one: chroot, then `..` beyond it.
#[test]
fn chroot_is_refused() {
    require!(Feature::Userns);
    refused_though_root("", "chroot sub", "EPERM");
    refused_without_filter("", "chroot sub", "EPERM");
}

#[test]
fn the_host_name_cannot_be_changed() {
    require!(Feature::Userns);
    refused_though_root("", "sethostname x", "EPERM");
    refused_though_root("", "setdomainname x", "EPERM");
}

/// A jail within the jail would take all of this for granted; it needs `--nesting`.
#[test]
fn a_nested_jail_is_refused() {
    require!(Feature::Userns);
    let jail = Jail::new();
    let directory = jail_binary().parent().expect("a program is in a directory");
    let inner = jail.run_line(["/bin/true"]);
    jail.run_outside(&inner).succeeds();
    jail.flag("--read").flag(directory).run(&inner).exits(125);
}

/// Started as root, as in a CI container, the jail must take away what root has.
#[test]
fn root_outside_is_nobody_inside() {
    require!(Feature::Root);
    let jail = Jail::as_root().directory("sub");
    for attempt in ["chroot sub", "unshare uts", "setns /proc/self/ns/uts"] {
        jail.outside(attempt).succeeds();
        jail.probe(attempt).refused("EPERM");
    }
    jail.outside("socket 17 3 0").succeeds();
    jail.probe("socket 17 3 0").refused("EAFNOSUPPORT");
    jail.probe("mknod inside char 1 3").refused("EPERM");
    jail.outside("mknod outside char 1 3").answers("");
    jail.probe("mount-tmpfs sub").refused("EPERM");
    jail.probe("unshare user").refused("EPERM");
}

/// The same without a filter: its capabilities are gone as well.
#[test]
fn root_outside_is_nobody_inside_without_a_filter() {
    require!(Feature::Root);
    let jail = Jail::as_root().directory("sub").args(["--seccomp", "off"]);
    for attempt in ["chroot sub", "unshare uts", "setns /proc/self/ns/uts", "socket 17 3 0"] {
        jail.outside(attempt).succeeds();
        jail.probe(attempt).refused("EPERM");
    }
    jail.probe("mknod inside char 1 3").refused("EACCES");
    jail.probe("mount-tmpfs sub").refused("EPERM");
    jail.probe("unshare user").refused("ENOSPC");
    let jail = jail.args(["--landlock", "off"]);
    jail.probe("mknod inside char 1 3").refused("EPERM");
    jail.probe("mount-tmpfs sub").refused("EPERM");
}

/// Who keeps CAP_SYS_ADMIN has it over the mounts as well, and Landlock has no say in these
/// calls: the filter has.
#[test]
fn an_administrator_inside_cannot_change_a_mount() {
    require!(Feature::Userns);
    let jail = Jail::new().file("lib/a", "a").args(["--read", "./lib", "--cap-add", "SYS_ADMIN"]);
    jail.outside("in-userns -- bind lib lib -- mount-setattr lib -- open-tree lib").succeeds();
    jail.probe("mount-setattr lib").refused("ENOSYS");
    jail.probe("open-tree lib").refused("ENOSYS");
    jail.probe("fsopen").refused("ENOSYS");
    jail.probe("umount lib").refused("EPERM");
    for loosened in [["--seccomp", "off"], ["--seccomp-allow", "@mount"], ["--nesting", "on"]] {
        let jail = Jail::new().args(["--cap-add", "SYS_ADMIN"]).args(loosened);
        jail.run(["/bin/true"]).exits(125).says("`CAP_SYS_ADMIN` cannot be kept unless the filter");
    }
}
