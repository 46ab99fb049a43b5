//! Is everything as it was when it was verified?

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, cause};
use crate::ids;
use crate::image::Image;
use crate::image::digest::Digest;

use super::Store;
use super::find::{damaged, entries, read};
use super::own::digest_of;
use super::place::hex;
use super::record::{ImageRecord, LayerRecord, OwnedRecord, ReferenceRecord, digests};
use super::summary::{Summary, summarize, summarize_with_owners};

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub references: u64,
    pub documents: u64,
    pub layers: u64,
    /// Copies of layers with owners.
    pub owned: u64,
    pub damages: Vec<Damage>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub diagnostic: Diagnostic,
    path: PathBuf,
}

/// Repairs that can follow from one another: a layer, its images, their names.
const ROUNDS: usize = 4;

impl Store {
    /// Looks at everything, or at what these images need.
    pub fn verify(
        &self,
        images: Option<&[Image]>,
        waiting: &dyn Fn(),
    ) -> Result<Verified, Diagnostic> {
        let Some(_alone) = self.alone(waiting)? else { return Ok(Verified::default()) };
        match images {
            None => self.look_at_all(),
            Some(images) => self.look_at(images),
        }
    }

    /// Looks at everything and removes what is damaged, with the names that led to it, so that it can
    /// be pulled again. Returns what was damaged.
    pub fn repair(&self, waiting: &dyn Fn()) -> Result<Verified, Diagnostic> {
        let Some(_alone) = self.alone(waiting)? else { return Ok(Verified::default()) };
        let first = self.look_at_all()?;
        let mut damages = first.damages.clone();
        for _ in 0..ROUNDS {
            for damage in &damages {
                self.discard(&damage.path)?;
            }
            damages = self.look_at_all()?.damages;
            if damages.is_empty() {
                break;
            }
        }
        Ok(first)
    }

    fn look_at_all(&self) -> Result<Verified, Diagnostic> {
        let mut verified = Verified::default();
        for path in entries(&self.part("references"))? {
            verified.references += 1;
            verified.note(&path, self.reference_is_right(&path));
        }
        for path in self.in_part("images")? {
            verified.note(&path, self.image_is_right(&path));
        }
        for path in self.in_part("blobs")? {
            verified.documents += 1;
            verified.note(&path, document_is_right(&path));
        }
        for path in self.in_part("layers")? {
            verified.layers += 1;
            verified.note(&path, layer_is_right(&path));
        }
        verified.look_at_copies(self.all_owned()?);
        Ok(verified)
    }

    fn look_at(&self, images: &[Image]) -> Result<Verified, Diagnostic> {
        let mut verified = Verified::default();
        for image in images {
            verified.references += 1;
            verified.note(&image.record, self.image_is_right(&image.record));
            let Some(record) = read::<ImageRecord>(&image.record)? else { continue };
            for digest in digests(&[record.manifest, record.config]).into_iter().flatten() {
                verified.documents += 1;
                verified.note(&self.blob(&digest), document_is_right(&self.blob(&digest)));
            }
            for diff_id in &image.config.diff_ids {
                verified.layers += 1;
                verified.note(&self.layer(diff_id), layer_is_right(&self.layer(diff_id)));
            }
        }
        let of_these = |copy: &PathBuf| {
            let diff_ids = images.iter().flat_map(|image| &image.config.diff_ids);
            digest_of(copy).is_some_and(|copied| diff_ids.into_iter().any(|it| *it == copied))
        };
        verified.look_at_copies(self.all_owned()?.into_iter().filter(of_these).collect());
        Ok(verified)
    }

    /// A name stands in the file of its hash and leads to an image.
    fn reference_is_right(&self, path: &Path) -> Result<(), Diagnostic> {
        let record = read::<ReferenceRecord>(path)?.ok_or_else(|| damaged(path))?;
        if self.reference_named(&record.name, &record.platform.into()) != path {
            return Err(damaged(path));
        }
        let manifest = Digest::from_str(&record.manifest).map_err(|_| damaged(path))?;
        if self.image(&manifest).exists() {
            return Ok(());
        }
        Err(missing(&format!("the image of `{}`", record.name), path))
    }

