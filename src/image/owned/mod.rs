//! Copies of layers whose files belong to whom the image says.
//!
//! In the store all files of a layer are the caller's. For a run with many ids (`ids = "subuid"`) each
//! layer is copied once for each id map, by a process in a user namespace that may give files away:
//!
//! ```text
//! layers/sha256/HEX/tree ─copy→ owned/KEY/sha256/HEX/tree    KEY: the id map
//! owner in an attribute         owner: the id outside that the map has for it
//! ```
//!
//! - [`map`](mod@map): from ids of an image to ids outside.
//! - [`copy`](mod@copy): one layer; [`entry`]: one file of it; [`trouble`]: what stood against it.

mod copy;
mod entry;
mod map;
mod trouble;

pub use copy::{Layer, copy};
pub use map::OwnerMap;
pub use trouble::{Reason, Trouble};
