//! What is at a path, and which symbolic links lead there.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::libc;

use crate::units::AbsolutePath;

use super::{FileFact, FileKind, Link};

/// The kernel's own limit (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Follows paths by hand, and asks the kernel about each file at most once.
pub struct Walker {
    /// What `/` is: not that of the host for a directory root.
    root: PathBuf,
    seen: HashMap<OsString, Node>,
    /// Directories that are reached without links: a look at an entry is all it takes there.
    plain: Vec<AbsolutePath>,
}

#[derive(Clone, Debug)]
enum Node {
    Missing,
    Unreachable(i32),
    Link(OsString),
    Kind(FileKind),
}

impl Walker {
    /// Walks below `root`, which absolute links and `..` do not leave.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), seen: HashMap::new(), plain: Vec::new() }
    }

    /// Follows `path` to its end.
    pub fn fact(&mut self, path: &AbsolutePath) -> FileFact {
        if let Some(kind) = self.entry_of_plain(path) {
            return FileFact { kind, canonical: path.clone(), links: Vec::new() };
        }
        let fact = self.follow(path);
        if fact.links.is_empty() && fact.kind != FileKind::Missing {
            self.plain.extend(path.parent());
        }
        fact
    }

    /// What is at `path`, if that is no link and its directory is a plain one.
    fn entry_of_plain(&self, path: &AbsolutePath) -> Option<FileKind> {
        if !self.plain.contains(&path.parent()?) {
            return None;
        }
        match self.look(path.as_path()) {
            Node::Kind(kind) => Some(kind),
            Node::Missing => Some(FileKind::Missing),
            Node::Unreachable(errno) => Some(FileKind::Unreachable(errno)),
            Node::Link(_) => None,
        }
    }

    fn follow(&mut self, path: &AbsolutePath) -> FileFact {
        let mut at = PathBuf::from("/");
        let mut pending: Vec<OsString> = Vec::new();
        push_names(&mut pending, path.as_path());
        let mut links = Vec::new();
        let mut kind = FileKind::Directory;
        while let Some(name) = pending.pop() {
            if kind != FileKind::Directory {
                // Something below a file: for our purposes it is simply not there.
                kind = FileKind::Missing;
                pending.push(name);
                break;
            }
            if name == ".." {
                at.pop();
                continue;
            }
            at.push(&name);
            match self.node(&at) {
                Node::Link(target) => {
                    if links.len() == MOST_LINKS {
                        kind = FileKind::Unreachable(libc::ELOOP);
                        break;
                    }
                    links.push(Link { path: absolute(&at), target: target.clone() });
                    let target = PathBuf::from(target);
                    at.pop();
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    push_names(&mut pending, &target);
                }
                Node::Kind(found) => kind = found,
                Node::Missing => {
                    kind = FileKind::Missing;
                    break;
                }
                Node::Unreachable(errno) => {
                    kind = FileKind::Unreachable(errno);
                    break;
                }
            }
        }
        at.extend(pending.iter().rev());
        FileFact { kind, canonical: absolute(&at), links }
    }

    fn node(&mut self, at: &Path) -> Node {
        if let Some(node) = self.seen.get(at.as_os_str()) {
            return node.clone();
        }
        let node = self.look(at);
        self.seen.insert(at.as_os_str().to_owned(), node.clone());
        node
    }

    fn look(&self, at: &Path) -> Node {
        let inside: PathBuf;
        let path = if self.root == Path::new("/") {
            at
        } else {
            inside = self.root.join(at.strip_prefix("/").unwrap_or(at));
            &inside
        };
        let found = std::fs::symlink_metadata(path).and_then(|metadata| {
            if metadata.is_symlink() {
                std::fs::read_link(path).map(|target| Node::Link(target.into_os_string()))
            } else {
                Ok(Node::Kind(kind(&metadata)))
            }
        });
        found.unwrap_or_else(|error| unreached(&error))
    }
}

fn unreached(error: &io::Error) -> Node {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => Node::Missing,
        Some(errno) => Node::Unreachable(errno),
        None => Node::Unreachable(libc::EIO),
    }
}

fn kind(metadata: &Metadata) -> FileKind {
    kind_of_mode(metadata.mode())
}

/// Returns the kind of file by its `st_mode`.
pub fn kind_of_mode(mode: u32) -> FileKind {
    match mode & libc::S_IFMT {
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFREG => FileKind::File,
        libc::S_IFCHR => FileKind::CharacterDevice,
        libc::S_IFBLK => FileKind::BlockDevice,
        libc::S_IFIFO => FileKind::Fifo,
        libc::S_IFSOCK => FileKind::Socket,
        _ => FileKind::Anonymous,
    }
}

/// Pushes the names of a path so that the first is popped first.
fn push_names(pending: &mut Vec<OsString>, path: &Path) {
    let names = path.as_os_str().as_bytes().rsplit(|byte| *byte == b'/');
    let names = names.filter(|name| !name.is_empty() && *name != b".");
    pending.extend(names.map(|name| OsStr::from_bytes(name).to_owned()));
}

fn absolute(path: &Path) -> AbsolutePath {
    AbsolutePath::new(path).expect("the walk starts at the root, and file names have no NUL byte")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, AbsolutePath) {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsolutePath::new(directory.path().canonicalize().unwrap()).unwrap();
        std::fs::create_dir_all(root.as_path().join("a/b")).unwrap();
        std::fs::write(root.as_path().join("a/file"), "").unwrap();
        (directory, root)
    }

    #[test]
    fn links_are_followed_and_named_outermost_first() {
        let (_keep, root) = tree();
        symlink("a/./b/", root.as_path().join("one")).unwrap();
        symlink(root.as_path().join("one/../file"), root.as_path().join("two")).unwrap();
        let fact = Walker::new(Path::new("/")).fact(&root.join("two"));
        assert_eq!(fact.kind, FileKind::File);
        assert_eq!(fact.canonical, root.join("a/file"));
        let names: Vec<AbsolutePath> = fact.links.into_iter().map(|link| link.path).collect();
        assert_eq!(names, [root.join("two"), root.join("one")]);
    }

    #[test]
    fn a_missing_path_keeps_its_rest() {
        let (_keep, root) = tree();
        symlink("a", root.as_path().join("one")).unwrap();
        let fact = Walker::new(Path::new("/")).fact(&root.join("one/x/y"));
        assert_eq!(fact.kind, FileKind::Missing);
        assert_eq!(fact.canonical, root.join("a/x/y"));
        let below_a_file = Walker::new(Path::new("/")).fact(&root.join("a/file/x"));
        assert_eq!(below_a_file.kind, FileKind::Missing);
    }

    #[test]
    fn a_loop_ends() {
        let (_keep, root) = tree();
        symlink("loop", root.as_path().join("loop")).unwrap();
        let fact = Walker::new(Path::new("/")).fact(&root.join("loop"));
        assert_eq!(fact.kind, FileKind::Unreachable(libc::ELOOP));
    }

    #[test]
    fn a_walk_below_a_root_does_not_leave_it() {
        let (_keep, root) = tree();
        symlink("/a/../../../a/file", root.as_path().join("up")).unwrap();
        let fact = Walker::new(root.as_path()).fact(&AbsolutePath::new("/up").unwrap());
        assert_eq!(fact.kind, FileKind::File);
        assert_eq!(fact.canonical, AbsolutePath::new("/a/file").unwrap());
    }
}
