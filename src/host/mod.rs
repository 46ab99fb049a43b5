//! Facts about this machine and this caller, read once, read only.
//!
//! [`Host`] is plain data: a test writes one by hand.

mod types;

pub use types::{Descriptor, FileFact, FileKind, Host, Identity, Kernel, Link, SubIds};
