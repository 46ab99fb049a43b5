//! Layers of every kind, unpacked for real.

mod hostile;
mod integrity;
mod legal;
pub mod tar;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Bad, Budget, Limits, Packed, Unpacked, unpack};
use crate::image::digest::Digest;
use crate::image::document::Compression;

/// A directory to unpack into, and one beside it that must stay as it is.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("inside")).unwrap();
        let outside = directory.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "untouched").unwrap();
        fs::create_dir(outside.join("empty")).unwrap();
        Self { directory }
    }

    fn inside(&self) -> PathBuf {
        self.directory.path().join("inside")
    }

    fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    fn unpack(&self, tar: &[u8]) -> Result<Unpacked, Bad> {
        self.unpack_within(tar, Limits::default())
    }

    fn unpack_within(&self, tar: &[u8], limits: Limits) -> Result<Unpacked, Bad> {
        let diff_id = digest(tar);
        self.unpack_packed(tar, Compression::None, None, None, &diff_id, limits)
    }

    fn unpack_packed(
        &self,
        blob: &[u8],
        compression: Compression,
        digest: Option<&Digest>,
        size: Option<u64>,
        diff_id: &Digest,
        limits: Limits,
    ) -> Result<Unpacked, Bad> {
        let before = listing(&self.outside());
        let into = File::open(self.inside()).unwrap();
        let blob = Box::new(Trickle(blob));
        let packed = Packed { blob, compression, digest, size, diff_id };
        let result = unpack(packed, into.as_fd(), &Budget::new(limits));
        assert_eq!(listing(&self.outside()), before, "something outside has changed");
        let names = fs::read_dir(self.directory.path()).unwrap().count();
        assert_eq!(names, 2, "something is new beside the directory");
        result
    }

    /// Unpacks what must be good.
    fn take(&self, tar: &[u8]) -> Unpacked {
        self.unpack(tar).map_err(|bad| bad.to_string()).unwrap()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.inside().join(path)).unwrap()
    }

    fn is_there(&self, path: &str) -> bool {
        fs::symlink_metadata(self.inside().join(path)).is_ok()
    }

    fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(self.inside().join(path)).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(&self, path: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.inside().join(path), mode).unwrap();
    }

    fn is_whiteout(&self, path: &str) -> bool {
        let metadata = fs::symlink_metadata(self.inside().join(path)).unwrap();
        metadata.mode() & libc::S_IFMT == libc::S_IFCHR && metadata.rdev() == 0
    }

    fn attribute(&self, path: &str, name: &std::ffi::CStr) -> Option<Vec<u8>> {
        crate::sys::attribute(&self.inside().join(path), name).ok()
    }

    fn is_opaque(&self, path: &str) -> bool {
        self.attribute(path, c"user.overlay.opaque").as_deref() == Some(b"y")
    }
}

/// Checks that a tar is refused, in these words.
#[track_caller]
fn refused(tar: &[u8], words: &str) {
    refused_within(tar, Limits::default(), words);
}

#[track_caller]
fn refused_within(tar: &[u8], limits: Limits, words: &str) {
    let bad = Place::new().unpack_within(tar, limits).expect_err("it must be refused");
    assert_eq!(bad.to_string(), words);
}

/// A source that gives odd numbers of bytes, as networks do.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(777);
        self.0.read(&mut into[..most])
    }
}

fn digest(bytes: &[u8]) -> Digest {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}").parse().unwrap()
}

/// All that there is to see of a tree.
fn listing(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(path) = todo.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        let (mode, size, time) = (stat.mode(), stat.size(), stat.mtime_nsec());
        let (links, inode) = (stat.nlink(), stat.ino());
        lines.push(format!("{} {mode:o} {size} {time} {links} {inode}", path.display()));
        if stat.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    lines.sort();
    lines
}
