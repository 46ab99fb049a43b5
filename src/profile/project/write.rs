//! Files that are there whole or not at all, in a directory that others may write to.
//!
//! Nothing that stands there is ever followed or opened: the new file is made without a name and linked, or under a
//! name that nobody can guess, and renamed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use crate::sys;

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and that is an error (`EEXIST`); so does a link, whatever it leads to.
    Keep,
    /// The new one takes its place. Of a link, it takes the place of the link.
    Replace,
}

/// Of the number in the name of a file that is not finished.
const RANDOM_DIGITS: usize = 16;

/// Writes `content` to the file `name` in `directory`. Whoever is killed meanwhile leaves nothing there, where the
/// file system has files without a name (open(2), `O_TMPFILE`); else, or in the moment in which one replaces
/// another, a file that [`is_unfinished`].
pub fn put(
    directory: BorrowedFd,
    name: &OsStr,
    content: &[u8],
    mode: u32,
    existing: Existing,
) -> io::Result<()> {
    let mode = Mode::from_bits_truncate(mode);
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags | OFlag::O_TMPFILE, mode) {
        Ok(file) => {
            let file = fill(File::from(file), content)?;
            if existing == Existing::Keep {
                return Ok(link(&file, directory, name)?);
            }
            let beside = beside(name)?;
            link(&file, directory, &beside)?;
            move_in(directory, &beside, name, existing)
        }
        Err(Errno::EOPNOTSUPP | Errno::EISDIR) => {
            let beside = beside(name)?;
            let flags = flags | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
            let file = openat(directory, beside.as_os_str(), flags, mode)?;
            match fill(File::from(file), content) {
                Ok(_) => move_in(directory, &beside, name, existing),
                Err(error) => {
                    remove(directory, &beside);
                    Err(error)
                }
            }
        }
        Err(errno) => Err(errno.into()),
    }
}

/// A name that nobody can guess.
fn beside(name: &OsStr) -> io::Result<OsString> {
    let random: [u8; 8] = sys::random()?;
    let random = u64::from_ne_bytes(random);
    let mut beside = OsString::from(format!(".{random:0RANDOM_DIGITS$x}-"));
    beside.push(name);
    Ok(beside)
}

/// Gives a file that has none a name; to do so by its number alone would take a capability (open(2)).
fn link(file: &File, directory: BorrowedFd, name: &OsStr) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(AT_FDCWD, path.as_str(), directory, name, AtFlags::AT_SYMLINK_FOLLOW)
}

fn move_in(
    directory: BorrowedFd,
    beside: &OsStr,
    name: &OsStr,
    existing: Existing,
) -> io::Result<()> {
    let moved = name_it(directory, beside, name, existing);
    if moved.is_err() {
        remove(directory, beside);
    }
    Ok(moved?)
}

/// The error to tell of is the first one.
fn remove(directory: BorrowedFd, beside: &OsStr) {
    let _ = unlinkat(directory, beside, UnlinkatFlags::NoRemoveDir);
}

/// Whether a file has a name under which [`put`] makes one: whoever did so was killed, or is at work.
pub fn is_unfinished(name: &OsStr) -> bool {
    let hexadecimal = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    match name.as_bytes() {
        [b'.', rest @ ..] => match rest.split_at_checked(RANDOM_DIGITS) {
            Some((random, [b'-', ..])) => hexadecimal(random),
            Some(_) | None => false,
        },
        _ => false,
    }
}

fn fill(mut file: File, content: &[u8]) -> io::Result<File> {
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}

fn name_it(
    directory: BorrowedFd,
    beside: &OsStr,
    name: &OsStr,
    existing: Existing,
) -> Result<(), Errno> {
    let rename = |flags| renameat2(directory, beside, directory, name, flags);
    match existing {
        Existing::Replace => rename(RenameFlags::empty()),
        Existing::Keep => match rename(RenameFlags::RENAME_NOREPLACE) {
            // Not every file system knows how to; all that have links refuse to replace one.
            Err(Errno::EINVAL) => {
                linkat(directory.as_fd(), beside, directory.as_fd(), name, AtFlags::empty())?;
                unlinkat(directory, beside, UnlinkatFlags::NoRemoveDir)
            }
            renamed => renamed,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn put_in(directory: &std::path::Path, existing: Existing) -> io::Result<()> {
        let opened = File::open(directory).unwrap();
        put(opened.as_fd(), "file".as_ref(), b"new", 0o600, existing)
    }

    #[test]
    fn what_is_there_is_kept_or_replaced_and_never_followed() {
        let place = tempfile::tempdir().unwrap();
        let (file, victim) = (place.path().join("file"), place.path().join("victim"));
        fs::write(&victim, "old").unwrap();
        symlink("victim", &file).unwrap();
        let kept = put_in(place.path(), Existing::Keep).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
        put_in(place.path(), Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "old");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        let metadata = fs::symlink_metadata(&file).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn only_a_name_of_ours_is_that_of_an_unfinished_file() {
        for (name, expected) in [
            (".0123456789abcdef-file", true),
            (".0123456789abcdef-", true),
            ("0123456789abcdef-file", false),
            (".0123456789abcde-file", false),
            (".0123456789abcdeg-file", false),
            (".0123456789abcdef", false),
            (".profile", false),
            (".jail.toml", false),
            ("", false),
        ] {
            assert_eq!(is_unfinished(name.as_ref()), expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_named_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("file/full")).unwrap();
        assert!(put_in(place.path(), Existing::Replace).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
