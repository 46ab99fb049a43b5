//! The second thread: digests of what passes.

use std::fmt::Write;
use std::sync::mpsc::Receiver;

use sha2::{Digest as _, Sha256, Sha512};

use super::buffer::Chunk;
use crate::image::digest::Algorithm;

/// Bytes to be hashed.
pub(super) enum Piece {
    /// Of the blob.
    Packed(Chunk),
    /// Of the tar.
    Plain(Chunk),
}

/// Digests of the blob and of the tar, as hexadecimal digits.
pub(super) struct Sums {
    pub packed: String,
    pub plain: String,
}

/// Hashes until nobody sends any more.
pub(super) fn check(pieces: &Receiver<Piece>, packed: Algorithm, plain: Algorithm) -> Sums {
    let (mut packed, mut plain) = (Hash::new(packed), Hash::new(plain));
    for piece in pieces {
        match piece {
            Piece::Packed(chunk) => packed.update(chunk.bytes()),
            Piece::Plain(chunk) => plain.update(chunk.bytes()),
        }
    }
    Sums { packed: packed.finish(), plain: plain.finish() }
}

enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(hash) => hex(&hash.finalize()),
            Self::Sha512(hash) => hex(&hash.finalize()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
