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
//! - [`owner`]: who owns a file of an image; [`owned`]: copies of layers in which it does.
//! - [`keep`]: what runs changed in an image.

pub mod copy;
mod delete;
pub use delete::delete_at;
mod descend;
pub mod digest;
pub(crate) mod directory;
pub mod document;
pub mod keep;
pub mod owned;
pub mod owner;
pub mod pull;
pub mod reference;
pub mod registry;
pub mod source;
pub mod store;
pub mod unpack;

use std::path::PathBuf;

use crate::units::AbsolutePath;

use digest::Digest;
use document::Config;
use owned::OwnerMap;

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

impl Image {
    /// The same layers as copies in which files belong to whom the image says, for one id map. They
    /// need not exist. `None` if the layers are not in a store.
    pub fn owned_layers(&self, map: &OwnerMap) -> Option<Vec<PathBuf>> {
        let key = map.key();
        self.layers.iter().map(|tree| store::owned_tree(tree, &key)).collect()
    }
}

/// What a root file system is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rootfs {
    pub image: Image,
    /// What earlier runs changed in it.
    pub kept: Option<Kept>,
    /// Where a private copy of it is made if no overlay can be mounted. `None` unless the profile
    /// allows that.
    pub copy: Option<AbsolutePath>,
}

impl Rootfs {
    /// The directories that are seen through each other, the topmost first.
    pub fn seen(&self) -> Vec<PathBuf> {
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.form == Form::Copy) {
            return vec![kept.copy.as_path().to_path_buf()];
        }
        let kept = self.kept.iter().map(|kept| kept.upper.as_path().to_path_buf());
        kept.chain(self.image.layers.iter().rev().cloned()).collect()
    }
}

/// What outlives the run: directories of an overlay, or a whole copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub upper: AbsolutePath,
    pub work: AbsolutePath,
    pub copy: AbsolutePath,
    pub form: Form,
}

/// In which form earlier runs kept what they changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// There was none yet, or none that changed anything.
    Nothing,
    /// As the upper layer of an overlay.
    Changes,
    /// As a copy of the whole image, made where no overlay could be mounted.
    Copy,
}

/// Our own directories of this user: images, what is kept of runs and what is trusted, and profiles by
/// name. Each may be missing.
pub fn directories() -> Vec<AbsolutePath> {
    let places = [dirs::data_dir(), dirs::state_dir(), dirs::config_dir()];
    let ours = places.into_iter().flatten().map(|directory| directory.join("jail"));
    ours.filter_map(AbsolutePath::new).collect()
}
