//! Masks hold wherever a file shows.

use crate::plan::Mount;
use crate::units::AbsolutePath;

use super::tree::{Placement, Tree};

/// Masks what a rule masks also where a bind shows the same file of the host once more:
/// `bind = [{ from = ".", to = "/src" }]` and `mask = ["./.env"]` leave no `/src/.env`.
///
/// A rule about that very path is stronger, as everywhere.
pub(super) fn spread(tree: &mut Tree) {
    let mut more: Vec<(AbsolutePath, Placement)> = Vec::new();
    for (hidden, mask) in tree.iter().filter(|(_, p)| matches!(p.mount, Mount::Mask { .. })) {
        for (at, placement) in tree.iter() {
            let (Mount::Bind { from, .. } | Mount::Overlay { lower: from }) = &placement.mount
            else {
                continue;
            };
            let Ok(rest) = hidden.as_path().strip_prefix(from) else { continue };
            // For the bound file or directory itself there is a rule already.
            if !rest.as_os_str().is_empty() {
                more.push((at.join(rest), Placement { links: Vec::new(), ..mask.clone() }));
            }
        }
    }
    for (path, mask) in more {
        tree.entry(path).or_insert(mask);
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Origin;
    use crate::host::FileKind;

    use super::super::tree::Rank;
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
        spread(&mut tree);

        assert_eq!(tree[&path("/src/.env")].mount, mask);
        assert_ne!(tree[&path("/named/.env")].mount, mask);
        assert!(tree.contains_key(&path("/file")) && tree.len() == 8);
    }
}
