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

use super::layers::Layers;
use super::{FileFact, FileKind, Link};

/// The kernel's own limit (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Follows paths by hand, and asks the kernel about each file at most once.
pub struct Walker {
    ground: Ground,
    seen: HashMap<OsString, Node>,
    /// Directories that are reached without links: a look at an entry is all it takes there.
    plain: Vec<AbsolutePath>,
}

/// What `/` is.
enum Ground {
    /// That of this machine, or a directory.
    Directory(PathBuf),
    /// An image.
    Layers(Layers),
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
        Self::on(Ground::Directory(root.to_path_buf()))
    }

    /// Walks in what overlayfs makes of `layers`, the topmost first; at least one.
    pub fn in_layers(layers: Vec<PathBuf>) -> Self {
        Self::on(Ground::Layers(Layers::new(layers)))
    }

    fn on(ground: Ground) -> Self {
        Self { ground, seen: HashMap::new(), plain: Vec::new() }
    }

    /// Where on this machine a path is that has no links on the way, if there is anything.
    pub fn place(&mut self, canonical: &AbsolutePath) -> Option<PathBuf> {
        match &mut self.ground {
            Ground::Directory(root) => Some(below(root, canonical.as_path())),
            Ground::Layers(layers) => Some(layers.look(canonical.as_path()).ok()?.path),
        }
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
    fn entry_of_plain(&mut self, path: &AbsolutePath) -> Option<FileKind> {
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

    fn look(&mut self, at: &Path) -> Node {
        let inside: PathBuf;
        let found = match &mut self.ground {
            Ground::Directory(root) if root == Path::new("/") => node(at, at.symlink_metadata()),
            Ground::Directory(root) => {
                inside = below(root, at);
                node(&inside, inside.symlink_metadata())
            }
            Ground::Layers(layers) => {
                layers.look(at).and_then(|found| node(&found.path, Ok(found.metadata)))
            }
        };
        found.unwrap_or_else(|error| unreached(&error))
    }
}

fn node(path: &Path, metadata: io::Result<Metadata>) -> io::Result<Node> {
    let metadata = metadata?;
    if metadata.is_symlink() {
        std::fs::read_link(path).map(|target| Node::Link(target.into_os_string()))
    } else {
        Ok(Node::Kind(kind(&metadata)))
    }
}

fn below(root: &Path, at: &Path) -> PathBuf {
    root.join(at.strip_prefix("/").unwrap_or(at))
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

    /// Lowest first, as (layer, path): a path that ends in `/` is a directory, `x -> y` a link.
    fn layered(entries: &[(usize, &str)]) -> (tempfile::TempDir, Walker) {
        let directory = tempfile::tempdir().unwrap();
        let layers: Vec<PathBuf> = (0..3).map(|n| directory.path().join(n.to_string())).collect();
        for layer in &layers {
            std::fs::create_dir(layer).unwrap();
        }
        for (layer, entry) in entries {
            let (entry, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
            let path = layers[*layer].join(entry);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match (target, entry.ends_with('/')) {
                ("", true) => std::fs::create_dir_all(path).unwrap(),
                ("", false) => std::fs::write(path, "").unwrap(),
                (target, _) => symlink(target, path).unwrap(),
            }
        }
        (directory, Walker::in_layers(layers.into_iter().rev().collect()))
    }

    fn seen(walker: &mut Walker, path: &str) -> (FileKind, String) {
        let fact = walker.fact(&AbsolutePath::new(path).unwrap());
        (fact.kind, fact.canonical.to_string())
    }

    #[test]
    fn of_layers_directories_are_merged_and_else_the_topmost_counts() {
        let entries =
            [(0, "a/low"), (1, "a/middle"), (2, "a/top"), (0, "b/below"), (1, "b"), (2, "a/low/")];
        let (_keep, mut walker) = layered(&entries);
        for name in ["/a/middle", "/a/top", "/b"] {
            assert_eq!(seen(&mut walker, name), (FileKind::File, name.into()));
        }
        assert_eq!(seen(&mut walker, "/a/low").0, FileKind::Directory);
        assert_eq!(seen(&mut walker, "/b/below").0, FileKind::Missing);
    }

    #[test]
    fn a_link_of_one_layer_leads_through_all() {
        let entries = [(0, "etc/real/passwd"), (1, "etc/link -> /../../etc/real"), (2, "etc/")];
        let (_keep, mut walker) = layered(&entries);
        let expected = (FileKind::File, "/etc/real/passwd".into());
        assert_eq!(seen(&mut walker, "/etc/link/passwd"), expected);
        let place = walker.place(&AbsolutePath::new("/etc/real/passwd").unwrap()).unwrap();
        assert!(place.ends_with("0/etc/real/passwd"));
    }

    #[test]
    fn an_opaque_directory_hides_what_is_below_it() {
        let (keep, mut walker) = layered(&[(0, "a/low"), (1, "a/b/"), (2, "a/top")]);
        let opaque = keep.path().join("1/a");
        use std::os::fd::AsFd;
        let opaque = std::fs::File::open(opaque).unwrap();
        if crate::sys::set_attribute(opaque.as_fd(), c"user.overlay.opaque", b"y").is_err() {
            // A file system without user.* attributes has no opaque directories either.
            return;
        }
        assert_eq!(seen(&mut walker, "/a/low").0, FileKind::Missing);
        assert_eq!(seen(&mut walker, "/a/b").0, FileKind::Directory);
        assert_eq!(seen(&mut walker, "/a/top").0, FileKind::File);
    }

    #[test]
    fn a_whiteout_hides_what_is_below_it() {
        let (keep, mut walker) = layered(&[(0, "a/low"), (0, "d/x"), (2, "a/top")]);
        for name in ["1/a", "1/d"] {
            std::fs::create_dir_all(keep.path().join(name).parent().unwrap()).unwrap();
        }
        std::fs::create_dir_all(keep.path().join("1/a")).unwrap();
        for name in ["1/a/low", "1/d"] {
            use nix::sys::stat::{Mode, SFlag, mknod};
            // Whoever may write may make this one (mknod(2), Linux 5.8).
            mknod(&keep.path().join(name), SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
        }
        assert_eq!(seen(&mut walker, "/a/low").0, FileKind::Missing);
        assert_eq!(seen(&mut walker, "/a/top").0, FileKind::File);
        assert_eq!(seen(&mut walker, "/d").0, FileKind::Missing);
        assert_eq!(seen(&mut walker, "/d/x").0, FileKind::Missing);
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
