//! All that is in a directory, to be compared with what another program made.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test, wherever it is")]

use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use jail::image::digest::{Algorithm, Digest};
use rustix::fs::{lgetxattr, llistxattr};

/// Where tools for containers without root note who owns a file.
const RECORD: &str = "user.rootlesscontainers";

/// One file, directory, link, or whatever else has a name.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// As ls(1) marks it: `-`, `d`, `l`, `p`, `c`, `b`, `s`.
    pub kind: char,
    pub mode: u32,
    /// The digest of a file, the target of a link, the numbers of a device.
    pub content: String,
    /// The first of its names in the tree.
    pub first_name: PathBuf,
    /// Seconds and nanoseconds; `None` where nothing says what it should be.
    pub modified: Option<(i64, i64)>,
    /// User and group; `None` where no tool can note them.
    pub owner: Option<(u32, u32)>,
    /// The attributes of the `user` namespace, without those that note an owner.
    pub attributes: BTreeMap<String, Vec<u8>>,
}

/// By paths relative to the directory, which itself is the empty path.
#[derive(Clone, Debug)]
pub struct Tree(pub BTreeMap<PathBuf, Entry>);

/// Who owns a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owners {
    Real,
    Recorded,
}

impl Tree {
    /// A tree that root made: the owners are those of the files.
    pub fn owned(root: &Path) -> Self {
        Self::read(root, Owners::Real)
    }

    /// A tree that an ordinary user made: everything is the user's, and who else it should
    /// belong to is noted in an attribute. Where nothing is noted, that is root.
    pub fn recorded(root: &Path) -> Self {
        Self::read(root, Owners::Recorded)
    }

    fn read(root: &Path, owners: Owners) -> Self {
        let mut paths = vec![root.to_owned()];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            next += 1;
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        paths.sort();
        let mut names = HashMap::new();
        let entries = paths.into_iter().map(|path| {
            let name = path.strip_prefix(root).unwrap().to_owned();
            let entry = Entry::read(&path, owners, |inode| {
                names.entry(inode).or_insert_with(|| name.clone()).clone()
            });
            (name, entry)
        });
        Self(entries.collect())
    }

    /// Does not compare when these were modified.
    #[must_use]
    pub fn whenever(mut self, paths: &[&str]) -> Self {
        for path in paths {
            let entry = self.0.get_mut(Path::new(path));
            entry.unwrap_or_else(|| panic!("there is no {path}")).modified = None;
        }
        self
    }

    /// Leaves out what is at these paths.
    #[must_use]
    pub fn without(mut self, paths: &[&str]) -> Self {
        for path in paths {
            assert!(self.0.remove(Path::new(path)).is_some(), "there is no {path}");
        }
        self
    }

    /// Both have the same entries, each like the other.
    #[track_caller]
    pub fn equals(&self, other: &Self, whose: &str) {
        let paths: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let like = |path: &PathBuf| match (self.0.get(path), other.0.get(path)) {
            (Some(one), Some(two)) => one.is_like(two),
            (_, _) => false,
        };
        let different = paths.into_iter().filter(|path| !like(path));
        let lines: Vec<_> = different
            .map(|path| {
                format!(
                    "{path:?}:\n  ours   {:?}\n  theirs {:?}",
                    self.0.get(path),
                    other.0.get(path)
                )
            })
            .collect();
        let shown = lines.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(lines.is_empty(), "{whose}: {} entries differ\n{shown}", lines.len());
    }
}

impl Entry {
    /// Nothing says otherwise: what is not known of one is not compared.
    fn is_like(&self, other: &Self) -> bool {
        let mut other = other.clone();
        if self.modified.is_none() || other.modified.is_none() {
            other.modified = self.modified;
        }
        if self.owner.is_none() || other.owner.is_none() {
            other.owner = self.owner;
        }
        *self == other
    }

    fn read(path: &Path, owners: Owners, first: impl FnOnce((u64, u64)) -> PathBuf) -> Self {
        let status = fs::symlink_metadata(path).unwrap();
        let kind = kind(&status);
        let mut attributes = attributes(path);
        let record = attributes.remove(RECORD);
        let owner = match owners {
            Owners::Real => Some((status.uid(), status.gid())),
            // Only files and directories can have such attributes (xattr(7)).
            Owners::Recorded if !matches!(kind, '-' | 'd') => None,
            Owners::Recorded => Some(record.map_or((0, 0), |record| owner(&record))),
        };
        let content = match kind {
            '-' => Digest::of(Algorithm::Sha256, &fs::read(path).unwrap()).to_string(),
            'l' => format!("{:?}", fs::read_link(path).unwrap()),
            'c' | 'b' => status.rdev().to_string(),
            _ => String::new(),
        };
        Self {
            kind,
            // The kernel does not use that of a link.
            mode: match kind {
                'l' => 0o777,
                // Other tools leave the set-id bits there; that ours does not, a test of its own shows.
                '-' => status.mode() & 0o1777,
                _ => status.mode() & 0o7777,
            },
            content,
            first_name: first((status.dev(), status.ino())),
            modified: Some((status.mtime(), status.mtime_nsec())),
            owner,
            attributes,
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self { kind, mode, content, first_name, modified, owner, attributes } = self;
        write!(
            formatter,
            "{kind} {mode:04o} {content} {first_name:?} {modified:?} {owner:?} {attributes:?}"
        )
    }
}

fn kind(status: &fs::Metadata) -> char {
    let kind = status.file_type();
    match () {
        () if kind.is_file() => '-',
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_fifo() => 'p',
        () if kind.is_char_device() => 'c',
        () if kind.is_block_device() => 'b',
        () => 's',
    }
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut names = [0_u8; 4096];
    let length = llistxattr(&path, &mut names[..]).unwrap();
    let names = names[..length].split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let ours = names.filter(|name| name.starts_with("user."));
    let read = |name: &str| {
        let mut value = [0_u8; 4096];
        let length = lgetxattr(&path, name, &mut value[..]).unwrap();
        value[..length].to_vec()
    };
    ours.map(|name| (name.to_string(), read(&name))).collect()
}

/// Reads a `Resource` of <https://rootlesscontaine.rs/proto/rootlesscontainers.proto>: a number
/// in field 1 is the user, one in field 2 the group; none is 0, and the greatest one "as it is",
/// which for a tree of one user is 0 too.
fn owner(record: &[u8]) -> (u32, u32) {
    let (mut owner, mut rest) = ([0, 0], record.iter());
    while let Some(key) = rest.next() {
        let field = usize::from(key >> 3) - 1;
        let mut shift = 0;
        for byte in rest.by_ref() {
            owner[field] |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    let [user, group] = owner.map(|id| if id == u32::MAX { 0 } else { id });
    (user, group)
}
