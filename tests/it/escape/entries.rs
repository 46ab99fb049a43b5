//! Other ways into the kernel than the one that the filter was written for.

use super::{never_reaches_the_kernel, refused};
use crate::support::Jail;

/// The table of 32-bit calls has other numbers: a filter for the 64-bit ones allows by accident.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_32_bit_entry_ends_the_process() {
    let jail = Jail::new();
    jail.outside("int80-getpid").answers("");
    jail.probe("int80-getpid").killed_by(libc::SIGSYS);
}

/// An x32 number is a 64-bit one with a bit set, so that a deny-list does not know it. A kernel
/// without x32 answers as our filter does.
#[test]
#[cfg(target_arch = "x86_64")]
fn an_x32_number_is_no_system_call() {
    let jail = Jail::new();
    jail.outside("say reached").answers("reached");
    jail.probe("x32-getpid").refused("ENOSYS");
}

/// The same, told apart from such a kernel: where the filter ends the process for what it does
/// not allow, it must not take the x32 number for the call that it allows.
#[test]
#[cfg(target_arch = "x86_64")]
fn an_x32_number_is_not_the_call_that_is_allowed() {
    let policy = r#"{ "defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [ {
        "names": ["getpid", "read", "write", "exit", "exit_group", "rt_sigreturn", "execve", "brk", "mmap", "munmap",
            "mprotect", "madvise", "mremap", "arch_prctl", "set_tid_address", "set_robust_list",
            "rseq", "prlimit64", "getrandom", "readlink", "readlinkat", "newfstatat", "fstat",
            "poll", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "sched_getaffinity", "close",
            "fcntl", "open", "openat", "lseek", "uname", "gettid", "futex"],
        "action": "SCMP_ACT_ALLOW" } ] }"#;
    let jail = Jail::new().file("policy.json", policy).args(["--seccomp", "./policy.json"]);
    jail.outside("say alive").answers("alive");
    jail.probe("say alive").answers("alive");
    jail.probe("x32-getpid").killed_by(libc::SIGSYS);
}

/// clone3 has its flags in memory, where a filter cannot see them (CVE-2021-41133).
#[test]
fn clone3_is_absent() {
    refused("clone3 none", "ENOSYS");
}

#[test]
fn clone3_makes_no_user_namespace() {
    refused("clone3 user", "ENOSYS");
}

/// A call that is newer than the filter is not allowed by accident.
#[test]
fn a_number_beyond_the_table_is_absent() {
    let jail = Jail::new();
    jail.outside("unknown-call").refused("ENOSYS");
    jail.probe("unknown-call").refused("ENOSYS");
}

/// A filter that compares 64 bits of a 32-bit argument lets AF_VSOCK pass as another number
/// (the class of CVE-2019-10063).
#[test]
fn high_bits_of_a_socket_family_change_nothing() {
    // 15 is no type of socket: the kernel says so only after it took 0x1_0000_0026 for AF_ALG.
    never_reaches_the_kernel("socket 0x100000026 15 0", "EINVAL", "EAFNOSUPPORT");
}
