//! Names of images, as the user types them.
//!
//! ```text
//! debian:12                      [docker://][HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
//! oci:./layout:dev               oci:DIRECTORY[:TAG]
//! oci-archive:layout.tar         oci-archive:FILE[:TAG]
//! docker-archive:saved.tar       docker-archive:FILE[:NAME]
//! dir:./copied                   dir:DIRECTORY
//! tar:rootfs.tar.gz              tar:FILE
//! ```
//!
//! The kinds and their words are those of containers-transports(5). What stands between the first colon and the
//! second is the path, so a path with a colon can be given to `dir:` and `tar:` only. [`Name`] follows
//! the grammar of the distribution project and docker's rules for what may be left out.

mod bad;
mod name;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

pub use bad::BadReference;
pub use name::Name;

use bad::Slip;
use parse::Kind;

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
    DockerArchive { path: PathBuf, name: Option<Name> },
    /// `dir:DIRECTORY`, as skopeo writes it: a manifest and blobs beside it.
    Directory { path: PathBuf },
    /// `tar:FILE`: a root file system without a config.
    Tar { path: PathBuf },
}

impl Reference {
    /// The file or directory that it names; `None` for a registry.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Registry(_) => None,
            Self::OciLayout { path, .. }
            | Self::OciArchive { path, .. }
            | Self::DockerArchive { path, .. }
            | Self::Directory { path }
            | Self::Tar { path } => Some(path),
        }
    }

    /// Makes a relative path one below `directory`, so that it means the same everywhere.
    ///
    /// # Errors
    ///
    /// Written down, the whole would be read as something else: with a colon in the directory's name
    /// `oci:./layout` would become a tag of another layout.
    pub fn below(mut self, directory: &Path) -> Result<Self, BadReference> {
        match &mut self {
            Self::Registry(_) => return Ok(self),
            Self::OciLayout { path, .. }
            | Self::OciArchive { path, .. }
            | Self::DockerArchive { path, .. }
            | Self::Directory { path }
            | Self::Tar { path } => *path = directory.join(&*path),
        }
        let text = self.to_string();
        if text.parse().as_ref() == Ok(&self) {
            return Ok(self);
        }
        let odd = "its path has a colon, a control character, or something that is not UTF-8";
        let slip = Slip::new(odd).help("move it to a directory with a plainer name");
        Err(slip.in_text(&text))
    }
}

impl fmt::Display for Reference {
    /// In full, so that it means the same everywhere: parsing it gives the reference back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `oci:5000/app` would be a layout.
            Self::Registry(name) if Kind::of(&name.to_string()).is_some() => {
                write!(f, "docker://{name}")
            }
            Self::Registry(name) => name.fmt(f),
            Self::OciLayout { path, tag } => local(f, Kind::OciLayout, path, tag.as_ref()),
            Self::OciArchive { path, tag } => local(f, Kind::OciArchive, path, tag.as_ref()),
            Self::DockerArchive { path, name } => {
                local(f, Kind::DockerArchive, path, name.as_ref())
            }
            Self::Directory { path } => local(f, Kind::Directory, path, None::<&String>),
            Self::Tar { path } => local(f, Kind::Tar, path, None::<&String>),
        }
    }
}

fn local(
    f: &mut fmt::Formatter<'_>,
    kind: Kind,
    path: &Path,
    rest: Option<&impl fmt::Display>,
) -> fmt::Result {
    write!(f, "{}:{}", kind.word(), path.display())?;
    match rest {
        Some(rest) => write!(f, ":{rest}"),
        None => Ok(()),
    }
}
