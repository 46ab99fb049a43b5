//! What of the host a plan shows.

use std::path::Path;

use crate::units::AbsolutePath;

use super::types::{Action, Mount, Plan, RootSource};

/// Whether a file or directory of the host is visible inside under its own name. `path` has no symbolic
/// link in it. Only where the root is made by jail: what another one has is not known here.
pub fn is_shown(plan: &Plan, path: &Path) -> bool {
    let Some(path) = AbsolutePath::new(path) else { return false };
    let mounts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Mount { path: at, mount, .. } if at.contains(&path) => Some((at, mount)),
        _ => None,
    });
    let nearest = mounts.max_by_key(|(at, _)| at.as_path().as_os_str().len());
    nearest.is_some_and(|(at, mount)| match mount {
        Mount::Bind { from, .. } | Mount::Overlay { lower: from } => {
            let rest = path.as_path().strip_prefix(at.as_path()).unwrap_or(Path::new(""));
            from.join(rest) == path
        }
        Mount::File { .. } => *at == path,
        Mount::Private { .. } | Mount::Tmpfs { .. } | Mount::Mask { .. } => false,
    })
}

/// Whether a mount shows the part of the host that `path` is in, be it there or not. Without mounts
/// that is not known, and `true`.
pub fn could_show(plan: &Plan, path: &AbsolutePath) -> bool {
    plan.steps.iter().any(|step| match &step.action {
        Action::Domain { .. } => true,
        Action::Mount {
            mount: Mount::Bind { from, .. } | Mount::Overlay { lower: from }, ..
        } => from.contains(path),
        _ => false,
    })
}

/// Whether the root is made of the host's directories, each of which is a mount of its own.
pub fn has_own_root(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Action::Root(RootSource::Empty)))
}
