//! What a run needs of a machine, by name.

use schemars::JsonSchema;
use serde::Serialize;

use crate::host::cgroups::Controller;
use crate::plan::Action;

/// One thing that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Primitive {
    /// The version of the kernel.
    Kernel,
    /// A user namespace of one's own.
    UserNamespace,
    /// The other namespaces, in a user namespace.
    Namespaces,
    /// One id inside for one outside.
    IdMap,
    /// A range of ids, by newuidmap(1).
    SubordinateIds,
    /// Mounts by descriptor, read-only trees, a root of one's own.
    Mounts,
    /// A new /proc, in which other processes are invisible.
    Proc,
    /// A /dev of device nodes of the host, and a devpts.
    Dev,
    /// An overlay without root.
    Overlay,
    /// Loopback in a network namespace.
    Loopback,
    HostName,
    /// A new session keyring.
    Keyring,
    /// No capabilities, limits of each process, no_new_privs.
    Privileges,
    Landlock,
    /// A seccomp filter.
    Filter,
    /// Limits of a cgroup, each by its controller.
    Memory,
    Cpu,
    Cpuset,
    Pids,
    Io,
    /// The program pasta(1), and a network by it.
    Pasta,
    /// /dev/net/tun, for pasta.
    Tun,
    /// The network of the mode `allow`.
    Forwarder,
    /// Ports to publish.
    Publish,
    Terminal,
    /// $XDG_RUNTIME_DIR, where it is said what runs.
    RuntimeDirectory,
    /// The image that is the root.
    Image,
    /// All of it together, with the paths of the profile.
    Profile,
}

impl Primitive {
    /// What a failed step of a plan was about.
    pub fn of(action: &Action) -> Self {
        match action {
            Action::Namespaces(_) | Action::Domain { .. } | Action::Place { .. } => {
                Self::Namespaces
            }
            Action::Ids(_) => Self::IdMap,
            Action::Scratch { .. }
            | Action::Root(_)
            | Action::Symlink { .. }
            | Action::File { .. }
            | Action::Mount { .. }
            | Action::Directory { .. }
            | Action::SealRoot
            | Action::Pivot
            | Action::Workdir(_) => Self::Mounts,
            Action::Proc { .. } | Action::RefuseNesting => Self::Proc,
            Action::Dev { .. } => Self::Dev,
            Action::Loopback => Self::Loopback,
            Action::Forward { .. } | Action::Allow(_) => Self::Forwarder,
            Action::Nat(_) => Self::Pasta,
            Action::Publish(_) => Self::Publish,
            Action::Hostname(_) => Self::HostName,
            Action::Keyring { .. } => Self::Keyring,
            Action::Landlock(_) => Self::Landlock,
            Action::Seccomp(_) | Action::Attend { .. } => Self::Filter,
            Action::Cgroup(_)
            | Action::Limit(_)
            | Action::Rlimit { .. }
            | Action::Nice(_)
            | Action::Capabilities { .. }
            | Action::NoNewPrivileges
            | Action::NewSession
            | Action::Umask(_)
            | Action::Environment(_)
            | Action::TimeLimit { .. }
            | Action::Descriptors { .. }
            | Action::Exec { .. } => Self::Privileges,
        }
    }

    pub fn of_controller(controller: Controller) -> Self {
        match controller {
            Controller::Cpu => Self::Cpu,
            Controller::Cpuset => Self::Cpuset,
            Controller::Io => Self::Io,
            Controller::Memory => Self::Memory,
            Controller::Pids => Self::Pids,
        }
    }

    /// Whether the rest of a plan can be tried without it.
    pub fn can_be_left_out(self) -> bool {
        matches!(self, Self::Proc | Self::Dev | Self::Loopback | Self::HostName | Self::Keyring)
    }

