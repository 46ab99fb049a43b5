//! Where the run's cgroup comes from: a subtree of ours, or the user's systemd.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::host::cgroups::Controller;
use crate::plan::{CgroupParent, Plan};
use crate::script;
use crate::units::AbsolutePath;

use super::cgroup::{Cgroup, Figures, MemoryWatch, Placement, gather};
use super::scope::Scope;

/// What is asked for, and for which run.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub wanted: &'a script::Cgroup,
    pub id: &'a str,
    /// Has the words for what cannot be done.
    pub plan: &'a Plan,
}

/// The cgroup of a run, and what keeps its parent there.
pub struct Confinement {
    cgroup: Cgroup,
    scope: Option<Scope>,
}

impl Confinement {
    /// Makes the cgroup where init can be cloned into it; `None` if init has to be there first.
    pub fn before_the_clone(request: Request) -> Result<Option<Self>, Diagnostic> {
        let Request { wanted, id, plan } = request;
        let CgroupParent::Delegated { path, enable, leave } = &wanted.parent else {
            return Ok(None);
        };
        let (parent, settings) = (path.as_path(), wanted.settings.as_slice());
        let placement = Placement { parent, enable, leave: *leave, id, settings };
        let cgroup = Cgroup::make(&placement, plan)?;
        Ok(Some(Self { cgroup, scope: None }))
    }

    /// Asks for a scope, makes the cgroup in it, and moves init there, which waits meanwhile.
    pub fn around(init: Pid, request: Request) -> Result<Option<Self>, Diagnostic> {
        let Request { wanted, id, plan } = request;
        let CgroupParent::Scope { bus, mount, enable } = &wanted.parent else { return Ok(None) };
        let located = |diagnostic: Diagnostic| match plan.steps.get(usize::from(wanted.step)) {
            Some(step) => diagnostic.at(&step.origin),
            None => diagnostic,
        };
        let scope = Scope::ask(bus, id, init).map_err(located)?;
        let parent = directory_of(mount, &scope.path);
        match Self::in_scope(&scope, &parent, enable, init, request) {
            Ok(cgroup) => Ok(Some(Self { cgroup, scope: Some(scope) })),
            Err(diagnostic) => {
                scope.end();
                Err(diagnostic)
            }
        }
    }

    fn in_scope(
        scope: &Scope,
        parent: &Path,
        enable: &[Controller],
        init: Pid,
        request: Request,
    ) -> Result<Cgroup, Diagnostic> {
        make_room(parent, &[scope.keeper(), init])?;
        let Request { wanted, id, plan } = request;
        let settings = wanted.settings.as_slice();
        let placement = Placement { parent, enable, leave: false, id, settings };
        let cgroup = Cgroup::make(&placement, plan)?;
        match cgroup.take(init) {
            Ok(()) => Ok(cgroup),
            Err(diagnostic) => {
                // What stays goes with the scope.
                let _ = cgroup.remove();
                Err(diagnostic)
            }
        }
    }

    /// For `CLONE_INTO_CGROUP`.
    pub fn entrance(&self) -> BorrowedFd<'_> {
        self.cgroup.entrance()
    }

    /// Moves in who could not be cloned into it.
    pub fn take(&self, init: Pid) -> Result<(), Diagnostic> {
        self.cgroup.take(init)
    }

    pub fn path(&self) -> &Path {
        self.cgroup.path()
    }

    pub fn figures(&self) -> Figures {
        self.cgroup.figures()
    }

    pub fn watch_memory(&self, init: Pid) -> Option<MemoryWatch> {
        self.cgroup.watch_memory(init)
    }

    /// Ends everything inside, init too.
    pub fn kill(&self) {
        self.cgroup.kill();
    }

    /// Removes the cgroup, and lets go of the scope.
    pub fn end(self) -> Result<(), Diagnostic> {
        let removed = self.cgroup.remove();
        let who_removes_it = match self.scope {
            Some(scope) => {
                scope.end();
                "systemd removes it when nobody is in its scope any more"
            }
            None => "the next run with limits removes it, if nobody else has made cgroups in it",
        };
        removed.map_err(|left| left.help(who_removes_it))
    }
}

/// A cgroup that holds processes can have no limited children: those of the scope go to a leaf.
fn make_room(scope: &Path, processes: &[Pid]) -> Result<(), Diagnostic> {
    gather(scope, "keeper", processes).map_err(|errno| {
        Diagnostic::error(format!("cannot use the scope `{}`", scope.display()))
            .because(errno_cause(errno))
            .help(
                "try again, if a process of the run was killed; else see `systemctl --user status`",
            )
    })
}

/// The directory of a cgroup that is named from the root of the hierarchy.
fn directory_of(mount: &AbsolutePath, cgroup: &Path) -> PathBuf {
    mount.as_path().join(cgroup.strip_prefix("/").unwrap_or(cgroup))
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpid;

    use crate::diagnostic::{Palette, render};

    use super::*;

    #[test]
    fn a_scope_that_is_not_there_or_takes_nobody_cannot_be_used() {
        let directory = tempfile::tempdir().unwrap();
        // The directory of a cgroup would have a file cgroup.procs.
        for scope in [directory.path().join("missing"), directory.path().to_owned()] {
            let refused = make_room(&scope, &[getpid()]).unwrap_err();
            assert_eq!(
                render(&refused, Palette::Plain),
                format!(
                    "jail: error: cannot use the scope `{}`\n\
                     because: no such file or directory [ENOENT]\n\
                     help: try again, if a process of the run was killed; else see `systemctl --user \
                     status`\n",
                    scope.display()
                )
            );
        }
    }
}
