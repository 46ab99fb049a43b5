//! Who owns links and fifos, which cannot say so themselves: they take no attributes of users.

use std::collections::BTreeMap;

use super::bad::{Limit, Reason};
use super::tree::{Id, Tree};
use crate::image::owner::{OwnedLink, Owner};

/// Bytes of all paths: enough for half a million of them.
const MOST: usize = 64 << 20;
/// Bytes that one takes besides its path.
const NODE: usize = 64;

/// What is known by directory and name. Of an entry that was replaced by a file there may be
/// something left, which means nothing: a file says itself whose it is.
#[derive(Default)]
pub(super) struct Links {
    owners: BTreeMap<(Id, Vec<u8>), Owner>,
    bytes: usize,
}

impl Links {
    /// Notes the owner of what has just been made.
    pub fn set(
        &mut self,
        tree: &Tree,
        parent: Id,
        name: &[u8],
        owner: Owner,
    ) -> Result<(), Reason> {
        if owner == Owner::ROOT {
            self.owners.remove(&(parent, name.to_vec()));
            return Ok(());
        }
        self.bytes += NODE + tree.node(parent).length + 1 + name.len();
        if self.bytes > MOST {
            return Err(Reason::Limit(Limit::Links(MOST)));
        }
        self.owners.insert((parent, name.to_vec()), owner);
        Ok(())
    }

    pub fn of(&self, parent: Id, name: &[u8]) -> Owner {
        self.owners.get(&(parent, name.to_vec())).copied().unwrap_or_default()
    }

    /// Those in directories that are still there.
    pub fn finish(self, tree: &Tree) -> Vec<OwnedLink> {
        let alive = self.owners.into_iter().filter(|((parent, _), _)| tree.node(*parent).alive);
        let links = alive.map(|((parent, name), owner)| {
            let mut path = tree.path(parent);
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            OwnedLink { path, owner }
        });
        links.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::super::limits::Budget;
    use super::super::tree::ROOT;
    use super::*;

    #[test]
    fn links_beyond_the_memory_for_their_owners_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let root = std::fs::File::open(directory.path()).unwrap();
        let budget = Budget::default();
        let tree = Tree::new(root.as_fd(), &budget);
        let mut links = Links { bytes: MOST - (NODE + 2), ..Links::default() };
        let owner = Owner { uid: 1, gid: 1 };
        links.set(&tree, ROOT, b"a", owner).unwrap();
        links.set(&tree, ROOT, b"b", Owner::ROOT).unwrap();
        let reason = links.set(&tree, ROOT, b"c", owner).unwrap_err();
        let words = "the paths of links that root does not own take more than 64M";
        assert_eq!(reason.to_string(), words);
    }
}
