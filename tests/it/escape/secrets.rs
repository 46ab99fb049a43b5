//! What leaks without any file being opened that should not be: environment, keys, /proc.

use crate::require;
use crate::support::{Feature, Jail};

#[test]
fn the_callers_environment_is_absent() {
    let names =
        ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS"];
    let jail = names.iter().fold(Jail::new(), |jail, name| jail.env(*name, "s3cr3t"));
    for name in names {
        jail.outside(&format!("environment {name}")).answers("s3cr3t");
        jail.probe(&format!("environment {name}")).refused("ENOENT");
    }
    jail.probe("environment").output_lacks("s3cr3t").succeeds();
    jail.probe("read /proc/self/environ").output_lacks("s3cr3t").succeeds();
}

/// These choose code that runs in every program.
#[test]
fn variables_of_the_loader_are_not_passed_on() {
    let names = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "PYTHONPATH"];
    let jail = names.iter().fold(Jail::new(), |jail, name| jail.env(*name, "/evil"));
    for name in names {
        jail.outside(&format!("environment {name}")).answers("/evil");
        jail.probe(&format!("environment {name}")).refused("ENOENT");
    }
}

/// Kerberos tickets and disk keys lie in the session keyring, which children inherit.
#[test]
fn keys_of_the_session_are_out_of_reach() {
    require!(Feature::Works("keyctl"));
    let jail = Jail::new().through_probe("with-session-key jail-test s3cr3t");
    jail.outside("read-key jail-test").answers("s3cr3t");
    jail.probe("read-key jail-test").refused("EPERM");
    jail.probe("request-key jail-test").refused("EPERM");
}

#[test]
fn keys_of_the_session_are_out_of_reach_without_a_filter() {
    require!(Feature::Works("keyctl"));
    let jail = Jail::new().through_probe("with-session-key jail-test s3cr3t");
    jail.outside("read-key jail-test").answers("s3cr3t");
    let jail = jail.args(["--seccomp", "off"]);
    jail.probe("read-key jail-test").refused("ENOKEY");
    jail.probe("request-key jail-test").refused("ENOKEY");
}

/// Addresses of the kernel, keystrokes by the count of interrupts, names of keys.
#[test]
fn files_of_proc_that_tell_about_the_kernel_are_masked() {
    let jail = Jail::new();
    for file in ["kallsyms", "interrupts", "keys", "modules", "config.gz"] {
        // Not every kernel has each of them.
        if std::path::Path::new("/proc").join(file).exists() {
            let attempt = format!("read /proc/{file}");
            jail.outside(&attempt).succeeds();
            jail.probe(&attempt).refused_with_any(&["EACCES", "ENOENT"]);
        }
    }
}

/// Memory of the kernel itself, and its timers, which root may read outside.
#[test]
fn files_of_proc_for_root_are_masked() {
    require!(Feature::Root);
    let jail = Jail::as_root();
    for file in ["kcore", "timer_list", "vmallocinfo"] {
        let path = format!("/proc/{file}");
        if std::path::Path::new(&path).exists() {
            jail.outside(&format!("open-read {path}")).answers("");
            jail.probe(&format!("open-read {path}")).refused_with_any(&["EACCES", "ENOENT"]);
        }
    }
}

/// CVE-2022-0811: a pipe in core_pattern is a program that the host runs as root.
#[test]
fn settings_of_the_kernel_cannot_be_changed() {
    require!(Feature::Root);
    let jail = Jail::as_root();
    for file in [
        "sys/kernel/core_pattern",
        "sys/kernel/hostname",
        "sys/kernel/modprobe",
        "sys/vm/overcommit_memory",
        "sysrq-trigger",
    ] {
        // Not every kernel has each of them.
        if std::path::Path::new("/proc").join(file).exists() {
            let attempt = format!("open-write /proc/{file}");
            jail.outside(&attempt).succeeds();
            jail.probe(&attempt).refused_with_any(&["EROFS", "EACCES"]);
        }
    }
    jail.outside("open-write /proc/sys/kernel/core_pattern").answers("");
}

/// Some settings belong to a namespace, and its owner could change them.
#[test]
fn settings_of_the_own_namespaces_cannot_be_changed() {
    require!(Feature::Userns);
    for file in ["net/ipv4/ip_forward", "user/max_user_namespaces", "kernel/msgmax"] {
        let attempt = format!("open-write /proc/sys/{file}");
        let jail = Jail::new();
        if jail.outside(&format!("in-userns -- {attempt}")).status.success() {
            jail.probe(&attempt).refused_with_any(&["EROFS", "EACCES"]);
            let jail = jail.args(["--user", "root"]);
            jail.probe(&attempt).refused_with_any(&["EROFS", "EACCES"]);
        }
    }
}

/// The kernel's devices and tunables; nobody who builds or tests needs them.
#[test]
fn sys_is_absent() {
    let jail = Jail::new();
    jail.outside("list /sys/class/net").succeeds();
    jail.probe("list /sys/class/net").refused("ENOENT");
    jail.outside("list /sys/fs/cgroup").succeeds();
    jail.probe("list /sys/fs/cgroup").refused("ENOENT");
}
