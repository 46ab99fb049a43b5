//! The cgroup of a run: what makes the limits hold for all processes together.
//!
//! ```text
//! parent                delegated to us, or a scope that the user's systemd made
//! └─ jail-ID            carries the limits; its files are the user's, memory.max too
//!    └─ payload         init and the command; the root of their cgroup namespace
//! ```
//!
//! How it is attacked: the command raises its own limit (no cgroupfs is shown inside, and
//! what could be mounted shows the payload's cgroup alone); it outlives the run (init dies with the
//! supervisor, and [`sweep`] ends what a killed supervisor left); it runs before it is limited
//! (it is cloned into its cgroup, or init waits until it has been moved); a limit is accepted and
//! not kept (each is read back).

mod directory;
mod figures;
mod leaf;
mod make;
mod settings;
mod sweep;
mod watch;

pub use figures::Figures;
pub use make::{Cgroup, Placement, gather};
pub use watch::MemoryWatch;
