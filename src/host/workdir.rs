//! Where the caller is.

use std::os::unix::ffi::OsStrExt;

use nix::libc;

use crate::diagnostic::{Diagnostic, cause};
use crate::units::AbsolutePath;

/// Asks for the working directory.
pub fn workdir() -> Result<AbsolutePath, Diagnostic> {
    let found = std::env::current_dir().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOENT) if is_removed() => {
            Diagnostic::error("the working directory no longer exists")
                .help("change to a directory that exists, for example `cd ~`")
        }
        Some(libc::ENOENT) => outside(),
        _ => Diagnostic::error("cannot tell the working directory")
            .because(cause(&error))
            .help("change to another one, for example `cd ~`"),
    })?;
    AbsolutePath::new(&found).ok_or_else(outside)
}

/// The kernel shows one that it cannot lead to as `(unreachable)/...` (getcwd(3)), for which a library may
/// say that there is none. What is removed it marks.
fn is_removed() -> bool {
    let shown = std::fs::read_link("/proc/self/cwd");
    shown.map_or(true, |shown| shown.as_os_str().as_bytes().ends_with(b" (deleted)"))
}

fn outside() -> Diagnostic {
    Diagnostic::error("the working directory is outside of the root directory")
        .because("its file system was unmounted, or the root directory is another one by now")
        .help("change to a directory that can be reached from `/`, for example `cd ~`")
}
