//! Facts about cgroups.

use crate::units::AbsolutePath;

/// The cgroups of this machine, as the caller sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    pub layout: Layout,
    /// Where version 2 is mounted.
    pub mount: Option<AbsolutePath>,
    /// What the root that is visible here has.
    pub available: Vec<Controller>,
    /// The caller's own cgroup and those above it, as far as they are the caller's to change.
    pub lineage: Vec<Cgroup>,
    /// Limits that hold for the caller, and would not hold for a scope of its systemd.
    pub left: Vec<Outer>,
    pub systemd: Systemd,
}

/// Which versions of cgroups are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Version 2 alone.
    Unified,
    /// Both, and the controllers are with version 1.
    Hybrid,
    /// Version 1 alone.
    Legacy,
    Absent,
}

/// A cgroup that the caller may change, by its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    pub path: AbsolutePath,
    /// `cgroup.controllers`: what it may hand on.
    pub controllers: Vec<Controller>,
    /// `cgroup.subtree_control`: what it hands on.
    pub enabled: Vec<Controller>,
    /// Processes in it itself; this one does not count.
    pub others: usize,
    /// Is this process in it?
    pub own: bool,
    /// The root of the hierarchy, which alone may hold processes beside children with limits.
    pub root: bool,
    /// Files with a limit in them that is less than everything.
    pub limits: Vec<&'static str>,
}

/// A cgroup that the caller is in and a scope of its systemd would not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outer {
    pub path: AbsolutePath,
    /// Files with a limit in them; pids.max is none of them, as systemd sets it for every unit.
    pub limits: Vec<&'static str>,
    /// What pids.max says, if it says anything.
    pub pids: Option<u32>,
}

/// A controller of cgroup v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    Cpu,
    Cpuset,
    Io,
    Memory,
    Pids,
}

impl Controller {
    const ALL: [Self; 5] = [Self::Cpu, Self::Cpuset, Self::Io, Self::Memory, Self::Pids];

    /// As in `cgroup.controllers`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuset => "cpuset",
            Self::Io => "io",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }

    /// `None` for one that no limit needs.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| controller.name() == name)
    }
}

/// The caller's own systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Systemd {
    /// This machine was not booted with systemd.
    Absent,
    /// It was, and no bus of the caller is there to ask.
    NoBus,
    Bus {
        /// A D-Bus address.
        address: String,
        /// What its manager can give to a scope; `None` if that cannot be seen.
        controllers: Option<Vec<Controller>>,
    },
}