    /// An image stands in the file of its digest, and its documents and layers are there.
    fn image_is_right(&self, path: &Path) -> Result<(), Diagnostic> {
        let record = read::<ImageRecord>(path)?.ok_or_else(|| damaged(path))?;
        let documents = digests(&[record.manifest.clone(), record.config.clone()]);
        let layers = digests(&record.diff_ids);
        let (documents, layers) = documents.zip(layers).ok_or_else(|| damaged(path))?;
        if self.image(&documents[0]) != path {
            return Err(damaged(path));
        }
        for digest in documents {
            if !self.blob(&digest).exists() {
                return Err(missing(&format!("the document `{digest}`"), path));
            }
        }
        for diff_id in layers {
            if !self.layer(&diff_id).exists() {
                return Err(missing(&format!("the layer `{diff_id}`"), path));
            }
        }
        Ok(())
    }
}

impl Verified {
    /// Copies with owners: their directories can be read from within a user namespace alone.
    fn look_at_copies(&mut self, copies: Vec<PathBuf>) {
        if copies.is_empty() {
            return;
        }
        self.owned += copies.len() as u64;
        let found = ids::within(|| copies.iter().map(|copy| look_within(copy)).collect());
        let found = found.unwrap_or_else(|obstacle| {
            vec![Err(obstacle.because.unwrap_or(obstacle.title)); copies.len()]
        });
        for (copy, found) in copies.iter().zip(found) {
            self.note(copy, copy_is_right(copy, found));
        }
    }

    fn note(&mut self, path: &Path, result: Result<(), Diagnostic>) {
        if let Err(diagnostic) = result {
            self.damages.push(Damage { diagnostic, path: path.to_owned() });
        }
    }
}

fn document_is_right(path: &Path) -> Result<(), Diagnostic> {
    let named = digest_of(path).ok_or_else(|| damaged(path))?;
    let bytes = fs::read(path).map_err(|error| damaged(path).because(cause(&error)))?;
    if Digest::of(named.algorithm(), &bytes) == named {
        return Ok(());
    }
    Err(damaged(path).because("its content has another digest"))
}

fn layer_is_right(path: &Path) -> Result<(), Diagnostic> {
    digest_of(path).ok_or_else(|| damaged(path))?;
    let record = read::<LayerRecord>(&path.join("layer.json"))?.ok_or_else(|| damaged(path))?;
    let found = open_tree(path)
        .and_then(|tree| summarize(tree.as_fd()))
        .map_err(|error| damaged(path).because(cause(&error)))?;
    if found != record.summary {
        return Err(damaged(path).because(difference(&record.summary, &found)));
    }
    let Some(hash) = record.links else { return Ok(()) };
    let links =
        fs::read(path.join("links")).map_err(|error| damaged(path).because(cause(&error)))?;
    if hex(&Sha256::digest(links)) == hash {
        return Ok(());
    }
    Err(damaged(path).because("an owner of a link in it was changed"))
}

/// A summary and a hash of owners, or why there is none.
type Look = Result<(Summary, String), String>;

fn look_within(copy: &Path) -> Look {
    let found = open_tree(copy).and_then(|tree| summarize_with_owners(tree.as_fd()));
    found.map_err(|error| cause(&error))
}

/// A copy stands in the directory of its id map, and looks as it did when it was made.
fn copy_is_right(path: &Path, found: Look) -> Result<(), Diagnostic> {
    let diff_id = digest_of(path).ok_or_else(|| damaged(path))?;
    let record = read::<OwnedRecord>(&path.join("layer.json"))?.ok_or_else(|| damaged(path))?;
    if !path.ends_with(
        Path::new(&record.map.key()).join(diff_id.algorithm().name()).join(diff_id.hex()),
    ) {
        return Err(damaged(path));
    }
    let (summary, owners) = found.map_err(|cause| damaged(path).because(cause))?;
    if summary != record.summary {
        return Err(damaged(path).because(difference(&record.summary, &summary)));
    }
    if owners != record.owners {
        return Err(damaged(path).because("an owner in it was changed"));
    }
    Ok(())
}

fn open_tree(layer: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(open(&layer.join("tree"), flags, Mode::empty())?)
}

fn difference(was: &Summary, is: &Summary) -> String {
    if was.entries != is.entries {
        return format!("it has {} entries, and had {}", is.entries, was.entries);
    }
    if was.bytes != is.bytes {
        return format!("its files have {} bytes, and had {}", is.bytes, was.bytes);
    }
    "a name, mode, size, time or link in it was changed".to_owned()
}

fn missing(what: &str, path: &Path) -> Diagnostic {
    damaged(path).because(format!("{what} is missing"))
}
