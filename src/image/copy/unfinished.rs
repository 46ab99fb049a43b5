//! The directory that a copy is made in: beside its place, under a name that says what it is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::delete::delete;

/// What stands between the name of the place and the number of the process.
const MARK: &str = ".jail-unfinished-";

/// An empty directory. Dropped before it is put into place, it goes away.
pub struct Unfinished {
    path: PathBuf,
    /// Says that somebody is at work. A file system without locks has none; the number of the
    /// process counts there.
    _lock: Option<Flock<File>>,
}

impl Unfinished {
    /// Makes one for the place `to`. What copies to there have left that were killed is removed.
    pub fn beside(to: &Path) -> Result<Self, Diagnostic> {
        let Some(Component::Normal(name)) = to.components().next_back() else {
            return Err(Diagnostic::error(format!("cannot unpack into `{}`", to.display()))
                .because("it has no name of its own")
                .help("name a new directory, such as `./rootfs`"));
        };
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let mark = [name.as_bytes(), MARK.as_bytes()].concat();
        remove_abandoned(parent, &mark)?;
        let number = std::process::id().to_string();
        let path = parent.join(std::ffi::OsString::from_vec([&mark, number.as_bytes()].concat()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| {
            Diagnostic::error(format!("cannot make `{}`", to.display())).because(cause(&error))
        })?;
        let lock = open(&path).ok().and_then(|directory| lock(directory).ok());
        Ok(Self { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After an error, of which there is more to tell; put into place, it is not there any more.
        let _ = delete(&self.path);
    }
}

fn remove_abandoned(parent: &Path, mark: &[u8]) -> Result<(), Diagnostic> {
    // A parent that cannot be read is an error where something is made in it.
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.as_bytes().strip_prefix(mark).map(String::from_utf8_lossy);
        let Some(process) = number.and_then(|number| number.parse().ok()) else { continue };
        let path = entry.path();
        if is_abandoned(&path, process) {
            delete(&path).map_err(|error| {
                Diagnostic::error(format!("cannot remove `{}`", path.display()))
                    .because(format!("{}; an unpack that was killed left it", cause(&error)))
                    .help(format!(
                        "run `sudo rm -rf {}`, or unpack to another place",
                        pasted(&path)
                    ))
            })?;
        }
    }
    Ok(())
}

/// Ours, of a process that is not there any more, in this pid namespace or in another one.
fn is_abandoned(path: &Path, process: i32) -> bool {
    let found = fs::symlink_metadata(path);
    if !found.is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw()) {
        return false;
    }
    if process <= 0 || kill(Pid::from_raw(process), None) != Err(Errno::ESRCH) {
        return false;
    }
    match open(path) {
        Ok(directory) => !matches!(lock(directory), Err(Errno::EWOULDBLOCK)),
        // It has got the mode of the image's root, which may be any.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)
}

fn lock(directory: File) -> Result<Flock<File>, Errno> {
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)
}
