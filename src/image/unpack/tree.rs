//! The directories of a layer: all that exist, and those that are open.
//!
//! The directory that is filled starts out empty and nobody else writes to it, so what is known
//! here is what is on the disk. That makes most names free to look up. Where the disk has to be
//! asked, it is asked below a descriptor, for one component, and links are followed here, by
//! their text: the kernel is told to follow none (openat2(2), Linux 5.6).

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};

use super::bad::{Limit, Reason};
use super::header::Time;
use super::limits::Budget;
use super::name::{LONGEST_PATH, components};
use super::remove::remove;
use super::{attributes, bad::system};
use crate::sys;

/// Bytes that the directories of one layer may take in memory, reckoned generously: enough for
/// half a million of them.
const MOST_MEMORY: usize = 256 << 20;
/// Bytes that a directory takes besides its name.
const NODE: usize = 480;
/// Directories that stay open. Tars go through one directory after the other.
const MOST_OPEN: usize = 16;
/// As many links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A directory of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u32);

pub(super) const ROOT: Id = Id(0);

pub(super) struct Node {
    pub parent: Id,
    pub name: Rc<[u8]>,
    children: BTreeMap<Rc<[u8]>, Id>,
    depth: usize,
    /// Bytes of its path.
    pub length: usize,
    /// Was not replaced by anything.
    pub alive: bool,
    /// What mkdir(2) was told.
    pub made: u32,
    /// What it is to become in the end; 0755 as long as no entry has said anything.
    pub mode: u32,
    pub mtime: Time,
    /// An entry has said what it is to become.
    pub named: bool,
    pub opaque: bool,
}

/// What to do where a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Make the directories, as all tools do.
    Make,
    /// There is nothing to be found.
    Refuse,
}

pub(super) struct Tree<'a> {
    root: BorrowedFd<'a>,
    budget: &'a Budget,
    nodes: Vec<Node>,
    /// The one used last is the first.
    open: VecDeque<(Id, Rc<OwnedFd>)>,
    /// The last path that was resolved to be filled; most entries have the parent of the one before.
    last: Option<(Vec<u8>, Id)>,
    memory: usize,
}

