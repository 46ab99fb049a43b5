//! Where the command starts, and where its home is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::{Diagnostic, Located, Origin, pasted};
use crate::host::{FileKind, system};
use crate::plan::{Action, IdMap, Mount, RootSource, Step};
use crate::profile::{Base, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::image::{Settings, account};
use super::inside::Inside;
use super::root::RootPlan;
use super::tree::{Tree, nearest, source};

/// What there is inside.
pub(super) struct Place<'a> {
    pub root: &'a RootPlan,
    pub tree: &'a Tree,
    pub inside: &'a Inside<'a>,
    pub home: &'a AbsolutePath,
}

/// Returns the home inside: that of the user in an image, the caller's where it is visible, else `/tmp`.
pub(super) fn home(
    drawing: &Drawing,
    root: &RootPlan,
    tree: &Tree,
    inside: &Inside,
    ids: &IdMap,
) -> AbsolutePath {
    if let Some(accounts) = &drawing.host.accounts {
        let known = account(accounts, ids.uid);
        let home = known.and_then(|account| AbsolutePath::new(OsStr::from_bytes(account.home)));
        if home.is_some() || ids.uid != drawing.host.identity.uid {
            return home.unwrap_or_else(AbsolutePath::root);
        }
    }
    let home = drawing.host.identity.home.as_ref();
    let visible = home.filter(|home| {
        **home != AbsolutePath::root() && is_visible(drawing, root, tree, &inside.at(home))
    });
    visible.cloned().unwrap_or_else(|| AbsolutePath::root().join("tmp"))
}

/// Returns where the command starts, and the step that makes that directory, if it has to be made.
pub(super) fn draw(
    drawing: &mut Drawing,
    place: &Place,
    image: &Settings,
    withheld: bool,
) -> (Located<AbsolutePath>, Option<Step>) {
    if let Some(rootfs) = drawing.rootfs
        && drawing.profile.process.workdir.is_none()
        && (withheld || !is_granted_here(drawing, place))
    {
        let path = image.working_dir.clone().unwrap_or_else(AbsolutePath::root);
        let origin = place.root.origin.clone();
        return match of_image(drawing, place, path) {
            Ok((path, is_there)) => {
                let action = Action::Directory { path: path.clone() };
                let made = (!is_there).then(|| Step { action, origin: origin.clone() });
                (Located::new(path, origin), made)
            }
            Err((path, because)) => {
                let title = format!("cannot use the image `{}`", rootfs.image.name);
                let error = Diagnostic::error(title).at(&origin);
                let because = format!("its working directory `{path}` {because}");
                let error = error.because(because);
                drawing.errors.push(error.help("start elsewhere with `--workdir DIR`"));
                (Located::new(path, origin), None)
            }
        };
    }
    (asked(drawing, place, withheld), None)
}

/// Whether the caller's working directory is shown inside by a rule, at the place it has outside.
fn is_granted_here(drawing: &Drawing, place: &Place) -> bool {
    let at = place.inside.at(&drawing.host.workdir);
    let shown = nearest(place.tree, &at).is_some_and(|(above, it)| {
        source(above, &it.mount, &at).as_ref() == Some(&drawing.host.workdir)
    });
    shown && is_visible(drawing, place.root, place.tree, &at)
}

/// Returns where the image's working directory is, and whether it is there already.
fn of_image(
    drawing: &Drawing,
    place: &Place,
    path: AbsolutePath,
) -> Result<(AbsolutePath, bool), (AbsolutePath, &'static str)> {
    let at = place.inside.at(&path);
    if is_visible(drawing, place.root, place.tree, &at) {
        return Ok((at, true));
    }
    let provided = system::PROVIDED.iter().any(|dir| AbsolutePath::root().join(dir).contains(&at));
    let ground = nearest(place.tree, &at).map(|(_, above)| &above.mount);
    let kind = drawing.host.rootfs.get(&at).map_or(FileKind::Missing, |fact| fact.kind);
    match (ground, kind) {
        _ if provided => Err((path, "is in a directory that jail provides")),
        (Some(Mount::Private { .. } | Mount::Tmpfs { .. }), _) => Ok((at, false)),
        (None, FileKind::Missing) => Ok((at, false)),
        (None, FileKind::Unreachable(_)) => Err((path, "cannot be reached")),
        (None, _) => Err((path, "is not a directory")),
        (Some(_), _) => Err((path, "is hidden by what is mounted there")),
    }
}

