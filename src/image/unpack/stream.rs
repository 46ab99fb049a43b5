//! The tar as the third thread sees it: blocks and bytes.

use std::sync::mpsc::Receiver;

use super::bad::Reason;
use super::buffer::Chunk;

/// Bytes of a block, the unit of a tar.
pub(super) const BLOCK: usize = 512;

pub(super) type Block = [u8; BLOCK];

/// Where the bytes of a tar come from, in order.
pub(super) trait Bytes {
    /// The next block; nothing at the end.
    fn block(&mut self) -> Result<Option<Block>, Reason>;

    /// Some of the next `most` bytes, which must be there; none only if `most` is 0.
    fn part(&mut self, most: u64) -> Result<&[u8], Reason>;

    fn skip(&mut self, count: u64) -> Result<(), Reason>;

    /// Lets everything pass that is left, so that it is hashed.
    fn drain(&mut self);
}

/// The plain bytes of a layer, in order.
pub(super) struct Stream {
    chunks: Receiver<Chunk>,
    current: Option<Chunk>,
    at: usize,
}

impl Stream {
    pub fn new(chunks: Receiver<Chunk>) -> Self {
        Self { chunks, current: None, at: 0 }
    }

    fn next(&mut self, most: u64) -> &[u8] {
        if self.current.as_ref().is_none_or(|chunk| self.at == chunk.bytes().len()) {
            self.at = 0;
            self.current = self.chunks.recv().ok();
        }
        let Some(chunk) = &self.current else { return &[] };
        let left = &chunk.bytes()[self.at..];
        let count = left.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        self.at += count;
        &left[..count]
    }
}

impl Bytes for Stream {
    fn block(&mut self) -> Result<Option<Block>, Reason> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.next((BLOCK - filled) as u64);
            if bytes.is_empty() {
                break;
            }
            block[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        match filled {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(Reason::Malformed("it ends inside a block")),
        }
    }

    fn part(&mut self, most: u64) -> Result<&[u8], Reason> {
        let bytes = self.next(most);
        if bytes.is_empty() && most > 0 {
            return Err(Reason::Malformed("it ends inside an entry"));
        }
        Ok(bytes)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), Reason> {
        while count > 0 {
            count -= self.part(count)?.len() as u64;
        }
        Ok(())
    }

    fn drain(&mut self) {
        while !self.next(u64::MAX).is_empty() {}
    }
}
