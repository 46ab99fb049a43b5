//! The profile of a project: the file `.jail.toml` in it.
//!
//! [`choose`](self::choose) says which profile a run gets for which none was named; [`store`] remembers
//! what the user trusts, [`tighten`] is what the others may do. [`read`] reads the file, [`start`] makes
//! a first one, [`write`] puts files in their place.

mod choose;
mod read;
mod start;
mod store;
mod tighten;
mod trust;
mod write;

pub use choose::{Chosen, choose};
pub use start::{Marker, markers, starting_profile};
pub(super) use store::{Hash, Record, hash};
pub use trust::{Candidate, Standing, candidate, forget, nearest, remember, trusted};
pub use write::{Existing, put};

use crate::units::AbsolutePath;

/// The name of the file.
pub const FILE: &str = ".jail.toml";

/// Returns the nearest parent with a version control directory; without one, `workdir`.
pub fn directory_of(workdir: &AbsolutePath) -> AbsolutePath {
    let mut parents = workdir.as_path().ancestors();
    let marked = parents.find(|directory| {
        [".git", ".hg", ".jj", ".svn"]
            .iter()
            .any(|name| directory.join(name).symlink_metadata().is_ok())
    });
    marked.and_then(AbsolutePath::new).unwrap_or_else(|| workdir.clone())
}

#[cfg(test)]
mod tests;
