//! What is mounted, and where file systems are that are an interface to the kernel, besides /proc
//! and /sys.
//!
//! A directory that is granted brings what is mounted below it along: in a chroot that somebody
//! made, the host's /proc with all its processes, where root may change how the kernel behaves.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;

use crate::units::AbsolutePath;

const INTERFACES: [&[u8]; 16] = [
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"fusectl",
    b"nsfs",
    b"proc",
    b"securityfs",
    b"selinuxfs",
    b"sysfs",
    b"tracefs",
];

/// Room for the table of most machines.
const TABLE: usize = 16 << 10;

/// A file system that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Its type.
    pub kind: Vec<u8>,
    /// What is mounted: a path, or any word.
    pub source: Vec<u8>,
}

/// Returns their mount points and those of the type `more`, those below the host's own /dev,
/// /proc and /sys left out: such places are never shown, or have rules of their own.
pub fn survey(more: Option<&[u8]>) -> std::io::Result<Vec<AbsolutePath>> {
    let lines = table()?;
    Ok(lines.split(|byte| *byte == b'\n').filter_map(|line| interface(line, more)).collect())
}

/// Returns the table of mounts, proc_pid_mountinfo(5).
pub fn table() -> std::io::Result<Vec<u8>> {
    // The size of a file of /proc is not known, and each read has the kernel write it anew.
    let mut table = Vec::with_capacity(TABLE);
    File::open("/proc/self/mountinfo")?.read_to_end(&mut table)?;
    Ok(table)
}

/// Returns the mount with this number.
pub fn by_number(table: &[u8], number: u64) -> Option<Mounted> {
    let number = number.to_string();
    table.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.next()? != number.as_bytes() {
            return None;
        }
        let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
        Some(Mounted { kind: unescaped(fields.next()?), source: unescaped(fields.next()?) })
    })
}

/// `36 35 98:0 /root /point options [fields] - type source options` (proc_pid_mountinfo(5)).
fn interface(line: &[u8], more: Option<&[u8]>) -> Option<AbsolutePath> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = fields.nth(4)?;
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let own = [&b"/dev"[..], b"/proc", b"/sys"];
    let is_below = |parent: &&[u8]| {
        point.strip_prefix(*parent).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    };
    let hidden = INTERFACES.contains(&kind) || more == Some(kind);
    if !hidden || own.iter().any(is_below) {
        return None;
    }
    AbsolutePath::new(OsString::from_vec(unescaped(point)))
}

/// Blanks, tabs, newlines and backslashes are written as `\040`.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) if *byte == b'\\' => {
                plain.push(escaped);
                rest = &after[3..];
            }
            _ => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_told_by_their_type() {
        let point = |line: &str| interface(line.as_bytes(), None).map(|path| path.to_string());
        let line = |point, kind| format!("36 35 0:5 / {point} rw master:1 - {kind} x rw");
        assert_eq!(point(&line("/c/proc", "proc")).as_deref(), Some("/c/proc"));
        assert_eq!(point(&line("/a\\040b\\134c", "sysfs")).as_deref(), Some("/a b\\c"));
        assert_eq!(point(&line("/procfs", "proc")).as_deref(), Some("/procfs"));
        for (place, kind) in [("/proc", "proc"), ("/sys/fs/bpf", "bpf"), ("/home", "ext4")] {
            assert_eq!(point(&line(place, kind)), None);
        }
        assert_eq!(point(""), None);
    }

    #[test]
    fn a_type_can_be_asked_for_beyond_them() {
        let line = b"36 35 0:5 / /mnt/huge rw - hugetlbfs nodev rw,pagesize=2M";
        assert_eq!(interface(line, None), None);
        assert_eq!(interface(line, Some(b"hugetlbfs")), AbsolutePath::new("/mnt/huge"));
        let own = b"36 35 0:5 / /dev/hugepages rw - hugetlbfs nodev rw,pagesize=2M";
        assert_eq!(interface(own, Some(b"hugetlbfs")), None);
    }

    #[test]
    fn a_mount_is_found_by_its_number() {
        let table = b"3 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            36 3 0:5 /sub /mnt/- rw shared:1 master:2 - btrfs /dev/a\\040b rw\n";
        let found = |number| by_number(table, number).map(|mount| (mount.kind, mount.source));
        assert_eq!(found(36), Some((b"btrfs".to_vec(), b"/dev/a b".to_vec())));
        assert_eq!(found(3), Some((b"ext4".to_vec(), b"/dev/sda1".to_vec())));
        assert_eq!((found(6), found(1)), (None, None));
    }
}
