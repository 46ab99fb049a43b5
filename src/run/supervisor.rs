//! The process outside: hands signals in, and tells how it ended.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::forward::Forwarder;
use crate::plan::{Action, Limit, Plan, Step};
use crate::script::{Script, TimeLimit, compile};
use crate::sys::{Change, random};

use super::cgroup::MemoryWatch;
use super::clock::{Clock, Verdict};
use super::confine::Confinement;
use super::explain::{LOOK_FOR_ITS_END, explain, explain_clone};
use super::message::{Failure, Order, Report};
use super::outcome::{End, Full, Outcome, Refused};
use super::place::Place;
use super::program::program;
use super::record::{Description, Record};
use super::start::{Connections, Started, end, kill_init, prepare, start, wait};
use super::strays;
use super::tally::Tally;
use super::terminal::{Terminal, has_controlling_terminal};

/// Signals that are passed on to the command when somebody sends them to us.
pub const FORWARDED: [Signal; 10] = [
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

/// When the user is told what the network refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    AtTheEnd,
    /// Also when it happens.
    AtOnce,
}

/// Carries the plan out and waits for the command. The process must be single-threaded.
/// `profiles` are the names that the user gave, for whoever asks what is running.
pub fn perform(plan: &Plan, profiles: &[OsString], tell: Tell) -> Result<Outcome, Refused> {
    let script = compile(plan).map_err(refused)?;
    carry_out(script, plan, Some(profiles), tell)
}

/// Carries out all of the plan but its command: the process that would become it ends instead. Nobody
/// is told that something runs. The process must be single-threaded, and give up standard input and
/// output.
pub fn rehearse(plan: &Plan) -> Result<(), Refused> {
    let mut script = compile(plan).map_err(refused)?;
    script.payload.rehearsal = true;
    let outcome = carry_out(script, plan, None, Tell::AtTheEnd)?;
    match outcome.end {
        End::Exited(0) => match outcome.notes.into_iter().next() {
            None => Ok(()),
            Some(note) => Err(refused(note)),
        },
        End::Exited(status) => Err(refused(no_room(&format!("ended with status {status}")))),
        End::Signaled(signal) => Err(refused(no_room(&format!("was killed by signal {signal}")))),
    }
}

/// Who would only have had to end in the place of the command could not do that.
fn no_room(how: &str) -> Diagnostic {
    Diagnostic::error("the sandbox ended the process in it")
        .because(format!("it {how}, so its limits or its filter leave no room for any command"))
        .help("look at `[limits]` and at the policy of `[seccomp]`: signal 31 is that of a filter")
}

/// With `profiles`, whoever asks is told what runs.
fn carry_out(
    script: Script,
    plan: &Plan,
    profiles: Option<&[OsString]>,
    tell: Tell,
) -> Result<Outcome, Refused> {
    let inherited = prepare().map_err(|errno| refused(explain_clone(errno)))?;
    let shares_terminal = script.payload.new_session.is_none();
    // Before the clone: a shell inside is quick to take the terminal over.
    let terminal = Terminal::in_foreground();
    let kept = script.payload.descriptors.1.clone();
    let time = script.time;
    let id = id().map_err(|errno| refused(explain_clone(errno)))?;
    let started = start(script, inherited, &id, plan, tell).map_err(refused)?;
    let signals = match signal_descriptor() {
        Ok(signals) => signals,
        Err(errno) => {
            end(started.init);
            drop(started.connections);
            let left = started.confinement.map(Confinement::end);
            let left = left.and_then(Result::err).into_iter();
            let place = started.place.into_iter().inspect(|_| strays::end_all());
            let left = left.chain(place.filter_map(Place::remove));
            let diagnostic = explain_clone(errno);
            return Err(refused(left.fold(diagnostic, |error, left| error.help(left.title))));
        }
    };
    release(&kept);
    let record = profiles.and_then(|profiles| record(&id, &started, plan, profiles));
    let Started { init, socket, confinement, forwarder, connections, place } = started;
    let memory = confinement.as_ref().and_then(|confinement| confinement.watch_memory(init));
    let clock = Clock::start(None);
    let supervisor = Supervisor {
        init,
        socket,
        signals,
        terminal,
        shares_terminal,
        memory,
        forwarder,
        time,
        clock,
    };
    supervisor.supervise(plan, id, Around { confinement, connections, record, place })
}

