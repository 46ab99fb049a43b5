//! Mount points and links: what each mount stands on.
//!
//! A mount point is made where the ground is ours (scratch, overlays) and must be there where
//! the ground is the host's, which is never changed.

use std::collections::BTreeMap;
use std::ffi::OsString;

use nix::libc::ELOOP;

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::{FileFact, FileKind, system};
use crate::plan::{Action, Mount, RootSource, Step};
use crate::units::AbsolutePath;

use super::Drawing;
use super::root::RootPlan;
use super::tree::{Placement, Rank, Tree, is_directory, nearest, source};

/// Mounts that fit together.
pub(super) struct Settled {
    pub tree: Tree,
    /// Links on the root itself, made before anything is mounted.
    pub root_links: Vec<Step>,
    /// Mounts by path, each followed by the links that are on it.
    pub steps: Vec<Step>,
}

/// A link to be made: its target, and the rule that leads through it.
type Links = BTreeMap<AbsolutePath, (OsString, Origin)>;

pub(super) fn settle(drawing: &mut Drawing, root: &RootPlan, mut wanted: Tree) -> Settled {
    open_masks(&mut wanted);
    let mut links = Links::new();
    let mut tree = Tree::new();
    let mut mounts = Vec::new();
    for (path, mut placement) in wanted {
        for link in &placement.links {
            let entry = || (link.target.clone(), placement.origin.clone());
            links.entry(link.path.clone()).or_insert_with(entry);
        }
        let above = nearest(&tree, &path);
        if is_redundant(above, &path, &placement) {
            continue;
        }
        let ground = ground(drawing, root, above, &path, &placement);
        if let Mount::Mask { directory } = &mut placement.mount {
            *directory = ground.is_directory();
        }
        match mount_point(&path, &placement, ground) {
            Ok(Some(create)) => {
                for (path, anchor) in anchors(above, &path, &placement) {
                    let mount = anchor.mount.clone();
                    let action = Action::Mount { path: path.clone(), create: false, mount };
                    mounts.push(Step { action, origin: anchor.origin.clone() });
                    tree.insert(path, anchor);
                }
                let mount = placement.mount.clone();
                let action = Action::Mount { path: path.clone(), create, mount };
                mounts.push(Step { action, origin: placement.origin.clone() });
                tree.insert(path, placement);
            }
            Ok(None) => drawing.notes.extend(unmasked(&path, &placement)),
            Err(error) => drawing.errors.push(refusal(drawing, &placement, error)),
        }
    }
    let (root_links, steps) = place_links(drawing, root, &tree, links, mounts);
    Settled { tree, root_links, steps }
}

/// What jail mounts by itself it can mount everywhere but in an image that is not as others are.
fn refusal(drawing: &Drawing, placement: &Placement, error: Diagnostic) -> Diagnostic {
    let error = match drawing.rootfs {
        Some(rootfs) if placement.rank == Rank::BuiltIn => {
            let because = match error.because {
                Some(because) => format!("{}: {because}", error.title),
                None => error.title,
            };
            Diagnostic::error(format!("cannot use the image `{}`", rootfs.image.name))
                .because(because)
        }
        _ => error,
    };
    error.at(&placement.origin)
}

/// A directory that is masked but for something below it becomes an empty one of our own: a
/// directory of mode 0 would let nobody through.
fn open_masks(tree: &mut Tree) {
    let paths: Vec<AbsolutePath> = tree.keys().cloned().collect();
    for pair in paths.windows(2) {
        // Whatever is below a path follows it directly.
        if pair[0].contains(&pair[1])
            && let Some(placement) = tree.get_mut(&pair[0])
            && placement.mount == (Mount::Mask { directory: true })
        {
            placement.mount = Mount::Private { mode: 0o555 };
        }
    }
}

