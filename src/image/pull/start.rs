//! A pull as a whole.

use crate::diagnostic::Diagnostic;
use crate::image::Image;
use crate::image::digest::Digest;
use crate::image::document::{Descriptor, Platform};
use crate::image::reference::{Name, Reference};
use crate::image::source::Source;
use crate::image::store::{Known, Store};
use crate::image::unpack::Limits;

use super::layers::{Made, make_all};
use super::progress::{Progress, Waiting};
use super::resolve::{Resolved, resolve};

/// Brings an image into the store under a name. What the store has is not fetched; an image that is
/// named by digest and is there is not even asked for.
///
/// Several pulls may go on at once: each layer is made by one of them, for which the others wait. An
/// image that is refused leaves nothing. What a broken connection leaves is used by the next pull.
///
/// # Errors
///
/// The source gives nothing, or something that is not what its digest or manifest says, or that no
/// image may have; the disk is full. The message names document or layer, and what is wrong with it.
pub fn pull(
    source: &dyn Source,
    reference: &Reference,
    platform: &Platform,
    store: &Store,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Image, Diagnostic> {
    let waiting = || progress.wait(Waiting::Removal);
    if is_pinned(reference) {
        // Held, nothing of it can go away before it has its name.
        let writer = store.writer(&waiting)?;
        if let Some(image) = store.find(reference, platform)? {
            writer.name(reference, platform, &image)?;
            return Ok(image);
        }
    }
    let resolved = resolve(source, reference, platform, store)?;
    let layers = layers(&resolved);
    let writer = store.writer(&waiting)?;
    let Made { new, result } = make_all(source, &writer, &layers, limits, progress);
    if let Err(refused) = result {
        drop(writer);
        if refused.hostile {
            store.forget(&new)?;
        }
        return Err(refused.diagnostic);
    }
    for (digest, bytes) in &resolved.documents {
        writer.keep(digest, bytes)?;
    }
    writer.record(reference, platform, &known(resolved))
}

fn is_pinned(reference: &Reference) -> bool {
    matches!(reference, Reference::Registry(Name { digest: Some(_), .. }))
}

/// The layers with what they are called inside and outside; as many of each, as was checked.
fn layers(resolved: &Resolved) -> Vec<(Descriptor, Digest)> {
    let descriptors = resolved.manifest.layers.iter().cloned();
    descriptors.zip(resolved.config.diff_ids.iter().cloned()).collect()
}

fn known(resolved: Resolved) -> Known {
    let Resolved { root, manifest_digest, manifest, config, .. } = resolved;
    Known {
        root,
        manifest: manifest_digest,
        config_digest: manifest.config.digest,
        packed: manifest.layers.iter().map(|layer| layer.size).sum(),
        config,
    }
}
