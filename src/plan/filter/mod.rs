//! Which system calls the command may make: a table that a test can read.
//!
//! [`syscalls`] knows the names and numbers, [`groups`] says what the policies do with each
//! call and why, `guard` adds the rules about arguments, `docker` reads a policy in docker's
//! format, `bare` says what else is refused without namespaces, `hugepages` and `ports` keep to what the profile says elsewhere. [`draw`] makes the [`Filter`] of one run from them and from what the profile allows
//! and denies. A filter is data; `script` turns it into a BPF program.
//!
//! What a profile names means:
//!
//! - `allow` of a group: its calls, within the rules about arguments but for those that the
//!   group stands for. `@internet` in a strict policy opens no raw sockets.
//! - `allow` of a call: that call with any arguments. Only `clone` keeps its rule about
//!   namespaces, as every thread starts by it; `@namespace` lifts that. `clone3` cannot be
//!   looked into at all, so allowing it allows namespaces as far as the kernel does.
//! - `deny` wins: a denied call answers as an absent one would if its group is one of those,
//!   else EPERM, and a denied rule holds even for a call that `allow` names.

mod bare;
mod docker;
mod draw;
pub mod groups;
mod guard;
mod hugepages;
mod ports;
pub mod syscalls;
mod types;
mod wish;

pub use bare::bare;
pub use draw::{Request, draw};
pub use guard::Guard;
pub use types::{Case, Comparison, Condition, Decision, Filter, Verdict};
