//! What every sandbox has without being asked: the system, and private directories.

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::{FileFact, FileKind, system};
use crate::plan::{Mount, RootSource};
use crate::profile::RootMode;
use crate::units::AbsolutePath;

use super::Drawing;
use super::inside::Inside;
use super::root::RootPlan;
use super::tree::{Placement, Rank, Tree};

/// Readable by its owner alone, as a home should be.
const HOME_MODE: u32 = 0o700;

pub(super) fn draw(drawing: &mut Drawing, root: &RootPlan, inside: &mut Inside) -> Tree {
    let mut tree = Tree::new();
    if root.system {
        for path in
            system::entries(&drawing.host.files, &drawing.profile.network, &drawing.host.network)
        {
            place_system(drawing, root, &mut tree, &path);
        }
    }
    for (path, mode) in system::PRIVATE {
        let path = AbsolutePath::root().join(path);
        if !is_the_images(drawing, root, &path) {
            place_private(drawing, root, &mut tree, &path, mode, inside);
        }
    }
    let var_run = AbsolutePath::root().join(system::VAR_RUN);
    if let Some(fact) = drawing.host.files.get(&var_run)
        && let Some(run) = tree.get_mut(&fact.canonical)
    {
        run.links.extend(fact.links.iter().cloned());
    }
    if let Some(home) = private_home(drawing) {
        place_private(drawing, root, &mut tree, &home, HOME_MODE, inside);
    }
    tree
}

/// Says whether the image's own directory does: writes to it are thrown away, or kept as was asked
/// for, and servers have their directories in /run made by those who build images.
fn is_the_images(drawing: &Drawing, root: &RootPlan, path: &AbsolutePath) -> bool {
    let is_there = |fact: &FileFact| fact.kind == FileKind::Directory && fact.canonical == *path;
    matches!(root.source, RootSource::Layers { .. } | RootSource::Copy { .. })
        && root.mode == RootMode::Overlay
        && path.as_path().as_os_str() == "/run"
        && drawing.host.rootfs.get(path).is_some_and(is_there)
}

/// Returns the caller's home if it can be private: not where the system or jail itself stands,
/// as the homes of `bin` and `nobody` often do.
fn private_home(drawing: &Drawing) -> Option<AbsolutePath> {
    let home = drawing.host.identity.home.as_ref()?;
    let files = &drawing.host.files;
    let stands_above = |path: &str| {
        AbsolutePath::new(path).is_some_and(|path| {
            let fact = files.get(&path);
            home.contains(&path) || fact.is_some_and(|fact| home.contains(&fact.canonical))
        })
    };
    let all = system::DIRECTORIES.iter().chain(&system::ETC).copied();
    let private = system::PRIVATE.iter().map(|(path, _)| *path);
    let taken = all.chain(private).chain(system::PROVIDED).chain(["/sys"]).any(stands_above);
    let provided = system::PROVIDED
        .iter()
        .chain(&["/sys"])
        .any(|path| AbsolutePath::root().join(path).contains(home));
    (!taken && !provided).then(|| home.clone())
}

fn place_system(drawing: &Drawing, root: &RootPlan, tree: &mut Tree, path: &AbsolutePath) {
    let Some(fact) = drawing.host.files.get(path) else { return };
    let from = fact.canonical.clone();
    let mount = match (fact.kind, root.mode) {
        (FileKind::Directory, RootMode::Overlay) => Mount::Overlay { lower: from },
        (FileKind::Directory, RootMode::ReadOnly | RootMode::Write) => {
            Mount::Bind { from, write: false, directory: true }
        }
        (FileKind::File, _) => Mount::Bind { from, write: false, directory: false },
        // Nothing there, or nothing that a program could read.
        _ => return,
    };
    insert(tree, fact.canonical.clone(), fact, mount);
}

fn place_private(
    drawing: &mut Drawing,
    root: &RootPlan,
    tree: &mut Tree,
    path: &AbsolutePath,
    mode: u32,
    inside: &mut Inside,
) {
    let files = match root.source {
        RootSource::Empty => &drawing.host.files,
        RootSource::Overlay { .. }
        | RootSource::Directory { .. }
        | RootSource::Layers { .. }
        | RootSource::Copy { .. } => &drawing.host.rootfs,
    };
    let fact = files.get(path).cloned().unwrap_or_else(|| FileFact::missing(path));
    refuse_link(drawing, root, path, &fact);
    // Links of the host to a place that we cannot follow are of no use inside.
    let at = match fact.kind {
        // A rootfs of somebody else's may link it to its root, which is no place for it: what
        // we would make in it we would make in the rootfs. Mounting on the link fails instead.
        _ if fact.canonical == AbsolutePath::root() => path.clone(),
        FileKind::Directory | FileKind::Missing => fact.canonical.clone(),
        _ => path.clone(),
    };
    inside.cover(path, &at);
    insert(tree, at, &fact, Mount::Private { mode });
}

/// A link in an image that leads where no directory of ours can be.
fn refuse_link(drawing: &mut Drawing, root: &RootPlan, path: &AbsolutePath, fact: &FileFact) {
    let (Some(rootfs), Some(link)) = (drawing.rootfs, fact.links.first()) else { return };
    let above = AbsolutePath::root();
    let provided = system::PROVIDED.iter().any(|taken| above.join(taken).contains(&fact.canonical));
    if provided || fact.canonical == above {
        let title = format!("cannot use the image `{}`", rootfs.image.name);
        let because =
            format!("its `{path}` leads through a symbolic link to `{}`", link.target.display());
        drawing.errors.push(Diagnostic::error(title).at(&root.origin).because(because));
    }
}

fn insert(tree: &mut Tree, at: AbsolutePath, fact: &FileFact, mount: Mount) {
    let placement = Placement {
        mount,
        origin: Origin::BuiltIn,
        kind: fact.kind,
        links: fact.links.clone(),
        rank: Rank::BuiltIn,
    };
    // Two entries at one place, such as /lib64 and /usr/lib64, keep the links of both.
    let links = tree.remove(&at).map(|elder| elder.links).unwrap_or_default();
    let placement = tree.entry(at).or_insert(placement);
    placement.links.extend(links);
}
