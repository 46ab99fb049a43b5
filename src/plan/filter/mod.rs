//! Which system calls the command may make: a table that a test can read.
//!
//! [`syscalls`] knows the names and numbers, [`groups`] says what the policies do with each
//! call and why, `guard` adds the rules about arguments, `docker` reads a policy in docker's
//! format. [`draw`] makes the [`Filter`] of one run from them and from what the profile allows
//! and denies. A filter is data; `script` turns it into a BPF program.

mod docker;
mod draw;
pub mod groups;
mod guard;
pub mod syscalls;
mod types;
mod wish;

pub use draw::{Request, draw};
pub use guard::Guard;
pub use types::{Case, Comparison, Condition, Decision, Filter, Verdict};