    /// What is lost without it, where that can be said of all profiles.
    pub fn means(self) -> Option<&'static str> {
        Some(match self {
            Self::UserNamespace => "without it nobody but root can make a sandbox of namespaces",
            Self::Namespaces => "without one of them, what is outside could be reached by it",
            Self::IdMap => "without it nobody has a right in the new namespaces",
            Self::SubordinateIds => {
                "users of an image cannot be told apart; `--ids single` does without"
            }
            Self::Mounts => "without them nothing can be shown, and nothing hidden",
            Self::Proc => "without it the command would see all processes of this machine",
            Self::Dev => "without it the command would have all devices of this machine, or none",
            Self::Overlay => "without it nothing can be written to and stay unchanged",
            Self::Keyring => {
                "without one of its own the command could read the keys of your session"
            }
            Self::Landlock => "without it there is one wall around files and signals, and not two",
            Self::Filter => "without it every system call of the kernel would be open",
            Self::Memory | Self::Cpu | Self::Cpuset | Self::Pids | Self::Io => {
                "the limit cannot be held; `--degrade limits` does without"
            }
            Self::Pasta | Self::Tun => "the command has no way to the network",
            Self::Forwarder => "the command has no way to what `allow` names",
            Self::Publish => "nobody can reach what the command listens on",
            Self::Kernel
            | Self::Loopback
            | Self::HostName
            | Self::Privileges
            | Self::Terminal
            | Self::RuntimeDirectory
            | Self::Image
            | Self::Profile => return None,
        })
    }

    /// As a person reads it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::UserNamespace => "user namespace",
            Self::Namespaces => "other namespaces",
            Self::IdMap => "id map",
            Self::SubordinateIds => "subordinate ids",
            Self::Mounts => "mounts",
            Self::Proc => "new /proc",
            Self::Dev => "new /dev",
            Self::Overlay => "overlay",
            Self::Loopback => "loopback",
            Self::HostName => "host name",
            Self::Keyring => "session keyring",
            Self::Privileges => "no privileges",
            Self::Landlock => "Landlock",
            Self::Filter => "system call filter",
            Self::Memory => "memory limit",
            Self::Cpu => "cpu limit",
            Self::Cpuset => "cpuset limit",
            Self::Pids => "pids limit",
            Self::Io => "io limit",
            Self::Pasta => "network by pasta",
            Self::Tun => "/dev/net/tun",
            Self::Forwarder => "network by name",
            Self::Publish => "published ports",
            Self::Terminal => "terminal",
            Self::RuntimeDirectory => "runtime directory",
            Self::Image => "image",
            Self::Profile => "all together",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_said_of_each() {
        let limit = "the limit cannot be held; `--degrade limits` does without";
        let network = "the command has no way to the network";
        for (primitive, means) in [
            (
                Primitive::UserNamespace,
                "without it nobody but root can make a sandbox of namespaces",
            ),
            (Primitive::Namespaces, "without one of them, what is outside could be reached by it"),
            (Primitive::IdMap, "without it nobody has a right in the new namespaces"),
            (
                Primitive::SubordinateIds,
                "users of an image cannot be told apart; `--ids single` does without",
            ),
            (Primitive::Mounts, "without them nothing can be shown, and nothing hidden"),
            (Primitive::Proc, "without it the command would see all processes of this machine"),
            (
                Primitive::Dev,
                "without it the command would have all devices of this machine, or none",
            ),
            (Primitive::Overlay, "without it nothing can be written to and stay unchanged"),
            (
                Primitive::Keyring,
                "without one of its own the command could read the keys of your session",
            ),
            (
                Primitive::Landlock,
                "without it there is one wall around files and signals, and not two",
            ),
            (Primitive::Filter, "without it every system call of the kernel would be open"),
            (Primitive::Memory, limit),
            (Primitive::Io, limit),
            (Primitive::Pasta, network),
            (Primitive::Tun, network),
            (Primitive::Forwarder, "the command has no way to what `allow` names"),
            (Primitive::Publish, "nobody can reach what the command listens on"),
        ] {
            assert_eq!(primitive.means(), Some(means));
        }
        assert_eq!(Primitive::Profile.means(), None);
    }
}
