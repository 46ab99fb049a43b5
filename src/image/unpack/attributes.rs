//! Extended attributes: which of an entry's are kept, and our own.

use std::ffi::CString;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::bad::Reason;
use super::entries::Entry;
use crate::image::owner::{ATTRIBUTE, Owner};
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
    !entry.attributes.is_empty() || entry.owner != Owner::ROOT
}

/// Gives a file or directory the attributes of its entry, and notes who owns it in the image.
pub(super) fn set(file: BorrowedFd, entry: &Entry) -> Result<(), Reason> {
    for (name, value) in &entry.attributes {
        // None has a NUL byte in it: the header that it comes from would have been refused.
        let name = CString::new(name.as_slice()).map_err(|_| explain(Errno::EINVAL))?;
        sys::set_attribute(file, &name, value).map_err(explain)?;
    }
    if entry.owner != Owner::ROOT {
        sys::set_attribute(file, ATTRIBUTE, &entry.owner.to_attribute()).map_err(explain)?;
    }
    Ok(())
}

/// A later entry for the same directory says that it is root's.
pub(super) fn forget_owner(directory: BorrowedFd) -> Result<(), Reason> {
    match sys::remove_attribute(directory, ATTRIBUTE) {
        Ok(()) | Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(Reason::System("remove an extended attribute", errno)),
    }
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
}
