//! How trees of the store go: also those whose files were given away.

use std::io;
use std::path::Path;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::ids;
use crate::image::delete::delete;

use super::write::unwritable;

/// Why something is still there.
#[derive(Debug)]
pub(super) enum Kept {
    /// It belongs to ids that the caller has no power over, by now.
    Foreign(Diagnostic),
    Failed(Diagnostic),
}

impl From<Kept> for Diagnostic {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Foreign(diagnostic) | Kept::Failed(diagnostic) => diagnostic,
        }
    }
}

/// Removes a file or directory with all that is in it; it is no error if it is not there.
///
/// Directories of subordinate ids can be emptied from within a user namespace alone.
pub(super) fn remove(path: &Path) -> Result<(), Kept> {
    let error = match delete(path) {
        Err(error) if is_refusal(&error) => error,
        result => return result.map_err(|error| Kept::Failed(unwritable(path, &error))),
    };
    let within = ids::within(|| delete(path).map_err(|error| error.raw_os_error().unwrap_or(0)));
    match within {
        Ok(Ok(())) => Ok(()),
        Ok(Err(number)) => {
            let error = io::Error::from_raw_os_error(number);
            match is_refusal(&error) {
                true => Err(Kept::Foreign(foreign(path, &error, None))),
                false => Err(Kept::Failed(unwritable(path, &error))),
            }
        }
        Err(diagnostic) => Err(Kept::Foreign(foreign(path, &error, Some(&diagnostic)))),
    }
}

/// The caller may not as such: root may, and for subordinate ids the caller in a user namespace.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EACCES | Errno::EPERM | Errno::EOVERFLOW))
}

fn foreign(path: &Path, error: &io::Error, obstacle: Option<&Diagnostic>) -> Diagnostic {
    let shown = pasted(path);
    let refused = unremovable(path);
    let Some(Diagnostic { title, because, help, .. }) = obstacle else {
        let ids = "files in it belong to ids that are in none of your ranges any more";
        return refused.because(format!("{ids}: {}", cause(error))).help(format!(
            "give yourself back the range that you had in /etc/subuid and /etc/subgid, or run `sudo rm -rf {shown}`"
        ));
    };
    let words = because.as_deref().unwrap_or(title);
    let refused = refused.because(format!("files in it belong to subordinate ids, and {words}"));
    let refused = help.iter().cloned().fold(refused, Diagnostic::help);
    // A range that is given to the user now need not be the one that these were of.
    refused.help(format!("what belongs to ids of another range goes by `sudo rm -rf {shown}`"))
}

/// Something of the store stays against the caller's will.
pub(super) fn unremovable(path: &Path) -> Diagnostic {
    Diagnostic::error(format!("cannot remove `{}` of the image store", path.display()))
}
