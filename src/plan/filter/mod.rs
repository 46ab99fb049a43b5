//! Which system calls the command may make: a table that a test can read.
//!
//! A [`Filter`] is data; `script` turns it into a BPF program.

mod types;

pub use types::{Case, Comparison, Condition, Decision, Filter, Verdict};
