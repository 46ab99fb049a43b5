//! The last steps before the command: from here on the process is the command's.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

use landlock::RulesetCreated;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, fchdir, getppid, setsid};
use seccompiler::sock_filter;

use crate::script::{Exec, Payload, Rlimit};
use crate::sys::{
    Links, close_from, die_with_parent, exec, exit_now, install_asking_filter, keep_open_on_exec,
    leave_real_time, open_path, restore_default, send_descriptors, set_niceness,
};

use super::isolate::restrict;
use super::message::{Call, During, Failure, Fault, Report};

/// What the caller's process had, and the command is to have again.
#[derive(Clone, Copy)]
pub struct Inherited {
    pub umask: Mode,
    /// Soft and hard limit of open files, which init may have raised for itself.
    pub open_files: (u64, u64),
    /// The same of the size of files, if the supervisor has raised it.
    pub file_size: Option<(u64, u64)>,
}

/// All that the payload's process needs.
pub struct Command<'a> {
    pub payload: &'a Payload,
    /// The step, and the ruleset with all its rules.
    pub ruleset: Option<(u16, RulesetCreated)>,
    pub inherited: Inherited,
    pub socket: &'a OwnedFd,
    /// To init, for the descriptor on which the filter asks it.
    pub to_init: Option<&'a OwnedFd>,
    /// Its number, where nothing else ends this process with it.
    pub init: Option<Pid>,
}

/// Runs in the payload's process, which shares init's memory until it executes the command.
pub fn become_command(command: &mut Command) -> ! {
    let payload = command.payload;
    let failure = match prepare(command) {
        Ok(()) if payload.rehearsal => exit_now(0),
        Ok(()) => execute(&payload.exec),
        Err(failure) => failure,
    };
    // If the supervisor is gone there is nobody to tell, and init ends us in a moment.
    let _ = Report::Failed(failure).send(command.socket);
    exit_now(0)
}

fn prepare(command: &mut Command) -> Result<(), Failure> {
    let Command { payload, ruleset, inherited, socket, to_init, init } = command;
    if let Some(init) = init {
        follow(*init).map_err(at(payload.exec.step))?;
    }
    if let Some(step) = payload.new_session {
        setsid().during(Call::Setsid).map_err(at(step))?;
    }
    let (step, workdir) = &payload.workdir;
    change_directory(workdir).map_err(at(*step))?;
    umask(payload.umask.map_or(inherited.umask, Mode::from_bits_truncate));
    restore_signals().during(Call::Execve).map_err(at(payload.exec.step))?;
    let (step, descriptors) = &payload.descriptors;
    let (soft, hard) = inherited.open_files;
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).during(Call::Setrlimit).map_err(at(*step))?;
    if let Some((soft, hard)) = inherited.file_size {
        let result = setrlimit(Resource::RLIMIT_FSIZE, soft, hard).during(Call::Setrlimit);
        result.map_err(at(payload.exec.step))?;
    }
    limit(payload)?;
    keep_only(descriptors).map_err(at(*step))?;
    if let Some((step, ruleset)) = ruleset.take() {
        restrict(ruleset).map_err(at(step))?;
    }
    // Not by init, after the fact: the command may have used up all memory by then. And not
    // later: the filter may forbid it. If the supervisor is gone there is nobody to tell.
    let _ = Report::Started.send(*socket);
    if let (Some((step, program)), Some(init)) = (&payload.attend, to_init) {
        have_init_attend(program, init).map_err(at(*step))?;
    }
    if let Some((step, program)) = &payload.seccomp {
        seccompiler::apply_filter(program).map_err(|_| Failure {
            step: *step,
            fault: Fault { call: Call::Seccomp, errno: Errno::last() },
        })?;
    }
    Ok(())
}

/// Ends with init, which may have ended before.
fn follow(init: Pid) -> Result<(), Fault> {
    die_with_parent().during(Call::Prctl)?;
    if getppid() == init { Ok(()) } else { exit_now(0) }
}

/// Before the other filter, which may forbid what is needed for it.
fn have_init_attend(program: &[sock_filter], init: &OwnedFd) -> Result<(), Fault> {
    let listener = install_asking_filter(program).during(Call::Seccomp)?;
    send_descriptors(init.as_fd(), 0, &[listener.as_raw_fd()]).during(Call::HandOver)
}

/// These count for this process and for all that come from it, and not for init.
fn limit(payload: &Payload) -> Result<(), Failure> {
    if let Some((step, nice)) = payload.nice {
        set_niceness(nice).during(Call::Setpriority).map_err(at(step))?;
    }
    if let Some(step) = payload.no_real_time {
        leave_real_time().during(Call::SchedSetscheduler).map_err(at(step))?;
        let result = setrlimit(Resource::RLIMIT_RTPRIO, 0, 0).during(Call::Setrlimit);
        result.map_err(at(step))?;
    }
    for Rlimit { step, resource, soft, hard } in &payload.rlimits {
        setrlimit(*resource, *soft, *hard).during(Call::Setrlimit).map_err(at(*step))?;
    }
    Ok(())
}

/// Never through a magic link: a link of a root that others made may lead to /proc/self/fd,
/// and from there to whatever a descriptor refers to (CVE-2024-21626).
fn change_directory(path: &CStr) -> Result<(), Fault> {
    let directory = open_path(path, Links::InRoot).during(Call::Open)?;
    fchdir(&directory).during(Call::Chdir)
}

/// Rust ignores SIGPIPE, which is not for the command. Signals that the caller ignores stay
/// ignored, as nohup(1) wants it; all but SIGCHLD, which the supervisor has restored. None is
/// blocked, whatever the caller blocked.
fn restore_signals() -> Result<(), Errno> {
    restore_default(Signal::SIGPIPE)?;
    SigSet::empty().thread_set_mask()
}

/// Everything above 2 closes at exec, but for `keep`.
fn keep_only(keep: &[i32]) -> Result<(), Fault> {
    close_from(3).during(Call::CloseRange)?;
    for fd in keep {
        keep_open_on_exec(*fd).during(Call::CloseRange)?;
    }
    Ok(())
}

/// As execvp(3): goes on where a file is not there, remembers one that may not be executed.
fn execute(script: &Exec) -> Failure {
    let argv = pointers(&script.argv);
    let envp = pointers(&script.envp);
    let mut errno = Errno::ENOENT;
    for candidate in &script.candidates {
        match exec(candidate, &argv, &envp) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            Errno::EACCES => errno = Errno::EACCES,
            other => {
                errno = other;
                break;
            }
        }
    }
    Failure { step: script.step, fault: Fault { call: Call::Execve, errno } }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

fn at(step: u16) -> impl Fn(Fault) -> Failure {
    move |fault| Failure { step, fault }
}
