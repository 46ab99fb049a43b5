//! One layer's tar to a directory in overlay form.
//!
//! ```text
//! blob ─feed→ packed bytes ─inflate→ plain bytes ─┬─check→ digests
//!                                                 └─stream→ entries ─write→ files
//! ```
//!
//! Everything in the tar is taken for an attack until it is shown to be none. All that is made is
//! made below one descriptor, by names of a single component; see `write`.
//!
//! Overlay form is what overlayfs reads when it is mounted with `userxattr`
//! (<https://docs.kernel.org/filesystems/overlayfs.html>): a removed file is a character device 0/0,
//! a directory that hides those below it has `user.overlay.opaque`.
//!
//! - `limits`: what a hostile image may cost, counted for all layers of an image together.
//! - `layer`: three threads, of which `feed` is one, `check` another, and `write` the caller's;
//!   `buffer` goes between them.
//! - `stream`, `header`, `pax`, `entries`: the tar reader, strict; `name`: what names mean.
//! - `tree`: the directories of the layer, and which of them are open.
//! - `index`: where the entries of a tar on the disk are; `measure`: the digests of a tar.
//! - `begin`, `write`, `attributes`, `links`, `remove`, `room`, `finish`: entries to files.

mod attributes;
mod bad;
mod begin;
mod buffer;
mod check;
mod entries;
mod feed;
mod finish;
mod header;
mod index;
mod layer;
mod limits;
mod links;
mod measure;
mod name;
mod pax;
mod remove;
mod room;
mod stream;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use bad::{Bad, Limit, Reason};
pub use index::{Found, FoundKind, index};
pub use layer::{Packed, Skipped, Unpacked, unpack};
pub use limits::{Budget, Limits};
pub use measure::{Measured, measure};
