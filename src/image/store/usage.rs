//! What takes room.

use crate::diagnostic::Diagnostic;

use super::Store;
use super::copies::Copies;
use super::find::entries;
use super::prune::{layer_size, owned_size, size};

/// The room that the store takes. All in bytes of content: file systems round up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Names.
    pub references: u64,
    /// Images that a name leads to, or that are in use.
    pub images: u64,
    pub layers: u64,
    pub layer_bytes: u64,
    /// Copies of layers with owners.
    pub owned: u64,
    pub owned_bytes: u64,
    /// Indexes, manifests, configs and records.
    pub document_bytes: u64,
    /// Downloads that broke off, or are going on.
    pub partial_bytes: u64,
    /// Private copies, of runs that live and of those that were killed.
    pub copies: u64,
    pub copy_bytes: u64,
    /// What no name leads to: as much as `prune` frees, but for what is in use;
    /// and copies that belong to no run any more.
    pub unused_bytes: u64,
}

impl Store {
    pub fn usage(&self) -> Result<Usage, Diagnostic> {
        let mut usage = Usage {
            references: self.reference_records()?.len() as u64,
            images: self.in_part("images")?.len() as u64,
            ..Usage::default()
        };
        let needed = self.needed_by_names()?;
        for path in self.in_part("layers")? {
            let bytes = layer_size(&path);
            usage.layers += 1;
            usage.layer_bytes += bytes;
            usage.unused_bytes += if needed.layers.contains(&path) { 0 } else { bytes };
        }
        for path in self.all_owned()? {
            let bytes = owned_size(&path);
            usage.owned += 1;
            usage.owned_bytes += bytes;
            usage.unused_bytes += if self.is_needed(&path, &needed) { 0 } else { bytes };
        }
        for path in self.in_part("blobs")? {
            let bytes = size(&path)?;
            usage.document_bytes += bytes;
            usage.unused_bytes += if needed.documents.contains(&path) { 0 } else { bytes };
        }
        for path in self.in_part("images")? {
            usage.document_bytes += size(&path)?;
        }
        for path in entries(&self.part("partial"))? {
            let bytes = size(&path)?;
            usage.partial_bytes += bytes;
            usage.unused_bytes += bytes;
        }
        let Copies { count, bytes, unused_bytes } = self.copies()?;
        usage.copies = count;
        usage.copy_bytes = bytes;
        usage.unused_bytes += unused_bytes;
        Ok(usage)
    }
}