/// Says whether the mount above shows the same already, or was asked for in its place.
fn is_redundant(
    above: Option<(&AbsolutePath, &Placement)>,
    path: &AbsolutePath,
    placement: &Placement,
) -> bool {
    let Some((at, above)) = above else { return false };
    let shown = source(at, &above.mount, path);
    let same = match (&above.mount, &placement.mount) {
        (Mount::Bind { write: a, .. }, Mount::Bind { from, write: b, .. }) => {
            a == b && shown.as_ref() == Some(from)
        }
        (Mount::Overlay { .. }, Mount::Overlay { lower }) => shown.as_ref() == Some(lower),
        _ => false,
    };
    // What a rule says about a directory replaces what we would say about its parts, except
    // for what is private.
    let replaced = placement.rank == Rank::BuiltIn
        && above.rank != Rank::BuiltIn
        && matches!(placement.mount, Mount::Bind { .. } | Mount::Overlay { .. });
    same || replaced
}

/// Returns mounts of the directories between a writable grant and what is protected below it.
///
/// A directory that is not a mount point could be renamed, with the mask in it; the next run
/// would find nothing to mask, and the secret under another name. The command could also put
/// a directory of its own in the place of one that is read-only.
fn anchors(
    above: Option<(&AbsolutePath, &Placement)>,
    path: &AbsolutePath,
    placement: &Placement,
) -> Vec<(AbsolutePath, Placement)> {
    let Some((at, above)) = above else { return Vec::new() };
    if !matches!(above.mount, Mount::Bind { write: true, .. })
        || matches!(placement.mount, Mount::Bind { write: true, .. })
    {
        return Vec::new();
    }
    let between = path.as_path().ancestors().skip(1).take_while(|parent| *parent != at.as_path());
    let mut anchors: Vec<_> = between
        .filter_map(AbsolutePath::new)
        .filter_map(|parent| {
            let from = source(at, &above.mount, &parent)?;
            let anchor = Placement {
                mount: Mount::Bind { from, write: true, directory: true },
                origin: placement.origin.clone(),
                kind: FileKind::Directory,
                links: Vec::new(),
                rank: placement.rank,
            };
            Some((parent, anchor))
        })
        .collect();
    anchors.reverse();
    anchors
}

/// What a mount point is on.
enum Ground {
    /// Ours, and empty.
    Own,
    /// Ours, with this file of the host showing through.
    Overlay(FileFact),
    /// The host's own.
    Host(FileFact),
}

impl Ground {
    fn is_directory(&self) -> bool {
        match self {
            Self::Own => true,
            Self::Overlay(fact) | Self::Host(fact) => fact.kind == FileKind::Directory,
        }
    }
}

fn ground(
    drawing: &Drawing,
    root: &RootPlan,
    above: Option<(&AbsolutePath, &Placement)>,
    path: &AbsolutePath,
    placement: &Placement,
) -> Ground {
    let rootfs = || {
        let found = drawing.host.rootfs.get(path).cloned();
        found.unwrap_or_else(|| FileFact::missing(path))
    };
    let Some((at, above)) = above else {
        return match root.source {
            RootSource::Empty => Ground::Own,
            RootSource::Overlay { .. } | RootSource::Layers { .. } | RootSource::Copy { .. } => {
                Ground::Overlay(rootfs())
            }
            RootSource::Directory { .. } => Ground::Host(rootfs()),
        };
    };
    let Some(source) = source(at, &above.mount, path) else { return Ground::Own };
    let fact = if source == *path {
        let canonical = path.clone();
        FileFact { kind: placement.kind, canonical, links: Vec::new() }
    } else {
        let fact = drawing.host.fact(&source);
        // A link inside of a bound directory leads elsewhere inside than it does outside.
        let kind = if fact.canonical == source { fact.kind } else { FileKind::Unreachable(ELOOP) };
        FileFact { kind, ..fact }
    };
    match above.mount {
        Mount::Overlay { .. } => Ground::Overlay(fact),
        _ => Ground::Host(fact),
    }
}

