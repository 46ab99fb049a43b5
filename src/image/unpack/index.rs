//! Where the entries of a tar on the disk are, for archives that images are kept in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::bad::{Bad, Reason};
use super::entries::{Entries, Entry, Kind};
use super::name::components;
use super::stream::{BLOCK, Block, Bytes};

/// An archive with more entries is no archive of images.
const MOST_ENTRIES: usize = 100_000;
/// Bytes of all names and targets.
const LONGEST_NAMES: usize = 16 << 20;
/// Bytes that are read at once.
const PART: usize = 8192;

/// An entry, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Components with one slash between them; empty for the root.
    pub path: Vec<u8>,
    pub kind: FoundKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// `size` bytes from `offset` on.
    File {
        offset: u64,
        size: u64,
    },
    /// The target, as the archive has it.
    Symlink(Vec<u8>),
    /// The path of another entry, as the archive has it.
    HardLink(Vec<u8>),
    Other,
}

/// Reads the headers of a tar, in order, and none of the content.
///
/// # Errors
///
/// The tar is broken, ends before an entry does, or has an entry that no image may have.
pub fn index(file: &File) -> Result<Vec<Found>, Bad> {
    let length = file.metadata().map_err(Reason::Read)?.len();
    let mut entries = Entries::new(Reader { file, at: 0, length, buffer: Vec::new() });
    let mut found = Vec::new();
    let mut names = 0;
    while let Some(entry) = entries.next()? {
        if found.len() == MOST_ENTRIES {
            return Err(Reason::Refused("it has more than 100000 entries").into());
        }
        names += entry.path.len() + entry.link.len();
        if names > LONGEST_NAMES {
            return Err(Reason::Refused("its names are longer than 16 MiB in all").into());
        }
        let offset = entries.stream().at;
        let left = length - offset;
        found.push(place(&entry, offset, left).map_err(|reason| Bad::with(&entry.path, reason))?);
    }
    Ok(found)
}

fn place(entry: &Entry, offset: u64, left: u64) -> Result<Found, Reason> {
    if components(&entry.path).any(|name| name == b"..") {
        return Err(Reason::Refused("its name has `..` in it"));
    }
    if entry.size > left {
        return Err(Reason::Malformed("it ends inside an entry"));
    }
    let path = components(&entry.path).collect::<Vec<_>>().join(&b'/');
    let kind = match entry.kind {
        Kind::File => FoundKind::File { offset, size: entry.size },
        Kind::Symlink => FoundKind::Symlink(entry.link.clone()),
        Kind::HardLink => FoundKind::HardLink(entry.link.clone()),
        Kind::Directory | Kind::Fifo | Kind::Device => FoundKind::Other,
    };
    Ok(Found { path, kind })
}

/// A file that is read by offset, so that others may read it at the same time.
struct Reader<'a> {
    file: &'a File,
    at: u64,
    length: u64,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    /// Fills the buffer with the next `count` bytes.
    fn fill(&mut self, count: usize) -> Result<(), Reason> {
        self.buffer.resize(count, 0);
        self.file.read_exact_at(&mut self.buffer, self.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Reason::Malformed("it became shorter meanwhile"),
            _ => Reason::Read(error),
        })?;
        self.at += count as u64;
        Ok(())
    }
}

impl Bytes for Reader<'_> {
    fn block(&mut self) -> Result<Option<Block>, Reason> {
        match self.length - self.at {
            0 => Ok(None),
            left if left < BLOCK as u64 => Err(Reason::Malformed("it ends inside a block")),
            _ => {
                self.fill(BLOCK)?;
                let mut block = [0; BLOCK];
                block.copy_from_slice(&self.buffer);
                Ok(Some(block))
            }
        }
    }

    fn part(&mut self, most: u64) -> Result<&[u8], Reason> {
        let count = most.min(self.length - self.at).min(PART as u64);
        if count == 0 && most > 0 {
            return Err(Reason::Malformed("it ends inside an entry"));
        }
        self.fill(count as usize)?;
        Ok(&self.buffer)
    }

    fn skip(&mut self, count: u64) -> Result<(), Reason> {
        if count > self.length - self.at {
            return Err(Reason::Malformed("it ends inside an entry"));
        }
        self.at += count;
        Ok(())
    }

    fn drain(&mut self) {
        self.at = self.length;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::tempfile;

    use super::super::tests::tar::Tar;
    use super::*;

    #[track_caller]
    fn refused(tar: &[u8], words: &str) {
        let mut file = tempfile().unwrap();
        file.write_all(tar).unwrap();
        assert_eq!(index(&file).unwrap_err().to_string(), words);
    }

    #[test]
    fn an_archive_without_end_is_no_archive_of_images() {
        let many = Tar::new().file("name", "").0.repeat(MOST_ENTRIES + 1);
        refused(&many, "it has more than 100000 entries");
        let long = vec![b'n'; (1 << 20) - 100];
        let tar = (0..17).fold(Tar::new(), |tar, _| tar.pax(&[("path", &long)]).file("name", ""));
        refused(&tar.end(), "its names are longer than 16 MiB in all");
    }

    #[test]
    fn an_archive_that_is_cut_off_while_it_is_read_is_broken() {
        let file = tempfile().unwrap();
        let mut reader = Reader { file: &file, at: 0, length: 1024, buffer: Vec::new() };
        let reason = reader.block().unwrap_err();
        assert_eq!(reason.to_string(), "the tar is broken: it became shorter meanwhile");
    }
}
