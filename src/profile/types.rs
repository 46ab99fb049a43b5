//! What a profile says, as typed: paths are not expanded, nothing is looked up.
//!
//! Each value keeps its [`Origin`](crate::diagnostic::Origin). `None` and an empty list mean
//! "not said"; defaults are the plan's business, so that merging two profiles is simple.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::diagnostic::Located;
use crate::image::document::Platform;
use crate::image::reference::Reference;
use crate::units::Size;

use super::{Limits, Network};

/// One profile, or several merged from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub description: Option<Located<String>>,
    /// Protections that may be missing on a weak host.
    pub degrade: Vec<Located<Protection>>,
    pub filesystem: Filesystem,
    pub network: Network,
    pub limits: Limits,
    pub env: Env,
    pub process: Process,
    pub seccomp: Seccomp,
    pub landlock: Landlock,
    pub capabilities: Capabilities,
    /// The files that it was read from. What is in them decides about the next run.
    pub files: Vec<PathBuf>,
}

/// A protection that `degrade` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protection {
    /// The Landlock ruleset, or a part that this kernel lacks.
    Landlock,
    /// The limits that need a cgroup.
    Limits,
    /// The overlay of an image's layers: a private copy of them will do.
    Overlay,
    /// All namespaces, and with them every mount: Landlock, the filter and limits will do.
    Namespaces,
    /// Without namespaces, what is read-only below a writable directory.
    NestedRules,
}

/// `[filesystem]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filesystem {
    pub root: Option<Located<Root>>,
    pub root_mode: Option<Located<RootMode>>,
    /// `read`, `write`, `overlay`, `mask`, `tmpfs`, `bind`: in the order of merging, so
    /// that of two rules for the same path the later one counts.
    pub rules: Vec<Located<Rule>>,
    /// Device nodes beyond the standard ones.
    pub devices: Vec<Located<PathText>>,
    /// When an image is fetched.
    pub pull: Option<Located<Pull>>,
    /// Of which platform an image is to be; without, this machine's.
    pub platform: Option<Located<Platform>>,
    /// Under which name the changes to an image are kept for the next run.
    pub keep: Option<Located<String>>,
}

/// `[filesystem] root`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// The system directories of this machine.
    Host,
    /// Nothing.
    Empty,
    /// A directory with a file system in it.
    Directory(PathText),
    /// The layers of an image; relative paths are relative to the profile, or to the working directory.
    Image(Reference),
}

/// `[filesystem] pull`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// Where the store does not have it.
    Missing,
    /// Before every run, as the name may mean another image by now.
    Always,
    Never,
}

/// `[filesystem] root-mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootMode {
    ReadOnly,
    /// Writes go to memory and are thrown away.
    Overlay,
    /// Writes go to the directory; only with [`Root::Directory`].
    Write,
}

/// A path as typed: `~/x`, `$PROJECT/y`, `./z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathText {
    pub text: OsString,
    pub base: Base,
}

/// What a relative [`PathText`] is relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// The caller's working directory.
    WorkingDirectory,
    /// The directory of the profile file that says it.
    Directory(PathBuf),
}

/// One rule about one path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub path: PathText,
    pub grant: Grant,
    /// Leave the rule out, instead of failing, if the path is not there.
    pub optional: bool,
}

/// What a rule does with its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    Read,
    Write,
    /// Writable for the command, unchanged for the host.
    Overlay,
    /// There, but neither readable nor writable.
    Mask,
    /// An empty file system in memory; without `size` it shares the sandbox's scratch space.
    Tmpfs {
        size: Option<Size>,
    },
    /// `from` on the host appears as the path inside.
    Bind {
        from: PathText,
        write: bool,
    },
}

/// `[env]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// Names of the caller's variables to keep; a trailing `*` matches any rest.
    pub pass: Vec<Located<OsString>>,
    pub set: BTreeMap<OsString, Located<OsString>>,
}

/// `[process]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    pub workdir: Option<Located<PathText>>,
    pub user: Option<Located<User>>,
    /// What stands before the command, in the place of the image's; empty: nothing.
    pub entrypoint: Option<Located<Vec<OsString>>>,
    pub ids: Option<Located<Ids>>,
    pub hostname: Option<Located<String>>,
    pub tty: Option<Located<Tty>>,
    /// File mode creation mask, 0 to 0o777.
    pub umask: Option<Located<u32>>,
    /// May the command make namespaces of its own?
    pub nesting: Option<Located<bool>>,
    /// Descriptors above 2 that the command keeps.
    pub preserve_fds: Vec<Located<i32>>,
}

/// `[process] user`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The caller's uid and gid.
    Keep,
    /// 0:0 inside, without any capability.
    Root,
    Ids {
        uid: u32,
        gid: u32,
    },
}

/// `[process] ids`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// One uid and one gid exist inside.
    Single,
    /// The caller's range of /etc/subuid and /etc/subgid as well, by newuidmap(1).
    Subuid,
    /// `Subuid` where the caller has a range and the programs are installed, else `Single`.
    Auto,
}

/// `[process] tty`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tty {
    /// The caller's terminal while the filter refuses input injection, else no controlling terminal.
    Auto,
    /// The caller's terminal, whatever the filter does.
    Inherit,
    /// A new session without a controlling terminal.
    None,
}

/// `[seccomp]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seccomp {
    pub policy: Option<Located<SeccompPolicy>>,
    /// System calls, or groups of them (`@debug`), allowed on top of the policy.
    pub allow: Vec<Located<String>>,
    /// The same, refused; wins over `allow`.
    pub deny: Vec<Located<String>>,
}

/// `[seccomp] policy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeccompPolicy {
    Default,
    Strict,
    Off,
    /// docker's JSON format.
    File(PathText),
}

/// `[landlock]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landlock {
    pub enabled: Option<Located<bool>>,
}

/// `[capabilities]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub keep: Vec<Located<Capability>>,
}

/// A capability by its number in <linux/capability.h>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(pub u8);
