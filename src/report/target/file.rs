//! A report into a file, which is there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{
    AT_FDCWD, AtFlags, OFlag, OpenHow, RenameFlags, ResolveFlag, openat, openat2, renameat2,
};
use nix::libc;
use nix::sys::stat::{Mode, fstat, fstatat, stat};
use nix::unistd::{AccessFlags, LinkatFlags, UnlinkatFlags, faccessat, linkat, unlinkat};

use crate::diagnostic::{Diagnostic, errno_cause};

use super::write_all;

/// How often a name that somebody takes again is freed.
const TRIES: u32 = 8;

/// A name in a directory that is held open.
#[derive(Debug)]
pub struct File {
    /// The directory as it was named.
    parent: PathBuf,
    directory: OwnedFd,
    leaf: OsString,
    /// The file to be, without a name; `None` where the file system has no such files.
    unnamed: Option<OwnedFd>,
}

/// What `FILE` turned out to be.
#[derive(Debug)]
pub enum Opened {
    File(File),
    /// A fifo or a character device, open for writing.
    Special(OwnedFd),
}

impl File {
    /// Opens the directory, removes an earlier report, and sees whether a new one can be made.
    pub fn open(word: &OsStr) -> Result<Opened, Diagnostic> {
        let name = word.display();
        let cannot = |errno: Errno| {
            Diagnostic::error(format!("cannot write a report to `{name}`"))
                .because(errno_cause(errno))
        };
        let Some((parent, leaf)) = split(word) else { return Err(cannot(Errno::EISDIR)) };
        let directory = open_directory(&parent).map_err(|errno| {
            let error = cannot(errno);
            if errno == Errno::ENOENT { error.help("make its directory first") } else { error }
        })?;
        let kind = match fstatat(&directory, leaf.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat.st_mode & libc::S_IFMT),
            Err(Errno::ENOENT) => None,
            Err(errno) => return Err(cannot(errno)),
        };
        match kind {
            None | Some(libc::S_IFREG) => {
                let unnamed = unnamed(&directory).map_err(cannot)?;
                if kind.is_some() {
                    unlinkat(&directory, leaf.as_os_str(), UnlinkatFlags::NoRemoveDir)
                        .map_err(cannot)?;
                }
                Ok(Opened::File(Self { parent, directory, leaf, unnamed }))
            }
            Some(libc::S_IFIFO | libc::S_IFCHR) => {
                open_special(&directory, &leaf).map(Opened::Special).map_err(cannot)
            }
            Some(libc::S_IFLNK) => Err(Diagnostic::error(format!("`{name}` is a symbolic link"))
                .because("a command could have made it, to have another file replaced by a report")
                .help("name the file that it leads to, or remove the link")),
            Some(libc::S_IFDIR) => Err(cannot(Errno::EISDIR)),
            Some(_) => Err(Diagnostic::error(format!("cannot write a report to `{name}`"))
                .because("it is neither a file, a fifo nor a character device")),
        }
    }

    /// The numbers of what is held open.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let held = std::iter::once(&self.directory).chain(&self.unnamed);
        held.map(AsRawFd::as_raw_fd).collect()
    }

    /// Writes everything and gives it the name.
    pub fn write(self, text: &[u8]) -> Result<(), String> {
        self.check_directory()?;
        match &self.unnamed {
            Some(file) => write_all(file, text).and_then(|()| self.link(file)),
            None => self.write_beside(text),
        }
        .map_err(|errno| match errno {
            Errno::EISDIR => "a directory is in its place now [EISDIR]".to_owned(),
            errno => errno_cause(errno),
        })
    }

    /// Does its name still lead to the directory that was opened?
    fn check_directory(&self) -> Result<(), String> {
        let ours = fstat(&self.directory).map_err(errno_cause)?;
        match stat(&self.parent) {
            Ok(named) if (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino) => Ok(()),
            Ok(_) | Err(_) => Err("its directory was moved away or replaced meanwhile".to_owned()),
        }
    }

    /// Gives a name to the file without one, in place of what has it (`O_TMPFILE` in open(2)).
    fn link(&self, file: &OwnedFd) -> Result<(), Errno> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let leaf = self.leaf.as_os_str();
        let flags = LinkatFlags::AT_SYMLINK_FOLLOW;
        for _ in 0..TRIES {
            match linkat(AT_FDCWD, path.as_str(), &self.directory, leaf, flags) {
                Err(Errno::EEXIST) => {}
                result => return result,
            }
            match unlinkat(&self.directory, leaf, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EEXIST)
    }

    /// The same where every file has a name: a temporary one, which only a kill in this very
    /// moment can leave behind.
    fn write_beside(&self, text: &[u8]) -> Result<(), Errno> {
        let name = format!(".jail-report-{}", std::process::id());
        let name = OsStr::new(&name);
        let file = openat(&self.directory, name, NEW, MODE)?;
        let written = write_all(&file, text).and_then(|()| {
            let leaf = self.leaf.as_os_str();
            renameat2(&self.directory, name, &self.directory, leaf, RenameFlags::empty())
        });
        written.inspect_err(|_| {
            // The error to tell of is the first one.
            let _ = unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir);
        })
    }
}

const NEW: OFlag =
    OFlag::O_WRONLY.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_CLOEXEC);

/// As any program would make it: the umask says the rest.
const MODE: Mode = Mode::from_bits_truncate(0o666);

/// The directory and the name in it; `None` for what can only be a directory.
fn split(word: &OsStr) -> Option<(PathBuf, OsString)> {
    let bytes = word.as_bytes();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, leaf) = bytes.split_at(start);
    let parent =
        if parent.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(parent)) };
    let is_directory = [&b""[..], b".", b".."].contains(&leaf);
    (!is_directory).then(|| (parent.to_owned(), OsString::from_vec(leaf.to_vec())))
}

/// Not by a link such as /proc/1/cwd, which leads where its name does not say.
fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(AT_FDCWD, path, how)
}

/// A file without a name in the directory; `None` where there is no such thing, but files can
/// be made.
fn unnamed(directory: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags, MODE) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => {
            let writable = AccessFlags::W_OK | AccessFlags::X_OK;
            faccessat(directory, ".", writable, AtFlags::AT_EACCESS).map(|()| None)
        }
        Err(errno) => Err(errno),
    }
}

/// Waits for a reader of a fifo, as a redirection of the shell does.
fn open_special(directory: &OwnedFd, leaf: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let fd = openat(directory, leaf, flags, Mode::empty())?;
    match fstat(&fd)?.st_mode & libc::S_IFMT {
        libc::S_IFIFO | libc::S_IFCHR => Ok(fd),
        // Somebody has put another file there meanwhile.
        _ => Err(Errno::EEXIST),
    }
}

#[cfg(test)]
mod tests;
