//! Bytes of a file: all of them, or an entry of an archive.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::image::document::{Compression, LARGEST_DOCUMENT};

/// A part of a file. Reading it moves nothing that others use.
#[derive(Clone, Debug)]
pub(super) struct Part {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Part {
    /// `size` bytes from `offset` on; the caller has seen that the file has them.
    pub fn new(file: Arc<File>, offset: u64, size: u64) -> Self {
        Self { file, at: offset, end: offset + size }
    }

    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub fn length(&self) -> u64 {
        self.end - self.at
    }

    /// The same without its first `count` bytes.
    pub fn after(&self, count: u64) -> Self {
        Self { at: self.at.saturating_add(count).min(self.end), ..self.clone() }
    }

    /// All of it, if it is no larger than a document may be.
    pub fn document(mut self) -> Result<Vec<u8>, String> {
        if self.length() > LARGEST_DOCUMENT {
            return Err(format!("it is larger than {} MiB", LARGEST_DOCUMENT >> 20));
        }
        let mut bytes = Vec::with_capacity(self.length() as usize);
        self.read_to_end(&mut bytes).map_err(|error| crate::diagnostic::cause(&error))?;
        Ok(bytes)
    }

    /// What its first bytes say.
    pub fn packing(&self) -> io::Result<Packing> {
        let mut start = Vec::new();
        self.clone().take(6).read_to_end(&mut start)?;
        let known: [(&[u8], Packing); 4] = [
            (b"\x1f\x8b", Packing::Known(Compression::Gzip)),
            (b"\x28\xb5\x2f\xfd", Packing::Known(Compression::Zstd)),
            (b"BZh", Packing::Other("bzip2")),
            (b"\xfd7zXZ\0", Packing::Other("xz")),
        ];
        let found = known.into_iter().find(|(magic, _)| start.starts_with(magic));
        Ok(found.map_or(Packing::Known(Compression::None), |(_, packing)| packing))
    }
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Known(Compression),
    /// By a program that has to undo it.
    Other(&'static str),
}

impl Packing {
    /// The program that unpacks it; nothing if it is not packed.
    pub fn program(self) -> Option<&'static str> {
        match self {
            Self::Known(Compression::None) => None,
            Self::Known(Compression::Gzip) => Some("gzip"),
            Self::Known(Compression::Zstd) => Some("zstd"),
            Self::Other(program) => Some(program),
        }
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.length()).unwrap_or(usize::MAX));
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("the file became shorter meanwhile"));
        }
        self.at += count as u64;
        Ok(count)
    }
}
