//! Images: names to directories that a root file system is made of.
//!
//! ```text
//! text ─parse→ Reference ─open→ Source ─pull→ Store ─find→ Image
//!              what the user   where it is    blobs, layers   directories and a config
//! ```
//!
//! - [`reference`]: names of images; [`digest`]: names of content.
//! - [`document`]: manifests, indexes and configs, read strictly.
//! - [`registry`]: images in a registry, over the network.
//! - [`source`]: OCI layouts and archives, docker's archives, plain tars.
//! - [`store`]: what has been pulled: each layer unpacked once, shared by all images.
//! - [`unpack`]: one layer's tar to a directory in overlay form.
//! - [`pull`]: from a source into the store, everything verified.
//! - [`copy`]: layers to one plain tree, for whoever wants it.

pub mod copy;
mod delete;
pub mod digest;
pub mod document;
pub mod pull;
pub mod reference;
pub mod registry;
pub mod source;
pub mod store;
pub mod unpack;

use std::path::PathBuf;

use digest::Digest;
use document::Config;

/// An image in the store, ready to be a root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// As the user would name it: `docker.io/library/debian:12`.
    pub name: String,
    /// Of the manifest.
    pub digest: Digest,
    pub config: Config,
    /// Directories in overlay form, the lowest first: those that are to be mounted. None is there
    /// twice, and none lies below one that hides everything.
    pub layers: Vec<PathBuf>,
    /// The file in the store that says all this, and that [`hold`](Image::hold) locks.
    pub record: PathBuf,
}
