//! Process 1 of the jail: builds it, starts the command, reaps, and ends with it.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;

use crate::forward::Handover;
use crate::script::{Isolation, Script};
use crate::sys::{
    Change, close_all_but, exit_now, next_change, not_dumpable, receive_descriptors,
    spawn_sharing_memory, wipe_arguments_and_environment,
};

use super::attend::Attendant;
use super::clock::{Clock, Verdict, terminate_all};
use super::isolate::{Remains, end, enter, follow_the_supervisor};
use super::message::{Call, During, Failure, Fault, Order, Report};
use super::payload::{Command, Inherited, become_command};
use super::room::Room;
use super::setup::{carry_out, wait_for_the_supervisor};
use super::stops::Stops;

/// All that init ever does. `argument_count` is how many arguments this program was given.
pub fn run(
    mut script: Script,
    socket: OwnedFd,
    handover: Option<Handover>,
    inherited: Inherited,
    argument_count: usize,
) -> ! {
    let mut remains = Remains::Nothing;
    let started = start(&mut script, &socket, handover, inherited, argument_count, &mut remains);
    let report = match started {
        Ok(running) => {
            let report = watch(&running, Clock::start(script.time), &socket);
            end(remains);
            match report {
                Ok(report) => {
                    tell_what_is_full(&running.rooms, &socket);
                    report
                }
                Err(errno) => Some(Report::Failed(internal(errno))),
            }
        }
        Err(failure) => {
            end(remains);
            Some(Report::Failed(failure))
        }
    };
    // When the supervisor is gone there is nobody left to tell.
    let _ = report.map(|report| report.send(&socket));
    exit_now(0)
}

/// The command, and what init needs to look after it.
struct Running {
    command: Pid,
    children: SignalFd,
    rooms: Vec<Room>,
    attendant: Option<Attendant>,
}

/// Builds everything and starts the command; what tells of the ends of children is made
/// before, so that no failure of ours can come after the command began.
fn start(
    script: &mut Script,
    socket: &OwnedFd,
    handover: Option<Handover>,
    inherited: Inherited,
    argument_count: usize,
    remains: &mut Remains,
) -> Result<Running, Failure> {
    follow_the_supervisor(&script.isolation, socket).map_err(|fault| Failure { step: 0, fault })?;
    if script.waits {
        // Until the ids are mapped, and we are in the cgroup that limits us.
        wait_for_the_supervisor(socket).map_err(|fault| Failure { step: 0, fault })?;
    }
    umask(Mode::empty());
    *remains = enter(script, socket)?;
    let mut ruleset = script.landlock.take();
    let rooms = carry_out(&script.setup, socket, &mut ruleset, handover)?;
    hide(argument_count).map_err(|fault| Failure { step: 0, fault })?;
    let payload = &script.payload;
    let at_exec = |fault| Failure { step: payload.exec.step, fault };
    let children = child_signals().during(Call::Signalfd).map_err(at_exec)?;
    let channel = payload.attend.as_ref().map(|_| channel()).transpose();
    let channel = channel.during(Call::HandOver).map_err(at_exec)?;
    let to_init = channel.as_ref().map(|(_, theirs)| theirs);
    let init = (*remains == Remains::Descendants).then(Pid::this);
    let mut command = Command { payload, ruleset, inherited, socket, to_init, init };
    let pid = spawn_sharing_memory(become_command, &mut command);
    let command = pid.during(Call::Clone).map_err(at_exec)?;
    let attendant = attendant(script, channel).during(Call::HandOver).map_err(at_exec)?;
    Ok(Running { command, children, rooms, attendant })
}

/// On which the command's process hands over what its filter asks by.
fn channel() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// By now the command's process has sent what it has to send, or has failed and told so.
fn attendant(
    script: &Script,
    channel: Option<(OwnedFd, OwnedFd)>,
) -> Result<Option<Attendant>, Errno> {
    let (Some((ours, theirs)), Isolation::Domain(domain)) = (channel, &script.isolation) else {
        return Ok(None);
    };
    drop(theirs);
    let received = receive_descriptors(ours.as_fd())?;
    let listener = received.and_then(|(_, descriptors)| descriptors.into_iter().next());
    Ok(listener.map(|listener| Attendant::new(listener, domain.writable.clone())))
}

/// Nothing of the caller shows in /proc/1.
fn hide(argument_count: usize) -> Result<(), Fault> {
    not_dumpable().during(Call::Prctl)?;
    if wipe_arguments_and_environment(argument_count) {
        Ok(())
    } else {
        Err(Fault { call: Call::Prctl, errno: Errno::EFAULT })
    }
}

