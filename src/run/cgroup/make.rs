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
        self.payload.take(process).map_err(|errno| cannot_take(self.payload.path(), errno))
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

    /// Ends what is still in it, removes it, and goes back to where we were. Who removes what is
    /// left behind depends on where it is.
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
    })
}

fn cannot_make(path: &Path, errno: Errno) -> Diagnostic {
    let error = Diagnostic::error(format!("cannot make a cgroup in `{}`", path.display()))
        .because(errno_cause(errno));
    match errno {
        Errno::EBUSY => error.help("another process takes away what is made there; try again"),
        Errno::EAGAIN => error.help(
            "no more cgroups may be made there: see cgroup.max.descendants and cgroup.max.depth, its \
             own and those above it",
        ),
        _ => error,
    }
}

/// The process is where it was.
fn cannot_take(path: &Path, errno: Errno) -> Diagnostic {
    let title = format!("cannot move the sandbox's first process to `{}`", path.display());
    Diagnostic::error(title).because(errno_cause(errno))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::fcntl::{Flock, FlockArg};
    use tempfile::TempDir;

    use crate::diagnostic::{Palette, render};

    use super::*;

    const SETTINGS: fn() -> [Setting; 1] =
        || [Setting { step: 0, file: "memory.max", text: "4096".into() }];

    /// What is told about a cgroup of the run `0123abcd` in a directory that is none of cgroups.
    fn told(parent: &TempDir, enable: &[Controller]) -> String {
        let settings = &SETTINGS();
        let parent = parent.path();
        let placement = Placement { parent, enable, leave: false, id: "0123abcd", settings };
        let plan = Plan { steps: Vec::new(), notes: Vec::new(), degraded: Vec::new() };
        let Err(refused) = Cgroup::make(&placement, &plan) else { panic!("it was made") };
        render(&refused, Palette::Plain)
    }

    fn names_in(directory: &TempDir) -> Vec<std::ffi::OsString> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn where_cgroups_cannot_be_bounded_none_is_made() {
        let parent = tempfile::tempdir().unwrap();
        assert_eq!(
            told(&parent, &[]),
            "jail: error: the number of cgroups inside cannot be limited\n\
             because: write cgroup.max.descendants: no such file or directory [ENOENT]\n"
        );
        assert_eq!(names_in(&parent), [""; 0]);
    }

    #[test]
    fn where_controllers_cannot_be_enabled_none_is_made() {
        let parent = tempfile::tempdir().unwrap();
        assert_eq!(
            told(&parent, &[Controller::Memory, Controller::Pids]),
            format!(
                "jail: error: cannot enable memory pids below `{}`\n\
                 because: no such file or directory [ENOENT]\n",
                parent.path().display()
            )
        );
        assert_eq!(names_in(&parent), [""; 0]);
        let busy = cannot_enable(Path::new("/c"), &[Controller::Memory], Errno::EBUSY);
        assert_eq!(
            render(&busy, Palette::Plain),
            "jail: error: cannot enable memory below `/c`\n\
             because: device or resource busy [EBUSY]\n\
             help: another process has come into it meanwhile; try again\n"
        );
    }

    #[test]
    fn a_limit_that_would_leave_half_of_the_processes_is_none() {
        let directory = tempfile::tempdir().unwrap();
        for file in ["cgroup.max.descendants", "memory.max"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let limited = Directory::open(directory.path()).unwrap();
        let plan = Plan { steps: Vec::new(), notes: Vec::new(), degraded: Vec::new() };
        let refused = limit(&limited, &SETTINGS(), &plan).unwrap_err();
        assert_eq!(
            render(&refused, Palette::Plain),
            "jail: error: the limit of memory cannot be made to count for all processes together\n\
             because: write memory.oom.group: no such file or directory [ENOENT]\n"
        );
        assert_eq!(fs::read(directory.path().join("memory.max")).unwrap(), b"4096");
    }

    /// The kernel may take a limit and keep another; here the file is one that nobody rounds.
    #[test]
    fn a_limit_that_does_not_hold_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let limited = Directory::open(directory.path()).unwrap();
        let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let plan = Plan { steps: Vec::new(), notes: Vec::new(), degraded: Vec::new() };
        let told = |file: &'static str, text: &str| {
            let setting = Setting { step: 0, file, text: text.into() };
            render(&limit(&limited, &[setting], &plan).unwrap_err(), Palette::Plain)
        };
        file("cgroup.max.descendants", "");
        assert_eq!(
            told("io.max", "8:1 rbps=1"),
            "jail: error: the limit in io.max cannot be set\n\
             because: write io.max: no such file or directory [ENOENT]\n"
        );
        file("cpuset.cpus", "");
        file("cpuset.cpus.effective", "0-3\n");
        assert_eq!(
            told("cpuset.cpus", "7"),
            "jail: error: the limit in cpuset.cpus cannot be set\n\
             because: `7` was written to cpuset.cpus, and it holds `0-3`\n\
             help: name processors that this machine has and you may use: nproc, taskset -p $$\n"
        );
        let help = |file, text: &str, errno| {
            let unset = settings::Unset::Failed { call: "write", errno };
            unset.help(&Setting { step: 0, file, text: text.into() })
        };
        assert_eq!(
            help("io.max", "8:1 rbps=1", Errno::ENODEV),
            Some("limits of io are for whole disks, not for partitions: see lsblk")
        );
        assert_eq!(
            help("memory.swap.max", "0", Errno::ENOENT),
            Some(
                "the kernel does not count swap: remove swapaccount=0 from its command line, or \
                 switch swap off"
            )
        );
    }

    /// Somebody has the lock of the name that the run would take, and keeps it.
    #[test]
    fn a_cgroup_that_is_taken_away_again_and_again_is_not_waited_for() {
        let parent = tempfile::tempdir().unwrap();
        let other = parent.path().join("jail-0123abcd");
        fs::create_dir(&other).unwrap();
        let lock = Flock::lock(fs::File::open(&other).unwrap(), FlockArg::LockExclusiveNonblock);
        assert_eq!(
            told(&parent, &[]),
            format!(
                "jail: error: cannot make a cgroup in `{}`\n\
                 because: device or resource busy [EBUSY]\n\
                 help: another process takes away what is made there; try again\n",
                parent.path().display()
            )
        );
        assert_eq!(names_in(&parent), ["jail-0123abcd"]);
        drop(lock);
    }

    #[test]
    fn a_process_that_cannot_be_moved_is_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Directory::open(directory.path()).unwrap();
        let (limited, claim) = open().make_claimed("jail-0123abcd").unwrap();
        let payload = limited.make(PAYLOAD).unwrap();
        let cgroup = Cgroup { parent: open(), limited, payload, leaf: None, _claim: claim };
        let path = directory.path().join("jail-0123abcd/payload");
        assert_eq!(
            render(&cgroup.take(Pid::this()).unwrap_err(), Palette::Plain),
            format!(
                "jail: error: cannot move the sandbox's first process to `{}`\n\
                 because: no such file or directory [ENOENT]\n",
                path.display()
            )
        );
        cgroup.remove().unwrap();
        assert_eq!(names_in(&directory), [""; 0]);
    }
}
