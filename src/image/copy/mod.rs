//! Layers to one plain tree: what a run would see, as files.
//!
//! Each layer is laid over what is there, the lowest first: what it has replaces what has the same
//! name, directories are merged, and what it hides is removed. Reading and writing go by
//! descriptors: no link of an image is ever followed.
//!
//! - [`layers`](mod@layers): the whole; [`layer`]: one layer; [`entry`]: one file;
//!   [`directories`]: their modes and times, which are set last.

mod directories;
pub(super) mod entry;
mod layer;
mod layers;

pub use layers::copy;