/// Where the profile says, or where the caller is.
fn asked(drawing: &mut Drawing, place: &Place, withheld: bool) -> Located<AbsolutePath> {
    let Place { root, tree, inside, home } = *place;
    let written = drawing.profile.process.workdir.as_ref();
    let origin = written.map_or(Origin::BuiltIn, |workdir| workdir.origin.clone());
    let is_here = written.is_none_or(|workdir| {
        workdir.value.base == Base::WorkingDirectory
            && matches!(workdir.value.text.as_encoded_bytes(), b"." | b"./")
    });
    if is_here && withheld {
        return Located::new(home.clone(), origin);
    }
    let outside = match written.map(|workdir| expand(&workdir.value, &drawing.host.variables())) {
        None => drawing.host.workdir.clone(),
        // A path of the host is where its links lead; those of another root lead elsewhere.
        Some(Ok(path)) => drawing.host.fact(&path).canonical,
        Some(Err(error)) => {
            drawing.errors.push(Diagnostic::from(error).at(&origin));
            return Located::new(home.clone(), origin);
        }
    };
    let path = inside.at(&outside);
    if !is_visible(drawing, root, tree, &path) {
        let grant = if is_here { ".".to_owned() } else { pasted(outside.as_path()) };
        let error = invisible(drawing, root, &path, drawing.host.fact(&outside).kind, &grant);
        drawing.errors.push(if written.is_some() { error.at(&origin) } else { error });
    }
    Located::new(path, origin)
}

/// Says why there is no such directory inside. `kind` is what the host has there.
fn invisible(
    drawing: &Drawing,
    root: &RootPlan,
    path: &AbsolutePath,
    kind: FileKind,
    grant: &str,
) -> Diagnostic {
    let error = Diagnostic::error(format!("the working directory `{path}` is not visible inside"));
    let elsewhere = "start elsewhere with `--workdir DIR`";
    let is_provided = |place: &&str| AbsolutePath::root().join(place).contains(path);
    if let Some(place) = system::PROVIDED.into_iter().find(is_provided) {
        let because = match drawing.host.bare {
            Some(_) => format!("without namespaces little of `{place}` is shown"),
            None => format!("each run has a `{place}` of its own"),
        };
        return error.because(because).help(elsewhere);
    }
    match kind {
        FileKind::Directory => {
            error.help(format!("grant it with `--read {grant}`")).help(elsewhere)
        }
        FileKind::Missing => {
            let because = match root.is_own() {
                true => "this machine has no such directory either",
                false => "neither the root directory nor this machine has it",
            };
            error.because(because).help("create it, or start elsewhere with `--workdir DIR`")
        }
        FileKind::Unreachable(errno) => {
            error.because(super::rules::errno_words(errno)).help(elsewhere)
        }
        _ => error.because("it is not a directory [ENOTDIR]").help(elsewhere),
    }
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
                RootSource::Overlay { .. }
                | RootSource::Directory { .. }
                | RootSource::Layers { .. }
                | RootSource::Copy { .. } => {
                    let fact = drawing.host.rootfs.get(path);
                    fact.is_some_and(|fact| fact.kind == FileKind::Directory)
                }
            };
    };
    match &above.mount {
        Mount::Private { .. } | Mount::Tmpfs { .. } => at == path || leads_to_a_mount(),
        Mount::Mask { .. } | Mount::File { .. } => false,
        Mount::Bind { directory, .. } if at == path => *directory,
        Mount::Overlay { .. } if at == path => true,
        Mount::Bind { .. } | Mount::Overlay { .. } => {
            let source = source(at, &above.mount, path);
            source.is_some_and(|source| drawing.host.fact(&source).kind == FileKind::Directory)
                || leads_to_a_mount()
        }
    }
}
