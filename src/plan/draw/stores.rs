//! Images, what is kept of runs and what is trusted, and profiles by name, as files: not the command's to change.
//!
//! A command that could write to one of them would decide what other commands run tomorrow, or may do.

use crate::diagnostic::Diagnostic;
use crate::host::FileKind;
use crate::plan::Mount;
use crate::units::AbsolutePath;

use super::Drawing;
use super::tree::{Placement, Rank, Tree};

/// Masks our own directories where a rule shows them, and refuses to make one of them writable.
pub(super) fn hide(drawing: &mut Drawing, tree: &mut Tree) {
    let mut errors = Vec::new();
    let mut masks: Vec<(AbsolutePath, Placement)> = Vec::new();
    for store in &drawing.host.stores {
        for (at, placement) in tree.iter() {
            let from = match &placement.mount {
                Mount::Bind { from, .. } | Mount::Overlay { lower: from } => from,
                _ => continue,
            };
            if store.contains(from) {
                if matches!(placement.mount, Mount::Bind { write: true, .. }) {
                    errors.push(refusal(placement, from, store));
                }
            } else if let Ok(rest) = store.as_path().strip_prefix(from) {
                masks.push((at.join(rest), mask(drawing, store)));
            }
        }
    }
    drawing.errors.extend(errors);
    for (at, mask) in masks {
        tree.entry(at).or_insert(mask);
    }
}

fn refusal(placement: &Placement, from: &AbsolutePath, store: &AbsolutePath) -> Diagnostic {
    Diagnostic::error(format!("cannot make `{from}` writable"))
        .at(&placement.origin)
        .because(format!(
            "jail keeps its own files in `{store}`: images, what runs have left and what you trust, or profiles"
        ))
        .help("copy what the command needs to another directory")
}

fn mask(drawing: &Drawing, store: &AbsolutePath) -> Placement {
    let kind = drawing.host.fact(store).kind;
    Placement {
        mount: Mount::Mask { directory: kind == FileKind::Directory },
        origin: crate::diagnostic::Origin::BuiltIn,
        kind,
        links: Vec::new(),
        rank: Rank::BuiltIn,
    }
}
