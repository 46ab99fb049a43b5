//! What the version of the kernel stands against.
//!
//! Only for what cannot be asked of the kernel without privilege; Landlock's ABI can.

use crate::diagnostic::Diagnostic;
use crate::plan::{Mount, RootSource};

use super::Drawing;
use super::root::RootPlan;
use super::tree::Tree;

/// mount_setattr(2): without it what is mounted below a read-only tree stays writable.
const OLDEST: (u32, u32) = (5, 12);
/// tmpfs takes user.* attributes. An overlay in a user namespace writes in them that a
/// directory hides the one below it; where it cannot, rmdir(2) and rename(2) of a directory
/// of the lower layer fail with EIO.
const WHOLE_OVERLAYS: (u32, u32) = (6, 6);

pub(super) fn draw(drawing: &mut Drawing, root: &RootPlan, tree: &Tree) {
    let release = drawing.host.kernel.release;
    drawing.errors.extend(too_old(release));
    let is_overlay = |mount: &Mount| matches!(mount, Mount::Overlay { .. });
    let over_root =
        matches!(root.source, RootSource::Overlay { .. } | RootSource::Layers { kept: None, .. });
    if over_root || tree.values().any(|placement| is_overlay(&placement.mount)) {
        drawing.notes.extend(poor_overlays(release));
    }
}

/// The refusal of a kernel that cannot carry out any plan.
pub(super) fn too_old((major, minor): (u32, u32)) -> Option<Diagnostic> {
    ((major, minor) < OLDEST).then(|| {
        Diagnostic::error(format!("this kernel is too old: Linux {major}.{minor}"))
            .because("it cannot make a whole tree read-only; mount_setattr(2) came with 5.12")
            .help("use Linux 5.13 or newer; 5.12 has no Landlock yet")
    })
}

fn poor_overlays((major, minor): (u32, u32)) -> Option<Diagnostic> {
    ((major, minor) < WHOLE_OVERLAYS).then(|| {
        let title = "the command cannot remove or rename directories of the lower layer of an overlay \
                     on this kernel; continuing without that";
        Diagnostic::warning(title)
            .because(format!(
                "tmpfs takes no user.* attributes in Linux {major}.{minor}; such a call fails \
                 with an input/output error [EIO]"
            ))
            .help("use Linux 6.6 or newer, or grant a copy of the directory under `write`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Palette, render};

    #[test]
    fn a_kernel_without_mount_setattr_is_refused() {
        let told = |release| too_old(release).map(|error| render(&error, Palette::Plain));
        assert_eq!(
            told((5, 10)).as_deref(),
            Some(
                "jail: error: this kernel is too old: Linux 5.10\n\
                 because: it cannot make a whole tree read-only; mount_setattr(2) came with 5.12\n\
                 help: use Linux 5.13 or newer; 5.12 has no Landlock yet\n"
            )
        );
        assert!(told((4, 19)).is_some_and(|told| told.contains("too old: Linux 4.19\n")));
        assert_eq!(told((5, 12)), None);
        assert_eq!(told((6, 1)), None);
    }

    #[test]
    fn overlays_are_whole_from_linux_6_6_on() {
        let told = poor_overlays((5, 15)).map(|warning| render(&warning, Palette::Plain));
        assert_eq!(
            told.as_deref(),
            Some(
                "jail: warning: the command cannot remove or rename directories of the lower layer of \
                 an overlay on this kernel; continuing without that\n\
                 because: tmpfs takes no user.* attributes in Linux 5.15; such a call fails with an \
                 input/output error [EIO]\n\
                 help: use Linux 6.6 or newer, or grant a copy of the directory under `write`\n"
            )
        );
        assert!(poor_overlays((6, 5)).is_some());
        assert!(poor_overlays((6, 6)).is_none());
        assert!(poor_overlays((7, 0)).is_none());
    }
}
