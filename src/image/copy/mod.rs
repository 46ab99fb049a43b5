//! Layers to one plain tree.
//!
//! Each layer is laid over what is there, the lowest first: what it has replaces what has the same
//! name, directories are merged, and what it hides is removed. A directory that a layer has without an
//! entry is what lower layers say, unlike in an overlay. Reading and writing go by
//! descriptors: no link of an image is ever followed.
//!
//! - [`layers`](mod@layers): the whole; [`layer`]: one layer; [`entry`]: one file;
//!   [`directories`]: their modes and times, which are set last; [`unfinished`]: where it is made;
//!   [`apart`]: by a process of its own.

mod apart;
mod directories;
pub(super) mod entry;
mod layer;
mod layers;
mod unfinished;

pub use apart::copy_apart;
pub use layers::{copy, unpack};
