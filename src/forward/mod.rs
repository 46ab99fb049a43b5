//! The network of `mode = "allow"`: what the sandbox may reach, and who takes it there.
//!
//! ```text
//! inside                                   outside
//! command ──connect──> any address ┐
//!                      is local,   │ sockets, made inside
//!                      so it       ├──────────────> forwarder ──> the host's network
//! command ──question─> arrives     ┘
//! ```
//!
//! In the sandbox's network namespace every address is local. What listens there was made inside
//! and is served by the **forwarder**, a process outside: one socket for each port that may be
//! reached, and a name server. What nobody listens on is refused by the kernel at once, and the
//! forwarder hears of it. Every name that is allowed has an address that stands for it, so that a
//! program that knows nothing of this says by where it connects whom it means.
//!
//! - [`rules`]: who may be reached; [`synthetic`]: addresses that stand for names; [`public`]:
//!   addresses that a name must not lead to; [`dns`]: the name server; [`first_bytes`]: names that
//!   a client sends itself; [`resets`]: what the kernel refused; [`refusals`], [`words`]: what to
//!   tell the user. All of these are pure.
//! - [`process`]: the forwarder; [`flow`]: bytes from one connection to another; [`upstream`]:
//!   a proxy on the way; [`wire`]: what it tells the supervisor.

mod dns;
mod first_bytes;
mod flow;
mod process;
mod public;
mod refusals;
mod resets;
mod rules;
mod synthetic;
mod upstream;
mod wire;
mod words;

pub use process::{Account, Forwarder, Handover, Task};
pub use refusals::{Counted, Refused, Why};
pub use resets::filter as filter_resets;
pub use rules::Rules;
pub use synthetic::{OWN_V6, RESOLVER};
pub use upstream::{Upstream, Variables};
