//! The caller's terminal, given back as it was.

use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use crate::sys::duplicate;

/// Says whether this session has a terminal: /dev/tty can be opened then, and only then (tty(4)).
pub fn has_controlling_terminal() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    open("/dev/tty", flags, Mode::empty()).is_ok()
}

/// A terminal whose foreground process group is ours.
///
/// A shell inside makes itself the foreground group, but cannot name ours when it gives the
/// terminal back: outside its pid namespace there are no ids for it.
pub struct Terminal {
    terminal: OwnedFd,
    group: Pid,
}

impl Terminal {
    /// The terminal on descriptor 0, 1 or 2, if our process group is in its foreground.
    pub fn in_foreground() -> Option<Self> {
        let group = getpgrp();
        (0..3).find_map(|fd| {
            let terminal = duplicate(fd).ok()?;
            let foreground = tcgetpgrp(terminal.as_fd()).ok()?;
            (foreground == group).then_some(Self { terminal, group })
        })
    }

    /// Makes our process group the foreground one again. SIGTTOU must be blocked.
    pub fn take_back(&self) {
        if tcgetpgrp(self.terminal.as_fd()) != Ok(self.group) {
            // A terminal that has been hung up meanwhile cannot be given to anybody.
            let _ = tcsetpgrp(self.terminal.as_fd(), self.group);
        }
    }
}
