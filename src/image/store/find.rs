//! From a name to an image.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, cause};
use crate::image::Image;
use crate::image::digest::Digest;
use crate::image::document::Platform;
use crate::image::reference::Reference;

use super::Store;
use super::record::{ImageRecord, LayerRecord, ReferenceRecord, digests};

/// A name in the store, and the image it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The platform that was asked for.
    pub platform: Platform,
    /// Of the document that the name leads to.
    pub root: Digest,
    /// Digest of the config.
    pub config: Digest,
    /// Seconds since 1970.
    pub pulled: u64,
    /// Bytes of the packed layers.
    pub packed: u64,
    /// Bytes of the files in all layers.
    pub unpacked: u64,
    pub image: Image,
}

impl Store {
    /// The image that a name leads to, if it is in the store. Reads two small files, and for a digest
    /// that was never pulled by itself the other names.
    pub fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, Diagnostic> {
        let name = reference.to_string();
        if let Some(record) = read::<ReferenceRecord>(&self.reference(reference, platform))? {
            let found = self.image_named(name, &record.manifest)?;
            return found.map(Some).ok_or_else(|| damaged(&self.reference(reference, platform)));
        }
        match reference {
            Reference::Registry(named) => match &named.digest {
                Some(digest) => self.find_digest(name, digest, platform),
                None => Ok(None),
            },
            Reference::OciLayout { .. }
            | Reference::OciArchive { .. }
            | Reference::DockerArchive { .. }
            | Reference::Directory { .. }
            | Reference::Tar { .. } => Ok(None),
        }
    }

    /// The same with all that is known about it.
    pub fn look_up(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Listed>, Diagnostic> {
        let Some(image) = self.find(reference, platform)? else { return Ok(None) };
        let manifest = image.digest.to_string();
        let same = |record: &ReferenceRecord| record.manifest == manifest;
        let mut records = self.reference_records()?;
        records.sort_by_key(|record| record.name != image.name);
        let Some(record) = records.into_iter().find(same) else { return Ok(None) };
        self.listed(ReferenceRecord { name: image.name, ..record }).map(Some)
    }

    /// All names, in order.
    pub fn list(&self) -> Result<Vec<Listed>, Diagnostic> {
        let mut all = Vec::new();
        for record in self.reference_records()? {
            all.push(self.listed(record)?);
        }
        all.sort_by(|a, b| a.image.name.cmp(&b.image.name));
        Ok(all)
    }

    /// What was unpacked of a layer; `None` if it is not in the store.
    pub fn layer_record(&self, diff_id: &Digest) -> Result<Option<LayerRecord>, Diagnostic> {
        read(&self.layer(diff_id).join("layer.json"))
    }

    /// The directories of a layer's tree that no entry names, as paths from its root.
    pub fn implied(&self, tree: &Path) -> Result<HashSet<Vec<u8>>, Diagnostic> {
        let path = tree.with_file_name("layer.json");
        let record = read::<LayerRecord>(&path)?.ok_or_else(|| damaged(&path))?;
        Ok(record.implied.into_iter().collect())
    }

    /// The bytes of an index, a manifest or a config.
    pub fn document(&self, digest: &Digest) -> Result<Vec<u8>, Diagnostic> {
        let path = self.blob(digest);
        fs::read(&path).map_err(|error| unreadable(&path, &error))
    }

    pub(super) fn reference_records(&self) -> Result<Vec<ReferenceRecord>, Diagnostic> {
        let mut records = Vec::new();
        for path in entries(&self.part("references"))? {
            // Another process may remove one meanwhile.
            records.extend(read(&path)?);
        }
        Ok(records)
    }

    pub(super) fn image_record(
        &self,
        manifest: &Digest,
    ) -> Result<Option<ImageRecord>, Diagnostic> {
        read(&self.image(manifest))
    }

    /// By the manifest's digest, or by that of an index that some name led to.
    fn find_digest(
        &self,
        name: String,
        digest: &Digest,
        platform: &Platform,
    ) -> Result<Option<Image>, Diagnostic> {
        if let Some(image) = self.image_named(name.clone(), &digest.to_string())? {
            return Ok(Some(image));
        }
        let wanted = digest.to_string();
        let same = |record: &ReferenceRecord| {
            record.root == wanted && Platform::from(record.platform.clone()) == *platform
        };
        match self.reference_records()?.into_iter().find(same) {
            Some(record) => self.image_named(name, &record.manifest),
            None => Ok(None),
        }
    }

    pub(super) fn image_named(
        &self,
        name: String,
        manifest: &str,
    ) -> Result<Option<Image>, Diagnostic> {
        let digest = Digest::from_str(manifest).map_err(|_| damaged(&self.part("references")))?;
        let path = self.image(&digest);
        let Some(record) = read::<ImageRecord>(&path)? else { return Ok(None) };
        let (config, mounted) =
            record.config().zip(digests(&record.mounted)).ok_or_else(|| damaged(&path))?;
        let layers = mounted.iter().map(|diff_id| self.tree(diff_id)).collect();
        Ok(Some(Image { name, digest, config, layers, record: path }))
    }

    fn listed(&self, record: ReferenceRecord) -> Result<Listed, Diagnostic> {
        let path = self.part("references");
        let image =
            self.image_named(record.name, &record.manifest)?.ok_or_else(|| damaged(&path))?;
        let kept = self.image_record(&image.digest)?.ok_or_else(|| damaged(&path))?;
        let digest = |text: &str| Digest::from_str(text).map_err(|_| damaged(&path));
        let mut unpacked = 0;
        for diff_id in &image.config.diff_ids {
            unpacked += self.layer_record(diff_id)?.map_or(0, |layer| layer.summary.bytes);
        }
        Ok(Listed {
            platform: record.platform.into(),
            root: digest(&record.root)?,
            config: digest(&kept.config)?,
            pulled: record.pulled,
            packed: kept.packed,
            unpacked,
            image,
        })
    }
}

/// What is in a directory, in order; nothing if there is none.
pub(super) fn entries(directory: &Path) -> Result<Vec<std::path::PathBuf>, Diagnostic> {
    let listed = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    match listed {
        Ok(paths) => {
            let mut paths: Vec<_> = paths;
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unreadable(directory, &error)),
    }
}

/// A record; `None` if there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Diagnostic> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| damaged(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot read `{}` of the image store", path.display()))
        .because(cause(error))
}

/// Something in the store is not as jail writes it.
pub(super) fn damaged(path: &Path) -> Diagnostic {
    Diagnostic::error(format!("the image store is damaged: `{}`", path.display()))
        .because("it is not as jail wrote it")
        .help("run `jail image verify --repair`, and pull the image again")
}
