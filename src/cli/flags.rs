//! The flags that make a layer over the profile, as typed.
//!
//! A value is taken as it is and understood in [`layer`](super::layer), so that mistakes in
//! flags are reported in the same words as those in profiles, and all at once.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::rules::RuleFlags;
use super::words;

/// What may be said about the sandbox for one run.
#[derive(Args, Debug, Default)]
pub struct SandboxFlags {
    /// Use this profile; several are merged from left to right
    ///
    /// A path if it has a `/` or ends in `.toml`, else a name, which is looked for in
    /// $XDG_CONFIG_HOME/jail/profiles, /etc/jail/profiles and among the built-in profiles: base,
    /// default, dev, ci and strict. Without this flag and JAIL_PROFILE it is `default`.
    #[arg(short = 'P', long, value_name = "PROFILE", value_hint = ValueHint::FilePath)]
    pub profile: Vec<OsString>,

    #[command(flatten)]
    pub filesystem: FilesystemFlags,
    #[command(flatten)]
    pub network: NetworkFlags,
    #[command(flatten)]
    pub environment: EnvironmentFlags,
    #[command(flatten)]
    pub process: ProcessFlags,
    #[command(flatten)]
    pub protection: ProtectionFlags,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Filesystem")]
pub struct FilesystemFlags {
    #[command(flatten)]
    pub rules: RuleFlags,

    /// Grant a device node of the host
    ///
    /// null, zero, full, random, urandom, tty, ptmx and shm are there without asking.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub device: Vec<OsString>,

    /// Start from this root: host, empty, or a directory
    ///
    /// `host` is the system directories of this machine, read-only. `empty` is nothing. A directory
    /// needs a `/` in its name, as `./rootfs`.
    #[arg(long, value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub root: Option<OsString>,

    /// Say what happens to writes outside of what is granted
    ///
    /// read-only: they fail. overlay: they go to memory and are thrown away. write: they go to the
    /// directory of `--root`, and stay.
    #[arg(long, value_name = "MODE", value_parser = words::ROOT_MODES)]
    pub root_mode: Option<OsString>,

    /// Make the root read-only, as `--root-mode read-only`
    #[arg(long, conflicts_with = "root_mode")]
    pub read_only: bool,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Network")]
pub struct NetworkFlags {
    /// Choose the network that the command has
    ///
    /// none, unless said: a loopback interface of its own. host: the network of this machine, with all
    /// that listens on it.
    #[arg(long, value_name = "MODE", value_parser = words::NETWORK_MODES)]
    pub network: Option<OsString>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Environment")]
pub struct EnvironmentFlags {
    /// Set a variable; without `=VALUE`, keep the caller's
    ///
    /// A name that ends in `*` keeps all variables that begin so: `LC_*`.
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<OsString>,

    /// Set variables from a file of lines NAME=VALUE
    ///
    /// A line with a NAME alone keeps the caller's variable. Empty lines and lines that begin with
    /// `#` are skipped; quotes are part of the value. `--env` is stronger.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_file: Vec<OsString>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Process")]
pub struct ProcessFlags {
    /// Start the command in this directory
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub workdir: Option<OsString>,

    /// Run the command as: keep, root, or UID:GID
    ///
    /// `keep`, unless said, is the caller's own ids. `root` is 0:0, without any capability.
    #[arg(short, long, value_name = "USER")]
    pub user: Option<OsString>,

    /// Choose which ids exist inside
    ///
    /// single, unless said: one uid and one gid. subuid: the caller's range of /etc/subuid and /etc/subgid
    /// as well. auto: subuid where this machine has it, else single.
    #[arg(long, value_name = "IDS", value_parser = words::IDS)]
    pub ids: Option<OsString>,

    /// Name the machine inside; without this it is called `jail`
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<OsString>,

    /// Choose the terminal that the command has
    ///
    /// auto, unless said: the caller's, as long as the system call filter refuses to type into it. inherit:
    /// the caller's, whatever the filter does. none: no controlling terminal.
    #[arg(long, value_name = "MODE", value_parser = words::TTYS)]
    pub tty: Option<OsString>,

    /// Set the umask, in octal, such as 022
    #[arg(long, value_name = "MASK")]
    pub umask: Option<OsString>,

    /// Keep these file descriptors open, beyond 0, 1 and 2
    #[arg(long, value_name = "N[,N]...", value_delimiter = ',')]
    pub preserve_fd: Vec<OsString>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Protection")]
pub struct ProtectionFlags {
    /// Filter system calls by a policy: default, strict, off, or a file
    ///
    /// strict also refuses what a plain computation does not need, such as internet sockets.
    /// A file has docker's JSON format, and needs a `/` or ends in `.json`.
    #[arg(long, value_name = "POLICY", value_hint = ValueHint::FilePath)]
    pub seccomp: Option<OsString>,

    /// Allow a system call, or a group of them such as @debug
    #[arg(long, value_name = "NAME")]
    pub seccomp_allow: Vec<OsString>,

    /// Refuse a system call, or a group of them; stronger than `--seccomp-allow`
    #[arg(long, value_name = "NAME")]
    pub seccomp_deny: Vec<OsString>,

    /// Have the kernel check every file access by Landlock as well: on, unless said
    ///
    /// Landlock is a second wall behind the mounts. It also keeps a file that was passed for
    /// reading, as on standard input, from being opened again for writing.
    #[arg(long, value_name = "SWITCH", value_parser = words::SWITCHES)]
    pub landlock: Option<OsString>,

    /// Let the command make namespaces of its own, as sandboxes do: off, unless said
    #[arg(long, value_name = "SWITCH", value_parser = words::SWITCHES)]
    pub nesting: Option<OsString>,

    /// Keep a capability (a part of root's power), such as NET_BIND_SERVICE
    ///
    /// It holds inside the sandbox only, for what belongs to the sandbox.
    #[arg(long, value_name = "NAME")]
    pub cap_add: Vec<OsString>,

    /// Go on without this protection where this machine lacks it
    ///
    /// Without this flag the command does not run then. A warning says what is missing.
    #[arg(long, value_name = "PROTECTION", value_parser = words::PROTECTIONS)]
    pub degrade: Vec<OsString>,
}
