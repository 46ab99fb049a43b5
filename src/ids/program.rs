//! newuidmap(1) and newgidmap(1): the programs that give a process ids of its user's range.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, Pid, access};

/// Looks for a program in `search`, which is as `PATH` is, and in /usr/bin.
///
/// Whether it is setuid or has file capabilities is for the attempt to show.
pub fn find_program(name: &str, search: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search)
        .chain([PathBuf::from("/usr/bin")])
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| is_executable(path))
}

/// Has `program` map ids of `process`: three numbers for each extent. On failure, what it said.
pub fn map(program: &OsStr, process: Pid, numbers: &[OsString]) -> Result<(), String> {
    let output = Command::new(program)
        .arg(process.to_string())
        .args(numbers)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}
