//! What takes the place of an overlay that cannot be mounted.
//!
//! An image is finite, verified and all ours, so a private copy of it gives the command the same. A
//! directory of the host is none of that: for it there is no other way.

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, Origin, errno_cause};
use crate::image::{Form, Kept, Rootfs};
use crate::plan::{Mount, RootSource};
use crate::profile::Protection;
use crate::units::AbsolutePath;

use super::Drawing;
use super::tree::Tree;

/// The root of an image: its layers as an overlay, or a copy of them if the profile allows it and it
/// has to be.
pub(super) fn root(
    drawing: &mut Drawing,
    rootfs: &Rootfs,
    lowers: Vec<AbsolutePath>,
    owned: bool,
    origin: &Origin,
) -> Option<RootSource> {
    let image = rootfs.image.name.clone();
    let kept = rootfs.kept.clone();
    let refusal = drawing.host.no_overlay.map(words);
    let form = kept.as_ref().map_or(Form::Nothing, |kept| kept.form);
    let because = match (form, refusal, &kept) {
        (Form::Changes, Some(refusal), Some(kept)) => {
            drawing.errors.push(only_changes(kept, refusal).at(origin));
            return None;
        }
        (Form::Copy, _, Some(kept)) if !drawing.degrades(Protection::Overlay) => {
            drawing.errors.push(only_a_copy(kept).at(origin));
            return None;
        }
        (Form::Copy, _, Some(kept)) => format!("what is kept as `{}` is a whole copy", kept.name),
        (_, Some(refusal), _) => refusal,
        (_, None, _) => return Some(RootSource::Layers { image, lowers, owned, kept }),
    };
    if owned {
        drawing.errors.push(one_owner(&image, because).at(origin));
        return None;
    }
    let Some(path) = rootfs.copy.clone() else {
        drawing.errors.push(Diagnostic::error("no place was looked for, for a copy").at(origin));
        return None;
    };
    let title =
        format!("no overlay is mounted; continuing on a private copy of the image `{image}`");
    let warning = Diagnostic::warning(title)
        .because(because)
        .help("what the command writes goes to the disk, without a limit of size");
    drawing.notes.push(warning);
    drawing.degraded.push(Protection::Overlay);
    Some(RootSource::Copy { image, lowers, path, kept })
}

/// Overlays over directories of the host, where even that of the image cannot be mounted.
pub(super) fn refuse_rules(drawing: &mut Drawing, tree: &Tree) {
    let Some(errno) = drawing.host.no_overlay else { return };
    let errors = tree.values().filter_map(|placement| match &placement.mount {
        Mount::Overlay { lower } => Some(
            Diagnostic::error(format!("cannot mount an overlay over `{lower}`"))
                .at(&placement.origin)
                .because(words(errno))
                .help("only an image is copied instead: leave this out, or grant a copy under `write`"),
        ),
        _ => None,
    });
    let errors: Vec<Diagnostic> = errors.collect();
    drawing.errors.extend(errors);
}

/// A copy with many owners would have to be made by more ids than the caller's.
fn one_owner(image: &str, because: String) -> Diagnostic {
    let title = format!("cannot run on a private copy of the image `{image}` with many ids");
    Diagnostic::error(title)
        .because(format!("{because}; and all files of a copy belong to you"))
        .help("set `ids = \"single\"`")
}

fn only_changes(kept: &Kept, refusal: String) -> Diagnostic {
    Diagnostic::error(format!("cannot use what is kept as `{}`", kept.name))
        .because(format!("it holds changes for an overlay, and there is none to be had: {refusal}"))
        .help("keep under another name, which begins with a copy of the image")
}

fn only_a_copy(kept: &Kept) -> Diagnostic {
    Diagnostic::error(format!("cannot use what is kept as `{}` in an overlay", kept.name))
        .because("it is a copy of the whole image, made where no overlay could be mounted")
        .help(
            "to go on with it: --degrade overlay, in a profile degrade = [\"overlay\"]; or keep under \
             another name",
        )
}

fn words(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::ENODEV => "this kernel has no overlayfs, or not its module [ENODEV]".to_owned(),
        errno @ (Errno::EPERM | Errno::EACCES) => {
            format!("overlays without root are forbidden here [{errno:?}]")
        }
        errno @ (Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ELOOP) => {
            format!("overlayfs does not take the file system of the image store [{errno:?}]")
        }
        errno => format!("overlayfs: {}", errno_cause(errno)),
    }
}
