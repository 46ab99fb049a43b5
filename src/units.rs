//! Sizes and paths: the small types that everything else speaks.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// A number of bytes; written `512M`, `1.5G`: binary, `M` is 2^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// An absolute path without `.`, `..`, doubled or trailing slashes and NUL bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath(PathBuf);

impl AbsolutePath {
    /// Takes `path` if it is absolute, resolving `.` and `..` by their text alone.
    ///
    /// Returns `None` for a relative path, or one with a NUL byte.
    pub fn new(path: impl AsRef<Path>) -> Option<Self> {
        let path = path.as_ref();
        if !path.is_absolute() || path.as_os_str().as_bytes().contains(&0) {
            return None;
        }
        let mut clean = PathBuf::from("/");
        for component in path.components() {
            match component {
                Component::Normal(name) => clean.push(name),
                Component::ParentDir => {
                    clean.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Some(Self(clean))
    }

    /// The root directory.
    pub fn root() -> Self {
        Self(PathBuf::from("/"))
    }

    /// This path with `relative` below it. An absolute `relative` replaces it.
    #[must_use]
    pub fn join(&self, relative: impl AsRef<Path>) -> Self {
        Self::new(self.0.join(relative)).unwrap_or_else(|| self.clone())
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(|parent| Self(parent.to_path_buf()))
    }

    /// Whether this is `other` or stands above it, by whole components.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// For the kernel.
    pub fn to_c_string(&self) -> CString {
        CString::new(self.0.as_os_str().as_bytes()).expect("an absolute path has no NUL byte")
    }
}

impl std::fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

impl AsRef<Path> for AbsolutePath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}
