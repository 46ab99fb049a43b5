//! Work on files that belong to subordinate ids: only inside of a user namespace has the caller
//! any power over them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getegid, geteuid, pipe2};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::sys::{Change, Clone, die_with_parent, exit_now, fork, restore_default, wait_for_end};

use super::program::{find_program, map};
use super::range::ranges;

/// Does `work` in a child process that has all capabilities over whatever belongs to the caller or to
/// the caller's ranges. Each id is the same number there as outside.
///
/// This process must have one thread: the child is a copy of it. It ends with this process.
///
/// # Errors
///
/// There is no range, no newuidmap(1), or no user namespace to be had; the child was killed.
pub fn within<T: Serialize + DeserializeOwned>(work: impl FnOnce() -> T) -> Result<T, Diagnostic> {
    if threads() != Some(1) {
        return Err(cannot("this process has several threads"));
    }
    let [uids, gids] = [Kind::user()?, Kind::group()?];
    let system = |errno: Errno| cannot(errno_cause(errno));
    // Whoever started us may ignore it, and then nobody could be waited for.
    restore_default(Signal::SIGCHLD).map_err(system)?;
    let (orders, to_child) = pipe2(OFlag::O_CLOEXEC).map_err(system)?;
    let (answers, to_parent) = pipe2(OFlag::O_CLOEXEC).map_err(system)?;
    match fork().map_err(system)? {
        Clone::Child => {
            drop((to_child, answers));
            in_child(orders, to_parent, work)
        }
        Clone::Parent { child } => {
            drop((orders, to_parent));
            let answer = converse(child, to_child, answers, [uids, gids]);
            let end = wait(child);
            match (answer?, end) {
                (Some(answer), _) => Ok(answer),
                (None, Ok(Change::Signaled(signal))) => Err(ended_by(signal)),
                (None, Ok(_)) => Err(cannot("the process that does it gave no answer")),
                (None, Err(errno)) => Err(system(errno)),
            }
        }
    }
}

/// Users or groups.
struct Kind {
    program: PathBuf,
    numbers: Vec<OsString>,
}

impl Kind {
    fn user() -> Result<Self, Diagnostic> {
        Self::new("newuidmap", "/etc/subuid", geteuid().as_raw())
    }

    fn group() -> Result<Self, Diagnostic> {
        Self::new("newgidmap", "/etc/subgid", getegid().as_raw())
    }

    fn new(program: &str, file: &str, own: u32) -> Result<Self, Diagnostic> {
        let text = fs::read_to_string(file).unwrap_or_default();
        let ranges = ranges(&text, &user_name(), geteuid().as_raw());
        if ranges.is_empty() {
            let flag = if program == "newuidmap" { "--add-subuids" } else { "--add-subgids" };
            let help = format!("run `sudo usermod {flag} 100000-165535 {}`", user_name());
            return Err(cannot(format!("you have no range in `{file}`")).help(help));
        }
        let search = std::env::var_os("PATH").unwrap_or_default();
        let found = find_program(program, &search).ok_or_else(|| {
            cannot(format!("there is no program `{program}`")).help("install the package `uidmap`")
        })?;
        let extents = apart(own, ranges).into_iter();
        let numbers = extents.flat_map(|(first, count)| [first, first, count]);
        let numbers = numbers.map(|number| number.to_string().into()).collect();
        Ok(Self { program: found, numbers })
    }
}

/// One's own id and the ranges, without what comes twice: the kernel takes no extents that overlap.
fn apart(own: u32, ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let mut taken = vec![(own, 1)];
    for (first, count) in ranges {
        let overlaps =
            |other: &(u32, u32)| first < other.0 + other.1 && other.0 < first.saturating_add(count);
        if !taken.iter().any(overlaps) {
            taken.push((first, count));
        }
    }
    taken
}

/// As newuidmap(1) finds it, but for accounts that are not in the file.
fn user_name() -> String {
    let uid = geteuid().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.or_else(|| std::env::var("USER").ok()).unwrap_or_default()
}

fn threads() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

/// The child says whether it has a namespace, waits until that has ids, works, and answers.
fn in_child<T: Serialize>(orders: OwnedFd, answers: OwnedFd, work: impl FnOnce() -> T) -> ! {
    let (mut orders, mut answers) = (File::from(orders), File::from(answers));
    let begun = unshare(CloneFlags::CLONE_NEWUSER).and_then(|()| die_with_parent());
    let errno = begun.err().map_or(0, |errno| errno as i32);
    let told = answers.write_all(&errno.to_le_bytes());
    // The pipe ends unread when the parent gave up, or is gone.
    if errno == 0 && told.is_ok() && orders.read_exact(&mut [0]).is_ok() {
        let answer = serde_json::to_vec(&work()).expect("it has string keys only");
        // Without a reader there is nobody left to tell.
        let _ = answers.write_all(&answer);
    }
    exit_now(0)
}

/// The parent's half. `None` if the child ended before it answered.
fn converse<T: DeserializeOwned>(
    child: Pid,
    orders: OwnedFd,
    answers: OwnedFd,
    kinds: [Kind; 2],
) -> Result<Option<T>, Diagnostic> {
    let (mut orders, mut answers) = (File::from(orders), File::from(answers));
    let mut errno = [0; 4];
    if answers.read_exact(&mut errno).is_err() {
        return Ok(None);
    }
    match i32::from_le_bytes(errno) {
        0 => {}
        errno => {
            let cause = errno_cause(Errno::from_raw(errno));
            return Err(cannot(format!("no user namespace can be made: {cause}")));
        }
    }
    for Kind { program, numbers } in kinds {
        map(program.as_os_str(), child, &numbers)
            .map_err(|words| cannot(format!("`{}`: {words}", program.display())))?;
    }
    let mut answer = Vec::new();
    if orders.write_all(&[1]).and_then(|()| answers.read_to_end(&mut answer)).is_err() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&answer).ok())
}

fn wait(child: Pid) -> Result<Change, Errno> {
    loop {
        match wait_for_end(child) {
            Err(Errno::EINTR) => {}
            result => return result.map(|(change, _)| change),
        }
    }
}

fn ended_by(signal: i32) -> Diagnostic {
    let ended = cannot(format!("the process that does it was ended by signal {signal}"));
    match Signal::try_from(signal) {
        Ok(Signal::SIGXFSZ) => ended.help("raise the limit of file sizes: ulimit -f unlimited"),
        _ => ended,
    }
}

fn cannot(because: impl Into<String>) -> Diagnostic {
    Diagnostic::error("cannot work on files of subordinate ids").because(because)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The thread of this test is not the first one.
    #[test]
    fn a_process_of_several_threads_is_not_copied() {
        let refused = cannot("this process has several threads");
        assert_ne!(threads(), Some(1));
        assert_eq!(within(|| 0).err(), Some(refused));
    }

    #[test]
    fn extents_never_overlap() {
        assert_eq!(apart(1001, vec![(5000, 10), (6000, 10)]), [(1001, 1), (5000, 10), (6000, 10)]);
        assert_eq!(apart(1001, vec![(1000, 10), (5000, 10), (5009, 3)]), [(1001, 1), (5000, 10)]);
        assert_eq!(apart(0, vec![(1, u32::MAX - 1)]), [(0, 1), (1, u32::MAX - 1)]);
    }
}
