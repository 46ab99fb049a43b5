//! What the processes of a jail carry out: strings for the kernel, numbers, programs.
//!
//! What is long or depends on the user is allocated here, before the clone.

use std::ffi::CString;
use std::net::SocketAddr;
use std::time::Duration;

use landlock::{AccessFs, BitFlags, RulesetCreated};
use nix::sys::resource::Resource;
use seccompiler::BpfProgram;

use crate::forward::Upstream;
use crate::plan::CgroupParent;
use crate::profile::{Destination, Publish};
use crate::sys::Links;
use crate::units::AbsolutePath;

/// A whole run.
pub struct Script {
    pub isolation: Isolation,
    /// Made by the supervisor, and removed by it.
    pub place: Option<Place>,
    /// Init waits for an order before it does anything.
    pub waits: bool,
    pub cgroup: Option<Cgroup>,
    /// What the supervisor runs while init waits at [`Operation::AwaitNetwork`].
    pub nat: Option<Nat>,
    /// The same: the step, and what leads where.
    pub publish: Option<(u16, Vec<Publish>)>,
    /// Carried out by init, in order.
    pub setup: Vec<Instruction>,
    /// Empty; `setup` adds the rules, and the payload's process takes it on.
    pub landlock: Option<(u16, RulesetCreated)>,
    /// Carried out by the payload's process before it executes the command.
    pub payload: Payload,
    /// What the process outside does that serves the network.
    pub forward: Option<Forward>,
    /// Kept by init.
    pub time: Option<TimeLimit>,
}

impl Script {
    /// Whether others enter the namespaces before the command starts.
    pub fn is_entered(&self) -> bool {
        self.nat.is_some() || self.publish.is_some()
    }
}

/// What init and the command are in, and the rest of the machine is not.
pub enum Isolation {
    Namespaces(Namespaces),
    Domain(Domain),
}

/// Namespaces of their own.
pub struct Namespaces {
    /// For clone3(2).
    pub flags: u64,
    /// The network namespace that init is cloned in.
    pub join: Option<Join>,
    pub ids: Ids,
}

/// A Landlock domain of init, around that of the command: no signal of either leads out.
pub struct Domain {
    pub step: u16,
    pub signals: RulesetCreated,
    /// Below these paths init changes modes, owners and times for the command.
    pub writable: Vec<AbsolutePath>,
}

/// A directory of this run, with directories in it.
pub struct Place {
    pub step: u16,
    pub path: AbsolutePath,
    pub directories: Vec<AbsolutePath>,
    /// Where each is, and what it leads to.
    pub links: Vec<(AbsolutePath, AbsolutePath)>,
}

/// A network namespace that is there already.
pub struct Join {
    pub step: u16,
    /// Of its file.
    pub path: CString,
}

/// The cgroup of the run, made by the supervisor.
pub struct Cgroup {
    pub step: u16,
    pub parent: CgroupParent,
    pub settings: Vec<Setting>,
}

impl Cgroup {
    /// Whether init is moved into it, and not cloned into it.
    pub fn is_joined_later(&self) -> bool {
        matches!(self.parent, CgroupParent::Scope { .. })
    }
}

/// A process outside that serves sockets made inside.
pub struct Forward {
    pub step: u16,
    pub allow: Vec<Destination>,
    pub upstream: Option<Upstream>,
}

/// The program pasta(1) with its arguments, to which those that name our namespaces are added.
pub struct Nat {
    pub step: u16,
    pub program: CString,
    pub arguments: Vec<CString>,
}

/// One line for one file of the cgroup, and how to see that the kernel has taken it.
pub struct Setting {
    pub step: u16,
    pub file: &'static str,
    pub text: String,
}

/// When init ends everything.
#[derive(Clone, Copy)]
pub struct TimeLimit {
    pub step: u16,
    pub limit: Duration,
    pub grace: Duration,
    /// What everything inside is sent first.
    pub signal: i32,
}

/// One thing to do, for the sake of one step of the plan.
pub struct Instruction {
    /// Index of the step, for the explanation when it fails.
    pub step: u16,
    pub operation: Operation,
}

/// How the user namespace gets its ids.
pub struct Ids {
    pub step: u16,
    pub mapping: Mapping,
}

/// Who writes the maps.
pub enum Mapping {
    /// Init itself, one line each: the kernel allows that for one's own id.
    Own { uid_map: Vec<u8>, gid_map: Vec<u8> },
    /// newuidmap(1) and newgidmap(1), run by the supervisor: program and arguments after the pid.
    Helpers { uid: (CString, Vec<CString>), gid: (CString, Vec<CString>) },
}

