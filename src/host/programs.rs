//! Programs that jail itself runs.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::units::AbsolutePath;

/// Returns the first of this name in `PATH`, or in /usr/bin. Whether it has the rights that it needs is
/// for the attempt to show.
pub fn find(name: &str, environment: &BTreeMap<OsString, OsString>) -> Option<AbsolutePath> {
    let search = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    std::env::split_paths(search)
        .chain([PathBuf::from("/usr/bin")])
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| is_executable(path))
        .and_then(AbsolutePath::new)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}
