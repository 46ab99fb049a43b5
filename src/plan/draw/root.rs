//! What `/` is made of.

use crate::diagnostic::{Diagnostic, Origin, pasted};
use crate::host::{FileKind, system};
use crate::plan::{IdMap, RootSource};
use crate::profile::{PathText, Root, RootMode, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::overlays;

/// Of one overlay (OVL_MAX_STACK).
const MOST_LAYERS: usize = 500;

/// The root directory as the profile wants it.
pub(super) struct RootPlan {
    pub source: RootSource,
    pub mode: RootMode,
    /// Whether the system directories of the host are shown.
    pub system: bool,
    pub origin: Origin,
}

impl RootPlan {
    /// The system of this machine, read-only.
    pub fn of_the_host() -> Self {
        let (mode, origin) = (RootMode::ReadOnly, Origin::BuiltIn);
        Self { source: RootSource::Empty, mode, system: true, origin }
    }

    /// Whether the root becomes read-only at the end.
    pub fn sealed(&self) -> bool {
        self.mode == RootMode::ReadOnly
    }

    /// Whether the root starts empty, so that all of it is ours.
    pub fn is_own(&self) -> bool {
        self.source == RootSource::Empty
    }
}

pub(super) fn draw(drawing: &mut Drawing, ids: &IdMap) -> RootPlan {
    let filesystem = &drawing.profile.filesystem;
    let mode = filesystem.root_mode.as_ref().map_or(RootMode::ReadOnly, |mode| mode.value);
    if let Some(keep) = &filesystem.keep
        && !matches!(filesystem.root.as_ref().map(|root| &root.value), Some(Root::Image(_)))
    {
        let error = Diagnostic::error("only what a command changes in an image can be kept");
        let help = "name the image: `--image NAME`, or `root = \"image:NAME\"`";
        drawing.errors.push(error.at(&keep.origin).help(help));
    }
    let Some(root) = &filesystem.root else {
        return own(drawing, mode, true, Origin::BuiltIn);
    };
    match &root.value {
        Root::Host => own(drawing, mode, true, root.origin.clone()),
        Root::Empty => own(drawing, mode, false, root.origin.clone()),
        Root::Directory(text) => {
            let source = match directory(drawing, text, &root.origin) {
                Some(path) if mode == RootMode::Write => RootSource::Directory { path },
                Some(lower) => RootSource::Overlay { lower },
                None => RootSource::Empty,
            };
            let plan = RootPlan { source, mode, system: false, origin: root.origin.clone() };
            if mode == RootMode::Write {
                refuse_without_mount_points(drawing, &plan);
            }
            plan
        }
        Root::Image(_) => image(drawing, root.origin.clone(), ids),
    }
}

/// The layers are shared by all runs: what is written goes above them.
fn image(drawing: &mut Drawing, origin: Origin, ids: &IdMap) -> RootPlan {
    let filesystem = &drawing.profile.filesystem;
    let mode = filesystem.root_mode.as_ref().map_or(RootMode::Overlay, |mode| mode.value);
    let mut errors = Vec::new();
    if let Some(written) = filesystem.root_mode.as_ref() {
        let keeps = filesystem.keep.is_some();
        let refusal = match mode {
            RootMode::Write => Some((
                "an image is never written to",
                "set `root-mode = \"overlay\"`, and `--keep NAME` to keep what is written",
            )),
            RootMode::ReadOnly if keeps => Some((
                "nothing can be kept of a root that is read-only",
                "leave out `--keep`, or set `root-mode = \"overlay\"`",
            )),
            RootMode::ReadOnly | RootMode::Overlay => None,
        };
        errors.extend(
            refusal.map(|(title, help)| Diagnostic::error(title).at(&written.origin).help(help)),
        );
    }
    drawing.errors.extend(errors);
    let source = layers(drawing, &origin, ids).unwrap_or(RootSource::Empty);
    refuse_links(drawing, &origin);
    RootPlan { source, mode, system: false, origin }
}

/// In the layers all files are the caller's. Where more ids than that exist inside, copies of them are
/// mounted in which files belong to whom the image says.
fn layers(drawing: &mut Drawing, origin: &Origin, ids: &IdMap) -> Option<RootSource> {
    let Some(rootfs) = drawing.rootfs else {
        drawing.errors.push(Diagnostic::error("the image was not looked for").at(origin));
        return None;
    };
    let image = rootfs.image.name.clone();
    let owned = ids.owner_map();
    let layers = match &owned {
        Some(map) => rootfs.image.owned_layers(map),
        None => Some(rootfs.image.layers.clone()),
    };
    let lowers: Option<Vec<AbsolutePath>> =
        layers.and_then(|layers| layers.into_iter().rev().map(AbsolutePath::new).collect());
    let because = match lowers.as_ref().map(Vec::len) {
        Some(0) => "it has no layers, so there are no files in it".to_owned(),
        Some(count) if count > MOST_LAYERS => {
            format!("it has {count} layers; the kernel takes {MOST_LAYERS} at most")
        }
        None => "a directory of its layers is not absolute".to_owned(),
        Some(_) => return overlays::root(drawing, rootfs, lowers?, owned.is_some(), origin),
    };
    let error = Diagnostic::error(format!("cannot use the image `{image}`"));
    drawing.errors.push(error.at(origin).because(because));
    None
}

/// /proc and /dev are mounted on what the image has there, which must not lead elsewhere
/// (CVE-2025-31133, CVE-2025-52565).
fn refuse_links(drawing: &mut Drawing, origin: &Origin) {
    let Some(rootfs) = drawing.rootfs else { return };
    for name in system::PROVIDED {
        let point = AbsolutePath::root().join(name);
        let Some(fact) = drawing.host.rootfs.get(&point) else { continue };
        let because = match (fact.links.first(), fact.kind) {
            (Some(link), _) => {
                format!("its `{name}` is a symbolic link to `{}`", link.target.display())
            }
            (None, FileKind::Directory | FileKind::Missing) => continue,
            (None, _) => format!("its `{name}` is not a directory"),
        };
        let title = format!("cannot use the image `{}`", rootfs.image.name);
        drawing.errors.push(Diagnostic::error(title).at(origin).because(because));
    }
}

fn own(drawing: &mut Drawing, mode: RootMode, system: bool, origin: Origin) -> RootPlan {
    if let Some(written) = drawing.profile.filesystem.root_mode.as_ref()
        && mode == RootMode::Write
    {
        let error = Diagnostic::error("only a root that is a directory can be writable");
        let help = "set `root-mode = \"overlay\"`: writes are then thrown away";
        drawing.errors.push(error.at(&written.origin).help(help));
    }
    RootPlan { source: RootSource::Empty, mode, system, origin }
}

fn directory(drawing: &mut Drawing, text: &PathText, origin: &Origin) -> Option<AbsolutePath> {
    let shown = text.text.to_string_lossy();
    let refuse = |because: String| {
        Diagnostic::error(format!("cannot use `{shown}` as the root")).at(origin).because(because)
    };
    let path = match expand(text, &drawing.host.variables()) {
        Ok(path) => path,
        Err(error) => {
            drawing.errors.push(Diagnostic::from(error).at(origin));
            return None;
        }
    };
    let fact = drawing.host.fact(&path);
    let error = match fact.kind {
        FileKind::Directory if fact.canonical == AbsolutePath::root() => {
            refuse("it is this machine's own root, with all that is private in it".into())
                .help("use `root = \"host\"`, which shows what programs need")
        }
        FileKind::Directory => return Some(fact.canonical),
        FileKind::Missing => {
            refuse("no such directory [ENOENT]".into()).help("create it, or correct the path")
        }
        FileKind::Unreachable(errno) => refuse(super::rules::errno_words(errno)),
        _ => refuse("not a directory [ENOTDIR]".into()),
    };
    drawing.errors.push(error);
    None
}

/// Nothing is ever created on a directory of the host.
fn refuse_without_mount_points(drawing: &mut Drawing, plan: &RootPlan) {
    let RootSource::Directory { path: root } = &plan.source else { return };
    for name in ["proc", "dev"] {
        let point = AbsolutePath::root().join(name);
        let kind = drawing.host.rootfs.get(&point).map(|fact| fact.kind);
        if kind != Some(FileKind::Directory) {
            let missing = root.join(name);
            let make = pasted(missing.as_path());
            let error =
                Diagnostic::error(format!("cannot mount `/{name}`: no directory `{missing}`"))
                    .at(&plan.origin)
                    .help(format!("run `mkdir {make}`, or set `root-mode = \"overlay\"`"));
            drawing.errors.push(error);
        }
    }
}
