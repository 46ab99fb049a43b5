//! Manifests, indexes and configs (OCI image specification 1.1; Docker image manifest version 2, schema 2).

use super::digest::Digest;

/// A reference from one document to a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// In an index.
    pub platform: Option<Platform>,
    /// `org.opencontainers.image.ref.name`, in the index of an OCI layout.
    pub name: Option<String>,
}

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

/// What an image runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// An index, or a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    Index(Vec<Descriptor>),
    Manifest(Manifest),
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub config: Descriptor,
    /// The lowest first.
    pub layers: Vec<Descriptor>,
}

/// What an image says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub platform: Option<Platform>,
    /// Digests of the layers' tars without compression, the lowest first.
    pub diff_ids: Vec<Digest>,
    /// `NAME=VALUE`, in order.
    pub env: Vec<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub working_dir: Option<String>,
    /// `user`, `uid`, `user:group`, `uid:gid`, as the image writes it.
    pub user: Option<String>,
    /// A name or a number.
    pub stop_signal: Option<String>,
    /// RFC 3339.
    pub created: Option<String>,
}
