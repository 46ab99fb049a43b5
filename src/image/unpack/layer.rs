//! One layer: three threads, and the judgement at the end.

use std::io::Read;
use std::os::fd::BorrowedFd;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, scope};

use nix::errno::Errno;

use super::bad::{Bad, Reason};
use super::buffer::IN_FLIGHT;
use super::check::{Sums, check};
use super::feed::{Fed, Sinks, feed};
use super::limits::Budget;
use super::stream::Stream;
use super::write::write;
use crate::image::digest::Digest;
use crate::image::document::Compression;
use crate::image::owner::OwnedLink;

/// A layer as its source has it.
pub struct Packed<'a> {
    pub blob: Box<dyn Read + Send + 'a>,
    pub compression: Compression,
    /// Of the blob; nothing if the source knows none.
    pub digest: Option<&'a Digest>,
    /// Bytes of the blob; nothing if the source does not say.
    pub size: Option<u64>,
    /// Of the tar without compression.
    pub diff_id: &'a Digest,
}

/// What was made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    pub entries: u64,
    /// Of regular files.
    pub bytes: u64,
    /// Bytes of the blob.
    pub packed: u64,
    pub skipped: Skipped,
    /// Directories that no entry names but something is in, as paths from the root, which is the
    /// empty one; parents first. They have mode 0755, and in an overlay that hides the mode of the
    /// same directory in a lower layer.
    pub implied: Vec<Vec<u8>>,
    /// Links and fifos that somebody else than root owns.
    pub links: Vec<OwnedLink>,
    /// Nothing of the lower layers is to be seen. overlayfs does not read this from the root of a
    /// layer: whoever mounts must leave the lower layers out.
    pub opaque: bool,
}

/// What is never made, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    pub devices: u64,
    /// Extended attributes: file capabilities, labels, access lists, and those of overlayfs.
    pub attributes: u64,
}

/// Unpacks a layer into the empty directory `into`, and verifies size, digest and diff_id.
///
/// On any error what is in the directory is worthless, and the caller removes it. Nothing is
/// synchronized to the disk. Modes inside may forbid the owner to remove it: change them first.
/// Needs Linux 5.8, for character devices 0/0 (mknod(2)) without privileges.
pub fn unpack(packed: Packed, into: BorrowedFd, budget: &Budget) -> Result<Unpacked, Bad> {
    let Packed { mut blob, compression, digest, size, diff_id } = packed;
    let digest_algorithm = digest.unwrap_or(diff_id).algorithm();
    let same = compression == Compression::None && digest_algorithm == diff_id.algorithm();
    let (plain, chunks) = sync_channel(IN_FLIGHT);
    let (hashed, pieces) = sync_channel(IN_FLIGHT);
    let sinks = Sinks { plain, check: hashed, check_plain: !same };
    let no_thread = |_| Reason::System("start a thread", Errno::EAGAIN);

    let (fed, mut sums, written) = scope(|threads| {
        let checker = Builder::new()
            .name("hash".to_owned())
            .spawn_scoped(threads, move || check(&pieces, digest_algorithm, diff_id.algorithm()))
            .map_err(no_thread)?;
        let feeder = Builder::new()
            .name("inflate".to_owned())
            .spawn_scoped(threads, move || feed(&mut *blob, size, compression, &sinks, budget))
            .map_err(no_thread)?;
        // The stream ends here whatever comes out, and with it the other threads.
        let written = write(Stream::new(chunks), into, budget);
        let fed = feeder.join().expect("a panic ends the program");
        let sums = checker.join().expect("a panic ends the program");
        Ok::<_, Reason>((fed, sums, written))
    })?;
    if same {
        sums.plain.clone_from(&sums.packed);
    }
    let packed = fed.packed;
    judge(fed, sums, digest, diff_id, written).map(|unpacked| Unpacked { packed, ..unpacked })
}

/// The most telling of all that may be wrong.
fn judge(
    fed: Fed,
    sums: Sums,
    digest: Option<&Digest>,
    diff_id: &Digest,
    written: Result<Unpacked, Bad>,
) -> Result<Unpacked, Bad> {
    let wrong = |digest: &Digest, found| {
        let expected = digest.to_string();
        let found = format!("{}:{found}", digest.algorithm().name());
        (expected != found).then_some((expected, found))
    };
    // A blob that is not the one that was asked for says nothing about the image.
    if fed.whole
        && let Some(digest) = digest
        && let Some((expected, found)) = wrong(digest, sums.packed)
    {
        return Err(Reason::Digest { expected, found }.into());
    }
    // When the bytes stop coming, the tar seems to be broken as well.
    if let Some(failure) = fed.failure {
        return Err(failure.into());
    }
    let unpacked = written?;
    if let Some((expected, found)) = wrong(diff_id, sums.plain) {
        return Err(Reason::DiffId { expected, found }.into());
    }
    // The tar was read to its end, and so was the blob.
    assert!(fed.whole);
    Ok(unpacked)
}
