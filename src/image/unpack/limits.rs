//! What an image may cost, counted while it streams.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bad::{Limit, Reason};

/// What an image may cost. Each can be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all layers' tars, without compression.
    pub bytes: u64,
    /// Entries of all layers, and directories that are made for them.
    pub entries: u64,
    /// Bytes that one compressed byte of a layer may become.
    pub ratio: u64,
    /// The bytes of a layer from which on the ratio counts.
    pub ratio_after: u64,
    /// Directories above a file.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 30,
            entries: 1_000_000,
            ratio: 1000,
            ratio_after: 100 << 20,
            depth: 256,
        }
    }
}

/// What is left of the limits, for all layers of an image together.
#[derive(Debug, Default)]
pub struct Budget {
    limits: Limits,
    bytes: AtomicU64,
    entries: AtomicU64,
}

impl Budget {
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts bytes of a tar; `packed` and `plain` are those of this layer so far.
    pub(super) fn add_bytes(&self, more: u64, packed: u64, plain: u64) -> Result<(), Reason> {
        let Limits { bytes, ratio, ratio_after, .. } = self.limits;
        if add(&self.bytes, more) > bytes {
            return Err(Reason::Limit(Limit::Bytes(bytes)));
        }
        if plain > ratio_after && plain > packed.saturating_mul(ratio) {
            return Err(Reason::Limit(Limit::Ratio(ratio)));
        }
        Ok(())
    }

    /// Whether a file of this size can be within the limits at all; what comes is counted as well.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Reason> {
        let most = self.limits.bytes;
        if size > most { Err(Reason::Limit(Limit::Bytes(most))) } else { Ok(()) }
    }

    /// Counts one entry, or one directory that no entry names.
    pub(super) fn add_entry(&self) -> Result<(), Reason> {
        let entries = self.limits.entries;
        let counted = add(&self.entries, 1);
        if counted > entries { Err(Reason::Limit(Limit::Entries(entries))) } else { Ok(()) }
    }

    pub(super) fn check_depth(&self, depth: usize) -> Result<(), Reason> {
        let most = self.limits.depth;
        if depth > most { Err(Reason::Limit(Limit::Depth(most))) } else { Ok(()) }
    }
}

/// The sum. Counters only guard each other's threads, so no order is needed.
fn add(counter: &AtomicU64, more: u64) -> u64 {
    counter.fetch_add(more, Ordering::Relaxed).saturating_add(more)
}
