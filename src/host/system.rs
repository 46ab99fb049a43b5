//! What `root = "host"` means: the paths of a system that programs need in order to run.
//!
//! Every entry is a mount, and every mount costs time at each start, so an entry has to
//! earn its place. Nothing here identifies the machine or holds a secret: machine-id, shadow
//! and its backups, ssh host keys, sudoers, and the files of tools that may hold tokens
//! (gitconfig, npmrc, pip.conf) are left out on purpose.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::profile::{Network, NetworkMode};
use crate::units::AbsolutePath;

use super::{FileFact, NetworkFacts};

/// Programs and libraries. On a merged-usr system most of these are symbolic links into /usr,
/// which are made again rather than mounted.
pub const DIRECTORIES: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/lib32",
    "/libx32",
    "/opt",
    // On Nix and Guix everything is a link into the store.
    "/nix/store",
    "/gnu/store",
    // NixOS keeps its programs behind this link, and $PATH goes through it.
    "/run/current-system",
];

/// Settings in /etc that programs read whatever they do. What only some tools want, such as
/// fontconfig, stands in the built-in profile `toolchain-system`.
pub const ETC: [&str; 19] = [
    // Debian's choice between programs: `cc`, `java`, `editor` are links through here.
    "/etc/alternatives",
    // The dynamic linker and the linker of gcc.
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld-musl-x86_64.path",
    // Certificates: openssl and all that is built on it fail without its configuration. The
    // directories beside these hold private keys, which root could read inside as well.
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/crypto-policies",
    // Time zone and language.
    "/etc/localtime",
    "/etc/locale.conf",
    // Names of services and protocols: perl's sockets ask for the number of `tcp`.
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/services",
    // What the system is called: installers ask.
    "/etc/os-release",
    // A shell that a person types into.
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/inputrc",
];

/// Where Debian keeps Java machines.
pub const JAVA_MACHINES: &str = "/usr/lib/jvm";

/// How the names of their settings in /etc begin. They are links in [`JAVA_MACHINES`], and no
/// machine starts without them.
pub const JAVA_SETTINGS: &str = "java-";

/// How names are resolved, of use only with a network.
pub const ETC_NAMES: [&str; 2] = ["/etc/gai.conf", "/etc/host.conf"];

/// Whom to ask for names, and names that need not be asked for, on the host's network.
pub const ETC_RESOLVER: &str = "/etc/resolv.conf";
pub const ETC_HOSTS: &str = "/etc/hosts";

/// Files that each run of an image has of its own.
pub const GENERATED: [&str; 5] =
    ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group"];

/// What else is shown where nothing can be put in its place: who users are, and what programs ask
/// the kernel for. Nothing of a single process, as that would be one of every process.
pub const BARE: [&str; 14] = [
    "/etc/passwd",
    "/etc/group",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/version",
    "/proc/sys/fs/pipe-max-size",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/vm/overcommit_memory",
];

/// Directories that are private to each run, and their modes.
pub const PRIVATE: [(&str, u32); 3] = [("/tmp", 0o1777), ("/run", 0o755), ("/var/tmp", 0o1777)];

/// A link that old programs expect beside /run.
pub const VAR_RUN: &str = "/var/run";

/// Where jail shows its own: never the target of a rule.
pub const PROVIDED: [&str; 2] = ["/dev", "/proc"];

/// What stays hidden below a granted /sys, unless it is granted by a longer path.
///
/// They tell of the machine, of other users' processes, or of keys (power use leaks them,
/// CVE-2020-8694), or are an interface to kernel code that no build needs.
pub const SYS_HIDDEN: [&str; 8] = [
    "/sys/firmware",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
    "/sys/fs/selinux",
    "/sys/fs/cgroup",
    "/sys/devices/virtual/powercap",
    "/sys/class/powercap",
];

