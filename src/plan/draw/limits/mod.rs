//! What the command may use.
//!
//! A limit that counts all processes together needs a cgroup: [`parent`] finds out below which
//! one it can be made. Where there is none the run is refused in [`refusal`]'s words, or, if the
//! profile says so, [`degraded`] puts limits of each process in their place. [`io`] finds the disks
//! that limits of io are about. [`rlimits`]
//! are limits of each process that were asked for as such.

mod degraded;
mod io;
mod parent;
mod pids;
mod refusal;
mod rlimits;

pub(super) use rlimits::rlimits;

use nix::libc;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::cgroups::Controller;
use crate::plan::{Action, CgroupParent, Limit, Step};
use crate::profile::{Bounds, Cap, Protection, Rlimit, Swap};
use crate::units::{Size, Span};

use super::image::stop_signal;
use super::{Drawing, Steps};

/// From SIGTERM to SIGKILL, unless said.
const GRACE: Span = Span(std::time::Duration::from_secs(10));

/// What comes of `[limits]`.
#[derive(Default)]
pub(super) struct Limits {
    /// The cgroup and what it limits.
    pub cgroup: Vec<Step>,
    /// Limits of each process that stand in for what no cgroup holds.
    pub instead: Vec<(Rlimit, Located<Bounds>)>,
}

impl Limits {
    /// Whether a cgroup counts the processes, which root is not exempt from.
    pub fn holds_processes(&self) -> bool {
        self.cgroup.iter().any(|step| matches!(step.action, Action::Limit(Limit::Pids(_))))
    }
}

/// The cgroup with its limits, or what takes its place.
pub(super) fn draw(drawing: &mut Drawing) -> Limits {
    let wanted = wanted(drawing);
    let Some(first) = wanted.first() else { return Limits::default() };
    let Some(cgroups) = &drawing.host.cgroups else { return Limits::default() };
    match parent::find(cgroups, &controllers(&wanted)) {
        Ok(found) => {
            let origin = first.origin.clone();
            let (found, wanted) = match found {
                CgroupParent::Scope { bus, mount, .. } => {
                    let wanted = pids::taken_along(wanted, cgroups);
                    (CgroupParent::Scope { bus, mount, enable: controllers(&wanted) }, wanted)
                }
                delegated @ CgroupParent::Delegated { .. } => (delegated, wanted),
            };
            let mut steps = Steps(Vec::new());
            steps.push(Action::Cgroup(found), &origin);
            wanted.into_iter().for_each(|Located { value, origin }| {
                steps.push(Action::Limit(value), &origin);
            });
            Limits { cgroup: steps.0, instead: Vec::new() }
        }
        Err(obstacle) if drawing.degrades(Protection::Limits) => {
            let (instead, warnings) = degraded::draw(&wanted, &obstacle);
            drawing.degraded.push(Protection::Limits);
            drawing.notes.extend(warnings);
            Limits { cgroup: Vec::new(), instead }
        }
        Err(obstacle) => {
            let limit = wanted.iter().find(|limit| obstacle.is_about(controller(&limit.value)));
            let limit = limit.unwrap_or(first);
            drawing.errors.push(refusal::words(&obstacle, limit, &drawing.host.identity.login()));
            Limits::default()
        }
    }
}

/// The step of the time limit, if there is one.
pub(super) fn time(drawing: &mut Drawing, steps: &mut Steps) {
    let limits = &drawing.profile.limits;
    let Some(Located { value: Cap::At(limit), origin }) = &limits.time else { return };
    let grace = limits.time_grace.as_ref().map_or(GRACE, |grace| grace.value);
    let asked = drawing.rootfs.map(|rootfs| (rootfs, stop_signal(&rootfs.image.config)));
    let signal = match asked {
        None | Some((_, Ok(None))) => libc::SIGTERM,
        Some((_, Ok(Some(signal)))) => signal,
        Some((rootfs, Err(because))) => {
            let title = format!("cannot use the image `{}`", rootfs.image.name);
            drawing.errors.push(Diagnostic::error(title).because(because));
            return;
        }
    };
    steps.push(Action::TimeLimit { limit: *limit, grace, signal }, origin);
}

/// Every limit that a cgroup can hold, in the order in which they are set.
fn wanted(drawing: &mut Drawing) -> Vec<Located<Limit>> {
    let limits = &drawing.profile.limits;
    let mut wanted = Vec::new();
    let memory = limits
        .memory
        .as_ref()
        .and_then(|memory| memory.value.at().map(|size| Located::new(size, memory.origin.clone())));
    if let Some(memory) = &memory {
        wanted.push(Located::new(Limit::Memory(memory.value), memory.origin.clone()));
    }
    match swap(drawing, memory.as_ref()) {
        Ok(swap) => wanted.extend(swap),
        Err(mistake) => drawing.errors.push(mistake),
    }
    if let Some(Located { value: Cap::At(cpus), origin }) = &limits.cpus {
        wanted.push(Located::new(Limit::Cpus(*cpus), origin.clone()));
    }
    if let Some(Located { value, origin }) = &limits.cpuset {
        wanted.push(Located::new(Limit::Cpuset(value.clone()), origin.clone()));
    }
    if let Some(Located { value: Cap::At(pids), origin }) = &limits.pids {
        wanted.push(Located::new(Limit::Pids(*pids), origin.clone()));
    }
    wanted.extend(io::draw(drawing));
    wanted
}

/// A limit of memory that spilled over into swap would be none.
fn swap(
    drawing: &Drawing,
    memory: Option<&Located<Size>>,
) -> Result<Option<Located<Limit>>, Diagnostic> {
    let limit = |size, origin: &Origin| Some(Located::new(Limit::Swap(size), origin.clone()));
    let Some(swap) = &drawing.profile.limits.swap else {
        return Ok(memory.and_then(|memory| limit(Size(0), &memory.origin)));
    };
    match (swap.value, memory) {
        (Swap::Unlimited, _) => Ok(None),
        (Swap::At(size), _) => Ok(limit(size, &swap.origin)),
        (Swap::WithMemory(total), Some(memory)) if total >= memory.value => {
            Ok(limit(Size(total.0 - memory.value.0), &swap.origin))
        }
        (Swap::WithMemory(total), Some(memory)) => {
            let title = format!("memory and swap together cannot be {total}");
            Err(Diagnostic::error(title)
                .at(&swap.origin)
                .because(format!("memory alone is {}", memory.value))
                .help("name at least as much as for the memory, or limit swap alone by --swap"))
        }
        (Swap::WithMemory(_), None) => {
            Err(Diagnostic::error("memory and swap are limited together, and memory is not")
                .at(&swap.origin)
                .help("limit memory too: --memory, or limit swap alone by --swap"))
        }
    }
}

/// What has to be enabled for these limits.
fn controllers(limits: &[Located<Limit>]) -> Vec<Controller> {
    let mut needed: Vec<Controller> = limits.iter().map(|limit| controller(&limit.value)).collect();
    needed.sort_unstable();
    needed.dedup();
    needed
}

fn controller(limit: &Limit) -> Controller {
    match limit {
        Limit::Memory(_) | Limit::Swap(_) => Controller::Memory,
        Limit::Cpus(_) => Controller::Cpu,
        Limit::Cpuset(_) => Controller::Cpuset,
        Limit::Pids(_) => Controller::Pids,
        Limit::Io { .. } => Controller::Io,
    }
}
