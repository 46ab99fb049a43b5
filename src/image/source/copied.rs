//! A directory that skopeo copied an image into (containers-transports(5), `dir:`).

use std::io::Read;
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::image::digest::Digest;
use crate::image::document::{Descriptor, MediaType};

use super::Source;
use super::files::{Files, Unreadable};

/// Before 1.1 names had endings.
const VERSIONS: [&str; 1] = ["Directory Transport Version: 1.1"];

pub(super) struct Copied {
    name: String,
    files: Files,
}

impl Copied {
    pub fn open(name: String, path: &Path) -> Result<Self, Diagnostic> {
        let files = Files::directory(path)?;
        let bytes = files.document("version").map_err(|why| {
            Diagnostic::error(format!("cannot read `version` of `{name}`"))
                .because(why.because())
                .help(
                    "`dir:` is for what skopeo copies to `dir:`; an OCI layout is an `oci:`, and a \
                     directory with a root file system needs no word before it",
                )
        })?;
        let version = String::from_utf8_lossy(&bytes);
        if VERSIONS.contains(&version.trim_end()) {
            return Ok(Self { name, files });
        }
        Err(Diagnostic::error(format!("`version` of `{name}` is refused"))
            .because(format!("it does not say `{}`", VERSIONS[0]))
            .help("copy the image again, by a skopeo that writes this version"))
    }

    fn read<T>(&self, file: &str, got: Result<T, Unreadable>) -> Result<T, Diagnostic> {
        got.map_err(|why| {
            Diagnostic::error(format!("cannot read `{file}` of `{}`", self.name))
                .because(why.because())
        })
    }
}

impl Source for Copied {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        const FILE: &str = "manifest.json";
        Ok((self.read(FILE, self.files.document(FILE))?, None))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        let file = file(&descriptor.digest, descriptor.media_type);
        self.read(&file, self.files.document(&file))
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic> {
        let file = file(&descriptor.digest, descriptor.media_type);
        Ok(Box::new(self.read(&file, self.files.open(&file))?.after(offset)))
    }
}

fn file(digest: &Digest, media_type: MediaType) -> String {
    match media_type {
        // Those that an index leads to.
        MediaType::Index | MediaType::Manifest => format!("{}.manifest.json", digest.hex()),
        MediaType::Config | MediaType::Layer(_) => digest.hex().to_owned(),
    }
}
