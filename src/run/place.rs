//! The private directories of a run that can mount none: its home and its TMPDIR.

use std::ffi::OsStr;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::symlinkat;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::plan::Plan;
use crate::script;
use crate::units::AbsolutePath;

use super::claimed::{Claimed, directory_of_all};

/// They go away by [`Place::remove`], or by the next run.
pub struct Place {
    claimed: Claimed,
    path: AbsolutePath,
}

impl Place {
    /// Makes them, and removes those of runs that were killed. `plan` knows who asked for them.
    pub fn make(place: &script::Place, plan: &Plan) -> Result<Self, Diagnostic> {
        Self::claim(place).map_err(|errno| {
            let title = format!("cannot make the private directory `{}`", place.path);
            let error = Diagnostic::error(title).because(errno_cause(errno));
            let error = match plan.steps.get(usize::from(place.step)) {
                Some(step) => error.at(&step.origin),
                None => error,
            };
            error.help(
                "set XDG_RUNTIME_DIR or TMPDIR to a directory that only you can write to; what \
                 stands there with its name must be yours",
            )
        })
    }

    fn claim(place: &script::Place) -> Result<Self, Errno> {
        let path = place.path.as_path();
        let name = path.file_name().ok_or(Errno::EINVAL)?;
        let all = path.parent().ok_or(Errno::EINVAL)?;
        let name_of_all = all.file_name().unwrap_or(OsStr::new("."));
        let all = directory_of_all(all.parent().unwrap_or(Path::new("/")), name_of_all)?;
        let made = Self { claimed: Claimed::make(all, name)?, path: place.path.clone() };
        match made.furnish(place) {
            Ok(()) => Ok(made),
            Err(errno) => {
                // The next run removes what stays.
                let _ = made.remove();
                Err(errno)
            }
        }
    }

    /// Makes what is in it. Nobody else comes here, and nothing is there yet.
    fn furnish(&self, place: &script::Place) -> Result<(), Errno> {
        let at = &self.claimed.directory;
        let within = |path: &AbsolutePath| {
            path.as_path().strip_prefix(&place.path).map(Path::to_owned).map_err(|_| Errno::EINVAL)
        };
        for directory in &place.directories {
            mkdirat(at, within(directory)?.as_path(), Mode::S_IRWXU)?;
        }
        for (link, target) in &place.links {
            let link = within(link)?;
            let parents: Vec<&Path> = link.ancestors().skip(1).collect();
            for parent in parents.into_iter().rev().skip(1) {
                match mkdirat(at, parent, Mode::S_IRWXU) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(errno),
                }
            }
            symlinkat(target.as_path(), at, link.as_path())?;
        }
        Ok(())
    }

    /// Removes them, whatever the command has made of them.
    pub fn remove(self) -> Option<Diagnostic> {
        let Self { claimed, path } = self;
        claimed.remove().err().map(|errno| {
            Diagnostic::warning(format!("the private directory `{path}` is left behind"))
                .because(errno_cause(errno))
                .help("the next run without namespaces removes it")
        })
    }
}
