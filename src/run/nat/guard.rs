//! The process between the supervisor and pasta(1): it starts pasta, tells when the network is up, and
//! ends pasta when the supervisor ends.
//!
//! pasta itself would not notice: it is in the network namespace, which therefore lives as long as
//! pasta. The kernel's signal at the death of a parent is the second line, because it may be
//! forgotten where a security module knows pasta (prctl(2), `PR_SET_PDEATHSIG`).

use std::ffi::{CStr, CString};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, dup2_stderr, dup2_stdout, getpid, getppid, pipe2, read, setsid};

use crate::diagnostic::errno_cause;
use crate::run::beside::{AtItsDeath, Failed, follow_the_supervisor};
use crate::sys::{
    die_with_parent, exec, exit_now, keep_open_on_exec, restore_default, spawn_sharing_memory,
    wait_for_end,
};

use super::answer::{Answer, LONGEST_WORDS};

/// What is executed.
pub struct Program<'a> {
    pub path: &'a CStr,
    pub argv: Vec<CString>,
}

/// All that the guard ever does. It keeps `socket` of the supervisor's descriptors, and nothing else.
pub fn run(socket: &OwnedFd, program: &Program) -> ! {
    let pasta =
        follow_the_supervisor(socket, &[], AtItsDeath::GoOn).and_then(|()| Pasta::start(program));
    match pasta {
        Ok(pasta) => pasta.watch(socket),
        Err((call, errno)) => {
            // When the supervisor is gone there is nobody left to tell.
            let _ =
                Answer::Ended(format!("{call}: {}", errno_cause(errno)).into_bytes()).send(socket);
        }
    }
    exit_now(0)
}

/// The running program, and where we hear from it.
struct Pasta {
    process: Pid,
    /// Its standard output: it writes its number there when the network is up.
    number: OwnedFd,
    /// Its standard error.
    words: OwnedFd,
}

/// For the process that becomes pasta.
struct Start<'a> {
    program: &'a Program<'a>,
    parent: Pid,
    number: &'a OwnedFd,
    words: &'a OwnedFd,
}

impl Pasta {
    fn start(program: &Program) -> Result<Self, Failed> {
        // Ctrl-C at the terminal is for the command.
        setsid().map_err(|errno| ("setsid", errno))?;
        let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|errno| ("pipe2", errno));
        let ((number, number_in), (words, words_in)) = (pipe()?, pipe()?);
        let mut start = Start { program, parent: getpid(), number: &number_in, words: &words_in };
        let process = spawn_sharing_memory(become_pasta, &mut start);
        Ok(Self { process: process.map_err(|errno| ("clone", errno))?, number, words })
    }

    /// Until the supervisor ends, or pasta.
    fn watch(self, socket: &OwnedFd) {
        let Self { process, number, words } = self;
        let mut said = Vec::new();
        let mut up = false;
        loop {
            let heard = if up { vec![socket, &words] } else { vec![socket, &words, &number] };
            let Ok([supervisor_ended, speaks, is_ready]) = wait(&heard) else { break };
            // Unread words would stop pasta when the pipe is full; they may be many.
            if supervisor_ended || (speaks && hear(&words, &mut said) != Ok(true)) {
                break;
            }
            if is_ready {
                let mut text = Vec::new();
                if hear(&number, &mut text) != Ok(true) {
                    break;
                }
                up = text.first().is_some_and(u8::is_ascii_digit);
                if up && Answer::Up.send(socket).is_err() {
                    break;
                }
            }
        }
        // It may have ended by itself, which is as good.
        let _ = kill(process, Signal::SIGKILL);
        let _ = wait_for_end(process);
        while let Ok(true) = hear(&words, &mut said) {}
        // When the supervisor is gone there is nobody left to tell.
        let _ = Answer::Ended(said).send(socket);
    }
}

/// Which of at most three descriptors have something, be it their end.
fn wait(heard: &[&OwnedFd]) -> Result<[bool; 3], Errno> {
    let mut fds: Vec<_> =
        heard.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok([false; 3]),
        Err(errno) => return Err(errno),
    }
    let happened = |index: usize| {
        let events = fds.get(index).and_then(PollFd::revents);
        events.is_some_and(|events| !events.is_empty())
    };
    Ok([0, 1, 2].map(happened))
}

/// Reads on, and keeps the beginning; false at the end.
fn hear(pipe: &OwnedFd, text: &mut Vec<u8>) -> Result<bool, Errno> {
    let mut more = [0; 512];
    let length = match read(pipe, &mut more) {
        Err(Errno::EINTR) => return Ok(true),
        result => result?,
    };
    let room = LONGEST_WORDS.saturating_sub(text.len()).min(length);
    text.extend_from_slice(&more[..room]);
    Ok(length > 0)
}

/// Runs in the process of pasta, which shares our memory until it executes it.
fn become_pasta(start: &mut Start) -> ! {
    let errno = match prepare(start) {
        Ok(()) => execute(start.program),
        Err(errno) => errno,
    };
    // Standard error is the guard's by now, or /dev/null.
    let _ = writeln!(std::io::stderr(), "cannot be executed: {}", errno_cause(errno));
    exit_now(1)
}

fn prepare(start: &Start) -> Result<(), Errno> {
    die_with_parent()?;
    if getppid() != start.parent {
        exit_now(0);
    }
    restore_default(Signal::SIGPIPE)?;
    SigSet::empty().thread_set_mask()?;
    // All others close at exec; 0 is /dev/null.
    keep_open_on_exec(0)?;
    dup2_stdout(start.number)?;
    dup2_stderr(start.words)
}

fn execute(program: &Program) -> Errno {
    let argv: Vec<_> = program.argv.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    exec(program.path, &argv, &[ptr::null()])
}
