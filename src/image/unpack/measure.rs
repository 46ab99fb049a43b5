//! The digests of a tar that comes without a manifest.

use std::cell::RefCell;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::bad::{Bad, Reason};
use super::feed::zstd_decoder;
use super::limits::{Budget, Limits};
use crate::image::digest::Digest;
use crate::image::document::Compression;

const PART: usize = 256 << 10;

/// What a manifest would say of the tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Of the blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Of the tar.
    pub diff_id: Digest,
}

/// Reads a blob to its end.
///
/// # Errors
///
/// It cannot be read, is not compressed as it is said to be, or becomes larger than the limits.
pub fn measure(
    blob: &mut dyn Read,
    compression: Compression,
    limits: &Limits,
) -> Result<Measured, Bad> {
    let budget = Budget::new(*limits);
    let packed = RefCell::new(Packed::default());
    let source = BufReader::with_capacity(PART, Hashed { blob, packed: &packed });
    let diff_id = match compression {
        Compression::None => hash_all(source, &packed, &budget),
        Compression::Gzip => hash_all(MultiGzDecoder::new(source), &packed, &budget),
        Compression::Zstd => {
            let decoder = zstd_decoder(source).map_err(Reason::Inflate)?;
            hash_all(decoder, &packed, &budget)
        }
    }?;
    let Packed { hash, size, failure } = packed.into_inner();
    if let Some(error) = failure {
        return Err(Reason::Read(error).into());
    }
    Ok(Measured { digest: Digest::from_sha256(hash), size, diff_id })
}

#[derive(Default)]
struct Packed {
    hash: Sha256,
    size: u64,
    /// What the decoder would put in its own words.
    failure: Option<io::Error>,
}

/// The blob, hashed on its way.
struct Hashed<'a> {
    blob: &'a mut dyn Read,
    packed: &'a RefCell<Packed>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut packed = self.packed.borrow_mut();
        match self.blob.read(buffer) {
            Ok(count) => {
                packed.hash.update(&buffer[..count]);
                packed.size += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                packed.failure = Some(error);
                Err(io::Error::other("it cannot be read"))
            }
        }
    }
}

fn hash_all(
    mut plain: impl Read,
    packed: &RefCell<Packed>,
    budget: &Budget,
) -> Result<Digest, Reason> {
    let mut hash = Sha256::default();
    let mut buffer = vec![0; PART];
    let mut total = 0;
    loop {
        match plain.read(&mut buffer) {
            Ok(0) => return Ok(Digest::from_sha256(hash)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                total += count as u64;
                budget.add_bytes(count as u64, packed.borrow().size, total)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let own = packed.borrow_mut().failure.take();
                return Err(own.map_or(Reason::Inflate(error), Reason::Read));
            }
        }
    }
}
