//! Ids beyond one's own: which of them the caller has (subuid(5)), and how a process gets them.
//!
//! - [`extent`]: which id inside is which outside; [`range`]: what /etc/subuid gives the caller.
//! - [`program`]: newuidmap(1) and newgidmap(1); [`within`](mod@within): work on files that belong to all of these ids.

mod extent;
mod program;
mod range;
mod within;

pub use extent::{Extent, outside};
pub use program::{find_program, map};
pub use range::ranges;
pub use within::within;
