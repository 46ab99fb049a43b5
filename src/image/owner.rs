//! Who owns a file in an image, as the store notes it.
//!
//! Files and directories have it in the attribute `user.rootlesscontainers`, where other tools for
//! rootless containers look for it. Links and fifos take no attributes of users (xattr(7)): theirs
//! stand in a file beside the layer.

use std::collections::HashMap;
use std::ffi::CStr;

/// The attribute of files and directories that somebody else than root owns.
pub const ATTRIBUTE: &CStr = c"user.rootlesscontainers";

/// Ids as the image has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

/// A link or a fifo that somebody else than root owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedLink {
    /// From the root of the layer, without a slash at the beginning.
    pub path: Vec<u8>,
    pub owner: Owner,
}

impl Owner {
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// `Resource` of <https://rootlesscontaine.rs/proto/rootlesscontainers.proto>: `uid` is field 1,
    /// `gid` is field 2, both uint32; a protocol buffer leaves out what is 0.
    pub fn to_attribute(self) -> Vec<u8> {
        let mut message = Vec::new();
        for (tag, id) in [(UID, self.uid), (GID, self.gid)] {
            if id == 0 {
                continue;
            }
            message.push(tag);
            let mut rest = id;
            while rest > 0x7f {
                message.push(0x80 | (rest & 0x7f) as u8);
                rest >>= 7;
            }
            message.push(rest as u8);
        }
        message
    }

    /// `None` if it is not what [`to_attribute`](Self::to_attribute) writes.
    pub fn from_attribute(message: &[u8]) -> Option<Self> {
        let mut owner = Self::ROOT;
        let mut rest = message;
        while let Some((tag, after)) = rest.split_first() {
            let length = after.iter().position(|byte| *byte < 0x80)? + 1;
            let (number, left) = after.split_at(length);
            let place = match *tag {
                UID => &mut owner.uid,
                GID => &mut owner.gid,
                _ => return None,
            };
            *place = varint(number)?;
            rest = left;
        }
        (owner.to_attribute() == message).then_some(owner)
    }
}

const UID: u8 = 0x08;
const GID: u8 = 0x10;

fn varint(bytes: &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        number |= u64::from(byte & 0x7f) << (7 * place);
    }
    if bytes.len() > 5 { None } else { u32::try_from(number).ok() }
}

/// The file beside a layer: `UID GID PATH`, and a NUL after each, which no path has.
pub fn write_links(links: &[OwnedLink]) -> Vec<u8> {
    let mut text = Vec::new();
    for OwnedLink { path, owner } in links {
        text.extend_from_slice(format!("{} {} ", owner.uid, owner.gid).as_bytes());
        text.extend_from_slice(path);
        text.push(0);
    }
    text
}

/// `None` if it is not what [`write_links`] writes.
pub fn read_links(text: &[u8]) -> Option<HashMap<Vec<u8>, Owner>> {
    let mut links = HashMap::new();
    let Some(text) = text.strip_suffix(b"\0") else {
        return text.is_empty().then_some(links);
    };
    for line in text.split(|byte| *byte == 0) {
        let mut fields = line.splitn(3, |byte| *byte == b' ');
        let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
        let owner = Owner { uid: number()?, gid: number()? };
        links.insert(fields.next()?.to_vec(), owner);
    }
    Some(links)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn owners_are_protocol_buffers() {
        let owner = |uid, gid| Owner { uid, gid }.to_attribute();
        assert_eq!(owner(1000, 1000), [0x08, 0xe8, 0x07, 0x10, 0xe8, 0x07]);
        assert_eq!(owner(0, 42), [0x10, 42]);
        assert_eq!(owner(u32::MAX, 0), [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    }

    #[test]
    fn what_we_did_not_write_is_not_read() {
        let odd: [&[u8]; 7] = [
            b"\x08",
            b"\x08\x80",
            b"\x08\xff\xff\xff\xff\x1f",
            b"\x08\x80\x80\x80\x80\x80\x01",
            b"\x18\x01",
            b"\x10\x01\x08\x01",
            b"\x08\x01\x08\x02",
        ];
        for message in odd {
            assert_eq!(Owner::from_attribute(message), None, "{message:?}");
        }
        let odd: [&[u8]; 5] = [b"1 2 a", b"1 a\0", b"x 2 a\0", b"-1 2 a\0", b"4294967296 0 a\0"];
        for text in odd {
            assert_eq!(read_links(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read_is_the_same(
            uid: u32, gid: u32, path in proptest::collection::vec(1_u8.., 1..40),
        ) {
            let owner = Owner { uid, gid };
            prop_assert_eq!(Owner::from_attribute(&owner.to_attribute()), Some(owner));
            let links = [OwnedLink { path: path.clone(), owner }];
            let read = read_links(&write_links(&links)).expect("it was just written");
            prop_assert_eq!(read, HashMap::from([(path, owner)]));
        }
    }
}
