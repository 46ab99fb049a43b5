//! What will happen, step by step, in the order in which it happens.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};

use crate::diagnostic::{Diagnostic, Origin};
use crate::forward::Upstream;
use crate::host::cgroups::Controller;
pub use crate::ids::Extent;
use crate::image::Kept;
use crate::image::owned::OwnerMap;
use crate::profile::{Bounds, Capability, CpuSet, Destination, Protection, Publish, Rlimit};
use crate::units::{AbsolutePath, Cpus, Size, Span};

use super::filter::Filter;

/// Everything that `jail run` will do. Pure data: drawn without privilege, printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What the user should know before the run: degraded protections, grants left out.
    pub notes: Vec<Diagnostic>,
    /// Protections that are missing, which the profile allows.
    pub degraded: Vec<Protection>,
}

/// One step and who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    pub origin: Origin,
}

/// What one step does. Steps stand in a plan in the order of these variants, mounts sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A cgroup for this run. The command starts in a child of it, so that it cannot reach
    /// the files that hold its limits.
    Cgroup(CgroupParent),
    /// A limit that the cgroup holds.
    Limit(Limit),
    /// One clone3(2) with user, mount, pid, ipc, uts and cgroup namespaces, and net if it is not the
    /// host's network.
    Namespaces(NetworkSpace),
    /// No namespaces: a Landlock domain around init and the command, out of which no signal leads.
    Domain {
        /// What stands against namespaces.
        errno: i32,
    },
    /// A directory of this run, mode 0700, with these directories in it. It goes with the run.
    Place {
        path: AbsolutePath,
        directories: Vec<AbsolutePath>,
        /// Links in them to what is granted of the caller's home: where, and to what.
        links: Vec<(AbsolutePath, AbsolutePath)>,
    },
    /// How ids inside correspond to ids outside.
    Ids(IdMap),
    /// One tmpfs that holds the root, all private directories and the upper layers of overlays.
    Scratch {
        size: Size,
        inodes: u64,
    },
    /// What `/` is before anything is mounted below it.
    Root(RootSource),
    /// A symbolic link on our own tmpfs or overlay.
    Symlink {
        path: AbsolutePath,
        target: OsString,
    },
    /// A generated file on our own tmpfs or overlay.
    File {
        path: AbsolutePath,
        content: Vec<u8>,
    },
    /// A mount at `path`. With `create`, `path` and its parents are made first: they are
    /// on our own tmpfs or overlay. Without, `path` is there already.
    Mount {
        path: AbsolutePath,
        create: bool,
        mount: Mount,
    },
    /// An empty directory on our own tmpfs or overlay, with its parents; one that is there will do.
    Directory {
        path: AbsolutePath,
    },
    /// A new /proc, with what must not be seen masked, and settings read-only.
    Proc {
        masked: Vec<AbsolutePath>,
        read_only: Vec<AbsolutePath>,
    },
    /// A new /dev: device nodes of the host by path, devpts, shm, and the usual links.
    Dev {
        devices: Vec<AbsolutePath>,
    },
    /// The root itself becomes read-only; what is mounted below it keeps its own mode.
    SealRoot,
    /// Leave the host's file system for good.
    Pivot,
    Loopback,
    /// Every address is one of the sandbox's own, and what connects to these places, or asks for
    /// names, is served by a process outside: it connects to what the next steps allow.
    Forward {
        places: Vec<SocketAddr>,
        /// The proxy of the caller's environment, by which names are reached.
        upstream: Option<Upstream>,
    },
    /// May be reached.
    Allow(Destination),
    /// Connect our network namespace with the host's network, by pasta(1).
    Nat(Nat),
    /// Listen outside, and pass on what comes to ports inside.
    Publish(Vec<Publish>),
    Hostname(String),
    /// A new session keyring, so that the caller's keys cannot be reached.
    /// With `may_fail`, a full quota is no error: the filter refuses all calls about keys.
    Keyring {
        may_fail: bool,
    },
    /// No user namespace below ours, by /proc/sys/user/max_user_namespaces.
    RefuseNesting,
    /// setrlimit(2); [`Cap::Unlimited`](crate::profile::Cap) is `RLIM_INFINITY`.
    Rlimit {
        resource: Rlimit,
        bounds: Bounds,
    },
    /// setpriority(2).
    Nice(i32),
    /// Empty all capability sets but for `keep`, the bounding set too.
    Capabilities {
        keep: Vec<Capability>,
    },
    NoNewPrivileges,
    /// setsid(2): no controlling terminal.
    NewSession,
    Umask(u32),
    Environment(Vec<(OsString, OsString)>),
    Workdir(AbsolutePath),
    /// After `limit` of wall clock `signal` to everything inside, and SIGKILL `grace` later.
    TimeLimit {
        limit: Span,
        grace: Span,
        /// By its number (signal(7)).
        signal: i32,
    },
    Landlock(Ruleset),
    /// A filter in front of the other one. What it hands to init, which is calls that change modes,
    /// owners and times, is done by that for files below these paths, and for files without a name.
    Attend {
        filter: Filter,
        writable: Vec<AbsolutePath>,
    },
    Seccomp(Filter),
    /// Close every descriptor above 2 but for these.
    Descriptors {
        keep: Vec<i32>,
    },
    /// execve(2) of `argv`; a name without a slash is looked for in `search`, in order.
    Exec {
        argv: Vec<OsString>,
        search: Vec<AbsolutePath>,
    },
}