/// Hidden as well unless the network is the host's: sysfs shows the interfaces of the network
/// namespace that it was mounted in.
pub const SYS_NETWORK: [&str; 2] = ["/sys/class/net", "/sys/devices/virtual/net"];

/// What else is hidden there, in the directory of each processor: how often it was too hot
/// tells what others run.
pub const SYS_CPU_HIDDEN: &str = "thermal_throttle";

/// The directory with one directory for each processor.
pub const SYS_CPUS: &str = "/sys/devices/system/cpu";

/// Returns the paths of the system root: the fixed ones, and those of [`JAVA_SETTINGS`]
/// that the survey found.
pub fn entries(
    files: &BTreeMap<AbsolutePath, FileFact>,
    network: &Network,
    facts: &NetworkFacts,
) -> Vec<AbsolutePath> {
    let mode = network.mode.as_ref().map_or(&NetworkMode::None, |mode| &mode.value);
    let names: &[&str] = match mode {
        NetworkMode::None => &[],
        NetworkMode::Host | NetworkMode::Nat | NetworkMode::Allow | NetworkMode::Namespace(_) => {
            &ETC_NAMES
        }
    };
    let shares = !mode.is_own();
    let has_own = !network.dns.is_empty() || facts.resolver_of_namespace.is_some();
    let resolver = (shares && !has_own).then_some(&ETC_RESOLVER);
    let hosts = (shares && network.hosts.is_empty()).then_some(&ETC_HOSTS);
    let fixed = DIRECTORIES.iter().chain(&ETC).chain(names).chain(resolver).chain(hosts);
    let mut entries: Vec<AbsolutePath> = fixed.filter_map(AbsolutePath::new).collect();
    let etc = AbsolutePath::root().join("etc");
    let below = (Bound::Excluded(&etc), Bound::Unbounded);
    let found = files.range::<AbsolutePath, _>(below).map(|(path, _)| path);
    entries.extend(found.take_while(|path| etc.contains(path)).filter(is_versioned).cloned());
    entries
}

fn is_versioned(path: &&AbsolutePath) -> bool {
    let path = path.as_path();
    path.parent() == Some(Path::new("/etc"))
        && path
            .file_name()
            .is_some_and(|name| name.as_bytes().starts_with(JAVA_SETTINGS.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Located, Origin};

    #[test]
    fn nothing_that_identifies_the_machine_or_holds_a_secret_is_an_entry() {
        let files = BTreeMap::new();
        let mode = Located::new(NetworkMode::Host, Origin::BuiltIn);
        let network = Network { mode: Some(mode), ..Network::default() };
        let entries = entries(&files, &network, &NetworkFacts::default());
        let secrets = [
            "machine-id",
            "shadow",
            "shadow-",
            "gshadow",
            "sudoers",
            "ssh",
            "npmrc",
            "pip.conf",
            "ssl/private",
            "pki/tls/private",
            "maven/settings.xml",
        ];
        for secret in secrets {
            let path = AbsolutePath::new(format!("/etc/{secret}")).unwrap();
            assert!(!entries.iter().any(|entry| entry.contains(&path)), "{path}");
        }
    }

    #[test]
    fn names_with_a_version_are_taken_from_the_survey() {
        let mut files = BTreeMap::new();
        for path in ["/etc/java-11-openjdk", "/etc/java-17-openjdk", "/etc/java-x/x", "/etc/x"] {
            let path = AbsolutePath::new(path).unwrap();
            let fact = FileFact {
                kind: super::super::FileKind::Directory,
                canonical: path.clone(),
                links: vec![],
            };
            files.insert(path, fact);
        }
        let entries = entries(&files, &Network::default(), &NetworkFacts::default());
        let has = |text: &str| entries.contains(&AbsolutePath::new(text).unwrap());
        assert!(has("/etc/java-11-openjdk") && has("/etc/java-17-openjdk"));
        assert!(!has("/etc/java-x/x") && !has("/etc/x"));
    }
}
