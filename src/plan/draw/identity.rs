//! Which ids exist inside.

use crate::diagnostic::{Located, Origin};
use crate::host::SubIds;
use crate::plan::{Extent, IdMap};
use crate::profile::{Ids, User};
use crate::units::AbsolutePath;

use super::Drawing;
use super::image::Settings;

pub(super) fn draw(drawing: &Drawing, image: &Settings) -> Located<IdMap> {
    let process = &drawing.profile.process;
    let identity = &drawing.host.identity;
    let user = process.user.as_ref();
    let (uid, gid) = match user.map(|user| user.value) {
        None => image.user.unwrap_or((identity.uid, identity.gid)),
        Some(User::Keep) => (identity.uid, identity.gid),
        Some(User::Root) => (0, 0),
        Some(User::Ids { uid, gid }) => (uid, gid),
    };
    let ids = process.ids.as_ref();
    let origin = user
        .map(|user| &user.origin)
        .or(ids.map(|ids| &ids.origin))
        .cloned()
        .unwrap_or(Origin::BuiltIn);
    let wants_more = ids.is_some_and(|ids| ids.value != Ids::Single);
    let subids = drawing.host.subids.as_ref().filter(|_| wants_more);
    let mappers = subids.and_then(mappers);
    let map = match (subids, mappers) {
        (Some(subids), Some(mappers)) => IdMap {
            uids: spread(uid, identity.uid, subids.uid),
            gids: spread(gid, identity.gid, subids.gid),
            mappers: Some(mappers),
            uid,
            gid,
        },
        _ => IdMap {
            uids: vec![Extent { inside: uid, outside: identity.uid, count: 1 }],
            gids: vec![Extent { inside: gid, outside: identity.gid, count: 1 }],
            mappers: None,
            uid,
            gid,
        },
    };
    Located::new(map, origin)
}

fn mappers(subids: &SubIds) -> Option<(AbsolutePath, AbsolutePath)> {
    Some((AbsolutePath::new(&subids.newuidmap)?, AbsolutePath::new(&subids.newgidmap)?))
}

/// The chosen id is the caller; all others from 0 up are the range, without a gap in it.
fn spread(chosen: u32, caller: u32, (first, count): (u32, u32)) -> Vec<Extent> {
    let below = chosen.min(count);
    let extents = [
        Extent { inside: 0, outside: first, count: below },
        Extent { inside: chosen, outside: caller, count: 1 },
        Extent {
            inside: chosen.saturating_add(1),
            outside: first.saturating_add(below),
            count: count - below,
        },
    ];
    extents.into_iter().filter(|extent| extent.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extents(chosen: u32, count: u32) -> Vec<(u32, u32, u32)> {
        let extents = spread(chosen, 1001, (100_000, count));
        extents.into_iter().map(|e| (e.inside, e.outside, e.count)).collect()
    }

    #[test]
    fn root_inside_is_the_caller_and_the_range_follows() {
        assert_eq!(extents(0, 65_536), [(0, 1001, 1), (1, 100_000, 65_536)]);
    }

    #[test]
    fn a_kept_id_splits_the_range() {
        let split = [(0, 100_000, 1001), (1001, 1001, 1), (1002, 101_001, 64_535)];
        assert_eq!(extents(1001, 65_536), split);
    }

    #[test]
    fn an_id_beyond_the_range_stands_alone() {
        assert_eq!(extents(1001, 10), [(0, 100_000, 10), (1001, 1001, 1)]);
        assert_eq!(extents(10, 10), [(0, 100_000, 10), (10, 1001, 1)]);
    }
}
