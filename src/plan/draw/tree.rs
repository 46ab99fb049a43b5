//! All mounts of a plan by path.

use std::collections::BTreeMap;

use crate::diagnostic::Origin;
use crate::host::{FileKind, Link};
use crate::plan::Mount;
use crate::units::AbsolutePath;

/// Mounts by the path inside, parents before what is below them. A path holds one mount: the
/// last that was put there.
pub(super) type Tree = BTreeMap<AbsolutePath, Placement>;

/// One mount, and what its mount point has to be checked for.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub mount: Mount,
    pub origin: Origin,
    /// What the host has at the same path.
    pub kind: FileKind,
    /// Links on the way to the path as it was written.
    pub links: Vec<Link>,
    pub rank: Rank,
}

/// Who put a mount there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// Part of every sandbox, and left out where it has no place.
    BuiltIn,
    /// A rule of the profile.
    Rule,
    /// A rule that may be left out.
    OptionalRule,
}

/// Returns the mount that shows `path`: the one with the longest path at or above it.
pub(super) fn nearest<'a>(
    tree: &'a Tree,
    path: &AbsolutePath,
) -> Option<(&'a AbsolutePath, &'a Placement)> {
    // What is above a path sorts before it, the nearest last. So do its elder siblings, but to
    // pass over those is quicker than to look for each parent.
    tree.range(..=path).rev().find(|(at, _)| at.contains(path))
}

/// Returns where `path` is on the host, if `mount` at `at` shows a part of the host there.
pub(super) fn source(
    at: &AbsolutePath,
    mount: &Mount,
    path: &AbsolutePath,
) -> Option<AbsolutePath> {
    let below = path.as_path().strip_prefix(at).ok()?;
    match mount {
        Mount::Bind { from, .. } | Mount::Overlay { lower: from } => Some(from.join(below)),
        Mount::Private { .. } | Mount::Tmpfs { .. } | Mount::File { .. } | Mount::Mask { .. } => {
            None
        }
    }
}

/// Says whether a mount needs a directory to be mounted on.
pub(super) fn is_directory(mount: &Mount) -> bool {
    match mount {
        Mount::Bind { directory, .. } | Mount::Mask { directory } => *directory,
        Mount::File { .. } => false,
        Mount::Private { .. } | Mount::Tmpfs { .. } | Mount::Overlay { .. } => true,
    }
}
