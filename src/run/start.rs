//! From the script to a running init: what the supervisor does up to there.

use std::ffi::{CString, OsStr, OsString};
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, geteuid, setgroups};

use crate::diagnostic::Diagnostic;
use crate::forward::{Forwarder, Handover, Rules, Task};
use crate::ids;
use crate::plan::Plan;
use crate::profile::Publish;
use crate::script::{self, Isolation, Join, Mapping, Script};
use crate::sys::{
    Change, Clone, Used, become_subreaper, clone_process, fork, restore_default,
    schedule_ordinarily, wait_for_end,
};

use super::beside::has_answer;
use super::confine::{Confinement, Request};
use super::explain::{explain, explain_clone, explain_mapping, used_up};
use super::init;
use super::join;
use super::message::{Order, Report};
use super::nat::Nat;
use super::payload::Inherited;
use super::place::Place;
use super::publish::Publisher;
use super::strays;
use super::supervisor::{FORWARDED, Tell};

/// Init is running, or waiting to be told to.
pub struct Started {
    pub init: Pid,
    pub socket: OwnedFd,
    pub confinement: Option<Confinement>,
    /// The process that serves the network of the sandbox.
    pub forwarder: Option<Forwarder>,
    pub connections: Connections,
    /// Its private directories, where nothing can be mounted.
    pub place: Option<Place>,
}

/// What stands beside the supervisor for the network.
#[derive(Default)]
pub struct Connections {
    pub nat: Option<Nat>,
    pub publisher: Option<Publisher>,
}

/// Makes the cgroup, clones init, and does what has to be done from outside; in init this
/// does not return. `id` names the run.
pub fn start(
    script: Script,
    inherited: Inherited,
    id: &str,
    plan: &Plan,
    tell: Tell,
) -> Result<Started, Diagnostic> {
    let place = script.place.as_ref().map(|wanted| Place::make(wanted, plan)).transpose()?;
    match start_beside(script, inherited, id, plan, tell) {
        Ok(started) => Ok(Started { place, ..started }),
        Err(diagnostic) => match place {
            Some(place) => {
                strays::end_all();
                let left = place.remove().into_iter();
                Err(left.fold(diagnostic, |error, left| error.help(left.title)))
            }
            None => Err(diagnostic),
        },
    }
}

fn start_beside(
    script: Script,
    inherited: Inherited,
    id: &str,
    plan: &Plan,
    tell: Tell,
) -> Result<Started, Diagnostic> {
    let request = script.cgroup.as_ref().map(|wanted| Request { wanted, id, plan });
    let before = request.map(Confinement::before_the_clone).transpose()?.flatten();
    let serving = start_forwarder(&script, plan, tell);
    let cloned = serving.and_then(|(forwarder, handover)| {
        let cloned = clone_init(script, handover, inherited, before.as_ref(), plan)?;
        Ok((forwarder, cloned))
    });
    let (forwarder, (init, socket, script)) = match cloned {
        Ok(cloned) => cloned,
        Err(diagnostic) => return Err(given_up(None, before, diagnostic)),
    };
    let request = script.cgroup.as_ref().map(|wanted| Request { wanted, id, plan });
    let around = |request| Confinement::around(init, request);
    // Cloned into it was only who was made with clone3(2).
    let joins = matches!(script.isolation, Isolation::Domain(_));
    let taken = before.as_ref().filter(|_| joins).map_or(Ok(()), |before| before.take(init));
    let confinement = match taken.and_then(|()| request.map(around).transpose()) {
        Ok(around) => before.or(around.flatten()),
        Err(diagnostic) => return Err(given_up(Some(init), before, diagnostic)),
    };
    match finish(init, &socket, &script, plan) {
        Ok(connections) => {
            let place = None;
            Ok(Started { init, socket, confinement, forwarder, connections, place })
        }
        Err(diagnostic) => Err(given_up(Some(init), confinement, diagnostic)),
    }
}

/// Nothing stays of what was made so far.
fn given_up(
    init: Option<Pid>,
    confinement: Option<Confinement>,
    diagnostic: Diagnostic,
) -> Diagnostic {
    init.into_iter().for_each(end);
    match confinement.map(Confinement::end) {
        Some(Err(left)) => diagnostic.help(left.title),
        Some(Ok(())) | None => diagnostic,
    }
}

/// Starts what serves the network, if the script has it, and returns the end of the socket on which
/// init hands its sockets over.
fn start_forwarder(
    script: &Script,
    plan: &Plan,
    tell: Tell,
) -> Result<(Option<Forwarder>, Option<Handover>), Diagnostic> {
    let Some(forward) = &script.forward else { return Ok((None, None)) };
    let task = Task {
        rules: Rules::new(forward.allow.clone()),
        upstream: forward.upstream.clone(),
        speaks: tell == Tell::AtOnce,
    };
    let (forwarder, handover) = Forwarder::start(task).map_err(|errno| {
        let error = Diagnostic::error("cannot start the process that serves the network");
        at(used_up(error, errno), forward.step, plan)
    })?;
    Ok((Some(forwarder), Some(handover)))
}

