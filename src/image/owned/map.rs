//! From ids of an image to ids outside.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::{Extent, outside};
use crate::image::owner::Owner;

/// Digits of a key: two maps never have the same.
const KEY: usize = 32;

/// The ids of a run: those inside are those that an image speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerMap {
    pub uids: Vec<Extent>,
    pub gids: Vec<Extent>,
}

impl OwnerMap {
    /// Who owns a file outside; `None` if one of the ids does not exist inside.
    pub fn outside(&self, owner: Owner) -> Option<Owner> {
        let uid = outside(&self.uids, owner.uid)?;
        let gid = outside(&self.gids, owner.gid)?;
        Some(Owner { uid, gid })
    }

    /// A name for the map, the same for the same map alone.
    pub fn key(&self) -> String {
        let mut text = String::new();
        for (kind, extents) in [("uid", &self.uids), ("gid", &self.gids)] {
            for Extent { inside, outside, count } in extents {
                writeln!(text, "{kind} {inside} {outside} {count}")
                    .expect("a String takes all text");
            }
        }
        let digest = Sha256::digest(text);
        let mut key = String::with_capacity(KEY);
        for byte in digest.iter().take(KEY / 2) {
            write!(key, "{byte:02x}").expect("a String takes all text");
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(inside: u32, outside: u32, count: u32) -> Extent {
        Extent { inside, outside, count }
    }

    #[test]
    fn each_map_has_a_key_of_its_own() {
        let map = |uids, gids| OwnerMap { uids, gids }.key();
        let (one, other) = (vec![extent(0, 1001, 1)], vec![extent(0, 1002, 1)]);
        assert_eq!(map(one.clone(), other.clone()), map(one.clone(), other.clone()));
        assert_ne!(map(one.clone(), other.clone()), map(other.clone(), one.clone()));
        let split = vec![extent(0, 1001, 1), extent(1, 1002, 1)];
        assert_ne!(map(split, one.clone()), map(one.clone(), other));
    }

    #[test]
    fn an_owner_exists_with_both_ids_or_not_at_all() {
        let map = OwnerMap { uids: vec![extent(0, 7, 10)], gids: vec![extent(0, 70, 5)] };
        let outside = |uid, gid| map.outside(Owner { uid, gid });
        assert_eq!(outside(3, 4), Some(Owner { uid: 10, gid: 74 }));
        assert_eq!(outside(3, 5), None);
        assert_eq!(outside(10, 4), None);
        assert_eq!(outside(u32::MAX, 0), None);
    }
}