/// A mask that hides nothing may be a slip of the hand, and then something else stays visible.
fn unmasked(path: &AbsolutePath, placement: &Placement) -> Option<Diagnostic> {
    let is_mask = matches!(placement.mount, Mount::Mask { .. });
    let is_slip = is_mask && placement.kind == FileKind::Missing && placement.rank == Rank::Rule;
    is_slip.then(|| {
        let title = format!("`{path}` does not exist, so there is nothing to mask");
        Diagnostic::note(title).at(&placement.origin)
    })
}

/// Returns whether the mount point is to be made; `None` leaves the mount out.
fn mount_point(
    path: &AbsolutePath,
    placement: &Placement,
    ground: Ground,
) -> Result<Option<bool>, Diagnostic> {
    let mask = matches!(placement.mount, Mount::Mask { .. });
    let (fact, ours) = match ground {
        // Nothing of the host's is there to be hidden.
        Ground::Own if mask => return Ok(None),
        Ground::Own => return Ok(Some(true)),
        Ground::Overlay(fact) => (fact, true),
        Ground::Host(fact) => (fact, false),
    };
    match fact.kind {
        FileKind::Missing if mask => Ok(None),
        FileKind::Missing if ours => Ok(Some(true)),
        FileKind::Missing if placement.rank != Rank::Rule => Ok(None),
        FileKind::Missing => Err(Diagnostic::error(format!("cannot mount on `{path}`"))
            .because("it does not exist, and nothing is created on a directory of the host")
            .help("create it, or choose a path elsewhere")),
        FileKind::Unreachable(errno) => Err(Diagnostic::error(format!("cannot mount on `{path}`"))
            .because(super::rules::errno_words(errno))),
        kind if (kind == FileKind::Directory) == is_directory(&placement.mount) => Ok(Some(false)),
        FileKind::Directory => Err(Diagnostic::error(format!("cannot mount a file on `{path}`"))
            .because("it is a directory [EISDIR]")
            .help("choose another path")),
        _ => Err(Diagnostic::error(format!("cannot mount a directory on `{path}`"))
            .because("it is not a directory [ENOTDIR]")
            .help("choose another path")),
    }
}

fn place_links(
    drawing: &Drawing,
    root: &RootPlan,
    tree: &Tree,
    links: Links,
    mounts: Vec<Step>,
) -> (Vec<Step>, Vec<Step>) {
    let mut on_root = Vec::new();
    let mut on_mounts: BTreeMap<&AbsolutePath, Vec<Step>> = BTreeMap::new();
    for (path, (target, origin)) in links {
        if system::PROVIDED.iter().any(|provided| path.as_path().starts_with(provided)) {
            continue;
        }
        let above = nearest(tree, &path);
        let step = Step { action: Action::Symlink { path: path.clone(), target }, origin };
        match above {
            Some((at, _)) if *at == path => {}
            // On a directory of the host the link is there already.
            Some((at, above)) => match above.mount {
                Mount::Private { .. } | Mount::Tmpfs { .. } => {
                    on_mounts.entry(at).or_default().push(step);
                }
                Mount::Bind { .. }
                | Mount::Overlay { .. }
                | Mount::File { .. }
                | Mount::Mask { .. } => {}
            },
            None if is_free(drawing, root, &path) => on_root.push(step),
            None => {}
        }
    }
    let mut steps = Vec::with_capacity(mounts.len());
    for mount in mounts {
        let links = match &mount.action {
            Action::Mount { path, .. } => on_mounts.remove(path),
            _ => None,
        };
        steps.push(mount);
        steps.extend(links.unwrap_or_default());
    }
    (on_root, steps)
}

/// Says whether a link can be made on the root: it is ours, and has nothing there.
fn is_free(drawing: &Drawing, root: &RootPlan, path: &AbsolutePath) -> bool {
    match root.source {
        RootSource::Empty => true,
        RootSource::Directory { .. } => false,
        RootSource::Overlay { .. } | RootSource::Layers { .. } | RootSource::Copy { .. } => {
            let fact = drawing.host.rootfs.get(path);
            fact.is_some_and(|fact| fact.kind == FileKind::Missing && fact.links.is_empty())
        }
    }
}
