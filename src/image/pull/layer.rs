//! One layer: from the source into the store.

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;

use crate::diagnostic::Diagnostic;
use crate::image::digest::Digest;
use crate::image::document::{Compression, Descriptor, MediaType};
use crate::image::source::Source;
use crate::image::store::{LayerRecord, Unfinished, Writer, summarize};
use crate::image::unpack::{Bad, Budget, Limit, Limits, Packed, Reason, Unpacked, unpack};

use super::feed::{Feed, Kept};
use super::progress::{Progress, State};

/// What all layers of a pull share.
pub struct Common<'a> {
    pub source: &'a dyn Source,
    pub writer: &'a Writer<'a>,
    pub limits: &'a Limits,
    pub budget: &'a Budget,
    pub progress: &'a dyn Progress,
    pub stop: &'a AtomicBool,
}

/// One of the layers of an image.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Counted from 0, the lowest first.
    pub number: usize,
    pub descriptor: &'a Descriptor,
    pub diff_id: &'a Digest,
}

/// A layer that is ready to be put into place.
#[derive(Debug)]
pub struct Ready {
    pub number: usize,
    pub unfinished: Unfinished,
    /// The download, which is not needed any more.
    pub partial: Option<PathBuf>,
}

/// Why a layer is not there.
#[derive(Debug)]
pub struct Refused {
    pub diagnostic: Diagnostic,
    /// It is the image's own fault: nothing of it is to stay.
    pub hostile: bool,
}

impl From<Diagnostic> for Refused {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, hostile: false }
    }
}

/// Unpacks a layer and verifies it. `None` if the store has it already.
pub fn make(common: &Common, layer: Layer) -> Result<Option<Ready>, Refused> {
    let Common { writer, progress, .. } = common;
    let is_there = || writer.store().layer_record(layer.diff_id).map(|record| record.is_some());
    if !is_there()? {
        let waiting = || progress.turn(layer.number, State::Waiting);
        let maker = writer.maker(layer.diff_id, &waiting)?;
        // The one that made it while we waited.
        if !is_there()? {
            return fill(common, layer, writer.begin(maker, layer.diff_id)?).map(Some);
        }
    }
    // One that was killed may have come to put the layer into place, and no further. No harm if it
    // stays: `prune` removes it.
    let _ = fs::remove_file(writer.partial(layer.diff_id, &layer.descriptor.digest));
    progress.turn(layer.number, State::Present);
    Ok(None)
}

fn fill(common: &Common, layer: Layer, unfinished: Unfinished) -> Result<Ready, Refused> {
    let remote = common.source.is_remote();
    let partial = remote.then(|| common.writer.partial(layer.diff_id, &layer.descriptor.digest));
    let kept = partial.as_ref().map(|path| Kept::open(path, layer.descriptor.size)).transpose()?;
    let resumed = kept.as_ref().map_or(0, |kept| kept.length);
    common.progress.turn(layer.number, State::Begun { kept: resumed });

    let mut result = attempt(common, layer, &unfinished, kept, common.budget);
    // What was on the disk may have been lost with the power. Only if it was all from the source
    // is it the source's fault.
    if resumed > 0
        && let Err(Failed { hostile: true, .. }) = &result
    {
        let path = partial.as_ref().expect("something was kept there");
        let mut kept = Kept::open(path, layer.descriptor.size)?;
        kept.clear()?;
        unfinished.empty()?;
        common.progress.turn(layer.number, State::Restarted);
        // What the first attempt used of the limits is no one's fault.
        result = attempt(common, layer, &unfinished, Some(kept), &Budget::new(*common.limits));
    }
    let unpacked = result.map_err(|failed| {
        if failed.hostile
            && let Some(path) = &partial
        {
            // Worthless; what stays goes with `prune`.
            let _ = fs::remove_file(path);
        }
        Refused { diagnostic: failed.diagnostic, hostile: failed.hostile }
    })?;
    describe(common, layer, &unfinished, &unpacked)?;
    common.progress.turn(layer.number, State::Unpacked);
    Ok(Ready { number: layer.number, unfinished, partial })
}

struct Failed {
    diagnostic: Diagnostic,
    hostile: bool,
}

