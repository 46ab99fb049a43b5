//! Making room: a cgroup that holds a process can have no limited children.
//!
//! Where we are alone in a cgroup that was delegated to us, we go to a leaf below it, and come
//! back at the end.

use std::ffi::OsString;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::host::cgroups::Controller;

use super::directory::{Claim, Directory};
use super::sweep::{PREFIX, SUPERVISOR};

/// Where we are while the run lasts.
pub struct Leaf {
    name: OsString,
    enabled: Vec<Controller>,
    _claim: Claim,
}

impl Leaf {
    /// Moves this process from `parent` to a leaf of its own.
    pub fn enter(parent: &Directory, id: &str, enabled: &[Controller]) -> Result<Self, Errno> {
        let name = format!("{PREFIX}{id}{SUPERVISOR}");
        let (leaf, claim) = parent.make_claimed(&name)?;
        leaf.take(Pid::this())?;
        Ok(Self { name: name.into(), enabled: enabled.to_vec(), _claim: claim })
    }

    /// Goes back, if nobody else has made children in the meantime: what we enabled for them is
    /// theirs now, and keeps us out.
    pub fn leave(self, parent: &Directory) -> Result<(), Errno> {
        if parent.children().iter().any(|child| *child != self.name) {
            return Ok(());
        }
        for controller in &self.enabled {
            parent.write("cgroup.subtree_control", &format!("-{}", controller.name()))?;
        }
        parent.take(Pid::this())?;
        parent.remove(&self.name)
    }
}
