//! The caller's share of subordinate ids, and the programs that map it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Located, cause};
use crate::ids::ranges;
use crate::profile::Ids;

use super::{Identity, SubIds, programs};

/// Looks for a range in /etc/subuid and /etc/subgid and for newuidmap(1) and newgidmap(1).
///
/// With `auto`, whatever is missing means that there are none.
pub fn survey(
    ids: &Located<Ids>,
    identity: &Identity,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Option<SubIds>, Vec<Diagnostic>> {
    let strict = match ids.value {
        Ids::Single => return Ok(None),
        Ids::Subuid => true,
        Ids::Auto => false,
    };
    let uid = range_in("/etc/subuid", "--add-subuids", identity);
    let gid = range_in("/etc/subgid", "--add-subgids", identity);
    let newuidmap = program("newuidmap", environment);
    let newgidmap = program("newgidmap", environment);
    match (uid, gid, newuidmap, newgidmap) {
        (Ok(uid), Ok(gid), Ok(newuidmap), Ok(newgidmap)) => {
            Ok(Some(SubIds { uid, gid, newuidmap, newgidmap }))
        }
        (uid, gid, newuidmap, newgidmap) if strict => {
            let ranges = [uid.err(), gid.err()];
            let programs = [newuidmap.err(), newgidmap.err()];
            let missing = ranges.into_iter().chain(programs).flatten();
            Err(missing.map(|diagnostic| diagnostic.at(&ids.origin)).collect())
        }
        _ => Ok(None),
    }
}

fn range_in(file: &str, flag: &str, identity: &Identity) -> Result<(u32, u32), Diagnostic> {
    let name = identity.name.to_string_lossy();
    let unusable = || {
        Diagnostic::error(format!(
            "cannot map more ids than one: `{name}` has no range in `{file}`"
        ))
        .help(format!(
            "run `sudo usermod {flag} 100000-165535 {}`, or set `ids = \"auto\"`",
            identity.login()
        ))
    };
    match std::fs::read_to_string(file) {
        Ok(text) => range(&text, &name, identity.uid).ok_or_else(unusable),
        Err(error) => Err(unusable().because(format!("cannot read `{file}`: {}", cause(&error)))),
    }
}

/// Returns the largest range of the caller.
fn range(text: &str, name: &str, uid: u32) -> Option<(u32, u32)> {
    ranges(text, name, uid).into_iter().max_by_key(|(_, count)| *count)
}

fn program(name: &str, environment: &BTreeMap<OsString, OsString>) -> Result<PathBuf, Diagnostic> {
    let found = programs::find(name, environment);
    found.map(|path| path.as_path().to_owned()).ok_or_else(|| {
        Diagnostic::error(format!("cannot map more ids than one: no program `{name}`"))
            .help("install the package `uidmap`, or set `ids = \"auto\"`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_range_of_the_caller_is_taken() {
        let text = "root:1:9\ndev:100000:10\n1001:200000:65536\nother:300000:99999\n";
        assert_eq!(range(text, "dev", 1001), Some((200_000, 65_536)));
        assert_eq!(range(text, "nobody", 65_534), None);
    }
}
