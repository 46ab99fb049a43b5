//! Extended attributes: which of an entry's are kept, and our own.

use std::ffi::CString;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::bad::Reason;
use super::entries::Entry;
use crate::sys;

/// What becomes of an attribute of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Dropped,
}

/// Only what users may set for themselves is kept (xattr(7)), and of that nothing that overlayfs or
/// we ourselves believe: with `user.overlay.redirect` an image would show other directories.
pub(super) fn fate(name: &[u8]) -> Fate {
    let ours = [&b"user.overlay."[..], b"user.rootlesscontainers"];
    match name.strip_prefix(b"user.") {
        None | Some(b"") => Fate::Dropped,
        Some(_) if ours.iter().any(|prefix| name.starts_with(prefix)) => Fate::Dropped,
        Some(_) => Fate::Kept,
    }
}

/// Whether [`set`] has anything to set.
pub(super) fn needed(entry: &Entry) -> bool {
    !entry.attributes.is_empty() || (entry.uid, entry.gid) != (0, 0)
}

/// Gives a file or directory the attributes of its entry, and notes who owns it in the image.
pub(super) fn set(file: BorrowedFd, entry: &Entry) -> Result<(), Reason> {
    for (name, value) in &entry.attributes {
        let name = CString::new(name.as_slice())
            .map_err(|_| Reason::Malformed("an attribute has a NUL byte in its name"))?;
        sys::set_attribute(file, &name, value).map_err(explain)?;
    }
    if (entry.uid, entry.gid) != (0, 0) {
        let owner = owner(entry.uid, entry.gid);
        sys::set_attribute(file, c"user.rootlesscontainers", &owner).map_err(explain)?;
    }
    Ok(())
}

/// Makes a directory hide those below it (overlayfs mounted with `userxattr`).
pub(super) fn set_opaque(directory: BorrowedFd) -> Result<(), Reason> {
    sys::set_attribute(directory, c"user.overlay.opaque", b"y").map_err(explain)
}

fn explain(errno: Errno) -> Reason {
    match errno {
        Errno::EOPNOTSUPP => Reason::NoAttributes,
        // 255 bytes of a name, 64 KiB of a value (xattr(7)).
        Errno::ERANGE | Errno::E2BIG => {
            Reason::Refused("an extended attribute is larger than the kernel takes")
        }
        _ => Reason::System("set an extended attribute", errno),
    }
}

/// `Resource` of <https://rootlesscontaine.rs/proto/rootlesscontainers.proto>: `uid` is field 1,
/// `gid` is field 2, both uint32; a protocol buffer leaves out what is 0.
fn owner(uid: u32, gid: u32) -> Vec<u8> {
    let mut message = Vec::new();
    for (tag, id) in [(0x08, uid), (0x10, gid)] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_attributes_of_users_are_kept() {
        for name in ["user.note", "user.mime_type", "user.overlayed", "user.xdg.origin.url"] {
            assert_eq!(fate(name.as_bytes()), Fate::Kept, "{name}");
        }
        for name in [
            "user.",
            "user.overlay.opaque",
            "user.overlay.redirect",
            "user.rootlesscontainers",
            "trusted.overlay.opaque",
            "security.capability",
            "security.selinux",
            "trusted.x",
            "system.posix_acl_access",
            "user",
            "",
        ] {
            assert_eq!(fate(name.as_bytes()), Fate::Dropped, "{name}");
        }
    }

    #[test]
    fn owners_are_protocol_buffers() {
        assert_eq!(owner(1000, 1000), [0x08, 0xe8, 0x07, 0x10, 0xe8, 0x07]);
        assert_eq!(owner(0, 42), [0x10, 42]);
        assert_eq!(owner(u32::MAX, 0), [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    }
}
