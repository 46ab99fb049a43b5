//! How names and what only they needed go.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::diagnostic::Diagnostic;
use crate::image::digest::Digest;
use crate::image::document::Platform;
use crate::image::reference::Reference;

use super::Store;
use super::find::{damaged, entries, read, unreadable};
use super::lock::unused;
use super::own::digest_of;
use super::record::{ImageRecord, LayerRecord, OwnedRecord, digests};
use super::write::unwritable;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    pub images: u64,
    pub layers: u64,
    /// Copies of layers with owners.
    pub owned: u64,
    /// Of documents, of downloads that broke off, and of files in layers and in copies.
    pub bytes: u64,
}

/// What must stay.
#[derive(Debug, Default)]
pub(super) struct Needed {
    pub documents: HashSet<PathBuf>,
    pub layers: HashSet<PathBuf>,
}

impl Store {
    /// Removes a name, for one platform or for all; returns for which it was there, and the digest of
    /// the manifest that it led to, which stays until `prune`.
    pub fn remove(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
    ) -> Result<Vec<(Platform, String)>, Diagnostic> {
        let name = reference.to_string();
        let mut removed = Vec::new();
        for record in self.reference_records()? {
            let recorded = Platform::from(record.platform);
            if record.name != name || platform.is_some_and(|only| *only != recorded) {
                continue;
            }
            let path = self.reference(reference, &recorded);
            match fs::remove_file(&path) {
                Ok(()) => removed.push((recorded, record.manifest)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unwritable(&path, &error)),
            }
        }
        Ok(removed)
    }

    /// Removes images that have no name and are not in use, and all that no image needs.
    pub fn prune(&self, waiting: &dyn Fn()) -> Result<Freed, Diagnostic> {
        let mut freed = Freed::default();
        let Some(alone) = self.alone(waiting)? else { return Ok(freed) };
        let copies = self.sweep_copies()?;
        freed.bytes += copies.bytes;
        let named = self.named()?;
        for path in self.in_part("images")? {
            if named.contains(&path) {
                continue;
            }
            // The lock lives until the name is gone: nobody can begin to use it in between.
            let lock = unused(&path).map_err(|error| unreadable(&path, &error))?;
            if lock.is_some() {
                freed.bytes += size(&path)?;
                freed.images += 1;
                fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
            }
        }
        let needed = self.needed()?;
        self.remove_unneeded(&needed, &mut freed)?;
        for path in entries(&self.part("partial"))? {
            freed.bytes += size(&path)?;
            self.discard(&path)?;
        }
        // Last: what others own may be beyond us, and is no reason to keep the rest.
        let removed = self.remove_owned(&needed, &mut freed);
        match alone.left.into_iter().chain(copies.left).next() {
            Some(left) => Err(left),
            None => removed.map(|()| freed),
        }
    }

    /// Removes layers of an image that was refused, unless somebody needs them or is at work.
    pub fn forget(&self, diff_ids: &[Digest]) -> Result<(), Diagnostic> {
        let Some(_alone) = self.alone_at_once()? else { return Ok(()) };
        let needed = self.needed()?;
        for path in diff_ids.iter().map(|diff_id| self.layer(diff_id)) {
            if !needed.layers.contains(&path) {
                self.discard(&path)?;
            }
        }
        Ok(())
    }

    /// What the images that there are need.
    fn needed(&self) -> Result<Needed, Diagnostic> {
        self.needed_by(&self.in_part("images")?)
    }

    /// What images with names need.
    pub(super) fn needed_by_names(&self) -> Result<Needed, Diagnostic> {
        self.needed_by(&self.named()?.into_iter().collect::<Vec<_>>())
    }

    fn needed_by(&self, images: &[PathBuf]) -> Result<Needed, Diagnostic> {
        let mut needed = Needed::default();
        for record in self.reference_records()? {
            for digest in [&record.root, &record.manifest] {
                let digest =
                    Digest::from_str(digest).map_err(|_| damaged(&self.part("references")))?;
                needed.documents.insert(self.blob(&digest));
            }
        }
        for path in images {
            let Some(record) = read::<ImageRecord>(path)? else { continue };
            let documents = [record.manifest, record.config];
            let (documents, layers) =
                digests(&documents).zip(digests(&record.diff_ids)).ok_or_else(|| damaged(path))?;
            needed.documents.extend(documents.iter().map(|digest| self.blob(digest)));
            needed.layers.extend(layers.iter().map(|diff_id| self.layer(diff_id)));
        }
        Ok(needed)
    }

    /// Everything in a part that is ordered by digests.
    pub(super) fn in_part(&self, part: &str) -> Result<Vec<PathBuf>, Diagnostic> {
        let mut all = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            all.extend(entries(&self.part(part).join(algorithm))?);
        }
        Ok(all)
    }

    /// All copies of layers with owners.
    pub(super) fn all_owned(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let mut all = Vec::new();
        for key in entries(&self.part("owned"))? {
            for algorithm in entries(&key)? {
                all.extend(entries(&algorithm)?);
            }
        }
        Ok(all)
    }

    /// A copy is needed by those who need the layer.
    pub(super) fn is_needed(&self, owned: &Path, needed: &Needed) -> bool {
        digest_of(owned).is_some_and(|diff_id| needed.layers.contains(&self.layer(&diff_id)))
    }

    /// The records of images that have names.
    fn named(&self) -> Result<HashSet<PathBuf>, Diagnostic> {
        let path = self.part("references");
        let records = self.reference_records()?;
        let digests = records.iter().map(|record| Digest::from_str(&record.manifest));
        digests.map(|digest| digest.map(|d| self.image(&d)).map_err(|_| damaged(&path))).collect()
    }

    fn remove_unneeded(&self, needed: &Needed, freed: &mut Freed) -> Result<(), Diagnostic> {
        for path in self.in_part("layers")? {
            if !needed.layers.contains(&path) {
                freed.bytes += layer_size(&path);
                freed.layers += 1;
                self.discard(&path)?;
            }
        }
        for path in self.in_part("blobs")? {
            if !needed.documents.contains(&path) {
                freed.bytes += size(&path)?;
                fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
            }
        }
        Ok(())
    }

    fn remove_owned(&self, needed: &Needed, freed: &mut Freed) -> Result<(), Diagnostic> {
        for path in self.all_owned()? {
            if !self.is_needed(&path, needed) {
                freed.bytes += owned_size(&path);
                freed.owned += 1;
                self.discard(&path)?;
            }
        }
        for key in entries(&self.part("owned"))? {
            for directory in entries(&key)?.iter().chain([&key]) {
                // Those that have something in them stay.
                let _ = fs::remove_dir(directory);
            }
        }
        Ok(())
    }
}

/// Bytes of the files in a layer; nothing if it is damaged, and so is not known.
pub(super) fn layer_size(path: &Path) -> u64 {
    let record = read::<LayerRecord>(&path.join("layer.json"));
    record.ok().flatten().map_or(0, |layer| layer.summary.bytes)
}

/// The same for a copy with owners.
pub(super) fn owned_size(path: &Path) -> u64 {
    let record = read::<OwnedRecord>(&path.join("layer.json"));
    record.ok().flatten().map_or(0, |copy| copy.summary.bytes)
}

pub(super) fn size(path: &Path) -> Result<u64, Diagnostic> {
    let found = fs::symlink_metadata(path).map_err(|error| unreadable(path, &error))?;
    Ok(found.len())
}
