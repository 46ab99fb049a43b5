//! Names of images, as the user types them.

use std::path::PathBuf;
use std::str::FromStr;

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

impl Reference {
    /// The file or directory that it names; `None` for a registry.
    pub fn path_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Registry(_) => None,
            Self::OciLayout { path, .. }
            | Self::OciArchive { path, .. }
            | Self::DockerArchive { path, .. }
            | Self::Directory { path }
            | Self::Tar { path } => Some(path),
        }
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let place = |rest: &str| -> Result<(PathBuf, Option<String>), BadReference> {
            let (path, tag) = match rest.rsplit_once(':') {
                Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
                _ => (rest, None),
            };
            if path.is_empty() { Err(BadReference) } else { Ok((path.into(), tag)) }
        };
        Ok(match text.split_once(':') {
            Some(("oci", rest)) => {
                let (path, tag) = place(rest)?;
                Self::OciLayout { path, tag }
            }
            Some(("oci-archive", rest)) => {
                let (path, tag) = place(rest)?;
                Self::OciArchive { path, tag }
            }
            Some(("docker-archive", rest)) => {
                let (path, name) = place(rest)?;
                Self::DockerArchive { path, name }
            }
            Some(("dir", rest)) if !rest.is_empty() => Self::Directory { path: rest.into() },
            Some(("tar", rest)) if !rest.is_empty() => Self::Tar { path: rest.into() },
            _ => Self::Registry(name(text.strip_prefix("docker://").unwrap_or(text))?),
        })
    }
}

fn name(text: &str) -> Result<Name, BadReference> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| BadReference)?)),
        None => (text, None),
    };
    let (rest, tag) = match rest.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => (rest, Some(tag.to_owned())),
        _ => (rest, None),
    };
    let (registry, repository) = match rest.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => ("docker.io", rest),
    };
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
    if repository.is_empty() || !repository.bytes().all(plain) {
        return Err(BadReference);
    }
    let repository = if registry == "docker.io" && !repository.contains('/') {
        format!("library/{repository}")
    } else {
        repository.to_owned()
    };
    let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
    Ok(Name { registry: registry.to_owned(), repository, tag, digest })
}

/// The text names no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadReference;
