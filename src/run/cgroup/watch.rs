//! Who uses the memory when it runs out.
//!
//! Afterwards nobody can tell: all processes are killed at once. So the largest is looked up
//! when the limit is first felt, which is before the kernel gives up looking for free pages.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::directory::Directory;

/// A look takes time that the command may need: no more often than this.
const PAUSE: Duration = Duration::from_millis(100);

/// Watches memory.events of one cgroup.
pub struct MemoryWatch {
    /// Readable again (POLLPRI) when a count in it has changed.
    events: File,
    members: File,
    init: String,
    last: Option<Instant>,
    largest: Option<String>,
    removed: bool,
}

impl MemoryWatch {
    /// `None` if the cgroup does not count memory.
    pub fn new(limited: &Directory, payload: &Directory, init: Pid) -> Option<Self> {
        let events = limited.open_file("memory.events").ok()?;
        let members = payload.open_file("cgroup.procs").ok()?;
        Some(Self {
            events,
            members,
            init: init.to_string(),
            last: None,
            largest: None,
            removed: false,
        })
    }

    /// Takes note of the change, and of the largest process.
    pub fn look(&mut self) {
        // Reading arms the notification anew; that of a removed cgroup would never be silent.
        self.removed = read(&mut self.events).is_none();
        if self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        let members = read(&mut self.members).unwrap_or_default();
        // One that was killed has no memory any more. Init is our own, and is small.
        let sizes = members.lines().filter(|pid| *pid != self.init);
        let sizes = sizes.map(|pid| (resident(pid), pid)).filter(|(pages, _)| *pages > 0);
        if let Some((_, largest)) = sizes.max() {
            let largest = name(largest);
            // It is about to become the command, which may fill the memory before the pause is over.
            if largest.is_some() && largest == name("self") {
                return;
            }
            self.largest = largest.or_else(|| self.largest.take());
        }
        // With thousands of processes a look may take longer than the pause.
        self.last = Some(Instant::now());
    }

    /// Whether there is anything to wait for.
    pub fn is_on(&self) -> bool {
        !self.removed
    }

    /// The name of the largest process at the last look.
    pub fn largest(&self) -> Option<&str> {
        self.largest.as_deref()
    }
}

impl AsFd for MemoryWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

fn read(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Resident pages (proc_pid_statm(5)); none of a process that has ended.
fn resident(pid: &str) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

fn name(pid: &str) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}
