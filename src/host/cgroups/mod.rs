//! Which cgroups there are, and which of them are the caller's to change.
//!
//! Asked only where a profile has a limit that a cgroup holds. `lineage` walks from the caller's own
//! cgroup upwards; `mounts` finds the file system; `systemd` the caller's own systemd.

mod lineage;
mod mounts;
mod systemd;
mod types;

pub use types::{Cgroup, Cgroups, Controller, Layout, Outer, Systemd};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::units::AbsolutePath;

use mounts::Mounts;

/// Reads what this machine has.
pub fn survey(uid: u32, environment: &BTreeMap<OsString, OsString>) -> Cgroups {
    // Without /proc nothing of this is known, which is the same as not there.
    // Somebody else's mount point may be no UTF-8, which says nothing about those of cgroups.
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = Mounts::read(&table);
    let booted = Path::new("/run/systemd/system").is_dir();
    let scopes = mounts.unified.as_ref().map(|mount| mount.point.join(systemd::scopes_of(uid)));
    let (lineage, left) = match mounts.directory_of(&own).zip(scopes) {
        Some(((root, own), scopes)) => {
            (lineage::survey(&root, &own, booted), lineage::left(&root, &own, &scopes))
        }
        None => (Vec::new(), Vec::new()),
    };
    let systemd = systemd::survey(booted, uid, environment, mounts.unified.as_ref());
    let available = available(&mounts);
    let mount = mounts.unified.as_ref().map(|mount| mount.point.clone());
    Cgroups { layout: mounts.layout(), mount, available, lineage, left, systemd }
}

/// The controllers that this part of the hierarchy has at all.
fn available(mounts: &Mounts) -> Vec<Controller> {
    let Some(mount) = &mounts.unified else { return Vec::new() };
    read_controllers(&mount.point, "cgroup.controllers")
}

/// A file that is a list of controllers; one that is not there is an empty list.
fn read_controllers(directory: &AbsolutePath, file: &str) -> Vec<Controller> {
    let text = std::fs::read_to_string(directory.as_path().join(file)).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(Controller::by_name).collect()
}
