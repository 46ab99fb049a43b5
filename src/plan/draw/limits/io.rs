//! Limits of io: from paths to disks.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Located, errno_cause};
use crate::host::{BlockDevice, Host};
use crate::plan::Limit;
use crate::profile::{IoLimit, expand};
use crate::units::{AbsolutePath, Size};

use super::super::Drawing;

/// One limit for each disk. Of two entries for one path the later counts; of two paths on one disk
/// the lower rate, because both have to hold.
pub(super) fn draw(drawing: &mut Drawing) -> Vec<Located<Limit>> {
    let mut paths: BTreeMap<AbsolutePath, &Located<IoLimit>> = BTreeMap::new();
    for entry in &drawing.profile.limits.io {
        match expand(&entry.value.path, &drawing.host.variables()) {
            Ok(path) => drop(paths.insert(path, entry)),
            Err(bad) => drawing.errors.push(Diagnostic::from(bad).at(&entry.origin)),
        }
    }
    let mut disks: BTreeMap<(u32, u32), Located<IoLimit>> = BTreeMap::new();
    for (path, entry) in paths {
        if entry.value.is_unlimited() {
            continue;
        }
        match disk(drawing.host, &path, entry) {
            Ok(device) => {
                let entry = match disks.remove(&device) {
                    Some(other) => both(&other, entry),
                    None => entry.clone(),
                };
                disks.insert(device, entry);
            }
            Err(error) => drawing.errors.push(error),
        }
    }
    let limit = |(device, entry): ((u32, u32), Located<IoLimit>)| {
        let IoLimit { path: _, read, write, read_ops, write_ops } = entry.value;
        Located::new(Limit::Io { device, read, write, read_ops, write_ops }, entry.origin)
    };
    disks.into_iter().map(limit).collect()
}

fn both(one: &Located<IoLimit>, other: &Located<IoLimit>) -> Located<IoLimit> {
    fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
        one.into_iter().chain(other).min()
    }
    let (left, right) = (&one.value, &other.value);
    let read: Option<Size> = least(left.read, right.read);
    let merged = IoLimit {
        path: right.path.clone(),
        read,
        write: least(left.write, right.write),
        read_ops: least(left.read_ops, right.read_ops),
        write_ops: least(left.write_ops, right.write_ops),
    };
    Located::new(merged, other.origin.clone())
}

fn disk(
    host: &Host,
    path: &AbsolutePath,
    entry: &Located<IoLimit>,
) -> Result<(u32, u32), Diagnostic> {
    let error = Diagnostic::error(format!("cannot limit io of `{path}`")).at(&entry.origin);
    Err(match host.block_devices.get(path) {
        Some(BlockDevice::Disk { major, minor }) => return Ok((*major, *minor)),
        Some(BlockDevice::None { filesystem }) => error
            .because(format!("it lies on no block device, or on several: {filesystem}"))
            .help("name the device itself, such as /dev/sda; `lsblk` lists those of this machine"),
        Some(BlockDevice::Unknown { major, minor }) => {
            error.because(format!("/sys does not say what device {major}:{minor} is")).help(
                "mount /sys; if it is, no driver has that device: `lsblk` lists the disks of this \
                 machine",
            )
        }
        Some(BlockDevice::Missing) | None => error
            .because("no such file or directory [ENOENT]")
            .help("correct the path; `lsblk` lists the disks of this machine"),
        Some(BlockDevice::Unreachable(errno)) => {
            error.because(errno_cause(nix::errno::Errno::from_raw(*errno)))
        }
    })
}
