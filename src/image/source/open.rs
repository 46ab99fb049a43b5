//! A reference to a source.

use crate::diagnostic::Diagnostic;
use crate::image::reference::{Name, Reference};
use crate::image::unpack::Limits;

use super::archive::Archive;
use super::copied::Copied;
use super::files::Files;
use super::layout::Layout;
use super::{Source, rootfs, saved};

/// Opens what a reference names. `registry` opens the one kind that is not a file.
///
/// For `tar:` the whole file is read here once, and so are packed layers of a `docker-archive:`,
/// because nothing says what their digests are; `limits` hold meanwhile.
///
/// # Errors
///
/// There is nothing, it is something else than the reference says, it is broken or may not be in
/// an image, or it is several images.
pub fn open(
    reference: &Reference,
    limits: &Limits,
    registry: impl FnOnce(&Name) -> Result<Box<dyn Source>, Diagnostic>,
) -> Result<Box<dyn Source>, Diagnostic> {
    let name = reference.to_string();
    Ok(match reference {
        Reference::Registry(name) => registry(name)?,
        Reference::OciLayout { path, tag } => {
            Box::new(Layout::open(name, Files::directory(path)?, tag.as_deref())?)
        }
        Reference::OciArchive { path, tag } => {
            let files = Files::Archive(Archive::open(path)?);
            Box::new(Layout::open(name, files, tag.as_deref())?)
        }
        Reference::DockerArchive { path, name: wanted } => {
            Box::new(saved::open(name, path, wanted.as_ref(), limits)?)
        }
        Reference::Directory { path } => Box::new(Copied::open(name, path)?),
        Reference::Tar { path } => Box::new(rootfs::open(name, path, limits)?),
    })
}
