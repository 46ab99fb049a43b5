//! What the name of an entry means.

use super::bad::Reason;

/// The longest path that the kernel takes, without the NUL at its end (path_resolution(7)).
pub(super) const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// What is to be done. `parent` is a path of any number of components, `name` is one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// The root directory of the image.
    Root,
    Entry {
        parent: &'a [u8],
        name: &'a [u8],
    },
    /// `name` of the layers below is removed.
    Whiteout {
        parent: &'a [u8],
        name: &'a [u8],
    },
    /// Everything that the layers below have in `parent` is removed.
    Opaque {
        parent: &'a [u8],
    },
    /// Bookkeeping of a file system of old.
    Ignored,
}

/// Reads a name. The rules for whiteouts are those of the OCI image specification (layer.md).
pub(super) fn meaning(path: &[u8]) -> Result<Meaning<'_>, Reason> {
    if path.is_empty() {
        return Err(Reason::Refused("its name is empty"));
    }
    if path.len() > LONGEST_PATH {
        return Err(Reason::Refused("its name is longer than 4095 bytes"));
    }
    let mut last = &path[..0];
    let mut ignored = false;
    for name in components(path) {
        match name {
            b".." => return Err(Reason::Refused("its name has `..` in it")),
            _ if name.len() > LONGEST_NAME => {
                return Err(Reason::Refused("a part of its name is longer than 255 bytes"));
            }
            _ if name.contains(&0) => return Err(Reason::Refused("its name has a NUL byte in it")),
            _ => {}
        }
        ignored |= last.starts_with(b".wh..wh.");
        if last.starts_with(b".wh.") && !ignored {
            return Err(Reason::Refused("it is inside a whiteout"));
        }
        last = name;
    }
    if ignored {
        return Ok(Meaning::Ignored);
    }
    if last.is_empty() {
        return Ok(Meaning::Root);
    }
    let parent = &path[..offset(path, last)];
    match last.strip_prefix(b".wh.") {
        None => Ok(Meaning::Entry { parent, name: last }),
        Some(b".wh..opq") => Ok(Meaning::Opaque { parent }),
        Some(b"" | b"." | b"..") => Err(Reason::Refused("it is a whiteout of nothing")),
        Some(name) if name.starts_with(b".wh.") => Ok(Meaning::Ignored),
        Some(name) => Ok(Meaning::Whiteout { parent, name }),
    }
}

/// The parts of a path that say something.
pub(super) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."))
}

/// Where `part`, which is a part of `path`, begins in it.
fn offset(path: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - path.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Meaning) {
        assert_eq!(meaning(path.as_bytes()).unwrap(), expected, "{path}");
    }

    #[test]
    fn names_mean_entries() {
        check("a", Meaning::Entry { parent: b"", name: b"a" });
        check("./a/b", Meaning::Entry { parent: b"./a/", name: b"b" });
        check("/a//./b/.//", Meaning::Entry { parent: b"/a//./", name: b"b" });
        check("a/...", Meaning::Entry { parent: b"a/", name: b"..." });
        for root in [".", "/", "./", "//.//"] {
            check(root, Meaning::Root);
        }
    }

    #[test]
    fn names_mean_removals() {
        check("a/.wh.b", Meaning::Whiteout { parent: b"a/", name: b"b" });
        check("a/.wh..b", Meaning::Whiteout { parent: b"a/", name: b".b" });
        check(".wh..wh..opq", Meaning::Opaque { parent: b"" });
        check("a/.wh..wh..opq", Meaning::Opaque { parent: b"a/" });
        check(".wh..wh.plnk", Meaning::Ignored);
        check(".wh..wh.plnk/1.2", Meaning::Ignored);
    }

    #[test]
    fn names_that_are_refused() {
        let long = "n".repeat(256);
        let longer = "n/".repeat(2048);
        for (paths, words) in [
            (&[""][..], "its name is empty"),
            (&["..", "a/../b", "a/..", "/.."], "its name has `..` in it"),
            (&["a\0b", "\0/b"], "its name has a NUL byte in it"),
            (&[".wh.", ".wh..", ".wh...", "a/.wh."], "it is a whiteout of nothing"),
            (&["a/.wh.b/c"], "it is inside a whiteout"),
            (&[&long], "a part of its name is longer than 255 bytes"),
            (&[&longer], "its name is longer than 4095 bytes"),
        ] {
            for path in paths {
                assert_eq!(meaning(path.as_bytes()).unwrap_err().to_string(), words, "{path}");
            }
        }
    }
}
