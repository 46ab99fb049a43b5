//! What the caller may use at most.

use std::collections::BTreeMap;

use nix::sys::resource::{RLIM_INFINITY, getrlimit};

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::profile::{Bounds, Cap, Rlimit};

/// Asks for soft and hard limit of every resource that a profile can name.
pub fn survey() -> Result<BTreeMap<Rlimit, Bounds>, Diagnostic> {
    let mut limits = BTreeMap::new();
    for resource in Rlimit::ALL {
        let (soft, hard) = getrlimit(resource.resource()).map_err(|errno| {
            let title = format!("cannot ask for the limit `{}`", resource.name());
            Diagnostic::error(title).because(errno_cause(errno))
        })?;
        let cap = |limit| if limit == RLIM_INFINITY { Cap::Unlimited } else { Cap::At(limit) };
        limits.insert(resource, Bounds { soft: cap(soft), hard: cap(hard) });
    }
    Ok(limits)
}
