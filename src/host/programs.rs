//! Programs that jail itself runs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::ids::find_program;
use crate::units::AbsolutePath;

/// Returns the first of this name in `PATH`, or in /usr/bin. Whether it has the rights that it needs is
/// for the attempt to show.
pub fn find(name: &str, environment: &BTreeMap<OsString, OsString>) -> Option<AbsolutePath> {
    let search = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    find_program(name, search).and_then(AbsolutePath::new)
}
