//! What of a mount plan Landlock can say by itself.
//!
//! It allows what a rule names, with all that is below, and cannot take away again below that.

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::FileKind;
use crate::plan::Mount;
use crate::profile::Protection;
use crate::units::AbsolutePath;

use super::super::Drawing;
use super::super::tree::{Placement, Rank, Tree};

/// Keeps what can be granted where it is, and says what of the rest cannot be had.
pub(super) fn express(drawing: &mut Drawing, wanted: Tree) -> Tree {
    let mut granted = Tree::new();
    for (path, placement) in wanted {
        let above = above(&granted, &path);
        match place(drawing, &path, &placement, above) {
            Ok(true) => drop(granted.insert(path, placement)),
            Ok(false) => {}
            Err(error) => drawing.errors.push(error),
        }
    }
    granted
}

/// The nearest grant above a path; what is granted there is granted here.
fn above<'a>(granted: &'a Tree, path: &AbsolutePath) -> Option<(&'a AbsolutePath, &'a Placement)> {
    granted.range(..path).rev().find(|(at, _)| at.contains(path))
}

/// Whether a rule of its own is needed for what is wanted at `path`.
fn place(
    drawing: &mut Drawing,
    path: &AbsolutePath,
    placement: &Placement,
    above: Option<(&AbsolutePath, &Placement)>,
) -> Result<bool, Diagnostic> {
    match (&placement.mount, above) {
        (Mount::Bind { from, .. }, _) if from != path => Err(elsewhere(from, path, placement)),
        (Mount::Bind { write, .. }, Some((at, it))) => match it.mount {
            Mount::Bind { write: true, .. } if !write => nested(drawing, path, at, placement),
            Mount::Bind { write: has, .. } => Ok(has != *write),
            _ => Ok(true),
        },
        (Mount::Bind { .. }, None) => Ok(true),
        (Mount::Mask { .. }, _) if placement.kind == FileKind::Missing => Ok(false),
        // Nobody grants it.
        (Mount::Mask { .. }, None) => Ok(false),
        (Mount::Mask { .. }, Some((at, it))) => Err(uncovered("hide", path, at, placement, it)),
        (Mount::Private { .. }, None) if placement.rank == Rank::BuiltIn => Ok(false),
        (Mount::Private { .. }, Some((at, it))) if placement.rank == Rank::BuiltIn => {
            Err(uncovered("keep apart", path, at, placement, it))
        }
        (Mount::Private { .. } | Mount::Tmpfs { .. }, None) if is_temporary(path) => {
            drawing.notes.extend(unlimited(placement));
            Ok(false)
        }
        (Mount::Private { .. } | Mount::Tmpfs { .. }, _) => Err(refused(
            format!("cannot mount a tmpfs on `{path}` without namespaces"),
            placement,
            "leave it out: the command has a private directory in TMPDIR",
        )),
        (Mount::Overlay { .. }, _) => Err(refused(
            format!("cannot mount an overlay over `{path}` without namespaces"),
            placement,
            "leave it out, or grant a copy under `write`",
        )),
        (Mount::File { .. }, _) => {
            unreachable!("without namespaces no file is generated")
        }
    }
}

fn is_temporary(path: &AbsolutePath) -> bool {
    path.as_path().as_os_str() == "/tmp"
}

/// A private /tmp there is, in TMPDIR; but nothing limits what is in it.
fn unlimited(placement: &Placement) -> Option<Diagnostic> {
    let Mount::Tmpfs { size } = placement.mount else { return None };
    let title = format!(
        "what the command writes to TMPDIR is not limited to {size}; continuing without that"
    );
    let because = "only a tmpfs has a size, and none is mounted without namespaces";
    Some(Diagnostic::warning(title).at(&placement.origin).because(because))
}

fn elsewhere(from: &AbsolutePath, path: &AbsolutePath, placement: &Placement) -> Diagnostic {
    refused(
        format!("cannot show `{from}` at `{path}` without namespaces"),
        placement,
        "grant it where it is, under `read` or `write`",
    )
}

/// What is read-only below a writable directory is writable, if the profile allows that.
fn nested(
    drawing: &mut Drawing,
    path: &AbsolutePath,
    above: &AbsolutePath,
    placement: &Placement,
) -> Result<bool, Diagnostic> {
    let because = format!("`{above}` is writable, and Landlock takes nothing away below a grant");
    if !drawing.degrades(Protection::NestedRules) {
        let title = format!("cannot keep `{path}` read-only without namespaces");
        let help = "to go on with it writable: --degrade nested-rules, in a profile degrade = \
                    [\"nested-rules\"]";
        return Err(refused(title, placement, help).because(because));
    }
    let title = format!("the command can write to `{path}`; continuing without that protection");
    drawing.notes.push(at(Diagnostic::warning(title), placement).because(because));
    if !drawing.degraded.contains(&Protection::NestedRules) {
        drawing.degraded.push(Protection::NestedRules);
    }
    Ok(false)
}

/// It would be seen as part of what is granted above it.
fn uncovered(
    verb: &str,
    path: &AbsolutePath,
    above: &AbsolutePath,
    placement: &Placement,
    grant: &Placement,
) -> Diagnostic {
    let error = Diagnostic::error(format!("cannot {verb} `{path}` without namespaces"))
        .because(format!("`{above}` is granted, and Landlock takes nothing away below a grant"))
        .help(format!("grant parts of `{above}` instead of all of it"));
    // What is built in has no place; what grants too much has one.
    if placement.origin == Origin::BuiltIn { at(error, grant) } else { at(error, placement) }
}

fn refused(title: String, placement: &Placement, help: &str) -> Diagnostic {
    at(Diagnostic::error(title), placement).help(help)
}

/// What is built in has no place that a user could change.
fn at(diagnostic: Diagnostic, placement: &Placement) -> Diagnostic {
    if placement.origin == Origin::BuiltIn { diagnostic } else { diagnostic.at(&placement.origin) }
}
