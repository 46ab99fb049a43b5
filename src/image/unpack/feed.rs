//! The first thread: reads the blob and inflates it.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::SyncSender;

use flate2::bufread::MultiGzDecoder;

use super::bad::Reason;
use super::buffer::{Chunk, Pool, SIZE};
use super::check::Piece;
use super::limits::Budget;
use crate::image::document::Compression;

/// The largest window of a zstd frame, as a power of two: 128 MiB, as zstd(1) takes it. More would
/// let an image choose how much memory we need.
const WINDOW_LOG: u32 = 27;
/// Bytes of a blob that are read after its tar turned out bad, to tell a bad image from a bad copy.
const POST_MORTEM: u64 = 16 << 20;

/// Where the bytes go.
pub(super) struct Sinks {
    /// Plain bytes, to be written.
    pub plain: SyncSender<Chunk>,
    /// All bytes, to be hashed.
    pub check: SyncSender<Piece>,
    /// Whether plain bytes are hashed apart from the packed ones.
    pub check_plain: bool,
}

/// What came of it.
pub(super) struct Fed {
    /// Bytes of the blob.
    pub packed: u64,
    /// Whether the blob was read to its end, so that its digest says something.
    pub whole: bool,
    /// Nothing also if the other threads were done first.
    pub failure: Option<Reason>,
}

/// Reads the blob to its end, of `size` bytes if that is known.
pub(super) fn feed(
    blob: &mut dyn Read,
    size: Option<u64>,
    compression: Compression,
    sinks: &Sinks,
    budget: &Budget,
) -> Fed {
    let packed = Cell::new(0);
    let mut source = Source::new(blob, size, sinks, &packed);
    let flow = Flow { sinks, budget, packed: &packed, pool: Pool::new(), plain: Cell::new(0) };
    let end = match compression {
        Compression::None => flow.pass(&mut source),
        Compression::Gzip => flow.inflate(&mut MultiGzDecoder::new(&mut source)),
        Compression::Zstd => match zstd_decoder(&mut source) {
            Ok(mut decoder) => flow.inflate(&mut decoder),
            Err(error) => Err(Stop::Failed(error)),
        },
    };
    let own = source.failure.take();
    let failure = match end {
        Ok(()) | Err(Stop::Unheard) => own,
        Err(Stop::Failed(error)) => Some(own.unwrap_or(Reason::Inflate(error))),
        Err(Stop::Limit(reason)) => Some(reason),
    };
    let whole = failure.as_ref().is_none_or(|reason| matches!(reason, Reason::Inflate(_)))
        && source.finish();
    let failure = failure.or(source.failure.take());
    Fed { packed: packed.get(), whole, failure }
}

/// Why the bytes do not go on.
enum Stop {
    /// Nobody wants them any more.
    Unheard,
    /// They are not what they should be, or reading failed.
    Failed(io::Error),
    Limit(Reason),
}

struct Flow<'a> {
    sinks: &'a Sinks,
    budget: &'a Budget,
    packed: &'a Cell<u64>,
    plain: Cell<u64>,
    pool: Pool,
}

impl Flow<'_> {
    /// Sends the bytes of `decoder` on until it has no more.
    fn inflate(&self, decoder: &mut dyn Read) -> Result<(), Stop> {
        loop {
            let mut buffer = self.pool.take();
            while buffer.length < SIZE {
                let free = &mut buffer.bytes[buffer.length..];
                match decoder.read(free) {
                    Ok(0) => break,
                    Ok(count) => buffer.length += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Stop::Failed(error)),
                }
            }
            if buffer.length == 0 {
                return Ok(());
            }
            self.send(buffer.share())?;
        }
    }

    /// Sends the bytes of the blob on as they are.
    fn pass(&self, source: &mut Source) -> Result<(), Stop> {
        while source.load().map_err(Stop::Failed)? {
            self.send(source.current.clone().expect("it has just been loaded"))?;
            source.at = source.length();
        }
        Ok(())
    }

    fn send(&self, chunk: Chunk) -> Result<(), Stop> {
        let count = chunk.bytes().len() as u64;
        self.plain.set(self.plain.get() + count);
        self.budget.add_bytes(count, self.packed.get(), self.plain.get()).map_err(Stop::Limit)?;
        if self.sinks.check_plain {
            let piece = Piece::Plain(chunk.clone());
            self.sinks.check.send(piece).map_err(|_| Stop::Unheard)?;
        }
        self.sinks.plain.send(chunk).map_err(|_| Stop::Unheard)
    }
}

/// The blob, hashed and counted as it is read.
struct Source<'a> {
    blob: &'a mut dyn Read,
    size: Option<u64>,
    sinks: &'a Sinks,
    packed: &'a Cell<u64>,
    pool: Pool,
    current: Option<Chunk>,
    at: usize,
    /// What an `io::Error` from here stands for.
    failure: Option<Reason>,
}

impl<'a> Source<'a> {
    fn new(
        blob: &'a mut dyn Read,
        size: Option<u64>,
        sinks: &'a Sinks,
        packed: &'a Cell<u64>,
    ) -> Self {
        let pool = Pool::new();
        Self { blob, size, sinks, packed, pool, current: None, at: 0, failure: None }
    }

    fn length(&self) -> usize {
        self.current.as_ref().map_or(0, |chunk| chunk.bytes().len())
    }

    /// Makes sure that there are bytes at `at`; says `false` at the end of the blob.
    fn load(&mut self) -> io::Result<bool> {
        if self.at < self.length() {
            return Ok(true);
        }
        self.current = None;
        self.at = 0;
        match self.read() {
            Ok(chunk) => self.current = chunk,
            Err(reason) => {
                self.failure = Some(reason);
                return Err(io::ErrorKind::Other.into());
            }
        }
        Ok(self.current.is_some())
    }

    fn read(&mut self) -> Result<Option<Chunk>, Reason> {
        // One byte more than there may be shows that there are too many.
        let left = self.size.map_or(SIZE as u64, |size| size - self.packed.get() + 1);
        let most = left.min(SIZE as u64) as usize;
        let mut buffer = self.pool.take();
        buffer.length = loop {
            match self.blob.read(&mut buffer.bytes[..most]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Reason::Read(error)),
            }
        };
        let packed = self.packed.get() + buffer.length as u64;
        let ended = buffer.length == 0;
        if let Some(expected) = self.size
            && (packed > expected || (ended && packed < expected))
        {
            return Err(Reason::Size { expected, longer: packed > expected });
        }
        self.packed.set(packed);
        if ended {
            return Ok(None);
        }
        let chunk = buffer.share();
        // Whoever hashes ends after us, so this cannot fail.
        self.sinks.check.send(Piece::Packed(chunk.clone())).ok();
        Ok(Some(chunk))
    }

    /// Reads on to the end, if that is near; says whether it was reached.
    fn finish(&mut self) -> bool {
        let most = self.packed.get() + POST_MORTEM;
        while self.packed.get() <= most {
            self.at = self.length();
            match self.load() {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.load()?;
        Ok(self.current.as_ref().map_or(&[], |chunk| &chunk.bytes()[self.at..]))
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

pub(super) fn zstd_decoder<R: BufRead>(source: R) -> io::Result<zstd::Decoder<'static, R>> {
    let mut decoder = zstd::Decoder::with_buffer(source)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(decoder)
}
