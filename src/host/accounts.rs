//! The users and groups that an image knows.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use crate::units::AbsolutePath;

use super::FileKind;
use super::walk::Walker;

/// Far more than any image has; somebody else wrote the file.
const MOST: u64 = 1 << 20;

/// /etc/passwd and /etc/group of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    pub passwd: AccountFile,
    pub group: AccountFile,
}

/// One of these files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountFile {
    Missing,
    Text(Vec<u8>),
    /// Why it cannot be read.
    Unusable(String),
}

impl AccountFile {
    /// Its content, or nothing.
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Missing | Self::Unusable(_) => &[],
        }
    }
}

/// Reads both files as the command would see them.
pub fn survey(walker: &mut Walker) -> Accounts {
    let mut file = |name: &str| read(walker, &AbsolutePath::root().join("etc").join(name));
    Accounts { passwd: file("passwd"), group: file("group") }
}

fn read(walker: &mut Walker, path: &AbsolutePath) -> AccountFile {
    let fact = walker.fact(path);
    match fact.kind {
        FileKind::File => {}
        FileKind::Missing => return AccountFile::Missing,
        FileKind::Unreachable(errno) => {
            return AccountFile::Unusable(nix::errno::Errno::from_raw(errno).desc().to_lowercase());
        }
        _ => return AccountFile::Unusable("it is not a regular file".into()),
    }
    let Some(place) = walker.place(&fact.canonical) else { return AccountFile::Missing };
    match content(&place) {
        Ok(text) if text.len() as u64 > MOST => {
            AccountFile::Unusable(format!("it is larger than {} KiB", MOST >> 10))
        }
        Ok(text) => AccountFile::Text(text),
        Err(error) => AccountFile::Unusable(error.to_string()),
    }
}

/// It was a regular file a moment ago; should it be another now, nothing waits for it.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut text = Vec::new();
    file.take(MOST + 1).read_to_end(&mut text)?;
    Ok(text)
}
