//! Where a path is inside, when the root is a file system that somebody else made.
//!
//! Its links lead elsewhere than those of this machine. But what is mounted over a directory hides
//! its links: below a bind of `/src` a link of the image at `/src/x` counts for nothing, and a mask
//! of `/src/x` must not be led away by it.

use std::collections::BTreeMap;

use crate::host::FileFact;
use crate::units::AbsolutePath;

pub(super) struct Inside<'a> {
    /// `None` if the root is our own: then every path is where it is on the host.
    rootfs: Option<&'a BTreeMap<AbsolutePath, FileFact>>,
    /// What is mounted: the path as it was meant, and where that is.
    covers: Vec<(AbsolutePath, AbsolutePath)>,
}

impl<'a> Inside<'a> {
    pub fn new(rootfs: Option<&'a BTreeMap<AbsolutePath, FileFact>>) -> Self {
        Self { rootfs, covers: Vec::new() }
    }

    /// Returns where `path` is. What is above it must have been covered before.
    pub fn at(&self, path: &AbsolutePath) -> AbsolutePath {
        let Some(rootfs) = self.rootfs else { return path.clone() };
        let above = self.covers.iter().filter(|(above, _)| above != path && above.contains(path));
        if let Some((above, at)) = above.max_by_key(|(above, _)| above.as_path().as_os_str().len())
            && let Ok(rest) = path.as_path().strip_prefix(above)
        {
            return at.join(rest);
        }
        rootfs.get(path).map_or_else(|| path.clone(), |fact| fact.canonical.clone())
    }

    /// Something is mounted at `at`, for the sake of `path`.
    pub fn cover(&mut self, path: &AbsolutePath, at: &AbsolutePath) {
        self.covers.push((path.clone(), at.clone()));
    }

    /// For the sake of which other path something is mounted at `at`.
    pub fn taken(&self, path: &AbsolutePath, at: &AbsolutePath) -> Option<&AbsolutePath> {
        self.rootfs?;
        let other = self.covers.iter().find(|(other, place)| place == at && other != path);
        other.map(|(other, _)| other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::new(text).unwrap()
    }

    #[test]
    fn links_below_what_is_mounted_do_not_count() {
        let fact = |at: &str| FileFact::missing(&path(at));
        let rootfs = BTreeMap::from([
            (path("/src"), fact("/real")),
            (path("/src/.env"), fact("/decoy")),
            (path("/other/x"), fact("/y")),
        ]);
        let mut inside = Inside::new(Some(&rootfs));
        assert_eq!(inside.at(&path("/src/.env")), path("/decoy"));
        inside.cover(&path("/src"), &path("/real"));
        assert_eq!(inside.at(&path("/src/.env")), path("/real/.env"));
        assert_eq!(inside.at(&path("/src")), path("/real"));
        assert_eq!(inside.at(&path("/other/x")), path("/y"));
        assert_eq!(inside.taken(&path("/z"), &path("/real")), Some(&path("/src")));
        assert_eq!(inside.taken(&path("/src"), &path("/real")), None);
    }
}
