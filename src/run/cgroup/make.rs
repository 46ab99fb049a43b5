//! Making the cgroup of a run, and taking it down.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::host::cgroups::Controller;
use crate::plan::Plan;
use crate::script::Setting;

use super::directory::{Claim, Directory};
use super::figures::Figures;
use super::leaf::Leaf;
use super::settings;
use super::sweep::{PREFIX, sweep};
use super::watch::MemoryWatch;

const PAYLOAD: &str = "payload";

/// Where the cgroup of a run is made.
pub struct Placement<'a> {
    pub parent: &'a Path,
    /// Controllers that the parent does not hand on yet.
    pub enable: &'a [Controller],
    /// We have to leave the parent first.
    pub leave: bool,
    /// Unique among the runs below this parent.
    pub id: &'a str,
    pub settings: &'a [Setting],
}

/// The cgroup of a run. It is removed by [`Cgroup::remove`], or by the next run.
pub struct Cgroup {
    parent: Directory,
    limited: Directory,
    payload: Directory,
    leaf: Option<Leaf>,
    _claim: Claim,
}

impl Cgroup {
    /// Makes the cgroup with all its limits. `plan` has the words for what cannot be done.
    pub fn make(placement: &Placement, plan: &Plan) -> Result<Self, Diagnostic> {
        let Placement { parent: path, enable, leave, id, settings: _ } = placement;
        let failed = |errno| cannot_make(path, errno);
        let parent = Directory::open(path).map_err(failed)?;
        sweep(&parent);
        let leaf = leave.then(|| Leaf::enter(&parent, id, enable)).transpose().map_err(failed)?;
        match Self::below(&parent, placement, plan) {
            Ok((limited, payload, claim)) => {
                Ok(Self { parent, limited, payload, leaf, _claim: claim })
            }
            Err(diagnostic) => {
                // The next run removes what stays.
                let _ = leaf.map(|leaf| leaf.leave(&parent));
                Err(diagnostic)
            }
        }
    }

    fn below(
        parent: &Directory,
        placement: &Placement,
        plan: &Plan,
    ) -> Result<(Directory, Directory, Claim), Diagnostic> {
        let Placement { parent: path, enable, leave: _, id, settings } = placement;
        let failed = |errno| cannot_make(path, errno);
        enable_all(parent, enable).map_err(|errno| cannot_enable(path, enable, errno))?;
        let name = format!("{PREFIX}{id}");
        let (limited, claim) = parent.make_claimed(&name).map_err(failed)?;
        let made =
            limit(&limited, settings, plan).and_then(|()| limited.make(PAYLOAD).map_err(failed));
        match made {
            Ok(payload) => Ok((limited, payload, claim)),
            Err(diagnostic) => {
                // The next run removes what stays.
                let _ = parent.remove(OsStr::new(&name));
                Err(diagnostic)
            }
        }
    }

    /// For `CLONE_INTO_CGROUP`.
    pub fn entrance(&self) -> BorrowedFd<'_> {
        self.payload.as_fd()
    }

    /// Moves a process in that was cloned elsewhere.
    pub fn take(&self, process: Pid) -> Result<(), Diagnostic> {
        self.payload.take(process).map_err(|errno| cannot_make(self.payload.path(), errno))
    }

    pub fn path(&self) -> &Path {
        self.limited.path()
    }

    pub fn figures(&self) -> Figures {
        Figures::read(&self.limited)
    }

    pub fn watch_memory(&self, init: Pid) -> Option<MemoryWatch> {
        MemoryWatch::new(&self.limited, &self.payload, init)
    }

    /// Ends all that is in it, each process by itself: init alone may not come to do that.
    pub fn kill(&self) {
        // Where this fails, there is the end of init.
        let _ = self.payload.kill();
    }

    /// Ends what is still in it, removes it, and goes back to where we were.
    pub fn remove(self) -> Result<(), Diagnostic> {
        let Self { parent, limited, payload, leaf, _claim } = self;
        let name = limited.path().file_name().unwrap_or_default().to_owned();
        let path = limited.path().to_owned();
        drop(payload);
        let removed = limited.remove(OsStr::new(PAYLOAD)).and_then(|()| parent.remove(&name));
        let left = leaf.map_or(Ok(()), |leaf| leaf.leave(&parent));
        removed.and(left).map_err(|errno| {
            Diagnostic::warning(format!("the cgroup `{}` is left behind", path.display()))
                .because(errno_cause(errno))
                .help("the next run with limits removes it")
        })
    }
}

