//! Buffers that travel between threads and come back.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a buffer: enough to make system calls and wake-ups rare, little enough to stay in the
/// processor's cache.
pub(super) const SIZE: usize = 256 << 10;
/// Buffers in flight to each thread. With those in use a layer needs at most about 10 MiB.
pub(super) const IN_FLIGHT: usize = 8;

/// Bytes that several threads read.
pub(super) type Chunk = Arc<Buffer>;

/// Buffers that nobody uses now. Getting fresh memory from the kernel for each costs as much as
/// hashing what it holds.
#[derive(Clone)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

pub(super) struct Buffer {
    pub bytes: Vec<u8>,
    /// How many of the bytes mean something.
    pub length: usize,
    pool: Pool,
}

impl Pool {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// An empty buffer.
    pub fn take(&self) -> Buffer {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = bytes.unwrap_or_else(|| vec![0; SIZE]);
        Buffer { bytes, length: 0, pool: self.clone() }
    }
}

impl Buffer {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub fn share(self) -> Chunk {
        Arc::new(self)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}
