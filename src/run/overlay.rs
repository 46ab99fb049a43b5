//! Overlays: layers by descriptor, so that no path can be too long, hold a `:`, or be swapped.
//!
//! `userxattr`: without privilege the kernel lets overlayfs keep its notes in user.* attributes
//! only (Linux 5.11).

use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::mount::MsFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::fstat;
use nix::unistd::{Gid, Uid, chdir, fchownat};

use crate::sys::{
    Attributes, FsContext, Links, open_beneath, open_path, open_tree, set_attributes,
};

use super::message::{Call, During, Fault};
use super::mounts::{make_directory, numbered};

/// nosuid and nodev, writable.
pub(super) const WRITABLE: Attributes =
    Attributes { read_only: false, no_devices: true, no_exec: false, recursive: true };

/// Where writes go.
pub struct Upper {
    upper: OwnedFd,
    work: OwnedFd,
}

impl Upper {
    /// Directories of `store`, made now.
    pub fn new_in(store: BorrowedFd, number: u32) -> Result<Self, Fault> {
        let directory = |prefix: &str| {
            let name = numbered(prefix, number);
            make_directory(store, &name, 0o755)?;
            open_beneath(store, &name, Links::Refuse).during(Call::Open)
        };
        Ok(Self { upper: directory("upper")?, work: directory("work")? })
    }

    /// The root directory inside has the owner of the upper directory.
    pub fn give_to_the_owner_of(&self, lower: &CStr) -> Result<(), Fault> {
        let lower = open_path(lower, Links::Refuse).during(Call::Open)?;
        let stat = fstat(&lower).during(Call::Open)?;
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        fchownat(&self.upper, c"", Some(uid), Some(gid), AtFlags::AT_EMPTY_PATH).during(Call::Mkdir)
    }

    /// Directories of the host.
    pub fn at(upper: &CStr, work: &CStr) -> Result<Self, Fault> {
        let open = |path| open_path(path, Links::Refuse).during(Call::Open);
        Ok(Self { upper: open(upper)?, work: open(work)? })
    }
}

/// A detached overlay of `lower` of the host.
pub fn overlay(upper: &Upper, lower: &CStr) -> Result<OwnedFd, Fault> {
    let lower = open_path(lower, Links::Refuse).during(Call::Open)?;
    let context = FsContext::open(c"overlay").during(Call::Mount)?;
    context.set(c"lowerdir", &path_of(&lower)).during(Call::Mount)?;
    finish(context, upper)
}

/// A detached overlay of any number of directories, the topmost first.
///
/// A kernel that knows no `lowerdir+` says so only when all is told, before Linux 6.5: there the
/// words for a file system of the older kind are just gathered.
pub fn layered(store: BorrowedFd, upper: &Upper, lowers: &[CString]) -> Result<OwnedFd, Fault> {
    match layered_one_by_one(upper, lowers) {
        Err(Fault { errno: Errno::EINVAL, .. }) => layered_at_once(store, upper, lowers),
        result => result,
    }
}

/// `lowerdir+` takes one layer at a time, so that one descriptor is open at a time (Linux 6.7).
fn layered_one_by_one(upper: &Upper, lowers: &[CString]) -> Result<OwnedFd, Fault> {
    let context = FsContext::open(c"overlay").during(Call::Mount)?;
    for lower in lowers {
        let lower = open_path(lower, Links::Refuse).during(Call::Open)?;
        context.set(c"lowerdir+", &path_of(&lower)).during(Call::Mount)?;
    }
    finish(context, upper)
}

fn finish(context: FsContext, Upper { upper, work }: &Upper) -> Result<OwnedFd, Fault> {
    context.set(c"upperdir", &path_of(upper)).during(Call::Mount)?;
    context.set(c"workdir", &path_of(work)).during(Call::Mount)?;
    context.set_flag(c"userxattr").during(Call::Mount)?;
    context.mount(WRITABLE).during(Call::Mount)
}

/// The same for older kernels, which take all layers in one string: of at most 256 bytes by
/// fsconfig(2), of a page by mount(2). From within /proc/self/fd a layer is a number, so that 500
/// of them, which are as many as the kernel takes, need half a page.
fn layered_at_once(store: BorrowedFd, upper: &Upper, lowers: &[CString]) -> Result<OwnedFd, Fault> {
    // The command gets its own limit back before it starts.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).during(Call::Setrlimit)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).during(Call::Setrlimit)?;
    let mut layers = Vec::with_capacity(lowers.len());
    for lower in lowers {
        layers.push(open_path(lower, Links::Refuse).during(Call::Open)?);
    }
    let numbers: Vec<String> = layers.iter().map(|layer| layer.as_raw_fd().to_string()).collect();
    let options = format!(
        "userxattr,lowerdir={},upperdir={},workdir={}",
        numbers.join(":"),
        upper.upper.as_raw_fd(),
        upper.work.as_raw_fd()
    );
    let name = c"layers";
    make_directory(store, name, 0o755)?;
    let point = open_beneath(store, name, Links::Refuse).during(Call::Open)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    chdir(c"/proc/self/fd").during(Call::Chdir)?;
    let point = point.as_raw_fd().to_string();
    let mounted = nix::mount::mount(
        Some("overlay"),
        point.as_str(),
        Some("overlay"),
        flags,
        Some(options.as_str()),
    );
    chdir(c"/").during(Call::Chdir)?;
    mounted.during(Call::Mount)?;
    // Its first mount goes with the file system that it is on, which nobody inside can reach.
    let tree = open_tree(store, name).during(Call::OpenTree)?;
    set_attributes(tree.as_fd(), WRITABLE).during(Call::MountSetattr)?;
    Ok(tree)
}

fn path_of(fd: &OwnedFd) -> CString {
    let mut path = String::from("/proc/self/fd/");
    write!(path, "{}", fd.as_raw_fd()).expect("a string takes any text");
    CString::new(path).expect("letters and digits are not NUL")
}
