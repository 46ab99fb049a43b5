//! Init's mounts: the new root and what is in it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, mkdirat};
use nix::unistd::{fchdir, pivot_root, symlinkat, write};

use crate::script::MountSource;
use crate::sys::{
    Attributes, FsContext, Links, READ_ONLY, create_file, detach_here, move_mount, open_beneath,
    open_path, open_tree, set_attributes,
};

use super::message::{Call, During, Fault};
use super::overlay::{Upper, WRITABLE, layered, overlay};

/// For what has no program in it: /proc, /dev.
const NO_PROGRAMS: Attributes =
    Attributes { read_only: false, no_devices: true, no_exec: true, recursive: false };
/// For one device node: its own mount is the only one that is not nodev.
const DEVICE: Attributes =
    Attributes { read_only: true, no_devices: false, no_exec: true, recursive: false };
/// One read-only mount, what is below it as it is.
const SEALED: Attributes =
    Attributes { read_only: true, no_devices: true, no_exec: false, recursive: false };

const MASK_DIRECTORY: &CStr = c"mask-directory";
const MASK_FILE: &CStr = c"mask-file";

/// The new root while it is built.
pub struct Tree {
    root: OwnedFd,
    /// A directory of the scratch tmpfs that nobody inside can reach: it is covered by /proc,
    /// or lies outside the root. Private directories, upper layers and masks are made here.
    store: OwnedFd,
    here: OwnedFd,
    source: Option<(CString, OwnedFd)>,
    made: u32,
    /// How many mounts of ours lie over the host's `/` when the root is pivoted away.
    stacked: u32,
}

/// The scratch tmpfs, attached over the host's `/` so that parts of it can be cloned
/// (a detached mount can be cloned from Linux 6.15 on only).
pub fn scratch(size: &CStr, inodes: &CStr) -> Result<OwnedFd, Fault> {
    let scratch = tmpfs(size, Some(inodes), c"0755")?;
    move_mount(scratch.as_fd(), AT_FDCWD, c"/").during(Call::MoveMount)?;
    Ok(scratch)
}

impl Tree {
    /// The scratch tmpfs is the root. What it stores lies below /proc, which is mounted over.
    pub fn on_scratch(scratch: OwnedFd) -> Result<Self, Fault> {
        mkdirat(&scratch, c"proc", Mode::from_bits_truncate(0o555)).during(Call::Mkdir)?;
        let store = open_beneath(scratch.as_fd(), c"proc", Links::Refuse).during(Call::Open)?;
        let here = scratch.try_clone().map_err(|_| Errno::EMFILE).during(Call::Open)?;
        Self::new(scratch, store, here, 1)
    }

    /// An overlay is the root; the scratch tmpfs lies beside it and goes with the host's tree.
    pub fn on_overlay(scratch: OwnedFd, lower: &CStr) -> Result<Self, Fault> {
        let upper = Upper::new_in(scratch.as_fd(), 0)?;
        let root = overlay(&upper, lower)?;
        Self::beside(scratch, root, 1)
    }

    /// The same of an image's layers, the topmost first; `kept` are an upper and a work directory of
    /// the host that outlive the run.
    pub fn on_layers(
        scratch: OwnedFd,
        lowers: &[CString],
        kept: Option<&(CString, CString)>,
        owned: bool,
    ) -> Result<Self, Fault> {
        let upper = match kept {
            Some((upper, work)) => Upper::at(upper, work)?,
            None => Upper::new_in(scratch.as_fd(), 0)?,
        };
        if let (true, None, Some(top)) = (owned, kept, lowers.first()) {
            upper.give_to_the_owner_of(top)?;
        }
        let root = layered(scratch.as_fd(), &upper, lowers)?;
        Self::beside(scratch, root, 1)
    }

    /// A directory of the host is the root.
    pub fn on_directory(scratch: OwnedFd, path: &CStr) -> Result<Self, Fault> {
        let directory = open_path(path, Links::Refuse).during(Call::Open)?;
        let root = bind(directory.as_fd(), c"", WRITABLE)?;
        Self::beside(scratch, root, 0)
    }

