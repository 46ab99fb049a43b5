//! Why a layer has no copy.

use serde::{Deserialize, Serialize};

use crate::image::owner::Owner;
use nix::errno::Errno;

/// What is wrong, and at which path of the layer; empty for the layer as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub path: Vec<u8>,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The number of an errno.
    System(i32),
    /// Ids that do not exist inside.
    Owner { uid: u32, gid: u32 },
    /// The note about the owner is not one that we wrote.
    Note,
    /// It is not known who owns this link: it was unpacked by a version that did not note it.
    Unknown,
}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Self {
        Self::System(errno as i32)
    }
}

impl From<Owner> for Reason {
    fn from(Owner { uid, gid }: Owner) -> Self {
        Self::Owner { uid, gid }
    }
}