fn clone_init(
    mut script: Script,
    handover: Option<Handover>,
    inherited: Inherited,
    confinement: Option<&Confinement>,
    plan: &Plan,
) -> Result<(Pid, OwnedFd, ManuallyDrop<Script>), Diagnostic> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(explain_clone)?;
    let argument_count = std::env::args_os().len();
    let entrance = confinement.map(Confinement::entrance);
    let cloned = match &mut script.isolation {
        Isolation::Namespaces(namespaces) => match namespaces.join.take() {
            None => clone_process(namespaces.flags, entrance).map_err(explain_clone),
            Some(Join { step, path }) => join::clone_inside(&path, namespaces, entrance)
                .map_err(|refused| at(refused, step, plan)),
        },
        // What loses its parent when init is killed comes to us.
        Isolation::Domain(_) => become_subreaper().and_then(|()| fork()).map_err(explain_clone),
    };
    match cloned? {
        Clone::Child => {
            drop(ours);
            init::run(script, theirs, handover, inherited, argument_count)
        }
        // Taking the script apart would copy the pages that init now shares with us.
        Clone::Parent { child } => Ok((child, ours, ManuallyDrop::new(script))),
    }
}

/// Maps the ids if init cannot, and tells it to begin if it waits for that; connects its network while
/// it goes on.
fn finish(
    init: Pid,
    socket: &OwnedFd,
    script: &Script,
    plan: &Plan,
) -> Result<Connections, Diagnostic> {
    if let Isolation::Namespaces(namespaces) = &script.isolation
        && let Mapping::Helpers { uid, gid } = &namespaces.ids.mapping
    {
        for (program, arguments) in [uid, gid] {
            map_by_helper(init, program, arguments)?;
        }
    }
    if script.waits {
        Order::Begin.send(socket).map_err(explain_clone)?;
    }
    if !script.is_entered() {
        return Ok(Connections::default());
    }
    wait_for_the_ids(socket, plan)?;
    match connect(init, script, plan) {
        Ok(connections) => match Order::Begin.send(socket) {
            // Init has failed meanwhile; the next report says how.
            Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(connections),
            Err(errno) => Err(explain_clone(errno)),
        },
        // Init may have failed meanwhile, and its namespaces are gone.
        Err(refused) => Err(failure_of_init(socket, plan)?.unwrap_or(refused)),
    }
}

fn connect(init: Pid, script: &Script, plan: &Plan) -> Result<Connections, Diagnostic> {
    let publish = |(step, ports): &(u16, Vec<Publish>)| {
        Publisher::start(ports, init).map_err(|refused| at(refused, *step, plan))
    };
    let publisher = script.publish.as_ref().map(publish).transpose()?;
    let nat =
        |nat: &script::Nat| Nat::connect(nat, init).map_err(|refused| at(refused, nat.step, plan));
    let nat = script.nat.as_ref().map(nat).transpose()?;
    Ok(Connections { nat, publisher })
}

/// Names the place where what failed was asked for.
fn at(refused: Diagnostic, step: u16, plan: &Plan) -> Diagnostic {
    match plan.steps.get(usize::from(step)) {
        Some(step) => refused.at(&step.origin),
        None => refused,
    }
}

/// Until the user namespace can be entered.
fn wait_for_the_ids(socket: &OwnedFd, plan: &Plan) -> Result<(), Diagnostic> {
    match Report::receive(socket).map_err(explain_clone)? {
        Some(Report::Mapped) => Ok(()),
        Some(Report::Failed(failure)) => Err(*explain(failure, plan).diagnostic),
        Some(_) | None => Err(Diagnostic::error("the sandbox ended before its command did")),
    }
}

/// What init has told by now, if that is that it failed.
fn failure_of_init(socket: &OwnedFd, plan: &Plan) -> Result<Option<Diagnostic>, Diagnostic> {
    if !has_answer(socket).map_err(explain_clone)? {
        return Ok(None);
    }
    match Report::receive(socket).map_err(explain_clone)? {
        Some(Report::Failed(failure)) => Ok(Some(*explain(failure, plan).diagnostic)),
        Some(_) | None => Ok(None),
    }
}

/// Blocks the signals that we read by descriptor, and notes what the command is to inherit.
pub fn prepare() -> Result<Inherited, Errno> {
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

/// Runs newuidmap(1) or newgidmap(1).
fn map_by_helper(child: Pid, program: &CString, arguments: &[CString]) -> Result<(), Diagnostic> {
    let text = |string: &CString| OsStr::from_bytes(string.to_bytes()).to_os_string();
    let name = text(program);
    let numbers: Vec<OsString> = arguments.iter().map(text).collect();
    ids::map(&name, child, &numbers).map_err(|words| explain_mapping(&name, &words))
}

/// Ends everything inside, and waits until it has ended.
pub fn end(init: Pid) {
    kill_init(init);
    let _ = wait(init);
}

/// Ends everything inside. It may have ended by itself, which is as good.
///
/// Init has the uid of the command, which may have given it the last place in the queue of a
/// processor: there it would not even come to die.
pub fn kill_init(init: Pid) {
    let _ = schedule_ordinarily(init);
    let _ = nix::sys::signal::kill(init, Signal::SIGKILL);
}

/// Waits until init has ended.
pub fn wait(init: Pid) -> Result<(Change, Used), Errno> {
    loop {
        match wait_for_end(init) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
