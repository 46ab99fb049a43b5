//! Where a report goes: `--report FILE` or `--report fd:N`.
//!
//! # What an attacker could do
//!
//! FILE may lie in a directory that the command can write. While it runs it may put a symbolic
//! link, a directory or a fifo in the place of FILE, or put another directory, or a link to one,
//! in the place of the directory; and an earlier run may have done so for this one. It must not
//! get jail to write or remove anything but FILE in the directory that was named, to wait
//! for somebody, or to give its caller a report that jail did not write. Hence:
//!
//! - The directory is opened before anything else happens, and held; all is done relative to
//!   it. If its name leads elsewhere at the end, that is an error: what lies there is
//!   not ours.
//! - FILE itself is never followed: a link that is there at the start is refused, as an earlier
//!   run may have left it to have us replace some other file.
//! - A report of an earlier run is removed at the start, so that it is not taken for this
//!   one's.
//! - The report is written to a file without a name (`O_TMPFILE`), and gets its name when it is
//!   complete. linkat(2) neither follows nor replaces what is there. Who kills jail finds no
//!   report, and no remains of one.
//! - When it gets its name, all processes of the run are gone: the kernel ends them with
//!   the first one.
//! - All descriptors are close-on-exec, and init closes all but its own. One that the command
//!   keeps by `--preserve-fd` is refused.
//!
//! A fifo or a device is opened at the start, and written to at the end. Nothing there can be
//! taken back: if that fails halfway, half a report is there, and the exit status says so.

mod file;
mod stream;

use std::ffi::OsStr;
use std::os::fd::{AsFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};

use crate::diagnostic::{Diagnostic, Origin, errno_cause};
use crate::profile::Profile;

use file::File;
use stream::Stream;

/// An opened place for one report.
#[derive(Debug)]
pub struct Target {
    /// As the user wrote it.
    name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(File),
    Stream(Stream),
}

impl Target {
    /// Opens what `--report` names. Nothing may have been opened before, as the number of a
    /// descriptor means one of the caller's.
    pub fn open(word: &OsStr) -> Result<Self, Diagnostic> {
        let name = word.to_string_lossy().into_owned();
        let kind = match stream::number(word)? {
            Some(number) => Kind::Stream(Stream::inherited(number)?),
            None => match File::open(word).map_err(located)? {
                file::Opened::File(file) => Kind::File(file),
                file::Opened::Special(fd) => Kind::Stream(Stream::opened(fd)),
            },
        };
        Ok(Self { name, kind })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The error if the command is to keep the descriptor, and could write there.
    pub fn kept(&self, profile: &Profile) -> Option<Diagnostic> {
        let named = self.number();
        let own = self.descriptors();
        profile.process.preserve_fds.iter().find_map(|kept| {
            let number = kept.value;
            let error = if named == Some(number) {
                Diagnostic::error(format!("cannot preserve descriptor {number}"))
                    .because("it is for the report, and the command could write there")
                    .help("use another number for one of the two")
            } else if own.contains(&number) {
                // It is open by now, but not by the caller.
                Diagnostic::error(format!("cannot preserve descriptor {number}"))
                    .because("it is not open [EBADF]")
                    .help("open it before the run")
            } else {
                return None;
            };
            Some(error.at(&kept.origin))
        })
    }

    /// Writes the whole text and closes; or says why not, and then there is no file.
    pub fn write(self, text: &[u8]) -> Result<(), String> {
        // Blocked, the signal waits, and write(2) says EFBIG instead.
        SigSet::from(Signal::SIGXFSZ).thread_block().map_err(errno_cause)?;
        match self.kind {
            Kind::File(file) => file.write(text),
            Kind::Stream(stream) => stream.write(text).map_err(errno_cause),
        }
    }

    fn number(&self) -> Option<RawFd> {
        match &self.kind {
            Kind::File(_) => None,
            Kind::Stream(stream) => stream.number,
        }
    }

    /// Those that we have opened.
    fn descriptors(&self) -> Vec<RawFd> {
        match &self.kind {
            Kind::File(file) => file.descriptors(),
            Kind::Stream(stream) => vec![stream.descriptor()],
        }
    }
}

fn located(error: Diagnostic) -> Diagnostic {
    error.at(&Origin::Flag("--report".to_owned()))
}

/// write(2) until all is written.
fn write_all(fd: impl AsFd, mut text: &[u8]) -> Result<(), Errno> {
    while !text.is_empty() {
        match nix::unistd::write(&fd, text) {
            Ok(0) => return Err(Errno::EIO),
            Ok(count) => text = &text[count..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => stream::wait_for_room(&fd)?,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