    fn beside(scratch: OwnedFd, root: OwnedFd, made: u32) -> Result<Self, Fault> {
        move_mount(root.as_fd(), AT_FDCWD, c"/").during(Call::MoveMount)?;
        let here = root.try_clone().map_err(|_| Errno::EMFILE).during(Call::Open)?;
        let mut tree = Self::new(root, scratch, here, 2)?;
        tree.made = made;
        Ok(tree)
    }

    fn new(root: OwnedFd, store: OwnedFd, here: OwnedFd, stacked: u32) -> Result<Self, Fault> {
        mkdirat(&store, MASK_DIRECTORY, Mode::empty()).during(Call::Mkdir)?;
        create_file(store.as_fd(), MASK_FILE, 0).during(Call::Open)?;
        Ok(Self { root, store, here, source: None, made: 0, stacked })
    }

    pub fn enter(&mut self, path: &CStr, links: Links) -> Result<(), Fault> {
        self.here = open_beneath(self.root.as_fd(), path, links).during(Call::Open)?;
        Ok(())
    }

    pub fn make_directory(&self, name: &CStr, mode: u32) -> Result<(), Fault> {
        make_directory(self.here.as_fd(), name, mode)
    }

    pub fn make_file(&self, name: &CStr) -> Result<(), Fault> {
        make_file(self.here.as_fd(), name)
    }

    pub fn write_file(&self, name: &CStr, content: &[u8]) -> Result<(), Fault> {
        write_new(self.here.as_fd(), name, content)
    }

    pub fn symlink(&self, name: &CStr, target: &CStr) -> Result<(), Fault> {
        symlinkat(target, &self.here, name).during(Call::Symlink)
    }

    /// Returns what is mounted now.
    pub fn mount(&mut self, name: &CStr, source: &MountSource) -> Result<OwnedFd, Fault> {
        let tree = match source {
            MountSource::Private { mode } => self.private(*mode)?,
            MountSource::Tmpfs { size } => tmpfs(size, None, c"1777")?,
            MountSource::Bind { directory, name, read_only } => {
                let attributes = if *read_only { READ_ONLY } else { WRITABLE };
                bind(self.source(directory)?, name, attributes)?
            }
            MountSource::Overlay { lower } => {
                let number = self.next();
                overlay(&Upper::new_in(self.store.as_fd(), number)?, lower)?
            }
            MountSource::File { content, read_only } => self.file(content, *read_only)?,
            MountSource::Mask { directory } => self.mask(*directory)?,
        };
        move_mount(tree.as_fd(), self.here.as_fd(), name).during(Call::MoveMount)?;
        Ok(tree)
    }

