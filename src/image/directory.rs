//! Directories of ours, with the modes that they are to have.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

/// Makes a directory and what is missing above it, with this mode, whatever the umask. One that is
/// there stays as it is.
pub fn make(directory: &Path, mode: u32) -> io::Result<()> {
    let made = match create(directory, mode) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match directory.parent() {
            Some(parent) => make(parent, mode).and_then(|()| create(directory, mode)),
            None => Err(error),
        },
        made => made,
    };
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        made => made,
    }
}

/// What to do about a directory of ours that belongs to another user. Root mostly comes to one by a HOME that
/// sudo(8) kept, and to give it to root would take it from its owner. `variable` comes before HOME.
pub fn leave_to_its_owner(variable: &str, otherwise: &str) -> String {
    if !geteuid().is_root() {
        return otherwise.to_owned();
    }
    format!("run jail as that user, or with HOME=/root and without {variable}")
}

fn create(directory: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(directory)?;
    give_mode(directory, mode)
}

/// Whoever may write above could have put a link in its place by now. With the umask the new directory may
/// be one that cannot be opened for reading.
fn give_mode(directory: &Path, mode: u32) -> io::Result<()> {
    let flags = (OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
    let made = OpenOptions::new().read(true).custom_flags(flags).open(directory)?;
    let by_number = format!("/proc/self/fd/{}", made.as_raw_fd());
    fs::set_permissions(by_number, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_its_place_gives_nobody_a_mode() {
        let place = tempfile::tempdir().expect("a directory");
        let (victim, link) = (place.path().join("victim"), place.path().join("link"));
        DirBuilder::new().mode(0o750).create(&victim).unwrap();
        std::os::unix::fs::symlink("victim", &link).unwrap();
        assert!(give_mode(&link, 0o777).is_err());
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o7777, 0o750);
        give_mode(&victim, 0o777).unwrap();
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o7777, 0o777);
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_there_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let deep = place.path().join("a/b");
        make(&deep, 0o777).unwrap();
        assert_eq!((mode(&deep), mode(&place.path().join("a"))), (0o777, 0o777));
        make(&deep, 0o700).unwrap();
        assert_eq!(mode(&deep), 0o777);
        fs::write(place.path().join("file"), "").unwrap();
        assert!(make(&place.path().join("file"), 0o700).is_err());
        assert!(make(&place.path().join("file/below"), 0o700).is_err());
    }
}