fn attempt(
    common: &Common,
    layer: Layer,
    unfinished: &Unfinished,
    kept: Option<Kept>,
    budget: &Budget,
) -> Result<Unpacked, Failed> {
    let Layer { number, descriptor, diff_id } = layer;
    let trouble = Mutex::new(None);
    let feed = Feed::new(
        (common.source, descriptor),
        (number, common.progress),
        common.stop,
        &trouble,
        kept,
    );
    let tree = unfinished.tree().map_err(|diagnostic| Failed { diagnostic, hostile: false })?;
    let packed = Packed {
        blob: Box::new(feed),
        compression: compression(&layer),
        digest: Some(&descriptor.digest),
        size: Some(descriptor.size),
        diff_id,
    };
    unpack(packed, tree.as_fd(), budget).map_err(|bad| {
        let told = trouble.lock().expect("no thread panics").take();
        let hostile = is_the_images_fault(&bad.reason);
        let diagnostic = told.unwrap_or_else(|| explain(&bad, common.source, layer));
        Failed { diagnostic, hostile: hostile && !common.stop.load(Ordering::Relaxed) }
    })
}

/// And not the connection's, the disk's or the kernel's.
fn is_the_images_fault(reason: &Reason) -> bool {
    match reason {
        Reason::Inflate(_)
        | Reason::Size { .. }
        | Reason::Digest { .. }
        | Reason::DiffId { .. }
        | Reason::Limit(_)
        | Reason::Malformed(_)
        | Reason::Refused(_) => true,
        Reason::Read(_)
        | Reason::System(..)
        | Reason::NoAttributes
        | Reason::NoWhiteouts
        | Reason::Full
        | Reason::NotEmpty => false,
    }
}

fn explain(bad: &Bad, source: &dyn Source, layer: Layer) -> Diagnostic {
    let number = layer.number + 1;
    let short = layer.descriptor.digest.short();
    let name = source.name();
    let because = bad.to_string();
    match &bad.reason {
        Reason::Full | Reason::System(_, Errno::ENOSPC | Errno::EDQUOT) => {
            Diagnostic::error(format!("no room for layer {number} (`{short}`) of `{name}`"))
                .because(because)
                .help("make room, for example by `jail image prune`, and run the command again")
        }
        Reason::Read(_) => {
            let unread =
                Diagnostic::error(format!("cannot read layer {number} (`{short}`) of `{name}`"))
                    .because(because);
            match source.is_remote() {
                true => unread.help("run the command again: it goes on where it was interrupted"),
                false => unread,
            }
        }
        Reason::Limit(Limit::Bytes(_) | Limit::Entries(_) | Limit::Ratio(_)) => {
            Diagnostic::error(format!("layer {number} (`{short}`) of `{name}` is refused"))
                .because(because)
                .help("if you trust the image, raise the limit: see `jail image pull --help`")
        }
        Reason::Limit(Limit::Depth(_) | Limit::Directories(_) | Limit::Links(_))
        | Reason::Inflate(_)
        | Reason::Size { .. }
        | Reason::Digest { .. }
        | Reason::DiffId { .. }
        | Reason::Malformed(_)
        | Reason::Refused(_) => {
            Diagnostic::error(format!("layer {number} (`{short}`) of `{name}` is refused"))
                .because(because)
        }
        Reason::NoAttributes | Reason::NoWhiteouts => {
            Diagnostic::error(format!("cannot unpack layer {number} (`{short}`) of `{name}`"))
                .because(because)
                .help(
                    "use a file system such as ext4, XFS or btrfs, and Linux 5.8 or newer; \
                     `$XDG_DATA_HOME` says where images are kept",
                )
        }
        Reason::System(..) | Reason::NotEmpty => {
            Diagnostic::error(format!("cannot unpack layer {number} (`{short}`) of `{name}`"))
                .because(because)
        }
    }
}

fn describe(
    common: &Common,
    layer: Layer,
    unfinished: &Unfinished,
    unpacked: &Unpacked,
) -> Result<(), Diagnostic> {
    let tree = unfinished.tree()?;
    let summary = summarize(tree.as_fd()).map_err(|error| {
        // Nothing but system calls can fail there.
        let errno = Errno::try_from(error).unwrap_or(Errno::EIO);
        explain(&Reason::System("read what was unpacked", errno).into(), common.source, layer)
    })?;
    let record = LayerRecord {
        packed: unpacked.packed,
        summary,
        skipped_devices: unpacked.skipped.devices,
        skipped_attributes: unpacked.skipped.attributes,
        implied: unpacked.implied.clone(),
        opaque: unpacked.opaque,
        links: None,
    };
    unfinished.describe(record, &unpacked.links)
}

/// How a layer is packed. One that is its own content is not, whatever the manifest says of it: in the
/// directories of `podman save --format docker-dir` plain layers are called gzip.
fn compression(layer: &Layer) -> Compression {
    match layer.descriptor.media_type {
        _ if layer.descriptor.digest == *layer.diff_id => Compression::None,
        MediaType::Layer(compression) => compression,
        // Not possible in a manifest that was read; a tar then says what is wrong.
        MediaType::Index | MediaType::Manifest | MediaType::Config => Compression::None,
    }
}
