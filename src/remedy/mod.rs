//! Why a machine refuses something, and what to change so that it does not.
//!
//! One place for both: `jail run` says it when a run fails, `jail doctor` before. [`Forbidden`] names
//! what stands against user namespaces; [`Surroundings`] is where we are, as far as that decides what
//! to type; a [`Fix`] is one thing to do. Nothing here is read before something has failed, or
//! somebody asks.

mod apparmor;
mod fix;
mod forbidden;
mod kernel;
mod outside;
mod packages;
mod surroundings;
mod sysctl;

pub use fix::Fix;
pub use forbidden::Forbidden;
pub use kernel::Settings;
pub use outside::unmask_proc;
pub use packages::install;
pub use surroundings::{Container, Distribution, Runner, Surroundings};
pub use sysctl::load_module;
