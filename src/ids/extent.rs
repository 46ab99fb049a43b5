//! Ids inside and outside of a user namespace.

use serde::{Deserialize, Serialize};

/// `count` ids from `inside` on are those from `outside` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

/// What an id inside is outside; `None` if it does not exist inside.
pub fn outside(extents: &[Extent], inside: u32) -> Option<u32> {
    extents.iter().find_map(|extent| {
        let offset = inside.checked_sub(extent.inside)?;
        (offset < extent.count).then(|| extent.outside + offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_the_map_are_known() {
        let extents = [
            Extent { inside: 0, outside: 1001, count: 1 },
            Extent { inside: 1, outside: 100_000, count: 10 },
        ];
        assert_eq!(outside(&extents, 0), Some(1001));
        assert_eq!(outside(&extents, 1), Some(100_000));
        assert_eq!(outside(&extents, 10), Some(100_009));
        for unknown in [11, 65_534, u32::MAX] {
            assert_eq!(outside(&extents, unknown), None, "{unknown}");
        }
    }
}
