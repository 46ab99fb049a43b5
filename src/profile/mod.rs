//! Text to [`Profile`]: what the user wrote, with the place of every word.
//!
//! [`load`] finds each named profile, parses it, follows its `extends`, and merges all. What
//! is relative or has variables in it stays as typed; [`expand`] makes a path of it when the
//! caller's directories are known. Single values have one parser each, which flags share.

mod built_in;
mod capability;
mod catalog;
mod expand;
mod find;
pub mod keys;
mod limit_values;
mod limits;
pub mod listing;
mod load;
mod merge;
mod names;
mod network;
mod parse;
pub mod project;
mod types;
mod values;

pub use catalog::{Home, Listed, list, names};
pub use expand::{Unexpanded, Variables, expand, mentions_project};
pub use limit_values::{
    parse_bounds, parse_cpus, parse_memory, parse_nice, parse_operations, parse_pids, parse_rate,
    parse_swap, parse_time, parse_time_grace,
};
pub use limits::{Bounds, Cap, CpuSet, IoLimit, Limits, Rlimit, RlimitUnit, Swap};
pub use load::load;
pub use names::{
    check_variable_name, parse_call, parse_image, parse_keep, parse_platform, parse_root,
    parse_seccomp_policy, parse_variable_pattern,
};
pub use network::{
    Destination, Network, NetworkMode, Publish, Target, Transport, parse_address, parse_host_name,
    published_twice,
};
pub use types::{
    Base, Capabilities, Capability, Env, Filesystem, Grant, Ids, Landlock, PathText, Process,
    Profile, Protection, Pull, Root, RootMode, Rule, Seccomp, SeccompPolicy, Tty, User,
};
pub use values::{BadValue, parse_hostname, parse_tmpfs_size, parse_umask};
