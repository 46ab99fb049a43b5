//! One header block of a tar (pax(1) "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
//!
//! Why not a crate: theirs are made to read what any program ever wrote, so they guess where fields
//! contradict each other, and guesses that differ between readers are how files are smuggled past
//! a check. This one reads what image tools write, and refuses the rest.

use super::bad::Reason;
use super::stream::Block;

/// A header whose checksum is right.
pub(super) struct Header(Block);

/// Seconds since 1970 and nanoseconds, which count upwards before 1970 too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

impl Header {
    pub fn new(block: Block) -> Result<Self, Reason> {
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        let field: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
        let expected = sum - field + 8 * u64::from(b' ');
        if number(&block[148..156])? != i128::from(expected) {
            return Err(Reason::Malformed("a header has a wrong checksum"));
        }
        let header = Self(block);
        if header.has_odd_prefix() {
            return Err(Reason::Malformed("a header has a prefix that not all readers see"));
        }
        Ok(header)
    }

    /// What stands where POSIX has the beginning of a long name is times for GNU's headers (Go takes it
    /// for a name if it is no time), nothing for those of old (Python takes it for a name), and shorter
    /// in star's, which have times behind it.
    fn has_odd_prefix(&self) -> bool {
        let is_time = |field: &[u8]| number(field).is_ok();
        match &self.0[257..263] {
            b"ustar\0" => &self.0[508..] == b"tar\0" && self.0[475] != 0,
            b"ustar " => !is_time(&self.0[345..357]) || !is_time(&self.0[357..369]),
            _ => self.0[345..500].iter().any(|byte| *byte != 0),
        }
    }

    pub fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The name, with the prefix that only POSIX headers have: GNU's keep times there.
    pub fn path(&self) -> Vec<u8> {
        let prefix = if self.is_posix() { text(&self.0[345..500]) } else { &[] };
        let mut path = prefix.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(text(&self.0[..100]));
        path
    }

    pub fn link(&self) -> &[u8] {
        text(&self.0[157..257])
    }

    /// Bytes of what follows.
    pub fn size(&self) -> Result<u64, Reason> {
        u64::try_from(number(&self.0[124..136])?)
            .ok()
            .filter(|size| *size <= i64::MAX as u64)
            .ok_or(Reason::Malformed("the size is no size"))
    }

    /// Permissions, with the set-id and sticky bits.
    pub fn mode(&self) -> Result<u32, Reason> {
        // Old programs put the type of the file above.
        let mode = number(&self.0[100..108])?;
        Ok((mode & 0o7777) as u32)
    }

    pub fn uid(&self) -> Result<u32, Reason> {
        id(&self.0[108..116])
    }

    pub fn gid(&self) -> Result<u32, Reason> {
        id(&self.0[116..124])
    }

    pub fn mtime(&self) -> Result<Time, Reason> {
        let seconds = i64::try_from(number(&self.0[136..148])?)
            .map_err(|_| Reason::Malformed("the time is no time"))?;
        Ok(Time { seconds, nanoseconds: 0 })
    }

    /// Major and minor number.
    pub fn device(&self) -> Result<(i128, i128), Reason> {
        Ok((number(&self.0[329..337])?, number(&self.0[337..345])?))
    }

    fn is_posix(&self) -> bool {
        &self.0[257..263] == b"ustar\0"
    }
}

fn id(field: &[u8]) -> Result<u32, Reason> {
    u32::try_from(number(field)?).map_err(|_| Reason::Malformed("the owner is no owner"))
}

/// The field up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// Octal digits between blanks, nothing at all for 0, or a binary number with the first bit set.
fn number(field: &[u8]) -> Result<i128, Reason> {
    if field[0] & 0x80 != 0 {
        // Two's complement in the bits after the first; 95 of them fit.
        let start = if field[0] & 0x40 == 0 { 0 } else { -1 };
        let first = (start << 7) | i128::from(field[0] & 0x7f);
        return Ok(field[1..].iter().fold(first, |sum, byte| (sum << 8) | i128::from(*byte)));
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if !rest.iter().all(is_blank) || !digits.iter().all(|byte| matches!(byte, b'0'..=b'7')) {
        return Err(Reason::Malformed("a number in a header is none"));
    }
    Ok(digits.iter().fold(0, |sum, digit| (sum << 3) | i128::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_binary() {
        let ok = |field: &[u8], expected: i128| assert_eq!(number(field).unwrap(), expected);
        ok(b"0000644\0", 0o644);
        ok(b"   644 \0", 0o644);
        ok(b"77777777", 0o77777777);
        ok(b"\0\0\0\0\0\0\0\0", 0);
        ok(b"        ", 0);
        ok(b"\x80\0\0\0\0\0\x01\x00", 256);
        ok(b"\xff\xff\xff\xff\xff\xff\xff\xff", -1);
        ok(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xae", -338);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for field in
            [&b"0000648\0"[..], b"-000644\0", b"0644\x000644"[..8].as_ref(), b"0x1ff\0\0\0"]
        {
            assert!(number(field).is_err(), "{field:?}");
        }
    }
}
