//! Where file systems that are an interface to the kernel are mounted besides /proc and /sys.
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

/// Returns their mount points, those below the host's own /dev, /proc and /sys left out:
/// such places are never shown, or have rules of their own.
pub fn survey() -> std::io::Result<Vec<AbsolutePath>> {
    // The size of a file of /proc is not known, and each read has the kernel write it anew.
    let mut table = Vec::with_capacity(TABLE);
    File::open("/proc/self/mountinfo")?.read_to_end(&mut table)?;
    Ok(table.split(|byte| *byte == b'\n').filter_map(interface).collect())
}

/// `36 35 98:0 /root /point options [fields] - type source options` (proc_pid_mountinfo(5)).
fn interface(line: &[u8]) -> Option<AbsolutePath> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = fields.nth(4)?;
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let own = [&b"/dev"[..], b"/proc", b"/sys"];
    let is_below = |parent: &&[u8]| {
        point.strip_prefix(*parent).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    };
    if !INTERFACES.contains(&kind) || own.iter().any(is_below) {
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
        let point = |line: &str| interface(line.as_bytes()).map(|path| path.to_string());
        let line = |point, kind| format!("36 35 0:5 / {point} rw master:1 - {kind} x rw");
        assert_eq!(point(&line("/c/proc", "proc")).as_deref(), Some("/c/proc"));
        assert_eq!(point(&line("/a\\040b\\134c", "sysfs")).as_deref(), Some("/a b\\c"));
        assert_eq!(point(&line("/procfs", "proc")).as_deref(), Some("/procfs"));
        for (place, kind) in [("/proc", "proc"), ("/sys/fs/bpf", "bpf"), ("/home", "ext4")] {
            assert_eq!(point(&line(place, kind)), None);
        }
        assert_eq!(point(""), None);
    }
}
