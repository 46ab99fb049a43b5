//! Why a layer is refused.

use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::diagnostic::{cause, errno_cause};
use crate::units::Size;

/// What is wrong with a layer, and with which entry of it.
#[derive(Debug)]
pub struct Bad {
    /// As the tar has it; nothing if the trouble is with the layer as a whole.
    pub entry: Option<Vec<u8>>,
    pub reason: Reason,
}

#[derive(Debug)]
pub enum Reason {
    /// The source broke off.
    Read(io::Error),
    /// The bytes are not compressed as they are said to be.
    Inflate(io::Error),
    /// The blob is not as long as it is said to be.
    Size {
        expected: u64,
        longer: bool,
    },
    /// Of the blob.
    Digest {
        expected: String,
        found: String,
    },
    /// Of the tar.
    DiffId {
        expected: String,
        found: String,
    },
    Limit(Limit),
    /// The tar is broken, or says different things to different readers.
    Malformed(&'static str),
    /// The tar says something that no layer may say.
    Refused(&'static str),
    /// The kernel said no: what was tried, and why not.
    System(&'static str, Errno),
    /// The file system has no extended attributes of users.
    NoAttributes,
    /// Whiteouts cannot be made.
    NoWhiteouts,
    /// The file system is nearly full.
    Full,
    /// The directory has something in it already.
    NotEmpty,
}

/// A limit, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Bytes(u64),
    Entries(u64),
    Ratio(u64),
    Depth(usize),
    /// Bytes of memory for directories.
    Directories(usize),
    /// Bytes of the paths of links that somebody else than root owns.
    Links(usize),
}

impl Bad {
    pub(super) fn with(entry: &[u8], reason: Reason) -> Self {
        Self { entry: Some(entry.to_vec()), reason }
    }
}

impl From<Reason> for Bad {
    fn from(reason: Reason) -> Self {
        Self { entry: None, reason }
    }
}

/// For `map_err`: what was tried when the kernel said no.
pub(super) fn system(call: &'static str) -> impl Fn(Errno) -> Reason {
    move |errno| Reason::System(call, errno)
}

/// For [`Diagnostic::because`](crate::diagnostic::Diagnostic::because): lower case, no full stop.
impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(f, "its entry `{}`: {}", shown(entry), self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "it cannot be read: {}", cause(error)),
            Self::Inflate(error) => write!(f, "it cannot be decompressed: {}", cause(error)),
            Self::Size { expected, longer } => {
                let than = if *longer { "longer" } else { "shorter" };
                write!(f, "it is {than} than the {expected} bytes that the manifest says")
            }
            Self::Digest { expected, found } => {
                write!(f, "its digest is `{found}`, not `{expected}`")
            }
            Self::DiffId { expected, found } => {
                write!(f, "the digest of its content is `{found}`, not `{expected}`")
            }
            Self::Limit(limit) => write!(f, "{limit}"),
            Self::Malformed(what) => write!(f, "the tar is broken: {what}"),
            Self::Refused(what) => f.write_str(what),
            Self::System(call, errno) => write!(f, "cannot {call}: {}", errno_cause(*errno)),
            Self::NoAttributes => f.write_str(
                "the file system has no extended attributes of users, which layers need \
                 [EOPNOTSUPP]",
            ),
            Self::NoWhiteouts => f.write_str(
                "the kernel or the file system does not let users make whiteouts, which are \
                 character devices 0/0 [EPERM]",
            ),
            Self::Full => f.write_str("it leaves less than a twentieth of the free space"),
            Self::NotEmpty => f.write_str("the directory that it is unpacked into is not empty"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(most) => write!(f, "the image is larger than {}", Size(*most)),
            Self::Entries(most) => write!(f, "the image has more than {most} files"),
            Self::Ratio(most) => {
                write!(f, "it becomes more than {most} times as large when it is decompressed")
            }
            Self::Depth(most) => write!(f, "it is more than {most} directories deep"),
            Self::Directories(most) => {
                write!(f, "its directories take more than {} of memory", Size(*most as u64))
            }
            Self::Links(most) => {
                let most = Size(*most as u64);
                write!(f, "the paths of links that root does not own take more than {most}")
            }
        }
    }
}

/// Bytes of a name in a message. Extended headers have room for a mebibyte.
const MOST_SHOWN: usize = 1000;

/// A name for people: nothing in it moves the cursor or ends the line, and it leaves other lines
/// on the screen.
fn shown(name: &[u8]) -> String {
    if let Some((start, _)) = name.split_at_checked(MOST_SHOWN).filter(|(_, rest)| !rest.is_empty())
    {
        return format!("{}…", shown(start));
    }
    name.utf8_chunks()
        .flat_map(|chunk| {
            let valid = chunk.valid().chars().flat_map(|letter| match letter {
                '\'' | '"' => vec![letter],
                _ => letter.escape_debug().collect(),
            });
            valid.chain(chunk.invalid().escape_ascii().map(char::from)).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(shown(b"usr/bin/it's"), "usr/bin/it's");
        assert_eq!(shown("größe".as_bytes()), "größe");
        assert_eq!(shown(b"a\nb\x1b[2J\xff"), "a\\nb\\u{1b}[2J\\xff");
        assert_eq!(shown(&[b'a'; MOST_SHOWN]), "a".repeat(MOST_SHOWN));
        assert_eq!(shown(&[b'a'; 2 * MOST_SHOWN]), format!("{}…", "a".repeat(MOST_SHOWN)));
    }

    #[test]
    fn a_reason_is_a_sentence_about_the_layer() {
        let bad = Bad::with(b"a/b", Reason::System("make a file", Errno::ENOSPC));
        assert_eq!(
            bad.to_string(),
            "its entry `a/b`: cannot make a file: no space left on device [ENOSPC]"
        );
    }
}
