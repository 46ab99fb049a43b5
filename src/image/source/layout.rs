//! An OCI layout (OCI image specification, image-layout.md), in a directory or an archive.

use std::io::Read;

use crate::diagnostic::Diagnostic;
use crate::image::digest::Digest;
use crate::image::document::json::Json;
use crate::image::document::{Descriptor, Document, Malformed, MediaType, parse_document, short};

use super::Source;
use super::files::{Files, Unreadable};

const VERSION: &str = "1.0.0";
/// Tags that a message lists at most.
const MOST_SHOWN: usize = 20;

pub(super) struct Layout {
    name: String,
    files: Files,
    root: Descriptor,
}

impl Layout {
    /// The image with a tag, or the only one. A tag may also be the digest of a manifest.
    pub fn open(name: String, files: Files, tag: Option<&str>) -> Result<Self, Diagnostic> {
        check_version(&name, &files)?;
        let bytes =
            files.document("index.json").map_err(|why| no_layout(&name, "index.json", why))?;
        let refuse = |malformed: Malformed| {
            Diagnostic::error(format!("`index.json` of `{name}` is refused"))
                .because(malformed.to_string())
        };
        let entries = match parse_document(&bytes, Some(MediaType::Index)).map_err(refuse)? {
            Document::Index(entries) => entries,
            Document::Manifest(_) => unreachable!("it was said to be an index"),
        };
        let root = chosen(&name, &entries, tag)?.clone();
        Ok(Self { name, files, root })
    }

    fn unreadable(&self, digest: &Digest, why: Unreadable) -> Diagnostic {
        Diagnostic::error(format!("cannot read `{digest}` of `{}`", self.name))
            .because(why.because())
    }
}

impl Source for Layout {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        let Descriptor { digest, size, media_type, .. } = &self.root;
        let bytes = self.document(&self.root)?;
        // No one else knows what the index says of it.
        let found = Digest::of(digest.algorithm(), &bytes);
        let because = if bytes.len() as u64 != *size {
            format!("it has {} bytes, and should have {size}", bytes.len())
        } else if found != *digest {
            format!("its digest is `{found}`")
        } else {
            return Ok((bytes, Some(*media_type)));
        };
        let title = format!("the document `{digest}` of `{}` is refused", self.name);
        Err(Diagnostic::error(title).because(because))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        let digest = &descriptor.digest;
        self.files.document(&blob(digest)).map_err(|why| self.unreadable(digest, why))
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic> {
        let digest = &descriptor.digest;
        let part = self.files.open(&blob(digest)).map_err(|why| self.unreadable(digest, why))?;
        Ok(Box::new(part.after(offset)))
    }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

fn check_version(name: &str, files: &Files) -> Result<(), Diagnostic> {
    const FILE: &str = "oci-layout";
    let bytes = files.document(FILE).map_err(|why| no_layout(name, FILE, why))?;
    let version = || -> Result<String, Malformed> {
        let json = Json::parse(&bytes)?;
        let version = json.root()?.text("imageLayoutVersion")?.map(str::to_owned);
        version.ok_or_else(|| Malformed::new("`imageLayoutVersion` is missing"))
    };
    let because = match version() {
        Ok(version) if version == VERSION => return Ok(()),
        Ok(version) => format!("it is of version `{}`; jail knows {VERSION}", short(&version)),
        Err(malformed) => malformed.to_string(),
    };
    Err(Diagnostic::error(format!("`{FILE}` of `{name}` is refused")).because(because))
}

fn no_layout(name: &str, file: &str, why: Unreadable) -> Diagnostic {
    let is_missing = why == Unreadable::Missing;
    let diagnostic =
        Diagnostic::error(format!("cannot read `{file}` of `{name}`")).because(why.because());
    if is_missing {
        return diagnostic.help(
            "`oci:` and `oci-archive:` are for OCI layouts; what `docker save` writes is a \
             `docker-archive:`, what skopeo copies to `dir:` a `dir:`, a root file system a `tar:`",
        );
    }
    diagnostic
}

fn chosen<'a>(
    name: &str,
    entries: &'a [Descriptor],
    tag: Option<&str>,
) -> Result<&'a Descriptor, Diagnostic> {
    let is_meant = |entry: &&Descriptor| match tag {
        None => true,
        Some(tag) => entry.name.as_deref() == Some(tag) || entry.digest.to_string() == tag,
    };
    let mut found = entries.iter().filter(is_meant);
    let Some(first) = found.next() else {
        return Err(match tag {
            Some(_) if !entries.is_empty() => {
                Diagnostic::error(format!("there is no image `{name}`")).because(tags(entries))
            }
            _ => Diagnostic::error(format!("there is no image in `{name}`"))
                .because("its `index.json` names none"),
        });
    };
    match found.find(|other| other.digest != first.digest) {
        None => Ok(first),
        Some(_) => Err(Diagnostic::error(format!("`{name}` may be any of several images"))
            .because(tags(entries))
            .help("put the tag that only one has, or its digest, after the path and a colon")),
    }
}

/// What can be asked for.
fn tags(entries: &[Descriptor]) -> String {
    let is_alone = |name: &str| {
        entries.iter().filter(|entry| entry.name.as_deref() == Some(name)).take(2).count() == 1
    };
    let shown = entries.iter().take(MOST_SHOWN).map(|entry| match &entry.name {
        Some(name) if is_alone(name) => format!("`{}`", short(name)),
        Some(name) => format!("`{}` with the tag `{}`", entry.digest, short(name)),
        None => format!("`{}` without a tag", entry.digest),
    });
    let list = shown.collect::<Vec<_>>().join(", ");
    match entries.len().checked_sub(MOST_SHOWN) {
        Some(more @ 1..) => format!("it has {list} and {more} more"),
        _ => format!("it has {list}"),
    }
}
