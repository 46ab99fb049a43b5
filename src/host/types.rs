//! The facts that a plan is drawn from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::profile::{Bounds, Rlimit, Variables};
use crate::units::AbsolutePath;

use super::accounts::Accounts;
use super::cgroups::Cgroups;
use super::network::NetworkFacts;

/// This machine, as far as one profile needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub identity: Identity,
    /// The caller's working directory, without symbolic links.
    pub workdir: AbsolutePath,
    /// The nearest parent of the working directory with a version control directory, or itself.
    pub project: AbsolutePath,
    pub environment: BTreeMap<OsString, OsString>,
    pub kernel: Kernel,
    /// `None` unless the profile has a limit that a cgroup holds.
    pub cgroups: Option<Cgroups>,
    /// What the caller may use at most: soft and hard limit.
    pub rlimits: BTreeMap<Rlimit, Bounds>,
    /// `None` unless the profile asks for more ids than one.
    pub subids: Option<SubIds>,
    pub network: NetworkFacts,
    /// What descriptors 0, 1 and 2, and those to preserve, refer to. A closed one is absent.
    pub descriptors: BTreeMap<i32, Descriptor>,
    /// The text of `[seccomp] policy` where that is a file.
    pub seccomp: Option<Arc<Source>>,
    /// Where the kernel's own file systems are mounted besides /dev, /proc and /sys; hugetlbfs is
    /// one of them where the profile refuses huge pages.
    pub interfaces: Vec<AbsolutePath>,
    /// The block device of each path of `[limits] io`.
    pub block_devices: BTreeMap<AbsolutePath, BlockDevice>,
    /// What is at each path that the profile or the system root mentions.
    pub files: BTreeMap<AbsolutePath, FileFact>,
    /// The same for paths inside a directory root or an image, whose links lead elsewhere; else
    /// empty.
    pub rootfs: BTreeMap<AbsolutePath, FileFact>,
    /// Who is known in the image that is the root; `None` without one.
    pub accounts: Option<Accounts>,
    /// The errno that stands against an overlay of the image. `None` if there is none, and where
    /// nobody asked: only a profile that allows a copy instead has it tried.
    pub no_overlay: Option<i32>,
    /// Directories of our own that a rule would show: images, and what is kept of runs.
    pub stores: Vec<AbsolutePath>,
    /// Those of them that do not exist, though a command could make them: to be made before the run, so
    /// that there is something to mask. Their facts say that they are there.
    pub unmade_stores: Vec<AbsolutePath>,
    /// `None` where namespaces can be had, and where nobody asked: only a profile that allows to do
    /// without has them tried.
    pub bare: Option<Bare>,
}

/// This machine refuses namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare {
    /// What stands against them.
    pub errno: i32,
    /// Where this run may have directories of its own: a name that nobody else has.
    pub place: AbsolutePath,
    /// Init cannot read what the command asks it to change.
    pub memory_is_shut: bool,
}

impl Host {
    /// What the variables of a path stand for.
    pub fn variables(&self) -> Variables<'_> {
        Variables {
            home: self.identity.home.as_ref(),
            workdir: &self.workdir,
            project: &self.project,
            environment: &self.environment,
        }
    }

    /// What is at `path`; a path that nobody asked about is missing.
    pub fn fact(&self, path: &AbsolutePath) -> FileFact {
        self.files.get(path).cloned().unwrap_or_else(|| FileFact::missing(path))
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Root of the whole machine, not of a user namespace: the kernel never counts its processes.
    pub is_global_root: bool,
    pub name: OsString,
    pub group: OsString,
    pub shell: AbsolutePath,
    /// `$HOME`, else the one of /etc/passwd; without symbolic links.
    pub home: Option<AbsolutePath>,
    /// The one of /etc/passwd, which `$HOME` need not be; without symbolic links.
    pub account_home: Option<AbsolutePath>,
}

impl Identity {
    /// The name as it may stand in a command that is proposed: the number, where a shell would read
    /// something in the name. It may come from the environment.
    pub fn login(&self) -> String {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let name = self.name.as_bytes();
        match name.first() {
            Some(first) if *first != b'-' && name.iter().all(is_plain) => {
                String::from_utf8_lossy(name).into_owned()
            }
            _ => self.uid.to_string(),
        }
    }
}

/// What the kernel can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Major and minor version of uname(2).
    pub release: (u32, u32),
    /// Landlock ABI by the system call; 0 if there is none.
    pub landlock_abi: u32,
}

/// The caller's share of /etc/subuid and /etc/subgid, and the programs that map it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubIds {
    /// First id and count.
    pub uid: (u32, u32),
    pub gid: (u32, u32),
    pub newuidmap: PathBuf,
    pub newgidmap: PathBuf,
}

/// An open descriptor of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub kind: FileKind,
    pub readable: bool,
    pub writable: bool,
    /// Is it a terminal?
    pub terminal: bool,
}

/// What an io limit on a path would be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockDevice {
    /// A whole disk: that of the path itself, or of the partition or file system it lies on.
    Disk { major: u32, minor: u32 },
    /// The type of a file system that lies on no block device, or on several.
    None { filesystem: String },
    /// A number of which /sys does not say whether it is a disk or a partition: sysfs is not
    /// mounted, or there is no device behind the node.
    Unknown { major: u32, minor: u32 },
    /// Nothing is at the path.
    Missing,
    /// The path cannot be followed; the errno.
    Unreachable(i32),
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    pub kind: FileKind,
    /// The same place without symbolic links. For [`FileKind::Missing`], as far as it could be followed.
    pub canonical: AbsolutePath,
    /// The symbolic links on the way, outermost first.
    pub links: Vec<Link>,
}

impl FileFact {
    /// Nothing there, and no links on the way.
    pub fn missing(path: &AbsolutePath) -> Self {
        Self { kind: FileKind::Missing, canonical: path.clone(), links: Vec::new() }
    }
}

/// A symbolic link on the way to a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Where the link itself is, without symbolic links on the way to it.
    pub path: AbsolutePath,
    pub target: OsString,
}

/// The kind of file at the end of a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Missing,
    /// There, or not: the caller may not look (`EACCES`) or it cannot be reached; the errno.
    Unreachable(i32),
    Directory,
    File,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
    /// A pipe or another file without a name; descriptors only.
    Anonymous,
}
