//! A report into something that is open already.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::diagnostic::{Diagnostic, cause, errno_cause};
use crate::sys;

use super::{located, write_all};

/// A descriptor of the caller, a fifo or a device.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
    /// The caller's number, if it was named by that.
    pub number: Option<RawFd>,
}

impl Stream {
    pub fn opened(fd: OwnedFd) -> Self {
        Self { fd, number: None }
    }

    /// Takes over a descriptor of the caller: the supervisor soon closes 0 and 1, and the program
    /// that maps ids is to inherit none.
    pub fn inherited(number: RawFd) -> Result<Self, Diagnostic> {
        let refused = |cause: String| {
            located(Diagnostic::error(format!("cannot write a report to descriptor {number}")))
                .because(cause)
                .help(format!("open it for writing, as with `{number}>report.json`"))
        };
        let inherited = sys::inherited(number).map_err(|error| refused(cause(&error)))?;
        if inherited.flags & libc::O_PATH != 0
            || inherited.flags & libc::O_ACCMODE == libc::O_RDONLY
        {
            return Err(refused("it is not open for writing [EBADF]".to_owned()));
        }
        let fd = sys::duplicate(number).map_err(|errno| refused(errno_cause(errno)))?;
        if number > 2 {
            // It was open a moment ago, and there is but one thread.
            nix::unistd::close(number).map_err(|errno| refused(errno_cause(errno)))?;
        }
        Ok(Self { fd, number: Some(number) })
    }

    /// Our number of it.
    pub fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn write(self, text: &[u8]) -> Result<(), Errno> {
        write_all(&self.fd, text)
    }
}

/// The number of a descriptor that is named by `fd:N`, or as a shell names it. Opening one of the
/// latter as a file would start a file anew to which the caller's shell has written already.
pub fn number(word: &OsStr) -> Result<Option<RawFd>, Diagnostic> {
    let number = match word.as_bytes() {
        b"/dev/stdout" => return Ok(Some(1)),
        b"/dev/stderr" => return Ok(Some(2)),
        bytes => ["fd:", "/dev/fd/", "/proc/self/fd/"]
            .iter()
            .find_map(|prefix| bytes.strip_prefix(prefix.as_bytes())),
    };
    let Some(number) = number else { return Ok(None) };
    let digits = std::str::from_utf8(number).ok().filter(|number| is_number(number));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(0) => Err(located(Diagnostic::error("standard input is not for reports"))
            .help("use another descriptor, such as `fd:3`")),
        Some(number) => Ok(Some(number)),
        None => {
            let title = format!("`{}` is not a descriptor", word.display());
            let help = "write `fd:3` for one, and `./NAME` for a file that is called so";
            Err(located(Diagnostic::error(title)).help(help))
        }
    }
}

/// Waits until a descriptor that does not wait by itself takes more.
pub fn wait_for_room(fd: impl AsFd) -> Result<(), Errno> {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)];
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::IntoRawFd;

    use super::*;

    #[test]
    fn descriptors_are_known_by_several_names() {
        for (word, expected) in [
            ("fd:3", Some(3)),
            ("fd:12", Some(12)),
            ("/dev/fd/4", Some(4)),
            ("/proc/self/fd/5", Some(5)),
            ("/dev/stdout", Some(1)),
            ("/dev/stderr", Some(2)),
            ("./fd:3", None),
            ("fd", None),
            ("report.json", None),
        ] {
            assert_eq!(number(OsStr::new(word)), Ok(expected), "{word}");
        }
    }

    #[test]
    fn other_descriptors_are_refused() {
        for word in ["fd:", "fd:-1", "fd:+3", "fd:3x", "fd:99999999999", "/dev/fd/3/x"] {
            let title = number(OsStr::new(word)).unwrap_err().title;
            assert_eq!(title, format!("`{word}` is not a descriptor"));
        }
        assert_eq!(
            number(OsStr::new("fd:0")).unwrap_err().title,
            "standard input is not for reports"
        );
    }

    #[test]
    fn what_is_closed_or_only_for_reading_is_refused() {
        let because = |number| Stream::inherited(number).unwrap_err().because.unwrap();
        assert_eq!(because(9999), "bad file number [EBADF]");
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(because(reader.into_raw_fd()), "it is not open for writing [EBADF]");
    }

    #[test]
    fn a_slow_reader_gets_everything() {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};
        let (mut reader, writer) = std::io::pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let stream = Stream::inherited(writer.into_raw_fd()).unwrap();
        let text = vec![b'x'; 1 << 20];
        let reading = std::thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        stream.write(&text).unwrap();
        assert_eq!(reading.join().unwrap(), text.len());
    }

    #[test]
    fn nobody_to_read_is_an_error() {
        let (reader, writer) = std::io::pipe().unwrap();
        let stream = Stream::inherited(writer.into_raw_fd()).unwrap();
        drop(reader);
        assert_eq!(stream.write(b"{}"), Err(Errno::EPIPE));
    }
}