    /// The directory of the host that something is bound from. Most binds come from the one
    /// before, so it stays open.
    fn source(&mut self, path: &CStr) -> Result<BorrowedFd<'_>, Fault> {
        let source = match self.source.take() {
            Some((last, fd)) if last.as_c_str() == path => (last, fd),
            _ => (path.to_owned(), open_path(path, Links::Refuse).during(Call::Open)?),
        };
        Ok(self.source.insert(source).1.as_fd())
    }

    /// A directory of the store as a mount of its own: writable, whatever the root is.
    fn private(&mut self, mode: u32) -> Result<OwnedFd, Fault> {
        let name = numbered("private", self.next());
        make_directory(self.store.as_fd(), &name, mode)?;
        open_tree(self.store.as_fd(), &name).during(Call::OpenTree)
    }

    /// A file of the store as a mount of its own.
    fn file(&mut self, content: &[u8], read_only: bool) -> Result<OwnedFd, Fault> {
        let name = numbered("file", self.next());
        write_new(self.store.as_fd(), &name, content)?;
        bind(self.store.as_fd(), &name, if read_only { READ_ONLY } else { WRITABLE })
    }

    /// Mode 0 alone would not do: the owner could change it, were the mount not read-only.
    fn mask(&self, directory: bool) -> Result<OwnedFd, Fault> {
        let name = if directory { MASK_DIRECTORY } else { MASK_FILE };
        let tree = open_tree(self.store.as_fd(), name).during(Call::OpenTree)?;
        set_attributes(tree.as_fd(), READ_ONLY).during(Call::MountSetattr)?;
        Ok(tree)
    }

    /// A new procfs. The host's is still in sight, as the kernel asks for in a user
    /// namespace (`mount_too_revealing`). Processes that the reader may not trace are invisible in
    /// it, init too; `ptraceable`, unlike `invisible`, makes no exception for gid 0 (Linux 5.8).
    ///
    /// Everything below is reached from our own descriptor of it, never by path (CVE-2019-19921).
    /// Returns the setting `user/max_user_namespaces`, open for writing: soon no path leads there.
    pub fn proc(
        &mut self,
        masked: &[CString],
        read_only: &[CString],
        links: Links,
    ) -> Result<OwnedFd, Fault> {
        self.source = None;
        let context = FsContext::open(c"proc").during(Call::Mount)?;
        context.set(c"hidepid", c"ptraceable").during(Call::Mount)?;
        let proc = context.mount(NO_PROGRAMS).during(Call::Mount)?;
        self.enter(c"/", links)?;
        make_directory(self.here.as_fd(), c"proc", 0o555)?;
        move_mount(proc.as_fd(), self.here.as_fd(), c"proc").during(Call::MoveMount)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let setting = openat(&proc, c"sys/user/max_user_namespaces", flags, Mode::empty())
            .during(Call::Open)?;
        self.mask_all(proc.as_fd(), masked)?;
        for path in read_only {
            let tree = match open_tree(proc.as_fd(), path) {
                Err(Errno::ENOENT) => continue,
                result => result.during(Call::OpenTree)?,
            };
            set_attributes(tree.as_fd(), READ_ONLY).during(Call::MountSetattr)?;
            move_mount(tree.as_fd(), proc.as_fd(), path).during(Call::MoveMount)?;
        }
        Ok(setting)
    }

    /// Masks the `paths` below `proc` that this kernel has.
    fn mask_all(&self, proc: BorrowedFd, paths: &[CString]) -> Result<(), Fault> {
        let mut unused = None;
        for path in paths {
            let file = match unused.take() {
                Some(file) => file,
                None => self.mask(false)?,
            };
            match move_mount(file.as_fd(), proc, path) {
                Ok(()) => {}
                Err(Errno::ENOENT) => unused = Some(file),
                // A file cannot be mounted on a directory.
                Err(Errno::ENOTDIR | Errno::EINVAL | Errno::EISDIR) => {
                    let directory = self.mask(true)?;
                    move_mount(directory.as_fd(), proc, path).during(Call::MoveMount)?;
                    unused = Some(file);
                }
                Err(errno) => return Err(errno).during(Call::MoveMount),
            }
        }
        Ok(())
    }

    /// A new /dev: nodes of the host one by one, terminals and shared memory of its own.
    pub fn dev(&mut self, devices: &[CString], links: Links) -> Result<(), Fault> {
        let name = numbered("private", self.next());
        make_directory(self.store.as_fd(), &name, 0o755)?;
        let dev = open_tree(self.store.as_fd(), &name).during(Call::OpenTree)?;
        self.enter(c"/", links)?;
        make_directory(self.here.as_fd(), c"dev", 0o755)?;
        move_mount(dev.as_fd(), self.here.as_fd(), c"dev").during(Call::MoveMount)?;
        let host = open_path(c"/dev", Links::Refuse).during(Call::Open)?;
        for name in devices {
            device(dev.as_fd(), host.as_fd(), name)?;
        }
        let pts = FsContext::open(c"devpts").during(Call::Mount)?;
        pts.set_flag(c"newinstance").during(Call::Mount)?;
        pts.set(c"ptmxmode", c"0666").during(Call::Mount)?;
        pts.set(c"mode", c"0620").during(Call::Mount)?;
        let attributes = Attributes { no_devices: false, ..NO_PROGRAMS };
        let pts = pts.mount(attributes).during(Call::Mount)?;
        make_directory(dev.as_fd(), c"pts", 0o755)?;
        move_mount(pts.as_fd(), dev.as_fd(), c"pts").during(Call::MoveMount)?;
        let shm = self.private(0o1777)?;
        make_directory(dev.as_fd(), c"shm", 0o755)?;
        move_mount(shm.as_fd(), dev.as_fd(), c"shm").during(Call::MoveMount)?;
        for (target, name) in DEV_LINKS {
            symlinkat(target, dev.as_fd(), name).during(Call::Symlink)?;
        }
        set_attributes(dev.as_fd(), Attributes { read_only: true, ..NO_PROGRAMS })
            .during(Call::MountSetattr)
    }

    /// The root mount alone: /tmp and the like are mounts of their own and stay writable.
    pub fn seal(&self) -> Result<(), Fault> {
        set_attributes(self.root.as_fd(), SEALED).during(Call::MountSetattr)
    }

    /// Makes the tree the root of this process and lets go of the host's.
    ///
    /// pivot_root(".", ".") puts the old root over the new one; the detached mounts are the
    /// old root and, where the root is not the scratch tmpfs itself, that tmpfs on top of it.
    pub fn pivot(self) -> Result<(), Fault> {
        fchdir(&self.root).during(Call::Chdir)?;
        pivot_root(c".", c".").during(Call::PivotRoot)?;
        for _ in 0..self.stacked {
            detach_here().during(Call::Umount)?;
        }
        nix::unistd::chdir(c"/").during(Call::Chdir)
    }

    fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }
}

