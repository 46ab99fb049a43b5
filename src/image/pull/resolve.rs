//! From the document that a name leads to, to one manifest and its config.

use crate::diagnostic::Diagnostic;
use crate::image::digest::{Algorithm, Digest};
use crate::image::document::{
    Config, Descriptor, Document, MOST_ENTRIES, Malformed, Manifest, MediaType, Platform, check,
    choose, parse_config, parse_document, short,
};
use crate::image::reference::{Name, Reference};
use crate::image::source::Source;
use crate::image::store::Store;

/// Indexes that may lead to one another.
const MOST_NESTED: usize = 4;
/// Platforms that a message lists at most.
const MOST_SHOWN: usize = 20;

/// What an image consists of. All documents are the ones that their digests name.
#[derive(Debug)]
pub struct Resolved {
    /// Of what the name leads to.
    pub root: Digest,
    pub manifest_digest: Digest,
    pub manifest: Manifest,
    pub config: Config,
    /// Indexes, the manifest and the config.
    pub documents: Vec<(Digest, Vec<u8>)>,
}

/// Follows indexes to the manifest for a platform, and reads its config.
pub fn resolve(
    source: &dyn Source,
    reference: &Reference,
    platform: &Platform,
    store: &Store,
) -> Result<Resolved, Diagnostic> {
    let (bytes, said) = source.root()?;
    let root = root_digest(source, reference, &bytes)?;
    let mut walk = Walk { source, store, platform, entries: 0, documents: Vec::new() };
    let (manifest_digest, manifest) = walk.manifest(root.clone(), bytes, said)?;
    let bytes = walk.fetch(&manifest.config)?;
    let refused = |malformed| refuse(source, &manifest.config.digest, &malformed);
    let config = parse_config(&bytes).map_err(refused)?;
    check(&manifest, &config).map_err(|malformed| refuse(source, &manifest_digest, &malformed))?;
    walk.documents.push((manifest.config.digest.clone(), bytes));
    Ok(Resolved { root, manifest_digest, manifest, config, documents: walk.documents })
}

struct Walk<'a> {
    source: &'a dyn Source,
    store: &'a Store,
    platform: &'a Platform,
    /// Of all indexes.
    entries: usize,
    documents: Vec<(Digest, Vec<u8>)>,
}

impl Walk<'_> {
    fn manifest(
        &mut self,
        mut digest: Digest,
        mut bytes: Vec<u8>,
        mut said: Option<MediaType>,
    ) -> Result<(Digest, Manifest), Diagnostic> {
        for _ in 0..=MOST_NESTED {
            let document = parse_document(&bytes, said)
                .map_err(|malformed| refuse(self.source, &digest, &malformed))?;
            self.documents.push((digest.clone(), bytes));
            let entries = match document {
                Document::Manifest(manifest) => return Ok((digest, manifest)),
                Document::Index(entries) => entries,
            };
            self.entries += entries.len();
            if self.entries > MOST_ENTRIES {
                let why = format!("its indexes have more than {MOST_ENTRIES} entries");
                return Err(refuse(self.source, &digest, &Malformed::new(why)));
            }
            let chosen = choose(&entries, self.platform)
                .ok_or_else(|| no_platform(self.source, self.platform, &entries))?;
            bytes = self.fetch(chosen)?;
            (digest, said) = (chosen.digest.clone(), Some(chosen.media_type));
        }
        let why = format!("more than {MOST_NESTED} indexes lead to one another");
        Err(refuse(self.source, &digest, &Malformed::new(why)))
    }

    /// The document that a descriptor names: from the store, or else from the source.
    fn fetch(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        let digest = &descriptor.digest;
        let is_right = |bytes: &[u8]| Digest::of(digest.algorithm(), bytes) == *digest;
        // What is not there, or is damaged, is fetched; that it was damaged is for `verify` to say.
        if let Ok(bytes) = self.store.document(digest)
            && bytes.len() as u64 == descriptor.size
            && is_right(&bytes)
        {
            return Ok(bytes);
        }
        let bytes = self.source.document(descriptor)?;
        let why = if bytes.len() as u64 != descriptor.size {
            format!("it has {} bytes, and should have {}", bytes.len(), descriptor.size)
        } else if is_right(&bytes) {
            return Ok(bytes);
        } else {
            format!("its digest is `{}`", Digest::of(digest.algorithm(), &bytes))
        };
        Err(refuse(self.source, digest, &Malformed::new(why)))
    }
}

/// The digest of the root document; the one that was asked for, if one was.
fn root_digest(
    source: &dyn Source,
    reference: &Reference,
    bytes: &[u8],
) -> Result<Digest, Diagnostic> {
    let Reference::Registry(Name { digest: Some(wanted), .. }) = reference else {
        return Ok(Digest::of(Algorithm::Sha256, bytes));
    };
    let found = Digest::of(wanted.algorithm(), bytes);
    if found == *wanted {
        return Ok(found);
    }
    let why = format!("its digest is `{found}`");
    Err(refuse(source, wanted, &Malformed::new(why)))
}

fn refuse(source: &dyn Source, document: &Digest, why: &Malformed) -> Diagnostic {
    let name = source.name();
    Diagnostic::error(format!("the document `{document}` of `{name}` is refused"))
        .because(why.to_string())
}

fn no_platform(source: &dyn Source, wanted: &Platform, entries: &[Descriptor]) -> Diagnostic {
    let mut offered: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.platform.as_ref())
        .filter(|platform| platform.os != "unknown")
        .map(|platform| format!("`{}`", short(&platform.to_string())))
        .collect();
    offered.dedup();
    offered.truncate(MOST_SHOWN);
    let refused = Diagnostic::error(format!("`{}` has no image for `{wanted}`", source.name()));
    match offered.is_empty() {
        true if entries.is_empty() => refused.because("its index is empty"),
        true => refused.because("its index does not say what its images are for"),
        false => refused
            .because(format!("it has images for {}", offered.join(", ")))
            .help("choose one by `--platform`"),
    }
}
