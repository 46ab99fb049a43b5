//! An image whose manifest nobody wrote: its layers and config are found in another way.

use std::io::Read;

use serde_json::json;

use crate::diagnostic::Diagnostic;
use crate::image::digest::{Algorithm, Digest};
use crate::image::document::{Compression, Descriptor, MediaType};

use super::Source;
use super::part::Part;

pub(super) struct Made {
    name: String,
    manifest: Vec<u8>,
    config: Vec<u8>,
    /// Layers, the lowest first.
    layers: Vec<Layer>,
}

/// A layer, as a manifest would tell of it.
pub(super) struct Layer {
    /// Of the blob.
    pub digest: Digest,
    pub compression: Compression,
    pub part: Part,
}

impl Made {
    pub fn new(name: String, config: Vec<u8>, layers: Vec<Layer>) -> Self {
        let manifest = manifest(&config, &layers).into_bytes();
        Self { name, manifest, config, layers }
    }
}

impl Source for Made {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        Ok((self.manifest.clone(), Some(MediaType::Manifest)))
    }

    /// The only one that the manifest names; that it is the right one is for the caller to see.
    fn document(&self, _: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        Ok(self.config.clone())
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic> {
        let digest = &descriptor.digest;
        let layer = self.layers.iter().find(|layer| layer.digest == *digest);
        let layer = layer.expect("the manifest was made of these");
        Ok(Box::new(layer.part.after(offset)))
    }
}

fn manifest(config: &[u8], layers: &[Layer]) -> String {
    let layer = |layer: &Layer| {
        json!({
            "mediaType": match layer.compression {
                Compression::None => "application/vnd.oci.image.layer.v1.tar",
                Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
                Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            },
            "digest": layer.digest.to_string(),
            "size": layer.part.length(),
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(Algorithm::Sha256, config).to_string(),
            "size": config.len(),
        },
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    manifest.to_string()
}
