//! Copying by a process of its own, for a caller who is to stay in the namespaces that it is in.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, pipe2};
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, cause, errno_cause};
use crate::image::Image;
use crate::image::store::Store;
use crate::sys::{Change, Clone, die_with_parent, exit_now, fork, wait_for_end};

use super::layer::Way;
use super::layers::{fill, see_everything};

/// What the copying process says when it fails.
#[derive(Serialize, Deserialize)]
struct Complaint {
    title: String,
    because: Option<String>,
    help: Vec<String>,
}

/// Copies what the layers of an image make together into `to`, a directory that is empty. What is in it
/// after an error is the caller's to remove.
///
/// The calling process must have one thread.
pub fn copy_apart(image: &Image, store: &Store, to: &Path) -> Result<(), Diagnostic> {
    let failed = |because: String| {
        Diagnostic::error(format!("cannot copy the image `{}`", image.name)).because(because)
    };
    let (ours, theirs) =
        pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed(format!("pipe: {}", errno_cause(errno))))?;
    let parent = Pid::this();
    match fork().map_err(|errno| failed(format!("fork: {}", errno_cause(errno))))? {
        Clone::Child => {
            drop(ours);
            let done = follow(parent).map_err(|errno| failed(errno_cause(errno)));
            let done = done.and_then(|()| fill(image, store, Way::Copy, to));
            exit_now(i32::from(done.is_err_and(|mistake| complain(theirs, mistake).is_err())))
        }
        Clone::Parent { child } => {
            drop(theirs);
            let said = listen(ours);
            let ended = wait(child).map_err(|errno| failed(errno_cause(errno)))?;
            match said.map_err(|error| failed(cause(&error)))? {
                Some(Complaint { title, because, help }) => {
                    Err(Diagnostic { because, help, ..Diagnostic::error(title) })
                }
                None => silent(ended).map_err(failed),
            }
        }
    }
}

/// Whether a process that has said nothing has copied it all.
fn silent(ended: Change) -> Result<(), String> {
    match ended {
        Change::Exited(0) => Ok(()),
        Change::Signaled(signal) => {
            Err(format!("the copying process was killed by signal {signal}"))
        }
        _ => Err("the copying process ended early".to_owned()),
    }
}

/// Lets the child see what only its owner may not read, and end with its parent.
fn follow(parent: Pid) -> Result<(), Errno> {
    // A limit of file sizes is to be an error with a name, not the end of the process.
    SigSet::from(Signal::SIGXFSZ).thread_block()?;
    // Afterwards: new capabilities may make the kernel forget it.
    see_everything();
    die_with_parent()?;
    // It may have ended before the kernel was told.
    if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH) }
}

fn wait(child: Pid) -> Result<Change, Errno> {
    loop {
        match wait_for_end(child) {
            Err(Errno::EINTR) => {}
            result => return result.map(|(change, _)| change),
        }
    }
}

fn complain(to: OwnedFd, mistake: Diagnostic) -> io::Result<()> {
    let Diagnostic { title, because, help, .. } = mistake;
    let text = serde_json::to_vec(&Complaint { title, because, help })?;
    File::from(to).write_all(&text)
}

fn listen(from: OwnedFd) -> io::Result<Option<Complaint>> {
    let mut text = Vec::new();
    File::from(from).read_to_end(&mut text)?;
    if text.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&text)?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It exits with 1 if it could not even complain.
    #[test]
    fn only_an_end_that_means_success_does() {
        assert_eq!(silent(Change::Exited(0)), Ok(()));
        let killed = "the copying process was killed by signal 9";
        assert_eq!(silent(Change::Signaled(9)), Err(killed.to_owned()));
        assert_eq!(silent(Change::Exited(1)), Err("the copying process ended early".to_owned()));
    }
}
