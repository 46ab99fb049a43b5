//! The registry as a source of an image.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::diagnostic::Diagnostic;

use super::super::digest::Digest;
use super::super::document::{Descriptor, MediaType};
use super::super::reference::Name;
use super::super::source::Source;
use super::blob::{Blob, Failed};
use super::endpoint::{self, Endpoint};
use super::explain::{Subject, explain};
use super::fetch::{Fetched, Wish, fetch, read_bounded};
use super::options::Options;
use super::transport::Transport;
use super::trouble::Trouble;

/// An image in a registry.
pub struct Registry {
    name: Name,
    pull: Arc<Pull>,
}

/// What all streams of one image share.
pub struct Pull {
    endpoints: Vec<Endpoint>,
    pub transport: Transport,
}

impl Registry {
    /// Finds out where to ask, from files; the network is not touched.
    ///
    /// # Errors
    ///
    /// A name that cannot be asked for, and configuration that is damaged or that blocks the name.
    pub fn open(name: &Name, options: &Options) -> Result<Self, Diagnostic> {
        let endpoints = endpoint::find(name, options)?;
        let transport = Transport::new(options.clone());
        Ok(Self { name: name.clone(), pull: Arc::new(Pull { endpoints, transport }) })
    }

    fn explain(&self, failed: Failed, subject: Subject) -> Diagnostic {
        explain(&self.name(), &self.name.registry, failed, subject)
    }

    /// A manifest or an index by tag or digest, and what its server says that it is.
    fn manifest(
        &self,
        reference: &str,
        digest: Option<&Digest>,
    ) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        let end = format!("manifests/{reference}");
        let wish = Wish { end: &end, headers: &[("Accept", ACCEPTED)] };
        let got = self.pull.try_all(|endpoint| {
            let Fetched { server, answer } = fetch(endpoint, wish, &self.pull.transport)?;
            let nonsense = |why: String| Trouble::Nonsense { server: server.clone(), why };
            let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let media_type = media_type(header("Content-Type")).map_err(nonsense)?;
            let said = header("Docker-Content-Digest").map(str::to_owned);
            if let (Some(said), Some(digest)) = (said, digest)
                && said != digest.to_string()
            {
                return Err(nonsense(format!("asked for `{digest}` it gives `{said}`")));
            }
            let bytes = read_bounded(&server, answer, MOST_DOCUMENT, &self.pull.transport)?;
            Ok((bytes, media_type))
        });
        got.map_err(|failed| self.explain(failed, Subject::Manifest))
    }
}

impl Source for Registry {
    fn name(&self) -> String {
        let Name { registry, repository, tag, digest } = &self.name;
        let tag = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{registry}/{repository}{tag}{digest}")
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        let Name { tag, digest, .. } = &self.name;
        let reference = match digest {
            Some(digest) => digest.to_string(),
            None => tag.clone().expect("a name without both is not opened"),
        };
        self.manifest(&reference, digest.as_ref())
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        let digest = &descriptor.digest;
        match descriptor.media_type {
            MediaType::Index | MediaType::Manifest => {
                self.manifest(&digest.to_string(), Some(digest)).map(|(bytes, _)| bytes)
            }
            MediaType::Config | MediaType::Layer(_) => {
                let end = format!("blobs/{digest}");
                let wish = Wish { end: &end, headers: &[] };
                let got = self.pull.try_all(|endpoint| {
                    let Fetched { server, answer } = fetch(endpoint, wish, &self.pull.transport)?;
                    read_bounded(&server, answer, MOST_DOCUMENT, &self.pull.transport)
                });
                got.map_err(|failed| self.explain(failed, Subject::Blob))
            }
        }
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic> {
        let end = format!("blobs/{}", descriptor.digest);
        let blob = Blob::open(Arc::clone(&self.pull), end, descriptor.size, offset);
        let blob = blob.map_err(|failed| self.explain(failed, Subject::Blob))?;
        Ok(Box::new(blob))
    }
}

impl Pull {
    /// The registry itself.
    pub fn last(&self) -> &Endpoint {
        self.endpoints.last().expect("the place of its own name is always there")
    }

    /// Asks one endpoint after the other. A mirror that cannot be reached is not asked again.
    pub fn try_all<T>(
        &self,
        mut ask: impl FnMut(&Endpoint) -> Result<T, Trouble>,
    ) -> Result<T, Failed> {
        let (last, mirrors) =
            self.endpoints.split_last().expect("the place of its own name is always there");
        let mut failures = Vec::new();
        for mirror in mirrors.iter().filter(|mirror| !mirror.is_gone.load(Ordering::Relaxed)) {
            match ask(mirror) {
                Ok(got) => return Ok(got),
                // A file to repair is the user's business, whoever needed it.
                Err(own @ Trouble::Own(_)) => {
                    return Err(Failed { trouble: own, mirrors: failures });
                }
                Err(trouble) => {
                    let is_gone = matches!(trouble, Trouble::Silent { .. });
                    mirror.is_gone.fetch_or(is_gone, Ordering::Relaxed);
                    failures.push(trouble);
                }
            }
        }
        ask(last).map_err(|trouble| Failed { trouble, mirrors: failures })
    }
}

/// Bytes of a manifest, an index or a config.
const MOST_DOCUMENT: u64 = 4 * 1024 * 1024;

const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// What a document is by its `Content-Type`; `None` if that says nothing that is known: then it is for
/// the document to say. A page for people means
/// that this is no registry.
fn media_type(content_type: Option<&str>) -> Result<Option<MediaType>, String> {
    let Some(content_type) = content_type else { return Ok(None) };
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/vnd.oci.image.index.v1+json"
        | "application/vnd.docker.distribution.manifest.list.v2+json" => Ok(Some(MediaType::Index)),
        "application/vnd.oci.image.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v2+json" => Ok(Some(MediaType::Manifest)),
        html if html.starts_with("text/") && html != "text/plain" => {
            Err(format!("it answers with `{html}`: this is not a registry"))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_kinds_of_documents() {
        for (text, wanted) in [
            ("application/vnd.oci.image.index.v1+json", Some(MediaType::Index)),
            (
                "Application/vnd.docker.distribution.manifest.v2+json; charset=utf-8",
                Some(MediaType::Manifest),
            ),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(media_type(Some(text)), Ok(wanted), "{text}");
        }
        assert_eq!(media_type(None), Ok(None));
        assert!(media_type(Some("text/html; charset=utf-8")).is_err());
    }

    #[test]
    fn a_source_may_be_used_by_several_threads() {
        fn check<T: Source + Send + Sync>() {}
        check::<Registry>();
    }
}
