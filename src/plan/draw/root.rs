//! What `/` is made of.

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::FileKind;
use crate::plan::RootSource;
use crate::profile::{PathText, Root, RootMode, expand};
use crate::units::AbsolutePath;

use super::Drawing;

/// The root directory as the profile wants it.
pub(super) struct RootPlan {
    pub source: RootSource,
    pub mode: RootMode,
    /// Whether the system directories of the host are shown.
    pub system: bool,
    pub origin: Origin,
}

impl RootPlan {
    /// Whether the root becomes read-only at the end.
    pub fn sealed(&self) -> bool {
        self.mode == RootMode::ReadOnly
    }

    /// Whether the root starts empty, so that all of it is ours.
    pub fn is_own(&self) -> bool {
        self.source == RootSource::Empty
    }
}

pub(super) fn draw(drawing: &mut Drawing) -> RootPlan {
    let filesystem = &drawing.profile.filesystem;
    let mode = filesystem.root_mode.as_ref().map_or(RootMode::ReadOnly, |mode| mode.value);
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
            let error =
                Diagnostic::error(format!("cannot mount `/{name}`: no directory `{missing}`"))
                    .at(&plan.origin)
                    .help(format!("run `mkdir {missing}`, or set `root-mode = \"overlay\"`"));
            drawing.errors.push(error);
        }
    }
}
