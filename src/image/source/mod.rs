//! Where images come from: one trait for all of them, and those that are files.
//!
//! ```text
//! oci:          ┐                        ┌ layout   index.json, blobs by digest
//! oci-archive:  ├─ files ─ part ─────────┤
//! dir:          │   a directory or       ├ copied   manifest.json, blobs by hash
//! docker-archive: ┘ a tar, read by name  └ saved    manifest.json, tars ─┐
//! tar:             one file ── rootfs ───────────────────────────────────┴ made: a manifest
//!                                                                          that nobody wrote
//! ```
//!
//! A directory or an archive may come from anyone. Names out of documents are digests before
//! they are looked up; files are opened below a descriptor, without links, and are regular; archives
//! are read by offset, and their links lead to other entries only.

mod archive;
mod copied;
mod files;
mod layout;
mod made;
mod open;
mod part;
mod rootfs;
mod saved;
#[cfg(test)]
mod tests;

use std::io::Read;

use crate::diagnostic::Diagnostic;

use super::document::{Descriptor, MediaType};

pub use open::open;

/// An image that can be read. What it hands out is not verified: whoever pulls does that.
pub trait Source: Sync {
    /// For messages: `docker.io/library/debian:12`.
    fn name(&self) -> String;

    /// Whether blobs come from another machine, so that a download that breaks off is worth keeping.
    fn is_remote(&self) -> bool {
        false
    }

    /// The bytes of the document that the reference names, an index or a manifest, and what the
    /// source says that it is. At most 4 MiB.
    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic>;

    /// Another document, or a config, by its descriptor: at most 4 MiB.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic>;

    /// A blob from byte `offset` on. May be called for several blobs at once.
    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic>;
}
