//! The kinds of blobs, and the texts that say which one a blob is.

use std::str::FromStr;

use super::malformed::{Malformed, short};

/// Of documents, for the `Accept` header of a request, the preferred first.
pub const DOCUMENTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The kinds of blobs that make an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Index,
    Manifest,
    Config,
    Layer(Compression),
}

/// How a layer's tar is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl MediaType {
    /// What a blob of this kind is called in messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Index => "an index",
            Self::Manifest => "a manifest",
            Self::Config => "a config",
            Self::Layer(_) => "a layer",
        }
    }
}

impl FromStr for MediaType {
    type Err = Malformed;

    /// The exact text: neither parameters nor upper case, which no tool writes into a document.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        use Compression::{Gzip, None, Zstd};
        Ok(match text {
            "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json" => Self::Index,
            "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json" => Self::Manifest,
            "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json" => Self::Config,
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Self::Layer(None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Self::Layer(Gzip),
            // Docker has no name for zstd; containerd and buildkit write the second one.
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Self::Layer(Zstd),
            other => return Err(refusal(other)),
        })
    }
}

fn refusal(text: &str) -> Malformed {
    let name = short(text);
    Malformed::new(match text {
        _ if text.starts_with("application/vnd.oci.image.layer.nondistributable.")
            || text.starts_with("application/vnd.docker.image.rootfs.foreign.") =>
        {
            format!("`{name}` is a layer that its registry does not have, only its maker's server")
        }
        _ if text.ends_with("+encrypted") => {
            format!("`{name}` is an encrypted layer, which jail has no key for")
        }
        _ if text.starts_with("application/vnd.docker.distribution.manifest.v1+") => format!(
            "`{name}` is docker's format of before 2016 (schema 1), whose layers have no digests \
             of their content"
        ),
        "" => "the media type is empty".to_owned(),
        _ => format!("`{name}` is no kind of blob that an image is made of"),
    })
}
