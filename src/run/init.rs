//! Process 1 of the jail: builds it, starts the command, reaps, and ends with it.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, setgroups, write};

use crate::forward::Handover;
use crate::script::{Ids, Mapping, Script};
use crate::sys::{
    Change, close_all_but, die_with_parent, exit_now, next_change, not_dumpable,
    spawn_sharing_memory, wipe_arguments_and_environment,
};

use super::clock::{Clock, Verdict, terminate_all};
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
    let status = match start(&mut script, &socket, handover, inherited, argument_count) {
        Ok(running) => {
            let clock = Clock::start(script.time);
            match watch(&running, clock, &socket) {
                Ok(report) => {
                    tell_what_is_full(&running.rooms, &socket);
                    report
                }
                Err(errno) => Report::Failed(internal(errno)),
            }
        }
        Err(failure) => Report::Failed(failure),
    };
    // When the supervisor is gone there is nobody left to tell.
    let _ = status.send(&socket);
    exit_now(0)
}

/// The command, and what init needs to look after it.
struct Running {
    command: Pid,
    children: SignalFd,
    rooms: Vec<Room>,
}

/// Builds everything and starts the command; what tells of the ends of children is made
/// before, so that no failure of ours can come after the command began.
fn start(
    script: &mut Script,
    socket: &OwnedFd,
    handover: Option<Handover>,
    inherited: Inherited,
    argument_count: usize,
) -> Result<Running, Failure> {
    follow_the_supervisor(socket).map_err(|fault| Failure { step: 0, fault })?;
    if script.waits {
        // Until the ids are mapped, and we are in the cgroup that limits us.
        wait_for_the_supervisor(socket).map_err(|fault| Failure { step: 0, fault })?;
    }
    umask(Mode::empty());
    if let Some(cgroup) = &script.cgroup {
        let step = cgroup.step;
        hide_other_cgroups().map_err(|fault| Failure { step, fault })?;
    }
    let step = script.ids.step;
    map_ids(&script.ids).map_err(|fault| Failure { step, fault })?;
    if script.is_entered() {
        let told = Report::Mapped.send(socket).during(Call::Connect);
        told.map_err(|fault| Failure { step, fault })?;
    }
    let mut ruleset = script.landlock.take();
    let rooms = carry_out(&script.setup, socket, &mut ruleset, handover)?;
    hide(argument_count).map_err(|fault| Failure { step: 0, fault })?;
    let payload = &script.payload;
    let at_exec = |fault| Failure { step: payload.exec.step, fault };
    let children = child_signals().during(Call::Signalfd).map_err(at_exec)?;
    let mut command = Command { payload, ruleset, inherited, socket };
    let pid = spawn_sharing_memory(become_command, &mut command);
    Ok(Running { command: pid.during(Call::Clone).map_err(at_exec)?, children, rooms })
}

/// Dies when the supervisor dies, from now on. It may be dead already: then the other end
/// of the socket is closed. The signal alone would miss that, and the kernel takes it
/// back when ids or capabilities change; afterwards [`watch`] sees the end of the socket.
fn follow_the_supervisor(socket: &OwnedFd) -> Result<(), Fault> {
    die_with_parent().during(Call::Prctl)?;
    let mut peer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut peer, PollTimeout::ZERO).during(Call::Open)?;
    let gone = peer[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
    if gone {
        exit_now(0);
    }
    Ok(())
}

/// The cgroup that we are in by now becomes the only one that can be seen, or mounted.
fn hide_other_cgroups() -> Result<(), Fault> {
    unshare(CloneFlags::CLONE_NEWCGROUP).during(Call::Unshare)
}

fn map_ids(ids: &Ids) -> Result<(), Fault> {
    match &ids.mapping {
        Mapping::Own { uid_map, gid_map } => {
            // Without setgroups(2) denied the kernel would not let us write the gid map;
            // see user_namespaces(7).
            write_whole(c"/proc/self/setgroups", b"deny")?;
            write_whole(c"/proc/self/uid_map", uid_map)?;
            write_whole(c"/proc/self/gid_map", gid_map)
        }
        Mapping::Helpers { .. } => {
            setgroups(&[]).during(Call::Write)?;
            // Changing groups made the kernel forget whose death is ours.
            die_with_parent().during(Call::Prctl)
        }
    }
}

fn write_whole(path: &std::ffi::CStr, content: &[u8]) -> Result<(), Fault> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let file = openat(AT_FDCWD, path, flags, Mode::empty()).during(Call::Open)?;
    write(&file, content).during(Call::Write).map(drop)
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

/// Reaps everything, passes signals on, until the command ends or the supervisor dies.
fn watch(running: &Running, mut clock: Clock, socket: &OwnedFd) -> Result<Report, Errno> {
    let Running { command, children, rooms } = running;
    let command = *command;
    // A pipe or a lock of the caller ends when the command lets go of it, not when we do.
    let rooms = rooms.iter().map(|room| room.mount.as_raw_fd());
    close_all_but(rooms.chain([socket.as_raw_fd(), children.as_raw_fd()]).collect())?;
    let mut stops = Stops::default();
    loop {
        if let Some(report) = reap(command, &mut stops)? {
            return Ok(report);
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
                return Ok(Report::Signaled(Signal::SIGKILL as i32));
            }
        }
        let (order, child) = wait_for_event(socket, children, &stops, clock.timeout())?;
        if order {
            match Order::receive(socket)? {
                Some(Order::Signal(signal)) => pass_on(command, signal)?,
                Some(Order::Continue { stops: answered }) => {
                    // The command may have stopped since the last look.
                    if let Some(report) = reap(command, &mut stops)? {
                        return Ok(report);
                    }
                    if stops.needs_continuing(answered) {
                        pass_on(command, Signal::SIGCONT as i32)?;
                    }
                }
                Some(Order::Begin) => {}
                // All inside ends with us.
                None => exit_now(0),
            }
        }
        if child {
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

/// Whether there is an order, or a child to look after.
fn wait_for_event(
    socket: &OwnedFd,
    children: &SignalFd,
    stops: &Stops,
    timeout: PollTimeout,
) -> Result<(bool, bool), Errno> {
    let mut of_socket = PollFlags::POLLIN;
    of_socket.set(PollFlags::POLLOUT, stops.untold().is_some());
    let mut fds =
        [PollFd::new(socket.as_fd(), of_socket), PollFd::new(children.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok((false, false)),
        Err(errno) => return Err(errno),
    }
    let happened =
        |fd: &PollFd| fd.revents().is_some_and(|events| events.intersects(!PollFlags::POLLOUT));
    Ok((happened(&fds[0]), happened(&fds[1])))
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
