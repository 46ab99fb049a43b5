//! The process outside: starts init, hands signals in, and tells how it ended.

use std::ffi::CString;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, geteuid, setgroups};

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::plan::Plan;
use crate::script::{Mapping, Script, compile};
use crate::sys::{Change, Clone, Used, clone_process, restore_default, wait_for_end};

use super::explain::{explain, explain_clone, explain_mapping};
use super::init;
use super::message::{Failure, Order, Report};
use super::outcome::{Counter, End, Figure, Hits, Outcome, Refused, Usage};
use super::payload::Inherited;
use super::terminal::{Terminal, has_controlling_terminal};

/// Signals that are passed on to the command when somebody sends them to us.
const FORWARDED: [Signal; 10] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGCONT,
    Signal::SIGTSTP,
    Signal::SIGWINCH,
    Signal::SIGALRM,
];

/// Carries the plan out and waits for the command. The process must be single-threaded.
pub fn perform(plan: &Plan) -> Result<Outcome, Refused> {
    let script = compile(plan).map_err(refused)?;
    let inherited = prepare().map_err(|errno| refused(explain_clone(errno)))?;
    let shares_terminal = script.payload.new_session.is_none();
    // Before the clone: a shell inside is quick to take the terminal over.
    let terminal = Terminal::in_foreground();
    let kept = script.payload.descriptors.1.clone();
    let (child, socket) = start(script, inherited).map_err(refused)?;
    let signals = signal_descriptor().map_err(|errno| {
        end(child);
        refused(explain_clone(errno))
    })?;
    release(&kept);
    let supervisor = Supervisor { child, socket, signals, terminal, shares_terminal };
    supervisor.supervise(plan)
}

fn refused(diagnostic: Diagnostic) -> Refused {
    Refused { diagnostic, status: 125 }
}

/// Blocks the signals that we read by descriptor, and notes what the command is to inherit.
fn prepare() -> Result<Inherited, Errno> {
    // A caller that ignores SIGCHLD, as some daemons do, passes that on to us, and then the
    // kernel would keep from init how the command ended (wait(2)).
    restore_default(Signal::SIGCHLD)?;
    let mut blocked: SigSet = FORWARDED.into_iter().collect();
    for signal in [Signal::SIGCHLD, Signal::SIGTTOU, Signal::SIGTTIN] {
        blocked.add(signal);
    }
    blocked.thread_block()?;
    let inherited_umask = umask(Mode::empty());
    umask(inherited_umask);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard && soft < 64 {
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(64), hard)?;
    }
    if geteuid().is_root() {
        leave_groups()?;
    }
    Ok(Inherited { umask: inherited_umask, open_files: (soft, hard), file_size: lift_file_size()? })
}

/// The forwarded signals, which are blocked. Made after the clone: it is none of init's.
fn signal_descriptor() -> Result<SignalFd, Errno> {
    let forwarded: SigSet = FORWARDED.into_iter().collect();
    SignalFd::with_flags(&forwarded, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// A pipe of the caller ends when the command lets go of it, not when we do. Standard error
/// stays: what we have to say goes there.
fn release(kept: &[i32]) {
    for fd in [0, 1].iter().chain(kept) {
        // One that is closed already is as good.
        let _ = nix::unistd::close(*fd);
    }
}

/// The files that we write into the sandbox are not the command's. Returns the caller's limit
/// if it was lifted.
fn lift_file_size() -> Result<Option<(u64, u64)>, Errno> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if soft == hard {
        return Ok(None);
    }
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard)?;
    Ok(Some((soft, hard)))
}

/// Without privilege nobody can leave a group; with it the command shall not keep any. Who is
/// root in a user namespace only may not do so if that namespace denies setgroups(2).
fn leave_groups() -> Result<(), Errno> {
    match setgroups(&[]) {
        Err(Errno::EPERM) => {
            let setting = std::fs::read("/proc/self/setgroups").unwrap_or_default();
            if setting.starts_with(b"deny") { Ok(()) } else { Err(Errno::EPERM) }
        }
        result => result,
    }
}

/// Clones init; in it this does not return.
fn start(script: Script, inherited: Inherited) -> Result<(Pid, OwnedFd), Diagnostic> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(explain_clone)?;
    let argument_count = std::env::args_os().len();
    match clone_process(script.namespaces).map_err(explain_clone)? {
        Clone::Child => {
            drop(ours);
            init::run(script, theirs, inherited, argument_count)
        }
        Clone::Parent { child } => {
            drop(theirs);
            // Taking the script apart would copy the pages that init now shares with us.
            let script = ManuallyDrop::new(script);
            if let Mapping::Helpers { uid, gid } = &script.ids.mapping {
                map_by_helpers(child, uid, gid, &ours).inspect_err(|_| end(child))?;
            }
            Ok((child, ours))
        }
    }
}

/// Runs newuidmap(1) and newgidmap(1), then tells init to go on.
fn map_by_helpers(
    child: Pid,
    uid: &(CString, Vec<CString>),
    gid: &(CString, Vec<CString>),
    socket: &OwnedFd,
) -> Result<(), Diagnostic> {
    for (program, arguments) in [uid, gid] {
        map_by_helper(child, program, arguments)?;
    }
    Order::Mapped.send(socket).map_err(explain_clone)
}

