//! Entries of a tar: headers with their extensions put together.

use super::bad::{Bad, Reason};
use super::header::{Header, Time};
use super::pax::{self, Records};
use super::stream::{BLOCK, Bytes};
use crate::image::owner::Owner;

/// The largest extended header or GNU name that is taken into memory.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// One entry. Nothing in it has been checked for what it means.
#[derive(Debug)]
pub(super) struct Entry {
    pub kind: Kind,
    pub path: Vec<u8>,
    /// Target of a link.
    pub link: Vec<u8>,
    /// Bytes that follow; 0 unless it is a file.
    pub size: u64,
    /// Permissions, with the set-id and sticky bits.
    pub mode: u32,
    pub owner: Owner,
    pub mtime: Time,
    /// Extended attributes that are kept: names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Extended attributes that are not.
    pub dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    Fifo,
    Device,
}

/// Reads one entry after the other.
pub(super) struct Entries<S> {
    stream: S,
    /// Bytes of the current entry that have not been read.
    left: u64,
    /// Bytes up to the next header, after those.
    padding: u64,
}

/// What stands before the header of an entry and belongs to it.
#[derive(Default)]
struct Extensions {
    records: Option<Records>,
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl<S: Bytes> Entries<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, left: 0, padding: 0 }
    }

    /// The next entry; nothing at the end. What is left of the one before is passed over.
    pub fn next(&mut self) -> Result<Option<Entry>, Bad> {
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.header()? else {
                if extensions.is_empty() {
                    return Ok(None);
                }
                return Err(Reason::Malformed("an extended header has no entry").into());
            };
            match header.kind() {
                b'x' => set(&mut extensions.records, pax::local(&self.extension(&header)?)?)?,
                b'L' => set(&mut extensions.long_path, long_name(self.extension(&header)?)?)?,
                b'K' => set(&mut extensions.long_link, long_name(self.extension(&header)?)?)?,
                b'g' if extensions.is_empty() => pax::global(&self.extension(&header)?)?,
                b'g' => {
                    return Err(Reason::Malformed("an extended header has no entry").into());
                }
                _ => {
                    let entry = entry(&header, extensions)?;
                    self.left = entry.size;
                    self.padding = padding(entry.size);
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// What the bytes are read from; it stands where those of the current entry begin, or after what
    /// was read of them.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Some of the bytes of the current entry; none when it has no more.
    pub fn part(&mut self) -> Result<&[u8], Reason> {
        let bytes = self.stream.part(self.left)?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }

    /// The next header; nothing at the end of the tar, after which nothing is an entry any more.
    fn header(&mut self) -> Result<Option<Header>, Reason> {
        self.stream.skip(self.left + self.padding)?;
        (self.left, self.padding) = (0, 0);
        // Some programs leave out the two empty blocks at the end; the diff_id says that it is one.
        let Some(block) = self.stream.block()? else { return Ok(None) };
        if block != [0; BLOCK] {
            return Header::new(block).map(Some);
        }
        if self.stream.block()?.is_some_and(|block| block != [0; BLOCK]) {
            return Err(Reason::Malformed("an empty block stands between its entries"));
        }
        self.stream.drain();
        Ok(None)
    }

    /// The bytes of an extended header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, Reason> {
        let size = header.size()?;
        if size > LARGEST_EXTENSION {
            return Err(Reason::Refused("an extended header is larger than 1 MiB"));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        while (bytes.len() as u64) < size {
            bytes.extend_from_slice(self.stream.part(size - bytes.len() as u64)?);
        }
        self.padding = padding(size);
        Ok(bytes)
    }
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.records.is_none() && self.long_path.is_none() && self.long_link.is_none()
    }
}

/// Puts an entry together: extended records count more than anything, GNU names more than the header.
fn entry(header: &Header, extensions: Extensions) -> Result<Entry, Bad> {
    let Extensions { records, long_path, long_link } = extensions;
    let records = records.unwrap_or_default();
    let path = one(records.path, long_path)?.unwrap_or_else(|| header.path());
    let link = one(records.link, long_link)?.unwrap_or_else(|| header.link().to_vec());
    let numbers = || {
        let size = records.size.map_or_else(|| header.size(), Ok)?;
        Ok(Entry {
            kind: kind(header, &path, size)?,
            path: Vec::new(),
            link,
            size,
            mode: header.mode()?,
            owner: Owner {
                uid: records.uid.map_or_else(|| header.uid(), Ok)?,
                gid: records.gid.map_or_else(|| header.gid(), Ok)?,
            },
            mtime: records.mtime.map_or_else(|| header.mtime(), Ok)?,
            attributes: records.attributes,
            dropped: records.dropped,
        })
    };
    match numbers() {
        Ok(entry) => Ok(Entry { path, ..entry }),
        Err(reason) => Err(Bad::with(&path, reason)),
    }
}

/// What the entry is. Where readers are known to differ, the image is refused.
fn kind(header: &Header, path: &[u8], size: u64) -> Result<Kind, Reason> {
    let slash = path.ends_with(b"/");
    let kind = match header.kind() {
        // Before there was a type for directories.
        0 if slash => Kind::Directory,
        b'0' | b'7' if slash => {
            return Err(Reason::Malformed("it is a file with the name of a directory"));
        }
        0 | b'0' | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' | b'4' => device(header)?,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        b'S' => return Err(Reason::Refused("sparse files are not read")),
        _ => return Err(Reason::Refused("it is of a type that no layer has")),
    };
    if kind != Kind::File && size != 0 {
        return Err(Reason::Malformed("it has content, which only files have"));
    }
    Ok(kind)
}

fn device(header: &Header) -> Result<Kind, Reason> {
    if header.kind() == b'3' && header.device()? == (0, 0) {
        return Err(Reason::Refused("it is a device 0/0, with which layers below are hidden"));
    }
    Ok(Kind::Device)
}

/// The bytes up to the next block.
fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn long_name(mut bytes: Vec<u8>) -> Result<Vec<u8>, Reason> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Reason::Refused("a name is empty or has a NUL byte in it"));
    }
    Ok(bytes)
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), Reason> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reason::Malformed("an entry has two extended headers of one kind")),
    }
}

/// The one of two names that is there.
fn one(pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Reason> {
    match (pax, gnu) {
        (Some(pax), Some(gnu)) if pax != gnu => {
            Err(Reason::Malformed("two extended headers give an entry different names"))
        }
        (pax, gnu) => Ok(pax.or(gnu)),
    }
}
