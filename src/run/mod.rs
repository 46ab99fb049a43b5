//! Script to [`Outcome`]: the supervisor outside, init inside, and the payload.
//!
//! The supervisor clones init into all namespaces. Init builds what the script says, forks
//! the payload, reaps what becomes its child, and ends when the payload ends; with it the
//! kernel ends everything inside. The two speak [`message`]s over one socket; its end tells
//! each side of the other's death.

mod attend;
mod beside;
mod cgroup;
mod claimed;
mod clock;
mod confine;
mod explain;
mod init;
mod isolate;
mod join;
mod message;
mod mounts;
mod nat;
mod outcome;
mod overlay;
mod payload;
mod place;
mod program;
mod publish;
mod reach;
mod record;
mod room;
mod scope;
mod setup;
mod start;
mod stops;
mod strays;
mod supervisor;
mod tally;
mod terminal;

pub use outcome::{Counter, End, Figure, Full, Hits, OutOfMemory, Outcome, Refused, Usage};
pub use supervisor::{Tell, perform, rehearse};
pub use terminal::has_controlling_terminal;