/// Reaps everything, passes signals on, until the command ends, or the supervisor dies: then there
/// is nothing to report.
fn watch(running: &Running, mut clock: Clock, socket: &OwnedFd) -> Result<Option<Report>, Errno> {
    let Running { command, children, rooms, attendant } = running;
    let command = *command;
    // A pipe or a lock of the caller ends when the command lets go of it, not when we do.
    let rooms = rooms.iter().map(|room| room.mount.as_raw_fd());
    let listener = attendant.iter().map(|attendant| attendant.as_fd().as_raw_fd());
    let own = [socket.as_raw_fd(), children.as_raw_fd()];
    close_all_but(rooms.chain(listener).chain(own).collect())?;
    let mut stops = Stops::default();
    loop {
        if let Some(report) = reap(command, &mut stops)? {
            return Ok(Some(report));
        }
        tell_stops(&mut stops, socket)?;
        match clock.look() {
            Verdict::GoOn => {}
            Verdict::Terminate { signal } => {
                Report::TimedOut.send(socket)?;
                terminate_all(signal)?;
            }
            // All inside ends with us.
            Verdict::Kill => {
                Report::TimedOut.send(socket)?;
                return Ok(Some(Report::Signaled(Signal::SIGKILL as i32)));
            }
        }
        let events = wait_for_event(socket, running, &stops, clock.timeout())?;
        if let Some(attendant) = attendant.as_ref().filter(|_| events.question) {
            attendant.attend()?;
        }
        if events.order {
            match Order::receive(socket)? {
                Some(Order::Signal(signal)) => pass_on(command, signal)?,
                Some(Order::Continue { stops: answered }) => {
                    // The command may have stopped since the last look.
                    if let Some(report) = reap(command, &mut stops)? {
                        return Ok(Some(report));
                    }
                    if stops.needs_continuing(answered) {
                        pass_on(command, Signal::SIGCONT as i32)?;
                    }
                }
                Some(Order::Begin) => {}
                // All inside ends with us, or by us.
                None => return Ok(None),
            }
        }
        if events.child {
            children.read_signal()?;
        }
    }
}

/// SIGCHLD by descriptor. It is blocked since before the clone.
fn child_signals() -> Result<SignalFd, Errno> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// What there is to attend to.
#[derive(Default)]
struct Events {
    order: bool,
    child: bool,
    /// The command's filter asks.
    question: bool,
}

fn wait_for_event(
    socket: &OwnedFd,
    running: &Running,
    stops: &Stops,
    timeout: PollTimeout,
) -> Result<Events, Errno> {
    let mut of_socket = PollFlags::POLLIN;
    of_socket.set(PollFlags::POLLOUT, stops.untold().is_some());
    let attendant = running.attendant.as_ref();
    let third = attendant.map_or(running.children.as_fd(), Attendant::as_fd);
    let mut fds = [
        PollFd::new(socket.as_fd(), of_socket),
        PollFd::new(running.children.as_fd(), PollFlags::POLLIN),
        PollFd::new(third, PollFlags::POLLIN),
    ];
    let fds = if attendant.is_some() { &mut fds[..] } else { &mut fds[..2] };
    match poll(fds, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(Events::default()),
        Err(errno) => return Err(errno),
    }
    let happened =
        |fd: &PollFd| fd.revents().is_some_and(|events| events.intersects(!PollFlags::POLLOUT));
    // Its end, with that of all who could ask, is no question.
    let asks = |fd: &PollFd| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
    Ok(Events {
        order: happened(&fds[0]),
        child: happened(&fds[1]),
        question: fds.get(2).is_some_and(asks),
    })
}

/// Tells the supervisor of the last stop, unless it leaves many reports unread: stopped itself,
/// it reads none, and the command may stop as often as it likes. Waiting for room we would
/// neither see that its time is over, nor have room left to tell how it ended.
fn tell_stops(stops: &mut Stops, socket: &OwnedFd) -> Result<(), Errno> {
    let Some(count) = stops.untold() else { return Ok(()) };
    // There is room for the kernel only while three quarters are free (unix_writable).
    let mut room = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut room, PollTimeout::ZERO)?;
    if room[0].revents().is_some_and(|events| events.contains(PollFlags::POLLOUT)) {
        Report::Stopped { stops: count }.send(socket)?;
        stops.told();
    }
    Ok(())
}

/// Takes every child that has ended or stopped; the end of the command is ours, and its stops
/// are counted.
fn reap(command: Pid, stops: &mut Stops) -> Result<Option<Report>, Errno> {
    loop {
        match next_change() {
            Ok(Some((pid, change))) if pid == command => match change {
                Change::Exited(status) => return Ok(Some(Report::Exited(status))),
                Change::Signaled(signal) => return Ok(Some(Report::Signaled(signal))),
                Change::Stopped => stops.stopped(),
                Change::Continued => stops.continued(),
            },
            Ok(Some(_)) | Err(Errno::EINTR) => {}
            Ok(None) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

/// The command may have ended meanwhile; then there is nobody to signal.
fn pass_on(command: Pid, signal: i32) -> Result<(), Errno> {
    let signal = Signal::try_from(signal)?;
    match kill(command, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn tell_what_is_full(rooms: &[Room], socket: &OwnedFd) {
    for full in rooms.iter().filter_map(Room::full) {
        // When the supervisor is gone there is nobody left to tell.
        let _ = Report::Full(full).send(socket);
    }
}

/// A failure of init itself, which belongs to no step but the first.
fn internal(errno: Errno) -> Failure {
    Failure { step: 0, fault: Fault { call: Call::Clone, errno } }
}
