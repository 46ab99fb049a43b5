//! Text to [`Profile`]: what the user wrote, with the place of every word.

mod types;

pub use types::{
    Base, Capabilities, Capability, Env, Filesystem, Grant, Ids, Landlock, Network, NetworkMode,
    PathText, Process, Profile, Protection, Root, RootMode, Rule, Seccomp, SeccompPolicy, Tty,
    User,
};
