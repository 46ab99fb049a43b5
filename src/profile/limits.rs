//! What `[limits]` says.

use std::collections::BTreeMap;

use nix::sys::resource::Resource;

use crate::diagnostic::Located;
use crate::units::{Cpus, Size, Span};

use super::PathText;

/// `[limits]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory of all processes together, and of what they write to a tmpfs.
    pub memory: Option<Located<Cap<Size>>>,
    pub swap: Option<Located<Swap>>,
    pub cpus: Option<Located<Cap<Cpus>>>,
    /// The processors that may be used at all.
    pub cpuset: Option<Located<CpuSet>>,
    /// Processes and threads, all together.
    pub pids: Option<Located<Cap<u32>>>,
    pub io: Vec<Located<IoLimit>>,
    /// May the command use pages of hugetlbfs, which no memory limit counts?
    pub hugepages: Option<Located<bool>>,
    /// Wall clock time.
    pub time: Option<Located<Cap<Span>>>,
    /// From SIGTERM to SIGKILL when the time is over.
    pub time_grace: Option<Located<Span>>,
    /// The niceness itself, 0 to 19; nothing is added to the one of the caller.
    pub nice: Option<Located<i32>>,
    /// Limits of each process by itself.
    pub rlimits: BTreeMap<Rlimit, Located<Bounds>>,
}

impl Limits {
    /// Whether anything here counts all processes of the command together.
    pub fn need_a_cgroup(&self) -> bool {
        fn is_set<T: Copy>(cap: &Option<Located<Cap<T>>>) -> bool {
            cap.as_ref().is_some_and(|cap| cap.value.at().is_some())
        }
        is_set(&self.memory)
            || self.swap.as_ref().is_some_and(|swap| swap.value != Swap::Unlimited)
            || is_set(&self.cpus)
            || self.cpuset.is_some()
            || is_set(&self.pids)
            || !self.io.is_empty()
    }
}

/// A limit, or the wish for none where another profile sets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap<T> {
    Unlimited,
    At(T),
}

impl<T> Cap<T> {
    /// The limit, if there is one.
    pub fn at(self) -> Option<T> {
        match self {
            Self::Unlimited => None,
            Self::At(limit) => Some(limit),
        }
    }
}

/// `[limits] swap`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    Unlimited,
    /// Swap alone.
    At(Size),
    /// Memory and swap together, as podman counts for `--memory-swap`.
    WithMemory(Size),
}

/// Processors by number: sorted ranges that neither touch nor overlap, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuSet(pub Vec<(u32, u32)>);

impl CpuSet {
    /// The processors of `ranges`, which may overlap and stand in any order.
    pub fn of(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                Some(_) | None => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

impl std::fmt::Display for CpuSet {
    /// As the kernel writes it: `0-3,5`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// How fast one block device may be used; `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoLimit {
    /// A block device, or a file or directory on it.
    pub path: PathText,
    /// Bytes a second.
    pub read: Option<Size>,
    pub write: Option<Size>,
    /// Operations a second.
    pub read_ops: Option<u64>,
    pub write_ops: Option<u64>,
}

impl IoLimit {
    /// Whether it limits nothing: it is there to lift what another profile says.
    pub fn is_unlimited(&self) -> bool {
        self.read.is_none()
            && self.write.is_none()
            && self.read_ops.is_none()
            && self.write_ops.is_none()
    }
}

/// A resource of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rlimit {
    /// Bytes of a core dump.
    Core,
    /// Seconds of processor time.
    CpuTime,
    /// Bytes of private writable memory.
    Data,
    /// Bytes of a file that is written.
    Fsize,
    /// Bytes that may be locked into memory.
    Memlock,
    /// One more than the highest descriptor.
    Nofile,
    /// Processes of the sandbox: it has a user namespace of its own.
    Nproc,
    /// Bytes of a stack.
    Stack,
}

impl Rlimit {
    pub const ALL: [Self; 8] = [
        Self::Core,
        Self::CpuTime,
        Self::Data,
        Self::Fsize,
        Self::Memlock,
        Self::Nofile,
        Self::Nproc,
        Self::Stack,
    ];

    /// Its key in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::CpuTime => "cpu-time",
            Self::Data => "data",
            Self::Fsize => "fsize",
            Self::Memlock => "memlock",
            Self::Nofile => "nofile",
            Self::Nproc => "nproc",
            Self::Stack => "stack",
        }
    }

    /// Its number for getrlimit(2) and setrlimit(2).
    pub fn resource(self) -> Resource {
        match self {
            Self::Core => Resource::RLIMIT_CORE,
            Self::CpuTime => Resource::RLIMIT_CPU,
            Self::Data => Resource::RLIMIT_DATA,
            Self::Fsize => Resource::RLIMIT_FSIZE,
            Self::Memlock => Resource::RLIMIT_MEMLOCK,
            Self::Nofile => Resource::RLIMIT_NOFILE,
            Self::Nproc => Resource::RLIMIT_NPROC,
            Self::Stack => Resource::RLIMIT_STACK,
        }
    }

    /// How it counts.
    pub fn unit(self) -> RlimitUnit {
        match self {
            Self::Core | Self::Data | Self::Fsize | Self::Memlock | Self::Stack => {
                RlimitUnit::Bytes
            }
            Self::CpuTime => RlimitUnit::Seconds,
            Self::Nofile | Self::Nproc => RlimitUnit::Count,
        }
    }
}

/// What a number of an rlimit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RlimitUnit {
    Bytes,
    Seconds,
    Count,
}

/// Soft and hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub soft: Cap<u64>,
    pub hard: Cap<u64>,
}

impl Bounds {
    /// The same soft and hard limit.
    pub fn both(limit: u64) -> Self {
        Self { soft: Cap::At(limit), hard: Cap::At(limit) }
    }
}
