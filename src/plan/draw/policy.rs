//! The files that say what the command may do are not the command's to change.

use crate::diagnostic::Origin;
use crate::host::FileKind;
use crate::plan::Mount;
use crate::profile::{SeccompPolicy, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::tree::{Placement, Rank, Tree, nearest, source};

/// Makes each file of the profile, and that of the seccomp policy, read-only where it lies in a
/// directory that is writable: else one run could grant the next whatever it likes.
pub(super) fn keep(drawing: &Drawing, tree: &mut Tree) {
    let host = drawing.host;
    let policy = match drawing.profile.seccomp.policy.as_ref().map(|policy| &policy.value) {
        Some(SeccompPolicy::File(text)) => expand(text, &host.variables()).ok(),
        Some(SeccompPolicy::Default | SeccompPolicy::Strict | SeccompPolicy::Off) | None => None,
    };
    let files = drawing.profile.files.iter().map(|file| host.workdir.join(file)).chain(policy);
    let files: Vec<AbsolutePath> = files
        .map(|file| host.fact(&file))
        .filter(|fact| fact.kind == FileKind::File)
        .map(|fact| fact.canonical)
        .collect();
    for file in files {
        let places: Vec<AbsolutePath> = tree
            .iter()
            .filter_map(|(at, placement)| {
                let Mount::Bind { from, write: true, .. } = &placement.mount else { return None };
                let rest = file.as_path().strip_prefix(from).ok()?;
                let place = at.join(rest);
                (!rest.as_os_str().is_empty() && shows(tree, &place, &file)).then_some(place)
            })
            .collect();
        for place in places {
            tree.insert(place, read_only(&file));
        }
    }
}

/// Says whether `place` shows `file`, and no longer path something else.
fn shows(tree: &Tree, place: &AbsolutePath, file: &AbsolutePath) -> bool {
    nearest(tree, place)
        .and_then(|(at, placement)| source(at, &placement.mount, place))
        .is_some_and(|shown| shown == *file)
        && !tree.contains_key(place)
}

fn read_only(file: &AbsolutePath) -> Placement {
    Placement {
        mount: Mount::Bind { from: file.clone(), write: false, directory: false },
        origin: Origin::BuiltIn,
        kind: FileKind::File,
        links: Vec::new(),
        // As a rule that says so would: where there is no such file, there is nothing to keep.
        rank: Rank::OptionalRule,
    }
}
