//! The flags that make a layer over the profile, as typed.
//!
//! A value is taken as it is and understood in [`layer`](super::layer), so that mistakes in
//! flags are reported in the same words as those in profiles, and all at once.

use std::ffi::OsString;

use clap::{Args, ValueHint};

use super::network::NetworkFlags;
use super::rules::RuleFlags;
use super::words;

/// What may be said about the sandbox for one run.
#[derive(Args, Debug, Default)]
pub struct SandboxFlags {
    /// Use this profile; several are merged from left to right
    ///
    /// A path if it has a `/` or ends in `.toml`, else a name, which is looked for in
    /// $XDG_CONFIG_HOME/jail/profiles, /etc/jail/profiles and among the built-in profiles, such as
    /// dev, rust, node, agent and untrusted. Without this flag and JAIL_PROFILE it is `default`.
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
    #[command(flatten)]
    pub limits: LimitFlags,
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

    /// Start from this root: host, empty, image:NAME, or a directory
    ///
    /// `host` is the system directories of this machine, read-only. `empty` is nothing. `image:` and
    /// the name of an image are the image's files; see `--image`. A directory needs a `/` in its
    /// name, as `./rootfs`.
    #[arg(long, value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub root: Option<OsString>,

    /// Say what happens to writes outside of what is granted
    ///
    /// read-only: they fail. overlay: they go to memory and are thrown away. write: they go to the
    /// directory of `--root`, and stay.
    #[arg(long, value_name = "MODE", value_parser = words::ROOT_MODES)]
    pub root_mode: Option<OsString>,

    /// Start from an image, as `--root image:NAME`
    ///
    /// What the command writes goes to memory and is thrown away. IMAGE is the name of an image in a registry,
    /// such as debian:12, or oci:DIRECTORY, oci-archive:FILE, docker-archive:FILE, dir:DIRECTORY or
    /// tar:FILE. Without a command the image's own is run.
    #[arg(long, value_name = "IMAGE", conflicts_with = "root")]
    pub image: Option<OsString>,

    /// Fetch the image when it is missing (unless said), always, or never
    #[arg(long, value_name = "WHEN", value_parser = words::PULLS)]
    pub pull: Option<OsString>,

    /// Take the image for this platform, such as linux/arm64
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<OsString>,

    /// Keep what the command changes in the image, for the next run with this name
    ///
    /// It is kept in $XDG_STATE_HOME/jail/keep/NAME until that directory is removed. One run at a time
    /// can use a name, always with the same image.
    #[arg(long, value_name = "NAME")]
    pub keep: Option<OsString>,

    /// Make the root read-only, as `--root-mode read-only`
    #[arg(long, conflicts_with = "root_mode")]
    pub read_only: bool,
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

    /// Put this program before the command, in the place of the image's; '' is nothing
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<OsString>,

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

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Limits")]
pub struct LimitFlags {
    /// Cap the memory of all processes together, such as 512M
    ///
    /// What they write to a tmpfs counts as well. Beyond it, one or all of them are killed. Without
    /// `--swap` there is no swap either. Sizes are binary: 1M is 2^20 bytes. `unlimited` lifts what
    /// the profile says, here and below.
    #[arg(short, long, value_name = "SIZE", allow_negative_numbers = true)]
    pub memory: Option<OsString>,

    /// Cap the swap of all processes together; 0B is none
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pub swap: Option<OsString>,

    /// Cap memory and swap together, as podman counts it; -1 is no limit of swap
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, conflicts_with = "swap")]
    pub memory_swap: Option<OsString>,

    /// Cap the share of processors, such as 1.5 or 150%
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub cpus: Option<OsString>,

    /// Use these processors only, such as 0-3,5
    #[arg(long, value_name = "CPUS", visible_alias = "cpuset-cpus", allow_negative_numbers = true)]
    pub cpuset: Option<OsString>,

    /// Cap the number of processes and threads; -1 and 0 are no limit
    #[arg(long, value_name = "N", visible_alias = "pids-limit", allow_negative_numbers = true)]
    pub pids: Option<OsString>,

    /// Slow down the block device of a path, as PATH:read=10M[,write=5M]
    ///
    /// read and write are bytes a second, read-ops and write-ops are operations a second. At least
    /// one of the four is needed.
    #[arg(long, value_name = "IO", value_hint = ValueHint::AnyPath)]
    pub io: Vec<OsString>,

    /// Let the command use pages of hugetlbfs, which no memory limit counts: on, unless said
    #[arg(long, value_name = "SWITCH", value_parser = words::SWITCHES)]
    pub hugepages: Option<OsString>,

    /// End the command after this time, such as 90s or 1h30m, with exit status 124
    ///
    /// All processes inside get SIGTERM, and after `--time-grace` SIGKILL. A bare number is seconds.
    #[arg(long, value_name = "TIME", visible_alias = "timeout", allow_negative_numbers = true)]
    pub time: Option<OsString>,

    /// Wait so long from SIGTERM to SIGKILL: 10s, unless said
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    pub time_grace: Option<OsString>,

    /// Set the niceness, from 0 to 19, which gives way to all others
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub nice: Option<OsString>,

    /// Set a limit of each process, as NAME=SOFT[:HARD]
    ///
    /// NAME is core, cpu-time (or cpu), data, fsize, memlock, nofile, nproc or stack. A bare number
    /// is bytes or seconds, as for docker; 64M, 90s and unlimited are understood as well.
    #[arg(long, value_name = "ULIMIT")]
    pub ulimit: Vec<OsString>,
}
