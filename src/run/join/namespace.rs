//! From a path to a network namespace, looked up once.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open as open_file};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat, stat};
use nix::sys::statfs::{FsType, fstatfs};

use crate::diagnostic::Diagnostic;
use crate::sys::{namespace_kind, owning_user_namespace};

use super::words;

/// The file system that namespaces are files of.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// One that could be entered.
pub struct Namespace {
    pub network: OwnedFd,
    /// The user namespace that it belongs to, unless that is ours.
    pub owner: Option<OwnedFd>,
}

/// Opens what the path leads to. A link is followed, such as `/proc/PID/ns/net`, and what is found is
/// looked at before it is opened for anything: a fifo would wait, a device would do something.
pub fn open(path: &CStr) -> Result<Namespace, Diagnostic> {
    let found = open_file(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|errno| words::not_opened(path, errno))?;
    let failed = |call: &str, errno: Errno| words::failed(path, call, errno);
    let file = fstat(&found).map_err(|errno| failed("fstat", errno))?;
    let system = fstatfs(&found).map_err(|errno| failed("fstatfs", errno))?;
    if system.filesystem_type() != NSFS_MAGIC {
        return Err(words::no_namespace(path, file.st_mode));
    }
    // By number: what the path leads to may have changed.
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    let network = open_file(again.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|errno| failed("open", errno))?;
    let kind = namespace_kind(&network).map_err(|errno| failed("NS_GET_NSTYPE", errno))?;
    if kind != libc::CLONE_NEWNET {
        return Err(words::another_kind(path, kind));
    }
    let own = |name: &str| {
        stat(format!("/proc/self/ns/{name}").as_str()).map_err(|errno| failed("stat", errno))
    };
    if is_same(&file, &own("net")?) {
        return Err(words::of_the_host(path));
    }
    let owner = owner(&network, &own("user")?).map_err(|errno| match errno {
        Errno::EPERM => words::owned_outside(path),
        errno => failed("NS_GET_USERNS", errno),
    })?;
    Ok(Namespace { network, owner })
}

/// `None` if it belongs to `own`, our user namespace.
fn owner(network: impl AsFd, own: &FileStat) -> Result<Option<OwnedFd>, Errno> {
    let owner = owning_user_namespace(network)?;
    let is_ours = is_same(&fstat(&owner)?, own);
    Ok((!is_ours).then_some(owner))
}

fn is_same(one: &FileStat, other: &FileStat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}
