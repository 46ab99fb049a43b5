//! Plan to [`Script`]: the same steps as strings, numbers and programs for the kernel.
//!
//! What can fail here fails before anything has happened.

pub mod bpf;
mod compile;
mod landlock;
mod layout;
mod limits;
mod nat;
mod types;

pub use compile::compile;
pub use types::{
    Cgroup, Domain, Exec, Ids, Instruction, Isolation, Join, Mapping, MountSource, Namespaces, Nat,
    Operation, Payload, Place, Rlimit, Script, Setting, TimeLimit,
};
