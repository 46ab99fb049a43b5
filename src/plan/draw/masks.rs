//! Masks hold wherever a file shows.

use crate::diagnostic::Origin;
use crate::host::FileKind;
use crate::plan::{Mount, RootSource};
use crate::units::AbsolutePath;

use super::Drawing;
use super::root::RootPlan;
use super::tree::{Placement, Rank, Tree};

/// Masks what a rule masks also where a bind shows the same file of the host once more:
/// `bind = [{ from = ".", to = "/src" }]` and `mask = ["./.env"]` leave no `/src/.env`.
///
/// A rule about that very path is stronger, as everywhere.
///
/// `masks` are all of them by their path on the host.
pub(super) fn spread(tree: &mut Tree, masks: &[(AbsolutePath, Placement)]) {
    let mut more: Vec<(AbsolutePath, Placement)> = Vec::new();
    for (hidden, mask) in masks {
        let places = tree.iter().filter_map(|(at, placement)| shown(at, placement, hidden));
        more.extend(places.map(|place| (place, Placement { links: Vec::new(), ..mask.clone() })));
    }
    for (path, mask) in more {
        tree.entry(path).or_insert(mask);
    }
}

/// Masks the kernel's own file systems that a bind would bring along: the host's /proc in a
/// chroot below the working directory, say.
pub(super) fn hide_interfaces(drawing: &Drawing, root: &RootPlan, tree: &mut Tree) {
    for interface in &drawing.host.interfaces {
        let kind = drawing.host.fact(interface).kind;
        if kind == FileKind::Missing {
            continue;
        }
        let mask = Placement {
            mount: Mount::Mask { directory: kind == FileKind::Directory },
            origin: Origin::BuiltIn,
            kind,
            links: Vec::new(),
            rank: Rank::BuiltIn,
        };
        let below_root = match &root.source {
            RootSource::Directory { path } => below(&AbsolutePath::root(), path, interface),
            // Without what is mounted below its lower directory, or the kernel refuses it.
            RootSource::Overlay { .. }
            | RootSource::Layers { .. }
            | RootSource::Copy { .. }
            | RootSource::Empty => None,
        };
        let shown = tree.iter().filter_map(|(at, placement)| shown(at, placement, interface));
        let places: Vec<AbsolutePath> = below_root.into_iter().chain(shown).collect();
        for place in places {
            tree.entry(place).or_insert_with(|| mask.clone());
        }
    }
}

/// Returns where a bind of `placement` at `at` shows what is at `hidden` on the host, unless
/// that is what was bound.
fn shown(at: &AbsolutePath, placement: &Placement, hidden: &AbsolutePath) -> Option<AbsolutePath> {
    let (Mount::Bind { from, .. } | Mount::Overlay { lower: from }) = &placement.mount else {
        return None;
    };
    below(at, from, hidden)
}

fn below(at: &AbsolutePath, from: &AbsolutePath, hidden: &AbsolutePath) -> Option<AbsolutePath> {
    let rest = hidden.as_path().strip_prefix(from).ok()?;
    (!rest.as_os_str().is_empty()).then(|| at.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsolutePath {
        AbsolutePath::new(text).unwrap()
    }

    fn placement(mount: Mount) -> Placement {
        let (origin, kind) = (Origin::BuiltIn, FileKind::File);
        Placement { mount, origin, kind, links: Vec::new(), rank: Rank::Rule }
    }

    fn bind(from: &str) -> Placement {
        placement(Mount::Bind { from: path(from), write: true, directory: true })
    }

    #[test]
    fn a_mask_is_repeated_where_its_file_shows_again() {
        let mask = Mount::Mask { directory: false };
        let mut tree = Tree::from([
            (path("/p"), bind("/p")),
            (path("/p/.env"), placement(mask.clone())),
            (path("/src"), bind("/p")),
            (path("/other"), bind("/p2")),
            (path("/named"), bind("/p")),
            (path("/named/.env"), bind("/p/.env")),
            (path("/file"), bind("/p/.env")),
        ]);
        spread(&mut tree, &[(path("/p/.env"), placement(mask.clone()))]);

        assert_eq!(tree[&path("/src/.env")].mount, mask);
        assert_ne!(tree[&path("/named/.env")].mount, mask);
        assert!(tree.contains_key(&path("/file")) && tree.len() == 8);
    }
}
