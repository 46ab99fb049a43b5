//! What is known about a run while it lasts: a directory in `$XDG_RUNTIME_DIR/jail`.
//!
//! ```text
//! $XDG_RUNTIME_DIR/jail/ID/run.json     id, pid, init, cgroup, profiles, command, start time
//! ```
//!
//! The directory is locked (flock(2)) as long as its supervisor lives; what a killed one left is
//! removed by the next run. Without a runtime directory there is no record, and nothing depends on
//! it: it is for whoever wants to see what is running.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, stat};
use nix::unistd::{Pid, geteuid};
use serde::Serialize;

use super::claimed::{self, Claimed};

const FILE: &str = "run.json";

/// What stands in `run.json`.
#[derive(Serialize)]
pub struct Description<'a> {
    pub version: u32,
    pub id: &'a str,
    /// The supervisor.
    pub pid: u32,
    /// Process 1 of the sandbox, as the host numbers it.
    pub init: i32,
    pub cgroup: Option<&'a Path>,
    pub profiles: Vec<String>,
    pub command: Vec<String>,
    /// Seconds since 1970.
    pub started: u64,
}

impl<'a> Description<'a> {
    /// Of a run that starts now. Names that are not UTF-8 are shown as far as they can be.
    pub fn new(
        id: &'a str,
        init: Pid,
        cgroup: Option<&'a Path>,
        profiles: &[OsString],
        command: &[OsString],
    ) -> Self {
        let words = |words: &[OsString]| {
            words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
        };
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (version, pid, init) = (1, std::process::id(), init.as_raw());
        let (profiles, command) = (words(profiles), words(command));
        Self { version, id, pid, init, cgroup, profiles, command, started }
    }
}

/// The directory of this run. It goes away with the value.
pub struct Record(Option<Claimed>);

impl Record {
    /// Makes the directory of this run, and removes those of runs that were killed.
    ///
    /// `None` where the runtime directory cannot be written: a run does not depend on it.
    pub fn make(runtime: &Path, description: &Description) -> Option<Self> {
        let all = directory_of_all(runtime).ok()?;
        let own = Claimed::make(all, OsStr::new(description.id)).ok()?;
        let is_described = describe(&own.directory, description);
        let record = Self(Some(own));
        // Half a description is none: then the directory goes away again.
        is_described.then_some(record)
    }
}

fn describe(own: &OwnedFd, description: &Description) -> bool {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let Ok(file) = openat(own, FILE, flags, Mode::S_IRUSR | Mode::S_IWUSR) else {
        return false;
    };
    let Ok(text) = serde_json::to_vec(description) else { return false };
    File::from(file).write_all(&text).is_ok()
}

impl Drop for Record {
    fn drop(&mut self) {
        // What cannot be removed stays for the next run.
        let _ = self.0.take().map(Claimed::remove);
    }
}

/// `jail` in a runtime directory that is ours alone (XDG Base Directory Specification).
fn directory_of_all(runtime: &Path) -> Result<OwnedFd, Errno> {
    let state = stat(runtime)?;
    if state.st_uid != geteuid().as_raw() || state.st_mode & 0o022 != 0 {
        return Err(Errno::EPERM);
    }
    claimed::directory_of_all(runtime, OsStr::new("jail"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn runtime() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o700)).unwrap();
        directory
    }

    fn make(runtime: &Path, id: &str) -> Option<Record> {
        let command = ["make".into()];
        let description = Description::new(id, Pid::this(), None, &["dev".into()], &command);
        Record::make(runtime, &description)
    }

    #[test]
    fn a_run_is_described_while_it_lasts() {
        let runtime = runtime();
        let record = make(runtime.path(), "a").unwrap();
        let text = std::fs::read_to_string(runtime.path().join("jail/a/run.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["id"], &value["profiles"][0]), (&"a".into(), &"dev".into()));
        assert_eq!(value["pid"], std::process::id());
        drop(record);
        assert!(!runtime.path().join("jail/a").exists());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_lives_is_not() {
        let runtime = runtime();
        let alive = make(runtime.path(), "alive").unwrap();
        let left = runtime.path().join("jail/left");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join(FILE), "{").unwrap();
        let next = make(runtime.path(), "next").unwrap();
        assert!(!left.exists());
        assert!(runtime.path().join("jail/alive/run.json").exists());
        drop((alive, next));
        assert_eq!(std::fs::read_dir(runtime.path().join("jail")).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_others_may_write_is_not_used() {
        let runtime = runtime();
        std::fs::set_permissions(runtime.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(make(runtime.path(), "a").is_none());
        assert!(make(Path::new("/nowhere"), "a").is_none());
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_not_followed() {
        let (runtime, elsewhere) = (runtime(), runtime());
        std::os::unix::fs::symlink(elsewhere.path(), runtime.path().join("jail")).unwrap();
        assert!(make(runtime.path(), "a").is_none());
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