impl<'a> Tree<'a> {
    pub fn new(root: BorrowedFd<'a>, budget: &'a Budget) -> Self {
        let node = Node::new(ROOT, Rc::from(&b""[..]), 0, 0, 0o700);
        Self { root, budget, nodes: vec![node], open: VecDeque::new(), last: None, memory: 0 }
    }

    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// All directories that there ever were, children before their parents.
    pub fn ids_deepest_first(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.nodes.len() as u32).rev().map(Id)
    }

    pub fn child(&self, id: Id, name: &[u8]) -> Option<Id> {
        self.node(id).children.get(name).copied()
    }

    /// From the root, without a slash at the beginning.
    pub fn path(&self, id: Id) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            names.push(&*self.node(at).name);
            at = self.node(at).parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The directory, open for reading.
    pub fn open(&mut self, id: Id) -> Result<Rc<OwnedFd>, Reason> {
        if let Some(place) = self.open.iter().position(|(open, _)| *open == id) {
            let entry = self.open.remove(place).expect("it was just found");
            let fd = entry.1.clone();
            self.open.push_front(entry);
            return Ok(fd);
        }
        let mut path = self.path(id);
        if path.is_empty() {
            path.push(b'.');
        }
        let fd = sys::open_directory(self.root, &path).map_err(system("open a directory"))?;
        let fd = Rc::new(fd);
        self.open.truncate(MOST_OPEN - 1);
        self.open.push_front((id, fd.clone()));
        Ok(fd)
    }

    /// The directory in which an entry is made, with those above it.
    pub fn parent(&mut self, path: &[u8]) -> Result<Id, Reason> {
        if let Some((known, id)) = &self.last
            && known == path
        {
            return Ok(*id);
        }
        let id = self.resolve(path, Missing::Make)?;
        self.last = Some((path.to_vec(), id));
        Ok(id)
    }

    /// The directory that `path` leads to, by links of this layer too, never out of the root.
    pub fn resolve(&mut self, path: &[u8], missing: Missing) -> Result<Id, Reason> {
        let mut at = ROOT;
        let mut rest = components(path);
        while let Some(name) = rest.next() {
            match self.child(at, name) {
                Some(child) => at = child,
                None => {
                    let todo = std::iter::once(name).chain(rest).map(<[u8]>::to_vec).collect();
                    return self.resolve_slowly(at, todo, missing);
                }
            }
        }
        Ok(at)
    }

    fn resolve_slowly(
        &mut self,
        mut at: Id,
        mut todo: VecDeque<Vec<u8>>,
        missing: Missing,
    ) -> Result<Id, Reason> {
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            if name == b".." {
                at = self.node(at).parent;
                continue;
            }
            if let Some(child) = self.child(at, &name) {
                at = child;
                continue;
            }
            let directory = self.open(at)?;
            match readlinkat(&directory, name.as_slice()) {
                Ok(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Reason::Refused("links on its path lead to each other"));
                    }
                    let target = target.into_vec();
                    if target.starts_with(b"/") {
                        at = ROOT;
                    }
                    for name in components(&target).rev() {
                        todo.push_front(name.to_vec());
                    }
                }
                Err(Errno::ENOENT) if missing == Missing::Make => {
                    if todo.iter().any(|name| name == b"..") {
                        return Err(NOWHERE);
                    }
                    at = self.imply(at, &name)?;
                }
                // A whiteout says what is not below, and now something comes in its place.
                Err(Errno::EINVAL)
                    if missing == Missing::Make && is_whiteout(directory.as_fd(), &name)? =>
                {
                    at = self.imply(at, &name)?;
                }
                Err(Errno::ENOENT) => return Err(NOWHERE),
                Err(Errno::EINVAL) => {
                    return Err(Reason::Refused(NO_DIRECTORY));
                }
                Err(errno) => return Err(Reason::System("read a link", errno)),
            }
        }
        Ok(at)
    }

    /// A directory that no entry has named yet.
    fn imply(&mut self, parent: Id, name: &[u8]) -> Result<Id, Reason> {
        self.budget.add_entry()?;
        self.make(parent, name, 0o755)
    }

    /// Makes a directory; one that takes the place of something else hides what is below.
    ///
    /// It can be filled until [`finish`](super::finish) gives it the mode that it is to have.
    pub fn make(&mut self, parent: Id, name: &[u8], mode: u32) -> Result<Id, Reason> {
        let depth = self.node(parent).depth + 1;
        let length = self.node(parent).length + 1 + name.len();
        self.budget.check_depth(depth)?;
        if length > LONGEST_PATH {
            return Err(Reason::Refused("the path that it leads to is longer than 4095 bytes"));
        }
        self.memory += NODE + name.len();
        if self.memory > MOST_MEMORY {
            return Err(Reason::Limit(Limit::Directories(MOST_MEMORY)));
        }
        let made = if mode & 0o700 == 0o700 { mode & 0o777 } else { 0o700 };
        let opaque = self.make_on_disk(parent, name, Mode::from_bits_truncate(made))?;
        let id = Id(u32::try_from(self.nodes.len()).expect("memory is bounded"));
        let name: Rc<[u8]> = Rc::from(name);
        self.nodes.push(Node::new(parent, name.clone(), depth, length, made));
        self.node_mut(parent).children.insert(name, id);
        if opaque {
            self.set_opaque(id)?;
        }
        Ok(id)
    }

    /// Says whether there was something in its place.
    fn make_on_disk(&mut self, parent: Id, name: &[u8], mode: Mode) -> Result<bool, Reason> {
        let directory = self.open(parent)?;
        match mkdirat(&directory, name, mode) {
            Ok(()) => Ok(false),
            Err(Errno::EEXIST) => {
                self.clear(parent, name)?;
                mkdirat(&directory, name, mode).map_err(system("make a directory"))?;
                Ok(true)
            }
            Err(errno) => Err(Reason::System("make a directory", errno)),
        }
    }

    pub fn set_opaque(&mut self, id: Id) -> Result<(), Reason> {
        if !self.node(id).opaque {
            attributes::set_opaque(self.open(id)?.as_fd())?;
            self.node_mut(id).opaque = true;
        }
        Ok(())
    }

    /// Removes whatever is there, if anything is.
    pub fn clear(&mut self, parent: Id, name: &[u8]) -> Result<(), Reason> {
        let directory = self.open(parent)?;
        if let Some(child) = self.node_mut(parent).children.remove(name) {
            self.bury(child);
        }
        // Any of those that are open may be gone, and a link on that path.
        self.open.clear();
        self.last = None;
        remove(directory.as_fd(), name).map_err(system("remove what an entry replaces"))
    }

    fn bury(&mut self, id: Id) {
        let mut dead = vec![id];
        while let Some(id) = dead.pop() {
            let node = self.node_mut(id);
            node.alive = false;
            dead.extend(std::mem::take(&mut node.children).into_values());
        }
    }
}

/// What stands in the way of a path, as the words of [`Reason::Refused`].
pub(super) const NO_DIRECTORY: &str = "something on its path is not a directory";

const NOWHERE: Reason = Reason::Refused("its path leads through something that is not there");

impl Node {
    fn new(parent: Id, name: Rc<[u8]>, depth: usize, length: usize, made: u32) -> Self {
        Self {
            parent,
            name,
            children: BTreeMap::new(),
            depth,
            length,
            alive: true,
            made,
            mode: 0o755,
            mtime: Time::default(),
            named: false,
            opaque: false,
        }
    }
}

/// Whether it is one of our whiteouts: nothing else makes devices.
pub(super) fn is_whiteout(directory: BorrowedFd, name: &[u8]) -> Result<bool, Reason> {
    let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(system("look at what an entry replaces"))?;
    Ok(SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a million directories would take a minute to make.
    #[test]
    fn directories_beyond_the_memory_for_them_are_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let root = std::fs::File::open(directory.path()).unwrap();
        let budget = Budget::default();
        let mut tree = Tree::new(root.as_fd(), &budget);
        tree.memory = MOST_MEMORY - 2 * (NODE + 1);
        tree.make(ROOT, b"a", 0o755).unwrap();
        tree.make(ROOT, b"b", 0o755).unwrap();
        let reason = tree.make(ROOT, b"c", 0o755).unwrap_err();
        assert_eq!(reason.to_string(), "its directories take more than 256M of memory");
        assert!(!directory.path().join("c").exists());
    }
}