const DEV_LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"fd"),
    (c"/proc/self/fd/0", c"stdin"),
    (c"/proc/self/fd/1", c"stdout"),
    (c"/proc/self/fd/2", c"stderr"),
    (c"pts/ptmx", c"ptmx"),
];

/// A detached tmpfs.
fn tmpfs(size: &CStr, inodes: Option<&CStr>, mode: &CStr) -> Result<OwnedFd, Fault> {
    let context = FsContext::open(c"tmpfs").during(Call::Mount)?;
    context.set(c"size", size).during(Call::Mount)?;
    context.set(c"mode", mode).during(Call::Mount)?;
    if let Some(inodes) = inodes {
        context.set(c"nr_inodes", inodes).during(Call::Mount)?;
    }
    context.mount(WRITABLE).during(Call::Fsmount)
}

/// A detached copy of the tree at `name` in `directory`, or of `directory` if `name` is empty.
///
/// The host's paths in a script have no symbolic links. One that is there now was put there
/// behind our back: on the way it makes the open fail, at the end it is mounted itself, and
/// leads nowhere but to a place inside.
fn bind(directory: BorrowedFd, name: &CStr, attributes: Attributes) -> Result<OwnedFd, Fault> {
    let tree = open_tree(directory, name).during(Call::OpenTree)?;
    set_attributes(tree.as_fd(), attributes).during(Call::MountSetattr)?;
    Ok(tree)
}

fn device(dev: BorrowedFd, host: BorrowedFd, name: &CStr) -> Result<(), Fault> {
    make_parents(dev, name)?;
    make_file(dev, name)?;
    let node = bind(host, name, DEVICE)?;
    move_mount(node.as_fd(), dev, name).during(Call::MoveMount)
}

/// Directories on the way to `name`, such as `dri` for `dri/card0`.
fn make_parents(dev: BorrowedFd, name: &CStr) -> Result<(), Fault> {
    let bytes = name.to_bytes();
    for (end, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let parent = CString::new(&bytes[..end]).expect("part of a C string has no NUL");
        make_directory(dev, &parent, 0o755)?;
    }
    Ok(())
}

pub(super) fn make_directory(parent: BorrowedFd, name: &CStr, mode: u32) -> Result<(), Fault> {
    let mode = Mode::from_bits_truncate(mode);
    match mkdirat(parent, name, mode) {
        Ok(()) if mode.contains(Mode::S_ISVTX) => {
            // mkdir(2) may ignore the sticky bit.
            fchmodat(parent, name, mode, FchmodatFlags::NoFollowSymlink).during(Call::Mkdir)
        }
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno).during(Call::Mkdir),
    }
}

fn write_new(directory: BorrowedFd, name: &CStr, content: &[u8]) -> Result<(), Fault> {
    let file = create_file(directory, name, 0o644).during(Call::Open)?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = write(&file, rest).during(Call::Write)?;
        rest = &rest[written..];
    }
    Ok(())
}

fn make_file(parent: BorrowedFd, name: &CStr) -> Result<(), Fault> {
    match create_file(parent, name, 0o644) {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno).during(Call::Open),
    }
}

pub(super) fn numbered(prefix: &str, number: u32) -> CString {
    CString::new(format!("{prefix}-{number}")).expect("letters and digits are not NUL")
}
