//! Where the command starts, and where its home is.

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::{FileKind, system};
use crate::plan::{Mount, RootSource};
use crate::profile::{Base, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::root::RootPlan;
use super::tree::{Tree, nearest, source};

/// Returns the home inside: the caller's where it is visible, else `/tmp`.
pub(super) fn home(drawing: &Drawing, root: &RootPlan, tree: &Tree) -> AbsolutePath {
    let home = drawing.host.identity.home.as_ref();
    let visible =
        home.filter(|home| **home != AbsolutePath::root() && is_visible(drawing, root, tree, home));
    visible.cloned().unwrap_or_else(|| AbsolutePath::root().join("tmp"))
}

pub(super) fn draw(
    drawing: &mut Drawing,
    root: &RootPlan,
    tree: &Tree,
    home: &AbsolutePath,
    withheld: bool,
) -> Located<AbsolutePath> {
    let written = drawing.profile.process.workdir.as_ref();
    let origin = written.map_or(Origin::BuiltIn, |workdir| workdir.origin.clone());
    let is_here = written.is_none_or(|workdir| {
        workdir.value.base == Base::WorkingDirectory
            && matches!(workdir.value.text.as_encoded_bytes(), b"." | b"./")
    });
    if is_here && withheld {
        return Located::new(home.clone(), origin);
    }
    let path = match written.map(|workdir| expand(&workdir.value, &drawing.host.variables())) {
        None => drawing.host.workdir.clone(),
        Some(Ok(path)) => inside(drawing, root, path),
        Some(Err(error)) => {
            drawing.errors.push(Diagnostic::from(error).at(&origin));
            return Located::new(home.clone(), origin);
        }
    };
    if !is_visible(drawing, root, tree, &path) {
        let title = format!("the working directory `{path}` is not visible inside");
        let missing = drawing.host.fact(&path).kind == FileKind::Missing && root.is_own();
        let mut error = if missing {
            Diagnostic::error(title)
                .because("this machine has no such directory either")
                .help("create it, or start elsewhere with `--workdir DIR`")
        } else {
            let grant = if is_here { ".".to_owned() } else { path.to_string() };
            Diagnostic::error(title)
                .help(format!("grant it with `--read {grant}`"))
                .help("start elsewhere with `--workdir DIR`")
        };
        if written.is_some() {
            error = error.at(&origin);
        }
        drawing.errors.push(error);
    }
    Located::new(path, origin)
}

/// A path of the host is where its links lead; inside a directory root they lead elsewhere.
fn inside(drawing: &Drawing, root: &RootPlan, path: AbsolutePath) -> AbsolutePath {
    let canonical = drawing.host.fact(&path).canonical;
    if root.is_own() {
        return canonical;
    }
    let fact = drawing.host.rootfs.get(&canonical);
    fact.map_or(canonical, |fact| fact.canonical.clone())
}

/// Says whether `path` is a directory inside.
fn is_visible(drawing: &Drawing, root: &RootPlan, tree: &Tree, path: &AbsolutePath) -> bool {
    // Parents of mount points are made, if they are not there.
    let leads_to_a_mount = || {
        let mut below = tree.range::<AbsolutePath, _>(path..).map(|(at, _)| at);
        below.next().is_some_and(|at| at != path && path.contains(at))
    };
    let provided = system::PROVIDED.iter().chain(&["/", "/dev/shm"]);
    if provided.into_iter().any(|provided| path.as_path().as_os_str() == *provided) {
        return true;
    }
    let Some((at, above)) = nearest(tree, path) else {
        return leads_to_a_mount()
            || match root.source {
                RootSource::Empty => false,
                RootSource::Overlay { .. } | RootSource::Directory { .. } => {
                    let fact = drawing.host.rootfs.get(path);
                    fact.is_some_and(|fact| fact.kind == FileKind::Directory)
                }
            };
    };
    match &above.mount {
        Mount::Private { .. } | Mount::Tmpfs { .. } => at == path || leads_to_a_mount(),
        Mount::Mask { .. } => false,
        Mount::Bind { directory, .. } if at == path => *directory,
        Mount::Overlay { .. } if at == path => true,
        Mount::Bind { .. } | Mount::Overlay { .. } => {
            let source = source(at, &above.mount, path);
            source.is_some_and(|source| drawing.host.fact(&source).kind == FileKind::Directory)
                || leads_to_a_mount()
        }
    }
}
