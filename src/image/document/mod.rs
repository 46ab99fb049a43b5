//! Manifests, indexes and configs (OCI image specification 1.1; Docker image manifest version 2, schema 2).
//!
//! Everything here comes from strangers. [`json`] reads bytes strictly (size, depth, no key twice);
//! [`parse`] and [`config`] take what is needed and refuse what contradicts itself; what is not known is
//! ignored, as both specifications ask. Nobody has compared a digest yet: that is for whoever
//! has the bytes.

mod config;
pub(super) mod json;
mod malformed;
mod media_type;
mod parse;
mod platform;
#[cfg(test)]
mod tests;

use super::digest::Digest;

pub use config::parse_config;
pub use malformed::{Malformed, short};
pub use media_type::{Compression, DOCUMENTS, MediaType};
pub use parse::{check, parse_document};
pub use platform::{BadPlatform, Platform, choose};

/// Bytes of a document or a config at most, as in other clients.
pub const LARGEST_DOCUMENT: u64 = 4 << 20;
/// Layers of an image at most.
pub const MOST_LAYERS: usize = 512;
/// Entries of an index at most.
pub const MOST_ENTRIES: usize = 1000;

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

/// An index, or a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Indexes and manifests only: entries of other kinds are left out.
    Index(Vec<Descriptor>),
    Manifest(Manifest),
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub config: Descriptor,
    /// The lowest first; at least one.
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
