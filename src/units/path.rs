//! Paths that start at the root.

use std::cmp::Ordering;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// An absolute path without `.`, `..`, doubled or trailing slashes and NUL bytes.
#[derive(Clone, Debug)]
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
        if is_normal(path.as_os_str().as_bytes()) {
            return Some(Self(path.to_path_buf()));
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
        let (above, below) = (self.bytes(), other.bytes());
        above == b"/"
            || below.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    /// For the kernel.
    pub fn to_c_string(&self) -> CString {
        CString::new(self.0.as_os_str().as_bytes()).expect("an absolute path has no NUL byte")
    }
}

// The text is in normal form, so bytes decide what `Path` finds by taking both apart; plans
// compare paths a thousand times.
impl PartialEq for AbsolutePath {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for AbsolutePath {}

impl Ord for AbsolutePath {
    /// By components: `/a/b` stands before `/a-b`, though the byte `-` stands before `/`.
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.bytes(), other.bytes());
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        match left.iter().zip(right).find(|(l, r)| l != r) {
            Some((l, r)) => rank(*l).cmp(&rank(*r)),
            None => left.len().cmp(&right.len()),
        }
    }
}

impl PartialOrd for AbsolutePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Says whether an absolute path is in normal form already.
fn is_normal(path: &[u8]) -> bool {
    path == b"/"
        || path[1..].split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."))
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
