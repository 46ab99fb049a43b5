//! What is known about an image, as it stands in files.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::image::digest::Digest;
use crate::image::document::{Config, Platform};
use crate::image::owned::OwnerMap;

use super::summary::Summary;

/// `references/KEY.json`: what a name leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReferenceRecord {
    pub name: String,
    /// The platform that was asked for.
    pub platform: PlatformRecord,
    /// Of the document that the name leads to: an index, or the manifest itself.
    pub root: String,
    /// Of the manifest.
    pub manifest: String,
    /// Seconds since 1970.
    pub pulled: u64,
}

/// `images/sha256/HEX.json`: all that a run needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImageRecord {
    pub manifest: String,
    /// Digest of the config.
    pub config: String,
    /// Of all layers, the lowest first, as the manifest has them.
    pub diff_ids: Vec<String>,
    /// Of those that are mounted, the lowest first: a layer that comes twice is seen once, and what
    /// lies below a layer that hides everything is not seen at all.
    pub mounted: Vec<String>,
    /// Bytes of the packed layers.
    pub packed: u64,
    pub platform: Option<PlatformRecord>,
    pub env: Vec<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub stop_signal: Option<String>,
    pub created: Option<String>,
}

/// `layers/sha256/HEX/layer.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Bytes of the packed layer.
    pub packed: u64,
    pub summary: Summary,
    /// Devices and extended attributes that were left out.
    pub skipped_devices: u64,
    pub skipped_attributes: u64,
    /// Directories that no entry of the layer names: see `Unpacked::implied`.
    pub implied: Vec<Vec<u8>>,
    /// Hides all layers below it.
    pub opaque: bool,
    /// SHA-256 of the file `links`. Versions before that did not note who owns links and fifos.
    #[serde(default)]
    pub links: Option<String>,
}

/// `owned/KEY/sha256/HEX/layer.json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnedRecord {
    pub map: OwnerMap,
    pub summary: Summary,
    /// SHA-256 over the ids of all entries, as they are outside.
    pub owners: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlatformRecord {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// An image whose documents are verified, before it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub root: Digest,
    pub manifest: Digest,
    pub config_digest: Digest,
    pub config: Config,
    /// Bytes of the packed layers.
    pub packed: u64,
}

impl ImageRecord {
    pub fn new(known: &Known, mounted: &[Digest]) -> Self {
        let Config {
            platform,
            diff_ids,
            env,
            entrypoint,
            cmd,
            working_dir,
            user,
            stop_signal,
            created,
            ..
        } = known.config.clone();
        let texts = |digests: &[Digest]| digests.iter().map(Digest::to_string).collect();
        Self {
            manifest: known.manifest.to_string(),
            config: known.config_digest.to_string(),
            diff_ids: texts(&diff_ids),
            mounted: texts(mounted),
            packed: known.packed,
            platform: platform.as_ref().map(PlatformRecord::from),
            env,
            entrypoint,
            cmd,
            working_dir,
            user,
            stop_signal,
            created,
        }
    }

    /// The image's own words. `None` if the record is not one that we wrote.
    pub fn config(&self) -> Option<Config> {
        let record = self.clone();
        Some(Config {
            platform: record.platform.map(Platform::from),
            diff_ids: digests(&record.diff_ids)?,
            env: record.env,
            entrypoint: record.entrypoint,
            cmd: record.cmd,
            working_dir: record.working_dir,
            user: record.user,
            stop_signal: record.stop_signal,
            created: record.created,
        })
    }
}

/// Digests that were written as text.
pub(super) fn digests(texts: &[String]) -> Option<Vec<Digest>> {
    texts.iter().map(|text| Digest::from_str(text).ok()).collect()
}

impl From<&Platform> for PlatformRecord {
    fn from(platform: &Platform) -> Self {
        let Platform { os, architecture, variant } = platform.clone();
        Self { os, architecture, variant }
    }
}

impl From<PlatformRecord> for Platform {
    fn from(record: PlatformRecord) -> Self {
        let PlatformRecord { os, architecture, variant } = record;
        Self { os, architecture, variant }
    }
}
