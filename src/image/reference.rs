//! Names of images, as the user types them.

use std::path::PathBuf;

use super::digest::Digest;

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `debian:12`, `docker://registry.example:5000/team/app@sha256:…`
    Registry(Name),
    /// `oci:DIRECTORY[:TAG]`
    OciLayout { path: PathBuf, tag: Option<String> },
    /// `oci-archive:FILE[:TAG]`
    OciArchive { path: PathBuf, tag: Option<String> },
    /// `docker-archive:FILE[:NAME]`, as `docker save` writes it.
    DockerArchive { path: PathBuf, name: Option<String> },
    /// `dir:DIRECTORY`, as skopeo writes it: a manifest and blobs beside it.
    Directory { path: PathBuf },
    /// `tar:FILE`: a root file system without a config.
    Tar { path: PathBuf },
}

/// An image in a registry, with all that is left out filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Host, and port if there is one.
    pub registry: String,
    /// `library/debian`
    pub repository: String,
    /// `latest`, unless a digest was given.
    pub tag: Option<String>,
    /// Wins over the tag.
    pub digest: Option<Digest>,
}