fn map_by_helper(child: Pid, program: &CString, arguments: &[CString]) -> Result<(), Diagnostic> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let text = |string: &CString| OsStr::from_bytes(string.to_bytes()).to_os_string();
    let name = text(program);
    let output = std::process::Command::new(&name)
        .arg(child.to_string())
        .args(arguments.iter().map(text))
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| explain_mapping(&name, &error.to_string()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(explain_mapping(&name, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Ends everything inside, and waits until it has ended.
fn end(init: Pid) {
    // It may have ended by itself, which is as good.
    let _ = nix::sys::signal::kill(init, Signal::SIGKILL);
    let _ = wait(init);
}

fn wait(init: Pid) -> Result<(Change, Used), Errno> {
    loop {
        match wait_for_end(init) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

struct Supervisor {
    child: Pid,
    socket: OwnedFd,
    signals: SignalFd,
    terminal: Option<Terminal>,
    /// Is the command in our session, so that the terminal's signals reach it as they reach us?
    shares_terminal: bool,
}

impl Supervisor {
    /// Until the command has ended, and with it everything inside.
    fn supervise(self, plan: &Plan) -> Result<Outcome, Refused> {
        let started = Instant::now();
        let result = self.watch(plan);
        let wall = started.elapsed();
        let ended = match result {
            Ok(_) => wait(self.child),
            Err(_) => {
                end(self.child);
                Err(Errno::ECHILD)
            }
        };
        if let Some(terminal) = &self.terminal {
            terminal.take_back();
        }
        match result {
            Ok(Some(Ok(end))) => {
                let used = ended.map(|(_, used)| used).unwrap_or_default();
                Ok(Outcome {
                    end,
                    timed_out: false,
                    hits: Hits::default(),
                    usage: usage(wall, used),
                    cgroup: None,
                })
            }
            Ok(Some(Err(refused))) => Err(refused),
            Ok(None) => Err(refused(init_died(ended.map(|(change, _)| change)))),
            Err(errno) => Err(refused(
                Diagnostic::error("lost contact with the sandbox").because(errno_cause(errno)),
            )),
        }
    }

    /// Signals in, reports out, until the last report; `None` if there was none.
    fn watch(&self, plan: &Plan) -> Result<Option<Result<End, Refused>>, Errno> {
        let mut failure: Option<Failure> = None;
        let mut stops = 0_u16;
        loop {
            let (report, signal) = self.wait_for_event()?;
            if signal {
                self.pass_signals_on(stops)?;
            }
            if !report {
                continue;
            }
            match Report::receive(&self.socket)? {
                Some(Report::Failed(first)) => failure = failure.or(Some(first)),
                Some(Report::Stopped) => {
                    stops = stops.wrapping_add(1);
                    self.stop_too()?;
                }
                Some(Report::Exited(_) | Report::Signaled(_)) | None if failure.is_some() => {
                    return Ok(failure.map(|failure| Err(explain(failure, plan))));
                }
                Some(Report::Exited(status)) => return Ok(Some(Ok(End::Exited(status)))),
                Some(Report::Signaled(signal)) => return Ok(Some(Ok(End::Signaled(signal)))),
                None => return Ok(None),
            }
        }
    }

    fn wait_for_event(&self) -> Result<(bool, bool), Errno> {
        let mut fds = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let happened = |fd: &PollFd| fd.revents().is_some_and(|events| !events.is_empty());
        Ok((happened(&fds[0]), happened(&fds[1])))
    }

    /// What the terminal sends, it sends to the command itself as well, unless that has a
    /// session of its own: Ctrl-C must arrive, and not twice.
    ///
    /// What the shell sends to continue us, it may send to the command itself as well, which
    /// may have been stopped again before init reads our order: that stop must not be undone.
    fn pass_signals_on(&self, stops: u16) -> Result<(), Errno> {
        const FROM_THE_KERNEL: i32 = 0x80;
        while let Some(info) = self.signals.read_signal()? {
            let number = info.ssi_signo as i32;
            let from_terminal = info.ssi_code == FROM_THE_KERNEL;
            if from_terminal && self.shares_terminal && number != Signal::SIGHUP as i32 {
                continue;
            }
            let order = if number == Signal::SIGCONT as i32 {
                Order::Continue { stops }
            } else {
                Order::Signal(number)
            };
            match order.send(&self.socket) {
                // Init is ending; the next report says how.
                Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// The command stopped: so do we, and the shell that started us sees it. Continued,
    /// we find SIGCONT among our signals and pass it on.
    ///
    /// Without a terminal there is no job control: nobody would ever continue us, though the
    /// command may go on by itself.
    fn stop_too(&self) -> Result<(), Errno> {
        if has_controlling_terminal() { raise(Signal::SIGSTOP) } else { Ok(()) }
    }
}

fn usage(wall: Duration, used: Used) -> Usage {
    fn counted<T>(value: T) -> Figure<T> {
        Figure { value, source: Counter::Rusage }
    }
    Usage {
        wall,
        user: counted(used.user),
        system: counted(used.system),
        peak_memory: counted(used.largest),
        peak_pids: None,
        io_read: None,
        io_written: None,
        throttled: None,
    }
}

fn init_died(status: Result<Change, Errno>) -> Diagnostic {
    let diagnostic = Diagnostic::error("the sandbox ended before its command did");
    match status {
        Ok(Change::Signaled(signal)) => diagnostic
            .because(format!("its first process was killed by signal {signal}"))
            .help("see whether the machine ran out of memory: dmesg | grep -i kill"),
        _ => diagnostic,
    }
}