/// Moves processes from a cgroup to a leaf below it.
pub fn gather(parent: &Path, leaf: &str, processes: &[Pid]) -> Result<(), Errno> {
    let leaf = Directory::open(parent)?.make(leaf)?;
    processes.iter().try_for_each(|process| leaf.take(*process))
}

/// The payload's cgroup, and no other. A command that may mount could make more: to move init
/// there and freeze it, and with it our clock, or to have more than anybody can remove.
const DESCENDANTS: &str = "1";

/// A thread that is just ending keeps its cgroup busy: it is not moved with its process, and
/// nothing tells when it has gone.
const PAUSE: Duration = Duration::from_millis(2);
const ATTEMPTS: usize = 100;

fn enable_all(parent: &Directory, controllers: &[Controller]) -> Result<(), Errno> {
    if controllers.is_empty() {
        return Ok(());
    }
    let words: Vec<String> =
        controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
    let words = words.join(" ");
    for _ in 0..ATTEMPTS {
        match parent.write("cgroup.subtree_control", &words) {
            Err(Errno::EBUSY) => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
    parent.write("cgroup.subtree_control", &words)
}

/// One process that runs out of memory takes all with it: what is left of a build would only
/// go on to fail in ways that nobody understands.
fn limit(limited: &Directory, settings: &[Setting], plan: &Plan) -> Result<(), Diagnostic> {
    limited.write("cgroup.max.descendants", DESCENDANTS).map_err(|errno| {
        Diagnostic::error("the number of cgroups inside cannot be limited")
            .because(format!("write cgroup.max.descendants: {}", errno_cause(errno)))
    })?;
    settings::apply(limited, settings).map_err(|(setting, unset)| {
        let step = plan.steps.get(usize::from(setting.step));
        let title = format!("the limit in {} cannot be set", setting.file);
        let diagnostic = Diagnostic::error(title).because(unset.cause(setting));
        let diagnostic = step.iter().fold(diagnostic, |error, step| error.at(&step.origin));
        unset.help(setting).into_iter().fold(diagnostic, Diagnostic::help)
    })?;
    if !settings.iter().any(|setting| setting.file == "memory.max") {
        return Ok(());
    }
    limited.write("memory.oom.group", "1").map_err(|errno| {
        Diagnostic::error("the limit of memory cannot be made to count for all processes together")
            .because(format!("write memory.oom.group: {}", errno_cause(errno)))
            .help("jail needs Linux 4.19 or newer for this")
    })
}

fn cannot_make(path: &Path, errno: Errno) -> Diagnostic {
    let error = Diagnostic::error(format!("cannot make a cgroup in `{}`", path.display()))
        .because(errno_cause(errno));
    match errno {
        Errno::EBUSY => error.help("another process has come into it meanwhile; try again"),
        Errno::EAGAIN => error.help("it may hold no more cgroups: see its cgroup.max.descendants"),
        _ => error,
    }
}

fn cannot_enable(path: &Path, controllers: &[Controller], errno: Errno) -> Diagnostic {
    let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
    let title = format!("cannot enable {} below `{}`", names.join(" "), path.display());
    let error = Diagnostic::error(title).because(errno_cause(errno));
    match errno {
        Errno::EBUSY => error.help("another process has come into it meanwhile; try again"),
        _ => error,
    }
}
