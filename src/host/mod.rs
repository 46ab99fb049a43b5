//! Facts about this machine and this caller, read once, read only.
//!
//! [`Host`] is plain data: a test writes one by hand.

mod accounts;
mod bare;
pub mod cgroups;
mod descriptors;
mod devices;
mod hugepages;
mod identity;
mod kernel;
mod layers;
mod mounts;
mod network;
pub mod overlays;
mod programs;
mod rlimits;
mod subids;
mod survey;
pub mod system;
mod types;
mod walk;
mod workdir;

pub use accounts::{AccountFile, Accounts};
pub use identity::maps_all_ids;
pub use network::{NameServer, NetworkFacts, Resolver};
pub use survey::survey;
pub use types::{
    Bare, BlockDevice, Descriptor, FileFact, FileKind, Host, Identity, Kernel, Link, SubIds,
};
pub use workdir::workdir;
