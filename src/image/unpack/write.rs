//! The third thread: entries to files.
//!
//! Each thing is made under a name of one component in a directory that is open, and only where
//! nothing is yet: what is in the way is removed first. So nothing is ever written into a file that
//! exists, through a symbolic link or a hard link.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, makedev, mknodat, utimensat,
};
use nix::unistd::{linkat, symlinkat, write as write_some};

use super::attributes;
use super::bad::{Bad, Reason, system};
use super::begin::{Umask, begin};
use super::entries::{Entries, Entry, Kind};
use super::finish::finish;
use super::layer::Unpacked;
use super::limits::Budget;
use super::links::Links;
use super::name::{LONGEST_PATH, Meaning, meaning};
use super::room::Room;
use super::stream::Stream;
use super::tree::{Id, Missing, NO_DIRECTORY, ROOT, Tree};
use crate::image::owner::Owner;

/// Devices whose hard links are known to lead nowhere.
const MOST_SKIPPED: usize = 4096;

/// Writes all entries of a tar below `into`.
pub(super) fn write(stream: Stream, into: BorrowedFd, budget: &Budget) -> Result<Unpacked, Bad> {
    let umask = begin(into)?;
    let mut writer = Writer {
        entries: Entries::new(stream),
        tree: Tree::new(into, budget),
        budget,
        umask,
        room: Room::new(into)?,
        skipped: BTreeSet::new(),
        links: Links::default(),
        unpacked: Unpacked::default(),
    };
    while let Some(entry) = writer.entries.next()? {
        writer.entry(&entry).map_err(|reason| Bad::with(&entry.path, reason))?;
    }
    finish(&mut writer.tree, umask, &mut writer.unpacked)?;
    writer.unpacked.links = writer.links.finish(&writer.tree);
    Ok(writer.unpacked)
}