fn refused(diagnostic: Diagnostic) -> Refused {
    Refused::before_the_command(diagnostic)
}

/// Eight hexadecimal digits that no other run has.
fn id() -> Result<String, Errno> {
    random::<4>().map(|bytes| format!("{:08x}", u32::from_ne_bytes(bytes)))
}

/// While init builds the sandbox there is time for this.
fn record(id: &str, started: &Started, plan: &Plan, profiles: &[OsString]) -> Option<Record> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")?;
    let cgroup = started.confinement.as_ref().map(Confinement::path);
    let command = plan.steps.iter().find_map(|step| match &step.action {
        Action::Exec { argv, .. } => Some(argv.as_slice()),
        _ => None,
    });
    let description =
        Description::new(id, started.init, cgroup, profiles, command.unwrap_or_default());
    Record::make(Path::new(&runtime), &description)
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

/// What was told until init ended.
#[derive(Default)]
struct Told {
    started: bool,
    failure: Option<Failure>,
    timed_out: bool,
    /// Init has not kept the time.
    overdue: bool,
    full: Vec<Full>,
    /// `None` if init was killed before it could tell.
    end: Option<End>,
}

impl Told {
    fn run_out_of_time(&mut self) {
        self.timed_out = true;
        self.overdue = true;
        self.end = Some(End::Signaled(Signal::SIGKILL as i32));
    }
}

/// What there is to attend to.
struct Events {
    report: bool,
    signal: bool,
    memory: bool,
    /// The forwarder asks something.
    question: bool,
}

/// What goes away with the run.
struct Around {
    confinement: Option<Confinement>,
    connections: Connections,
    record: Option<Record>,
    place: Option<Place>,
}

struct Supervisor {
    init: Pid,
    socket: OwnedFd,
    signals: SignalFd,
    terminal: Option<Terminal>,
    /// Is the command in our session, so that the terminal's signals reach it as they reach us?
    shares_terminal: bool,
    memory: Option<MemoryWatch>,
    forwarder: Option<Forwarder>,
    time: Option<TimeLimit>,
    /// Rings if init does not keep the time.
    clock: Clock,
}

