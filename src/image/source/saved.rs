//! What `docker save` writes: tars of layers, and a list of images (Docker image specification 1.2).

use std::path::Path;

use crate::diagnostic::{Diagnostic, cause};
use crate::image::digest::Digest;
use crate::image::document::json::{Json, Object};
use crate::image::document::{Compression, MOST_LAYERS, Malformed, parse_config, short};
use crate::image::reference::Name;
use crate::image::unpack::{Limits, measure};

use super::archive::Archive;
use super::files::{Files, Unreadable};
use super::made::{Layer, Made};
use super::part::{Packing, Part};

const LIST: &str = "manifest.json";

/// One image of the list.
struct Saved {
    config: String,
    tags: Vec<String>,
    layers: Vec<String>,
}

/// The image of this name, or the only one.
pub(super) fn open(
    shown: String,
    path: &Path,
    name: Option<&Name>,
    limits: &Limits,
) -> Result<Made, Diagnostic> {
    let archive = Opened { files: Files::Archive(Archive::open(path)?), shown };
    let list = archive.files.document(LIST).map_err(|why| archive.no_list(why))?;
    let images =
        read_list(&list).map_err(|malformed| archive.refuse(LIST, malformed.to_string()))?;
    let image = archive.choose(&images, name)?;
    let config = archive.files.document(&image.config);
    let config = config.map_err(|why| archive.refuse(&image.config, why.because()))?;
    let parsed = parse_config(&config);
    let diff_ids = parsed.map_err(|why| archive.refuse(&image.config, why.to_string()))?.diff_ids;
    if diff_ids.len() != image.layers.len() || diff_ids.is_empty() {
        let (layers, diff_ids) = (image.layers.len(), diff_ids.len());
        let why = format!("it lists {layers} layers, and the config {diff_ids} digests of layers");
        return Err(archive.refuse(LIST, why));
    }
    let both = image.layers.iter().zip(&diff_ids);
    let layers = both.map(|(file, diff_id)| archive.layer(file, diff_id, limits));
    let layers = layers.collect::<Result<_, _>>()?;
    Ok(Made::new(archive.shown, config, layers))
}

fn read_list(bytes: &[u8]) -> Result<Vec<Saved>, Malformed> {
    let json = Json::parse(bytes)?;
    json.roots()?.iter().map(read_image).collect()
}

fn read_image(object: &Object) -> Result<Saved, Malformed> {
    let texts = |key| -> Result<Vec<String>, Malformed> {
        let texts = object.texts(key)?.unwrap_or_default();
        Ok(texts.into_iter().map(str::to_owned).collect())
    };
    let config = object.text("Config")?.ok_or_else(|| object.malformed("Config", "is missing"))?;
    let layers = texts("Layers")?;
    if layers.len() > MOST_LAYERS {
        return Err(object.malformed("Layers", format!("has more than {MOST_LAYERS} entries")));
    }
    Ok(Saved { config: config.to_owned(), tags: texts("RepoTags")?, layers })
}

/// The archive, and how to call it.
struct Opened {
    files: Files,
    shown: String,
}

impl Opened {
    fn choose<'a>(
        &self,
        images: &'a [Saved],
        name: Option<&Name>,
    ) -> Result<&'a Saved, Diagnostic> {
        let shown = &self.shown;
        let is_named = |image: &&Saved| match name {
            None => true,
            Some(name) => image.tags.iter().any(|tag| tag.parse().as_ref() == Ok(name)),
        };
        let mut found = images.iter().filter(is_named);
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                let several = Diagnostic::error(format!("`{shown}` may be any of several images"))
                    .because(tags(images));
                let has_names = images.iter().any(|image| !image.tags.is_empty());
                Err(match name {
                    None if has_names => {
                        several.help("put the name of one after the file and a colon")
                    }
                    _ => {
                        several.help("save the one that is meant alone: `docker save -o FILE NAME`")
                    }
                })
            }
            (None, _) if images.is_empty() => {
                Err(Diagnostic::error(format!("there is no image in `{shown}`"))
                    .because(format!("its `{LIST}` names none")))
            }
            (None, _) => {
                Err(Diagnostic::error(format!("there is no image `{shown}`")).because(tags(images)))
            }
        }
    }

    /// A layer is a plain tar, by its digest in the config; some tools pack it.
    fn layer(&self, file: &str, diff_id: &Digest, limits: &Limits) -> Result<Layer, Diagnostic> {
        let part = self.files.open(file).map_err(|why| self.refuse(file, why.because()))?;
        let packing = part.packing().map_err(|error| self.refuse(file, cause(&error)))?;
        let compression = match packing {
            Packing::Known(compression) => compression,
            Packing::Other(program) => {
                let why = format!("it is compressed by {program}, which no layer is");
                return Err(self.refuse(file, why));
            }
        };
        let digest = match compression {
            Compression::None => diff_id.clone(),
            Compression::Gzip | Compression::Zstd => self.packed_digest(file, &part, limits)?,
        };
        Ok(Layer { digest, compression, part })
    }

    /// Of the blob as it is.
    fn packed_digest(
        &self,
        file: &str,
        part: &Part,
        limits: &Limits,
    ) -> Result<Digest, Diagnostic> {
        let measured = measure(&mut part.clone(), Compression::None, limits);
        Ok(measured.map_err(|bad| self.refuse(file, bad.to_string()))?.digest)
    }

    fn refuse(&self, file: &str, why: String) -> Diagnostic {
        let title = format!("`{}` of `{}` is refused", short(file), self.shown);
        Diagnostic::error(title).because(why)
    }

    fn no_list(&self, why: Unreadable) -> Diagnostic {
        let diagnostic = Diagnostic::error(format!("cannot read `{LIST}` of `{}`", self.shown));
        let is_missing = why == Unreadable::Missing;
        let diagnostic = diagnostic.because(why.because());
        if is_missing {
            return diagnostic.help(
                "`docker-archive:` is for what `docker save` writes; an OCI layout in a tar is an \
                 `oci-archive:`, a root file system a `tar:`",
            );
        }
        diagnostic
    }
}

/// What can be asked for.
fn tags(images: &[Saved]) -> String {
    const MOST: usize = 20;
    let all: Vec<String> = images
        .iter()
        .flat_map(|image| &image.tags)
        .map(|tag| format!("`{}`", short(tag)))
        .collect();
    match all.len() {
        0 => "none of its images has a name".to_owned(),
        count if count > MOST => {
            format!("it has {} and {} more", all[..MOST].join(", "), count - MOST)
        }
        _ => format!("it has {}", all.join(", ")),
    }
}