struct Writer<'a> {
    entries: Entries<Stream>,
    tree: Tree<'a>,
    budget: &'a Budget,
    umask: Umask,
    room: Room<'a>,
    /// Devices that were not made.
    skipped: BTreeSet<(Id, Vec<u8>)>,
    links: Links,
    unpacked: Unpacked,
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), Reason> {
        self.budget.add_entry()?;
        // Not the disk's fault.
        self.budget.check_size(entry.size)?;
        self.room.check(entry.size)?;
        self.unpacked.entries += 1;
        self.unpacked.skipped.attributes += entry.dropped;
        match meaning(&entry.path)? {
            Meaning::Ignored => Ok(()),
            Meaning::Root if entry.kind == Kind::Directory => self.describe(ROOT, entry),
            Meaning::Root => Err(Reason::Refused("it is the root, but not a directory")),
            Meaning::Opaque { parent } => {
                let parent = self.tree.parent(parent)?;
                self.tree.set_opaque(parent)
            }
            Meaning::Whiteout { parent, name } => match self.tree.parent(parent) {
                // Where a directory has become a file, umoci says of each file in it that it is gone.
                Err(Reason::Refused(NO_DIRECTORY)) => Ok(()),
                parent => self.whiteout(parent?, name),
            },
            Meaning::Entry { parent, name } => {
                let parent = self.tree.parent(parent)?;
                self.make(parent, name, entry)
            }
        }
    }

    fn make(&mut self, parent: Id, name: &[u8], entry: &Entry) -> Result<(), Reason> {
        match entry.kind {
            Kind::File => self.file(parent, name, entry),
            Kind::Directory => {
                let id = match self.tree.child(parent, name) {
                    Some(id) => id,
                    None => self.tree.make(parent, name, entry.mode)?,
                };
                self.describe(id, entry)
            }
            Kind::Symlink => self.symlink(parent, name, entry),
            Kind::HardLink => self.hard_link(parent, name, entry),
            Kind::Fifo => self.fifo(parent, name, entry),
            Kind::Device => self.device(parent, name),
        }
    }

    /// Notes what a directory is to become.
    fn describe(&mut self, id: Id, entry: &Entry) -> Result<(), Reason> {
        if attributes::needed(entry) {
            attributes::set(self.tree.open(id)?.as_fd(), entry)?;
        }
        if self.tree.node(id).named && entry.owner == Owner::ROOT {
            attributes::forget_owner(self.tree.open(id)?.as_fd())?;
        }
        let node = self.tree.node_mut(id);
        node.mode = entry.mode;
        node.mtime = entry.mtime;
        node.named = true;
        Ok(())
    }

    fn file(&mut self, parent: Id, name: &[u8], entry: &Entry) -> Result<(), Reason> {
        let special = attributes::needed(entry);
        // Attributes can be set only where the mode lets us write.
        let first = if special { 0o600 } else { entry.mode & 0o777 };
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(first);
        let file: OwnedFd = self
            .fresh(parent, name, "make a file", |directory| openat(directory, name, flags, mode))?;
        self.fill(file.as_fd())?;
        self.unpacked.bytes += entry.size;
        if special {
            attributes::set(file.as_fd(), entry)?;
        }
        if self.umask.left_of(first) != Some(entry.mode) {
            let mode = Mode::from_bits_truncate(entry.mode);
            fchmod(&file, mode).map_err(system("set the mode of a file"))?;
        }
        let time = entry.mtime.into();
        futimens(&file, &time, &time).map_err(system("set the time of a file"))
    }

    fn fill(&mut self, file: BorrowedFd) -> Result<(), Reason> {
        loop {
            let mut bytes = self.entries.part()?;
            if bytes.is_empty() {
                return Ok(());
            }
            while !bytes.is_empty() {
                match write_some(file, bytes) {
                    Ok(0) => return Err(Reason::System("write to a file", Errno::EIO)),
                    Ok(count) => bytes = &bytes[count..],
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Reason::System("write to a file", errno)),
                }
            }
        }
    }

    fn symlink(&mut self, parent: Id, name: &[u8], entry: &Entry) -> Result<(), Reason> {
        let target = entry.link.as_slice();
        if target.is_empty() {
            return Err(Reason::Refused("it is a link to nothing"));
        }
        if target.len() > LONGEST_PATH {
            return Err(Reason::Refused("its target is longer than 4095 bytes"));
        }
        self.fresh(parent, name, "make a symbolic link", |directory| {
            symlinkat(target, directory, name)
        })?;
        self.links.set(&self.tree, parent, name, entry.owner)?;
        let time = entry.mtime.into();
        let directory = self.tree.open(parent)?;
        utimensat(&directory, name, &time, &time, UtimensatFlags::NoFollowSymlink)
            .map_err(system("set the time of a symbolic link"))
    }

    fn hard_link(&mut self, parent: Id, name: &[u8], entry: &Entry) -> Result<(), Reason> {
        const MISSING: Reason = Reason::Refused("it is a link to a file that the layer has not");
        let Meaning::Entry { parent: to, name: target } = meaning(&entry.link)? else {
            return Err(MISSING);
        };
        let to = self.tree.resolve(to, Missing::Refuse)?;
        if (to, target) == (parent, name) {
            return Err(Reason::Refused("it is a link to itself"));
        }
        if self.skipped.contains(&(to, target.to_vec())) {
            return self.device(parent, name);
        }
        let from = self.tree.open(to)?;
        let stat = match fstatat(&from, target, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Err(MISSING),
            result => result.map_err(system("look at the target of a link"))?,
        };
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        if kind == SFlag::S_IFDIR || kind == SFlag::S_IFCHR {
            return Err(Reason::Refused("it is a link to something that is not a file"));
        }
        let made = self.fresh(parent, name, "make a hard link", |directory| {
            linkat(&from, target, directory, name, AtFlags::empty())
        });
        made.map_err(|reason| match reason {
            // It was there, and went with what was in the way.
            Reason::System(_, Errno::ENOENT) => {
                Reason::Refused("it is a link to something in the directory that it replaces")
            }
            other => other,
        })?;
        self.links.set(&self.tree, parent, name, self.links.of(to, target))
    }

    fn fifo(&mut self, parent: Id, name: &[u8], entry: &Entry) -> Result<(), Reason> {
        let private = Mode::S_IRUSR | Mode::S_IWUSR;
        self.fresh(parent, name, "make a fifo", |directory| {
            mknodat(directory, name, SFlag::S_IFIFO, private, 0)
        })?;
        self.links.set(&self.tree, parent, name, entry.owner)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let directory = self.tree.open(parent)?;
        let fifo = openat(&directory, name, flags, Mode::empty()).map_err(system("open a fifo"))?;
        let mode = Mode::from_bits_truncate(entry.mode);
        fchmod(&fifo, mode).map_err(system("set the mode of a fifo"))?;
        let time = entry.mtime.into();
        futimens(&fifo, &time, &time).map_err(system("set the time of a fifo"))
    }

    /// A device is not made, but what the layer had in its place is gone.
    fn device(&mut self, parent: Id, name: &[u8]) -> Result<(), Reason> {
        self.unpacked.skipped.devices += 1;
        self.tree.clear(parent, name)?;
        if self.skipped.len() < MOST_SKIPPED {
            self.skipped.insert((parent, name.to_vec()));
        }
        Ok(())
    }

    /// Hides what the layers below have, never what this layer has, wherever in the tar that is.
    fn whiteout(&mut self, parent: Id, name: &[u8]) -> Result<(), Reason> {
        if let Some(child) = self.tree.child(parent, name) {
            return self.tree.set_opaque(child);
        }
        let directory = self.tree.open(parent)?;
        match mknodat(&directory, name, SFlag::S_IFCHR, Mode::empty(), makedev(0, 0)) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(Errno::EPERM) => Err(Reason::NoWhiteouts),
            Err(errno) => Err(Reason::System("make a whiteout", errno)),
        }
    }

    /// Makes something where nothing is, if need be after removing what is there.
    fn fresh<T>(
        &mut self,
        parent: Id,
        name: &[u8],
        call: &'static str,
        make: impl Fn(BorrowedFd) -> Result<T, Errno>,
    ) -> Result<T, Reason> {
        let directory = self.tree.open(parent)?;
        match make(directory.as_fd()) {
            Err(Errno::EEXIST) => {
                self.tree.clear(parent, name)?;
                make(directory.as_fd()).map_err(system(call))
            }
            result => result.map_err(system(call)),
        }
    }
}
