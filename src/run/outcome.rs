//! How a run ended, and what it used.

use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::Diagnostic;
use crate::forward::Account;

/// The command was executed, and has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Names the run, as its cgroup and its directory in `$XDG_RUNTIME_DIR/jail`.
    pub id: String,
    pub end: End,
    /// The time limit ended it.
    pub timed_out: bool,
    pub hits: Hits,
    pub usage: Usage,
    /// What the network refused; `None` if nobody served it.
    pub network: Option<Account>,
    /// The cgroup that held its limits, as a directory of the host; gone by now.
    pub cgroup: Option<PathBuf>,
    /// What the user should know: something could not be removed.
    pub notes: Vec<Diagnostic>,
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(u8),
    /// Ended by this signal.
    Signaled(i32),
}

impl End {
    /// The exit status of shells: 128 and the signal's number for a command that a signal ended.
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Signaled(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// The limits that the command ran into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The kernel ended everything inside, for want of memory.
    pub oom: Option<OutOfMemory>,
    /// How often a new process or thread was refused by the cgroup.
    pub pids_refused: u64,
    /// Steps of the plan (their index) that made a file system in memory, which is full now.
    pub full: Vec<Full>,
}

/// Whose memory was used up, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// It was our own limit; else one above it, or the machine had no more.
    pub own_limit: bool,
    /// The name of the largest process, shortly before; as the process calls itself.
    pub victim: Option<String>,
}

/// A file system in memory that has no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    pub step: u16,
    /// There is room, but no more files can be made.
    pub files: bool,
}

/// What the run used, from the start of the command to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub wall: Duration,
    pub user: Figure<Duration>,
    pub system: Figure<Duration>,
    /// In bytes. From rusage: of the largest process, not of all together.
    pub peak_memory: Figure<u64>,
    /// The rest only a cgroup counts. Processes and threads at once.
    pub peak_pids: Option<u64>,
    /// Bytes, of all block devices.
    pub io_read: Option<u64>,
    pub io_written: Option<u64>,
    /// How long processes were kept waiting by the limit on processors, added up.
    pub throttled: Option<Duration>,
}

/// A number and who counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure<T> {
    pub value: T,
    pub source: Counter,
}

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    Cgroup,
    /// wait4(2): the processes that were waited for.
    Rusage,
}

/// The command was not executed, or nobody knows how it ended.
#[derive(Debug)]
pub struct Refused {
    pub diagnostic: Box<Diagnostic>,
    /// 125; 126 if the command cannot be executed; 127 if it is not there.
    pub status: u8,
    /// The command was executed all the same: the sandbox was destroyed around it.
    pub started: bool,
    /// The step of the plan (its index) that failed inside, and what the kernel said, if one did.
    pub failed: Option<(u16, Errno)>,
}

impl Refused {
    /// jail itself failed, before the command was executed.
    pub fn before_the_command(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Box::new(diagnostic), status: 125, started: false, failed: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(End::Exited(7).status(), 7);
        assert_eq!(End::Signaled(9).status(), 137);
        assert_eq!(End::Signaled(64).status(), 192);
    }
}
