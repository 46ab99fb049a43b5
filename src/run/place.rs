//! The private directories of a run that can mount none: its home and its TMPDIR.

use std::ffi::OsStr;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, mkdirat};

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
        match made.furnish(&place.directories) {
            Ok(()) => Ok(made),
            Err(errno) => {
                // The next run removes what stays.
                let _ = made.remove();
                Err(errno)
            }
        }
    }

    /// Makes the directories in it.
    fn furnish(&self, directories: &[AbsolutePath]) -> Result<(), Errno> {
        directories.iter().try_for_each(|directory| {
            let name = directory.as_path().file_name().ok_or(Errno::EINVAL)?;
            mkdirat(&self.claimed.directory, name, Mode::S_IRWXU)
        })
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
