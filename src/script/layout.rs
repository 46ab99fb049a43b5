//! Where mount points are made: the operations that stand before a mount.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use crate::sys::Links;
use crate::units::AbsolutePath;

use super::types::{Instruction, Operation};

/// Mode of directories that only lead to a mount point.
const PARENT_MODE: u32 = 0o755;

/// Writes down operations one after the other, remembering where init stands and which
/// directories it has made.
pub struct Layout {
    pub instructions: Vec<Instruction>,
    /// How links below the root are followed; depends on who made the root.
    pub links: Links,
    step: u16,
    here: Option<AbsolutePath>,
    made: BTreeSet<AbsolutePath>,
}

impl Layout {
    pub fn new(links: Links) -> Self {
        Self {
            instructions: Vec::with_capacity(128),
            links,
            step: 0,
            here: None,
            made: BTreeSet::from([AbsolutePath::root()]),
        }
    }

    /// What follows is for step `step`.
    pub fn begin(&mut self, step: u16) {
        self.step = step;
    }

    pub fn push(&mut self, operation: Operation) {
        self.instructions.push(Instruction { step: self.step, operation });
    }

    /// Enters the parent of `path` and returns the last component. With `create`, makes
    /// the parents that no earlier operation has made.
    pub fn approach(&mut self, path: &AbsolutePath, create: bool) -> CString {
        let parent = path.parent().unwrap_or_else(AbsolutePath::root);
        if create {
            self.make_directories(&parent);
        }
        self.enter(parent);
        last_component(path)
    }

    /// Remembers that `path` is there.
    pub fn made(&mut self, path: &AbsolutePath) {
        self.made.insert(path.clone());
    }

    fn make_directories(&mut self, path: &AbsolutePath) {
        if self.made.contains(path) {
            return;
        }
        let Some(parent) = path.parent() else { return };
        self.make_directories(&parent);
        self.enter(parent);
        self.push(Operation::MakeDirectory { name: last_component(path), mode: PARENT_MODE });
        self.made.insert(path.clone());
    }

    fn enter(&mut self, path: AbsolutePath) {
        if self.here.as_ref() != Some(&path) {
            self.push(Operation::Enter { path: path.to_c_string(), links: self.links });
            self.here = Some(path);
        }
    }
}

/// The name of `path` in its parent; `.` for the root.
pub fn last_component(path: &AbsolutePath) -> CString {
    let name = path.as_path().file_name().map_or(&b"."[..], OsStrExt::as_bytes);
    CString::new(name).expect("an absolute path has no NUL byte")
}