/// Below which cgroup the one of this run is made (cgroup v2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupParent {
    /// A directory of the cgroup file system that is the caller's to change.
    Delegated {
        path: AbsolutePath,
        /// Controllers to enable for its children first.
        enable: Vec<Controller>,
        /// We are the only process in it, and have to move to a leaf before that.
        leave: bool,
    },
    /// A transient scope of the caller's systemd, asked for at this D-Bus address.
    Scope {
        bus: String,
        /// Where the cgroup file system is mounted.
        mount: AbsolutePath,
        /// Controllers to enable in it.
        enable: Vec<Controller>,
    },
}

/// A limit of a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    Memory(Size),
    /// Swap alone, beside the memory.
    Swap(Size),
    Cpus(Cpus),
    Cpuset(CpuSet),
    /// Processes and threads of the command; init is not among them.
    Pids(u32),
    Io {
        /// Major and minor number of a whole block device.
        device: (u32, u32),
        read: Option<Size>,
        write: Option<Size>,
        read_ops: Option<u64>,
        write_ops: Option<u64>,
    },
}

/// What the network namespace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkSpace {
    /// A new one, where nothing is but loopback.
    Empty,
    /// A new one, which a later step connects.
    Connected,
    /// That of the host.
    Host,
    /// Somebody else's, that this file stands for.
    Joined(AbsolutePath),
}

/// How pasta(1) connects the two networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    pub program: AbsolutePath,
    /// Questions about names to the first address inside go to the second one of the host.
    pub resolver: Option<(IpAddr, IpAddr)>,
    /// What is sent to the gateway reaches the host's loopback interface.
    pub host_loopback: bool,
    /// We are root of the whole machine. Left to itself pasta would become `nobody`, who may not enter
    /// our namespaces.
    pub as_root: bool,
}

/// Which ids exist inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdMap {
    pub uids: Vec<Extent>,
    pub gids: Vec<Extent>,
    /// The programs newuidmap(1) and newgidmap(1); `None`: the kernel lets us map one id ourselves.
    pub mappers: Option<(AbsolutePath, AbsolutePath)>,
    /// The ids that the command has inside.
    pub uid: u32,
    pub gid: u32,
}

impl IdMap {
    /// Whom files of an image belong to outside; `None` if there is one id inside, whose all files are.
    pub fn owner_map(&self) -> Option<OwnerMap> {
        let Self { uids, gids, mappers, .. } = self;
        mappers.as_ref().map(|_| OwnerMap { uids: uids.clone(), gids: gids.clone() })
    }
}

/// What the root directory is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSource {
    /// An empty directory of the scratch tmpfs.
    Empty,
    /// An overlay with this directory below and the scratch tmpfs above.
    Overlay { lower: AbsolutePath },
    /// This directory itself, writable.
    Directory { path: AbsolutePath },
    /// An overlay of an image's layers, the topmost first, with the scratch tmpfs above them, or with
    /// directories that outlive the run.
    Layers {
        image: String,
        lowers: Vec<AbsolutePath>,
        /// They are copies in which files belong to whom the image says, and are made if missing.
        owned: bool,
        kept: Option<Kept>,
    },
    /// The same layers as one plain tree of our own on the disk, where no overlay can be mounted. It is
    /// made before the sandbox and goes with the run, unless it is `kept` under a name.
    Copy { image: String, lowers: Vec<AbsolutePath>, path: AbsolutePath, kept: Option<Kept> },
}

/// What is mounted. Every mount is nosuid; every one but a device is nodev.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// An empty directory of the scratch tmpfs, writable, with this mode.
    Private { mode: u32 },
    /// A tmpfs of its own.
    Tmpfs { size: Size },
    /// `from` of the host and all that is mounted below it.
    Bind { from: AbsolutePath, write: bool, directory: bool },
    /// `lower` of the host, writable, with the scratch tmpfs above it.
    Overlay { lower: AbsolutePath },
    /// A generated file of the scratch tmpfs.
    File { content: Vec<u8>, write: bool },
    /// A directory or a file of mode 0 on a read-only mount: open(2) says EACCES.
    Mask { directory: bool },
}

/// A Landlock domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// ABI of this kernel; only what it has is handled.
    pub abi: u32,
    pub rules: Vec<LandlockRule>,
    /// Keep signals and abstract unix sockets inside (ABI 6).
    pub scoped: bool,
    /// The only ports that may be connected to over TCP (ABI 4); without, all.
    pub ports: Option<Vec<u16>>,
}

/// What may be done below one path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandlockRule {
    pub subject: Subject,
    pub access: Access,
}

/// What a Landlock rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A path inside, opened after everything is mounted.
    Path(AbsolutePath),
    /// An inherited file that has a name: reopening `/dev/stdin` must work as the descriptor does.
    Descriptor(i32),
}

/// How much a Landlock rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// List directories.
    List,
    /// List, read and execute.
    Read,
    /// All of it, creating and removing too; no device nodes.
    Write,
    /// Read and write existing files, as below /proc and /dev; ioctl(2) on devices.
    ReadWrite,
    /// Read only the file of an inherited descriptor.
    ReadFile,
    /// Write only the file of an inherited descriptor.
    WriteFile,
    /// Read and write the file of an inherited descriptor, and ioctl(2).
    ReadWriteFile,
}
