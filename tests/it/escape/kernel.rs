//! Parts of the kernel that no ordinary program needs, and that have been the way in.

use super::{never_reaches_the_kernel, refused, refused_though_root};
use crate::require;
use crate::support::{Feature, Jail};

/// Copy Fail and its like wrote into the page cache of read-only files through AF_ALG. The type
/// of socket makes no sense, which the kernel sees before it sees whether it has the family.
#[test]
fn crypto_sockets_are_refused() {
    never_reaches_the_kernel("socket 38 15 0", "EINVAL", "EAFNOSUPPORT");
}

/// AF_VSOCK speaks with the hypervisor and its other guests; no network namespace holds it.
#[test]
fn hypervisor_sockets_are_refused() {
    require!(Feature::Works("socket 40 1 0"));
    refused("socket 40 1 0", "EAFNOSUPPORT");
}

/// CVE-2017-7308, CVE-2020-14386: packet sockets, open to who has a network namespace.
#[test]
fn packet_sockets_are_refused() {
    require!(Feature::Userns);
    refused_though_root("", "socket 17 3 0", "EAFNOSUPPORT");
}

#[test]
fn raw_sockets_are_refused() {
    require!(Feature::Userns);
    refused_though_root("", "socket 2 3 1", "EAFNOSUPPORT");
    refused_though_root("", "socket 10 3 58", "EAFNOSUPPORT");
}

/// nf_tables (CVE-2024-1086), xfrm (CVE-2022-27666), device events, the audit log.
#[test]
fn netlink_but_for_routing_is_refused() {
    for protocol in [6, 9, 12, 15] {
        let attempt = format!("socket 16 3 {protocol}");
        require!(Feature::Works("socket 16 3 0"));
        refused(&attempt, "EAFNOSUPPORT");
    }
}

/// Most of the kernel's bugs that Google paid for in 2022; its operations pass no filter.
#[test]
fn io_uring_is_absent() {
    require!(Feature::Works("io-uring"));
    refused("io-uring", "ENOSYS");
}

/// CVE-2021-3490, CVE-2022-23222: a verifier that is wrong lets anybody run code in the kernel.
#[test]
fn bpf_is_refused() {
    never_reaches_the_kernel("bpf", "EBADF", "EPERM");
}

/// CVE-2013-2094 and side channels.
#[test]
fn performance_events_are_refused() {
    require!(Feature::Works("perf"));
    refused("perf", "EPERM");
}

/// It holds the kernel still in the middle of a copy, which makes its races winnable.
#[test]
fn userfaultfd_is_absent() {
    require!(Feature::Works("userfaultfd"));
    refused("userfaultfd", "ENOSYS");
}

#[test]
fn fanotify_is_refused() {
    require!(Feature::Works("fanotify"));
    refused("fanotify", "EPERM");
}

#[test]
fn secret_memory_is_absent() {
    require!(Feature::Works("memfd-secret"));
    refused("memfd-secret", "ENOSYS");
}

/// CVE-2014-9357, "shocker": a file by the number of its inode, past every mount.
#[test]
fn files_cannot_be_opened_by_handle() {
    never_reaches_the_kernel("open-by-handle", "EBADF", "EPERM");
}

#[test]
fn handles_of_files_cannot_be_had() {
    require!(Feature::Works("name-to-handle ."));
    refused("name-to-handle .", "EPERM");
}

/// CVE-2017-17053 and 16-bit segments before that.
#[test]
fn segments_cannot_be_changed() {
    require!(Feature::Works("modify-ldt"));
    refused("modify-ldt", "EPERM");
}

/// It switches off what makes the next exploit hard: addresses that cannot be guessed.
#[test]
fn address_randomization_stays_on() {
    refused("personality 0x40000", "EPERM");
    refused("personality 0x0400000", "EPERM");
}

/// The usual personalities stay possible, or old build tools would break.
#[test]
fn a_usual_personality_can_be_asked_for() {
    let jail = Jail::new();
    jail.outside("personality 8").answers("before=0x0");
    jail.probe("personality 8").answers("before=0x0");
}

/// PR_SET_MM makes /proc tell lies about a process: its program, its arguments.
#[test]
fn a_process_cannot_disguise_its_memory() {
    never_reaches_the_kernel("set-mm", "EINVAL", "EPERM");
}

/// Which kernel object lies before which, for heap exploits.
#[test]
fn kernel_objects_cannot_be_compared() {
    require!(Feature::Works("kcmp 0"));
    refused("kcmp 0", "EPERM");
}

#[test]
fn quotas_cannot_be_asked_for() {
    require!(Feature::Works("quotactl"));
    refused("quotactl", "EPERM");
}

/// It holds addresses of the kernel, and names of what is plugged in.
#[test]
fn the_kernels_log_cannot_be_read() {
    require!(Feature::Root);
    let jail = Jail::as_root();
    jail.outside("kernel-log").answers("");
    jail.probe("kernel-log").refused("EPERM");
    jail.args(["--seccomp", "off"]).probe("kernel-log").refused("EPERM");
}

/// CVE-2018-11508 and others of the memory policy calls.
#[test]
fn memory_cannot_be_bound_to_nodes() {
    require!(Feature::Works("mbind"));
    refused("mbind", "EPERM");
}

/// CVE-2016-0728: a reference counter of keyrings, and keys have no namespace.
#[test]
fn key_calls_are_refused() {
    refused("add-key", "EPERM");
    refused("keyctl", "EPERM");
    never_reaches_the_kernel("request-key jail-no-such-key", "ENOKEY", "EPERM");
}

/// A device node of one's own would be a way to any disk. The whiteout 0:0 is the one that
/// an ordinary user may make outside.
#[test]
fn device_nodes_cannot_be_made() {
    let jail = Jail::new();
    jail.probe("mknod inside char 0 0").refused("EPERM");
    jail.probe("mknod inside block 0 0").refused("EPERM");
    jail.outside("mknod outside char 0 0").answers("");
    // Behind the filter stands Landlock, before the kernel asks for a capability.
    let loosened = jail.args(["--seccomp", "off"]);
    loosened.probe("mknod inside block 254 0").refused("EACCES");
    loosened.probe("mknod inside char 0 0").refused("EACCES");
    loosened.args(["--landlock", "off"]).probe("mknod inside block 254 0").refused("EPERM");
}