/// One operation of init. Names are single components in the directory entered last.
pub enum Operation {
    /// The tmpfs that everything of ours lives on, attached over `/` of the host.
    Scratch {
        size: CString,
        inodes: CString,
    },
    /// The scratch tmpfs becomes the root.
    RootOnScratch,
    /// A directory of the host below an overlay whose upper layer is on the scratch tmpfs.
    RootOverlay {
        lower: CString,
    },
    /// The same for several directories, the topmost first. Upper and work directory are on the scratch
    /// tmpfs, or these of the host.
    RootLayers {
        lowers: Vec<CString>,
        kept: Option<(CString, CString)>,
        /// The root belongs to whom the topmost layer says, not to us.
        owned: bool,
    },
    /// A directory of the host, writable.
    RootDirectory {
        path: CString,
    },
    /// Go to a directory below the new root.
    Enter {
        path: CString,
        links: Links,
    },
    /// Make a directory; one that is there already will do.
    MakeDirectory {
        name: CString,
        mode: u32,
    },
    /// Make an empty file to mount on; one that is there already will do.
    MakeFile {
        name: CString,
    },
    WriteFile {
        name: CString,
        content: Vec<u8>,
    },
    Symlink {
        name: CString,
        target: CString,
    },
    /// Mount something at `name`.
    Mount {
        name: CString,
        source: MountSource,
    },
    /// A new procfs at /proc with masks; names are paths below it.
    Proc {
        masked: Vec<CString>,
        read_only: Vec<CString>,
        links: Links,
    },
    /// Write 0 to /proc/sys/user/max_user_namespaces.
    RefuseNesting,
    /// A new /dev with these nodes of the host, by their path below /dev.
    Dev {
        devices: Vec<CString>,
        links: Links,
    },
    /// The root mount becomes read-only, by itself.
    SealRoot,
    /// The host's tree goes away.
    Pivot,
    Loopback,
    /// Make every address local, and sockets at these places for a process outside.
    Forward {
        places: Vec<SocketAddr>,
    },
    /// Wait until the supervisor has connected the network.
    AwaitNetwork,
    Hostname(String),
    Keyring {
        may_fail: bool,
    },
    Capabilities {
        keep: u64,
    },
    /// Give up all capabilities, without any namespace in which the rest could be taken away.
    NoCapabilities,
    NoNewPrivileges,
    /// Open the path of a rule and add it to the ruleset; paths that are not there are an error.
    LandlockPath {
        path: CString,
        links: Links,
        access: BitFlags<AccessFs>,
        access_of_files: BitFlags<AccessFs>,
    },
    /// Add a rule for the file behind a descriptor; pipes and sockets have none and need none.
    LandlockDescriptor {
        fd: i32,
        access: BitFlags<AccessFs>,
    },
}

/// What [`Operation::Mount`] mounts.
pub enum MountSource {
    /// A directory of the scratch tmpfs, made now.
    Private {
        mode: u32,
    },
    Tmpfs {
        size: CString,
    },
    /// `name` in `directory` of the host, and all that is mounted below it.
    Bind {
        directory: CString,
        name: CString,
        read_only: bool,
    },
    /// `lower` of the host, upper layer on the scratch tmpfs.
    Overlay {
        lower: CString,
    },
    /// A file of the scratch tmpfs, made now.
    File {
        content: Vec<u8>,
        read_only: bool,
    },
    Mask {
        directory: bool,
    },
}

/// The last steps, between the fork of the payload and its execve(2).
pub struct Payload {
    pub new_session: Option<u16>,
    /// `None`: the caller's.
    pub umask: Option<u32>,
    pub rlimits: Vec<Rlimit>,
    pub nice: Option<(u16, i32)>,
    /// The step that limits processor time, which real-time scheduling is exempt from.
    pub no_real_time: Option<u16>,
    pub workdir: (u16, CString),
    pub descriptors: (u16, Vec<i32>),
    /// The filter that asks init.
    pub attend: Option<(u16, BpfProgram)>,
    pub seccomp: Option<(u16, BpfProgram)>,
    pub exec: Exec,
    /// All is done but for `exec`: the process ends there.
    pub rehearsal: bool,
}

/// setrlimit(2) with both limits.
pub struct Rlimit {
    pub step: u16,
    pub resource: Resource,
    pub soft: u64,
    pub hard: u64,
}

/// The program to execute.
pub struct Exec {
    pub step: u16,
    /// Paths to try, in order.
    pub candidates: Vec<CString>,
    pub argv: Vec<CString>,
    pub envp: Vec<CString>,
}