impl Supervisor {
    /// Until the command has ended, and with it everything inside.
    fn supervise(mut self, plan: &Plan, id: String, around: Around) -> Result<Outcome, Refused> {
        let Around { confinement, connections, record, place } = around;
        let started = Instant::now();
        let mut told = Told::default();
        let watched = self.watch(&mut told);
        let wall = started.elapsed();
        // Nobody is there any more who could be named: who asks from now on is not left waiting.
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.asked = None;
        }
        if watched.is_err() || told.overdue {
            // What it waits for may never come, and a processor to end on neither.
            kill_init(self.init);
            confinement.iter().for_each(Confinement::kill);
        }
        // While the kernel takes the sandbox down there is time for this.
        drop(record);
        let ended = wait(self.init);
        // All inside has ended: what it has sent is on its way.
        let network = self.forwarder.take().map(Forwarder::finish);
        if let Some(terminal) = &self.terminal {
            terminal.take_back();
        }
        let largest = self.memory.as_ref().and_then(|memory| memory.largest()).map(str::to_owned);
        let unpublished = connections.publisher.and_then(|publisher| publisher.end().err());
        let lost = connections.nat.and_then(|nat| nat.end().err());
        let tally = Tally::take(id, wall, &ended, confinement, largest);
        let tally = tally.with(unpublished).with(lost);
        let tally = match place {
            Some(place) => {
                // Init that ends by itself has ended all others before.
                if !matches!(ended, Ok((Change::Exited(0), _))) {
                    strays::end_all();
                }
                tally.with(place.remove())
            }
            None => tally,
        };
        watched.map_err(|errno| {
            let lost = Diagnostic::error("lost contact with the sandbox, and ended it");
            Refused { started: told.started, ..refused(lost.because(errno_cause(errno))) }
        })?;
        if let Some(failure) = told.failure {
            return Err(explain(failure, plan));
        }
        match told.end {
            Some(end) => Ok(Outcome { network, ..tally.outcome(end, told.timed_out, told.full) }),
            // Memory ran out: the kernel has ended all of us inside, init too.
            None if tally.ran_out_of_memory() && told.started => {
                let end = End::Signaled(Signal::SIGKILL as i32);
                Ok(Outcome { network, ..tally.outcome(end, told.timed_out, told.full) })
            }
            None if tally.ran_out_of_memory() => Err(refused(too_little_memory(plan))),
            None => {
                let refused = refused(init_died(ended.map(|(change, _)| change)));
                Err(Refused { started: told.started, ..refused })
            }
        }
    }

    /// Signals in, reports out, until the last report.
    fn watch(&mut self, told: &mut Told) -> Result<(), Errno> {
        let mut stops = 0_u16;
        loop {
            let events = self.wait_for_event()?;
            if let Some(memory) = self.memory.as_mut().filter(|_| events.memory) {
                memory.look();
            }
            if events.question {
                self.answer();
            }
            if events.signal {
                self.pass_signals_on(stops)?;
            }
            if !events.report {
                if self.clock.look() == Verdict::Kill {
                    told.run_out_of_time();
                    return Ok(());
                }
                continue;
            }
            match Report::receive(&self.socket)? {
                Some(Report::Started) => {
                    told.started = true;
                    self.clock = Clock::behind(self.time);
                }
                Some(Report::Failed(first)) => told.failure = told.failure.or(Some(first)),
                Some(Report::Stopped { stops: so_often }) => {
                    stops = so_often;
                    self.stop_too()?;
                }
                // Waited for before, where it matters.
                Some(Report::Mapped) => {}
                Some(Report::TimedOut) => told.timed_out = true,
                Some(Report::Full(full)) => told.full.push(full),
                Some(Report::Exited(status)) => told.end = Some(End::Exited(status)),
                Some(Report::Signaled(signal)) => told.end = Some(End::Signaled(signal)),
                None => return Ok(()),
            }
            if told.end.is_some() {
                return Ok(());
            }
        }
    }

    fn wait_for_event(&self) -> Result<Events, Errno> {
        let mut fds = vec![
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        // Its other flags would be set all the time: the file can always be read.
        let memory = self.memory.as_ref().filter(|memory| memory.is_on());
        let watches_memory = memory.is_some();
        fds.extend(memory.map(|it| PollFd::new(it.as_fd(), PollFlags::POLLPRI)));
        let asked = self.forwarder.as_ref().and_then(|forwarder| forwarder.asked.as_ref());
        fds.extend(asked.map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, self.clock.timeout()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let happened = |index: usize| {
            let events = fds.get(index).and_then(PollFd::revents);
            events.is_some_and(|events| !events.is_empty())
        };
        Ok(Events {
            report: happened(0),
            signal: happened(1),
            memory: watches_memory && happened(2),
            question: happened(if watches_memory { 3 } else { 2 }),
        })
    }

    /// Says which program it was that the network refused something.
    fn answer(&mut self) {
        let Some(forwarder) = &mut self.forwarder else { return };
        let Some(asked) = &mut forwarder.asked else { return };
        if !asked.answer(|question| program(self.init, question)) {
            forwarder.asked = None;
        }
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

/// The limit was reached before the command began.
fn too_little_memory(plan: &Plan) -> Diagnostic {
    let error = Diagnostic::error("the limit of memory is too low to make the sandbox");
    let is_memory = |step: &&Step| matches!(step.action, Action::Limit(Limit::Memory(_)));
    let error = match plan.steps.iter().find(is_memory) {
        Some(step) => error.at(&step.origin),
        None => error,
    };
    error.help("raise it: a sandbox by itself needs a few megabytes")
}

fn init_died(status: Result<Change, Errno>) -> Diagnostic {
    let diagnostic = Diagnostic::error("the sandbox ended before its command did");
    match status {
        Ok(Change::Signaled(signal)) => diagnostic
            .because(format!("its first process was killed by signal {signal}"))
            .help(LOOK_FOR_ITS_END),
        Ok(Change::Exited(status)) => diagnostic
            .because(format!("its first process ended with status {status} and without a word")),
        Ok(Change::Stopped | Change::Continued) => diagnostic,
        Err(errno) => diagnostic.because(format!("wait: {}", errno_cause(errno))),
    }
}
