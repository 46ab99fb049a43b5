//! How trees go: whole, whatever their modes and depth.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::NixPath;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmod, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Removes a directory and all that is in it. No link is followed, and what the owner may not
/// enter is made enterable first. Two descriptors and no stack, however deep it is: directories
/// below the first level are moved up to it. It is no error if it is not there.
pub fn delete(path: &Path) -> io::Result<()> {
    Ok(delete_at(AT_FDCWD, path)?)
}

/// The same for a name in a directory.
pub fn delete_at<P: NixPath + ?Sized>(at: impl AsFd, name: &P) -> Result<(), Errno> {
    let at = at.as_fd();
    match unlinkat(at, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        // POSIX has EPERM for directories.
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    let top = open_directory(at, name)?;
    let mut moved = 0_u64;
    loop {
        let directories = empty_of_files(&top)?;
        if directories.is_empty() {
            break;
        }
        for name in directories {
            let directory = open_directory(&top, name.as_c_str())?;
            for inner in empty_of_files(&directory)? {
                lift(&directory, &inner, &top, &mut moved)?;
            }
            unlinkat(&top, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
        }
    }
    unlinkat(at, name, UnlinkatFlags::RemoveDir)
}

/// Moves a directory to the first level, under a name that is free there.
fn lift(from: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> Result<(), Errno> {
    // Its entry `..` changes, for which it has to be writable.
    drop(open_directory(from, name)?);
    loop {
        *moved += 1;
        let free = format!("moved-{moved}");
        match renameat(from, name, top, free.as_str()) {
            Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
            result => return result,
        }
    }
}

/// Removes all but directories, and returns the names of those.
fn empty_of_files(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    // A description of its own: this one may have been read to its end.
    let mut reader =
        Dir::openat(directory, ".", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let entries: Vec<_> = reader.iter().collect::<Result<_, _>>()?;
    let mut directories = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if is_directory(directory, name, entry.file_type())? {
            directories.push(name.to_owned());
        } else {
            unlinkat(directory, name, UnlinkatFlags::NoRemoveDir)?;
        }
    }
    Ok(directories)
}

fn is_directory(at: &OwnedFd, name: &CStr, known: Option<Type>) -> Result<bool, Errno> {
    match known {
        Some(kind) => Ok(kind == Type::Directory),
        None => {
            let found = fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
            Ok(SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
        }
    }
}

/// Opens a directory with all rights of its owner.
fn open_directory<P: NixPath + ?Sized>(at: impl AsFd, name: &P) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let at = at.as_fd();
    let opened = match openat(at, name, flags, Mode::empty()) {
        Err(Errno::EACCES) => {
            fchmodat(at, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
            openat(at, name, flags, Mode::empty())?
        }
        result => result?,
    };
    fchmod(&opened, Mode::S_IRWXU)?;
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::sys::stat::mkdirat;

    use super::*;

    #[test]
    fn modes_links_and_depth_are_no_hindrance() {
        let place = tempfile::tempdir().expect("a directory");
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        let tree = place.path().join("tree");
        fs::create_dir_all(tree.join("closed/inner")).unwrap();
        fs::create_dir(tree.join("moved-1")).unwrap();
        fs::write(tree.join("closed/inner/file"), "x").unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        symlink(&outside, tree.join("closed/link")).unwrap();
        for closed in ["closed/inner", "closed", ""] {
            let closed = tree.join(closed);
            fs::set_permissions(closed, fs::Permissions::from_mode(0o0)).unwrap();
        }
        delete(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("kept").exists());
    }

    /// Longer than any path may be, and deeper than there are descriptors.
    #[test]
    fn what_no_path_reaches_is_removed() {
        let place = tempfile::tempdir().expect("a directory");
        let tree = place.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut at = open_directory(AT_FDCWD, &tree).unwrap();
        for _ in 0..3000 {
            mkdirat(&at, "deep", Mode::S_IRWXU).unwrap();
            at = open_directory(&at, "deep").unwrap();
        }
        delete(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let place = tempfile::tempdir().expect("a directory");
        delete(&place.path().join("absent")).unwrap();
    }
}
