//! Records of an extended header (pax(1), "pax Extended Header").

use std::collections::BTreeSet;

use super::attributes::{Fate, fate};
use super::bad::Reason;
use super::header::Time;

/// What an extended header says of the entry after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub mtime: Option<Time>,
    /// Extended attributes that are kept: names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Extended attributes that are not.
    pub dropped: u64,
}

/// Reads the records for one entry.
pub(super) fn local(header: &[u8]) -> Result<Records, Reason> {
    let mut records = Records::default();
    for_each(header, |key, value| records.add(key, value))?;
    Ok(records)
}

/// Reads the records for all entries that follow. Other tools leave them out of account, so those
/// that would change what an entry is are refused.
pub(super) fn global(header: &[u8]) -> Result<(), Reason> {
    for_each(header, |key, _| match key {
        b"path" | b"linkpath" | b"size" => {
            Err(Reason::Refused("a global header names files or sizes"))
        }
        _ if is_sparse(key) => Err(SPARSE),
        _ => Ok(()),
    })
}

const SPARSE: Reason = Reason::Refused("sparse files are not read");
const RECORD: Reason = Reason::Malformed("a record of an extended header is broken");

impl Records {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        match key {
            b"path" => self.path = Some(name(value)?),
            b"linkpath" => self.link = Some(name(value)?),
            b"size" => {
                let size = integer(value)?;
                if size > i64::MAX as u64 {
                    return Err(Reason::Malformed("the size is no size"));
                }
                self.size = Some(size);
            }
            b"uid" => self.uid = Some(id(value)?),
            b"gid" => self.gid = Some(id(value)?),
            b"mtime" => self.mtime = Some(time(value)?),
            _ if is_sparse(key) => return Err(SPARSE),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    match fate(name) {
                        Fate::Kept => self.attributes.push((name.to_vec(), value.to_vec())),
                        Fate::Dropped => self.dropped += 1,
                    }
                } else if key.starts_with(b"SCHILY.acl.") {
                    self.dropped += 1;
                }
            }
        }
        Ok(())
    }
}

/// Takes records apart: a length in decimal digits, a blank, a key, `=`, a value, a line feed.
fn for_each(
    mut header: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut keys = BTreeSet::new();
    while !header.is_empty() {
        let blank = header.iter().take(8).position(|byte| *byte == b' ').ok_or(RECORD)?;
        let length = usize::try_from(integer(&header[..blank])?).map_err(|_| RECORD)?;
        let record = header.get(blank + 1..length).ok_or(RECORD)?;
        let record = record.strip_suffix(b"\n").ok_or(RECORD)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(RECORD)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if key.is_empty() || key.contains(&0) {
            return Err(RECORD);
        }
        if !keys.insert(key) {
            return Err(Reason::Malformed("an extended header says the same thing twice"));
        }
        each(key, value)?;
        header = &header[length..];
    }
    Ok(())
}

fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize" || key == b"SUN.holesdata"
}

fn name(value: &[u8]) -> Result<Vec<u8>, Reason> {
    if value.is_empty() || value.contains(&0) {
        return Err(Reason::Refused("a name is empty or has a NUL byte in it"));
    }
    Ok(value.to_vec())
}

fn id(value: &[u8]) -> Result<u32, Reason> {
    u32::try_from(integer(value)?).map_err(|_| Reason::Malformed("the owner is no owner"))
}

/// Decimal digits and nothing else.
fn integer(value: &[u8]) -> Result<u64, Reason> {
    if value.is_empty() {
        return Err(RECORD);
    }
    value.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0')).ok_or(RECORD)?;
        sum.checked_mul(10).and_then(|sum| sum.checked_add(digit)).ok_or(RECORD)
    })
}

/// `-1.5` is half a second before -1.
fn time(value: &[u8]) -> Result<Time, Reason> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let dot = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match dot {
        Some(dot) => (&digits[..dot], &digits[dot + 1..]),
        None => (digits, &b"0"[..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(RECORD);
    }
    let seconds = i64::try_from(integer(whole)?).map_err(|_| RECORD)?;
    let nanoseconds = (0..9).fold(0_u32, |sum, place| {
        sum * 10 + fraction.get(place).map_or(0, |digit| u32::from(digit - b'0'))
    });
    Ok(match (negative, nanoseconds) {
        (false, _) => Time { seconds, nanoseconds },
        (true, 0) => Time { seconds: -seconds, nanoseconds },
        (true, _) => Time { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::tar::record;
    use super::*;

    #[test]
    fn records_are_read() {
        let records = local(b"12 path=a/b\n11 size=42\n29 SCHILY.xattr.user.a=b=c\nd\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.size, Some(42));
        assert_eq!(records.attributes, [(b"user.a".to_vec(), b"b=c\nd".to_vec())]);
    }

    #[test]
    fn broken_records_are_refused() {
        for header in [
            &b"12 path=a/b"[..],
            b"11 path=a/b\n",
            b"13 path=a/b\n",
            b"99 path=a/b\n",
            b"+12 path=a/b\n",
            b"12path=a/b\n",
            b" path=a/b\n",
            b"7 =abc\n",
            b"7 path\n",
            b"0 ",
            b"99999999999999999999 a=b\n",
        ] {
            assert!(local(header).is_err(), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        for (key, value) in [
            ("size", &b""[..]),
            ("size", b"-1"),
            ("size", b"+1"),
            ("size", b"18446744073709551615"),
            ("size", b"99999999999999999999999999"),
            ("uid", b"1x"),
            ("gid", b"4294967296"),
            ("mtime", b"yesterday"),
            ("path", b""),
            ("path", b"a\0b"),
            ("linkpath", b"a\0"),
            ("GNU.sparse.major", b"1"),
        ] {
            assert!(local(&record(key, value)).is_err(), "{key}={}", value.escape_ascii());
        }
        assert!(local(&[record("path", b"a"), record("path", b"b")].concat()).is_err());
        assert!(local(&record("size", b"1")).is_ok());
    }

    #[test]
    fn times_go_both_ways() {
        let at = |seconds, nanoseconds| Time { seconds, nanoseconds };
        assert_eq!(time(b"1.5").unwrap(), at(1, 500_000_000));
        assert_eq!(time(b"-1.5").unwrap(), at(-2, 500_000_000));
        assert_eq!(time(b"-1").unwrap(), at(-1, 0));
        assert_eq!(time(b"1.123456789999").unwrap(), at(1, 123_456_789));
        assert!(time(b"1.x").is_err());
        assert!(time(b"--1").is_err());
    }
}
