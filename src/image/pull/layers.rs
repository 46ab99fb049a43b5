//! All layers of an image.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, scope};

use nix::sys::statvfs::statvfs;

use crate::diagnostic::{Diagnostic, cause};
use crate::image::digest::Digest;
use crate::image::document::Descriptor;
use crate::image::source::Source;
use crate::image::store::Writer;
use crate::image::unpack::{Budget, Limits};
use crate::units::amounts::size;

use super::layer::{Common, Layer, Ready, Refused, make};
use super::progress::{Progress, State};

/// Layers at once. With the threads and buffers of each, this bounds the memory of a pull; more
/// would not be faster, because three inflate and write as much as processors and disks take.
const AT_ONCE: usize = 3;

/// What came of all layers.
pub struct Made {
    /// Those that were not there before.
    pub new: Vec<Digest>,
    pub result: Result<(), Refused>,
}

/// Brings all layers into the store, those of an image that is refused too: the caller knows what
/// to do with them.
pub fn make_all(
    source: &dyn Source,
    writer: &Writer,
    layers: &[(Descriptor, Digest)],
    limits: &Limits,
    progress: &dyn Progress,
) -> Made {
    let descriptors: Vec<&Descriptor> = layers.iter().map(|(descriptor, _)| descriptor).collect();
    progress.layers(&descriptors);
    let left = distinct(layers, progress);
    if let Err(diagnostic) = check_room(writer, &left) {
        return Made { new: Vec::new(), result: Err(diagnostic.into()) };
    }
    let (stop, budget) = (AtomicBool::new(false), Budget::new(*limits));
    let common = Common { source, writer, limits, budget: &budget, progress, stop: &stop };
    let next = AtomicUsize::new(0);
    let (ready, finished) = channel();
    scope(|threads| {
        for number in 0..AT_ONCE.min(left.len()) {
            let (ready, common, left, next) = (ready.clone(), &common, &left, &next);
            let work = move || work(common, left, next, &ready);
            let started =
                Builder::new().name(format!("layer {number}")).spawn_scoped(threads, work);
            // With one thread at least the rest gets done.
            if let Err(error) = started
                && number == 0
            {
                return Made { new: Vec::new(), result: Err(no_thread(source, &error).into()) };
            }
        }
        drop(ready);
        commit(&common, &finished)
    })
}

fn no_thread(source: &dyn Source, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot start a thread to unpack `{}`", source.name()))
        .because(cause(error))
        .help("end other programs, or raise the limit: `ulimit -u`, or `pids.max` of the cgroup")
}

/// Makes layers until there is none left, or one fails.
fn work(
    common: &Common,
    layers: &[Layer],
    next: &AtomicUsize,
    ready: &Sender<Result<Ready, Refused>>,
) {
    while !common.stop.load(Ordering::Relaxed)
        && let Some(layer) = layers.get(next.fetch_add(1, Ordering::Relaxed))
    {
        let Some(made) = make(common, *layer).transpose() else { continue };
        // The receiver goes on until the last sender is gone.
        ready.send(made).expect("somebody listens");
    }
}

/// Puts layers into place as they come, all that have come meanwhile at once, and stops the others
/// when one fails. The first failure is the one to tell of: the others may come from stopping.
fn commit(common: &Common, finished: &Receiver<Result<Ready, Refused>>) -> Made {
    let mut made = Made { new: Vec::new(), result: Ok(()) };
    while let Ok(first) = finished.recv() {
        let mut ready = Vec::new();
        for outcome in std::iter::once(first).chain(finished.try_iter()) {
            match outcome {
                Ok(layer) => ready.push(layer),
                Err(refused) => fail(common, &mut made, refused),
            }
        }
        if let Err(diagnostic) = place(common, ready, &mut made.new) {
            fail(common, &mut made, diagnostic.into());
        }
    }
    made
}

fn place(common: &Common, ready: Vec<Ready>, new: &mut Vec<Digest>) -> Result<(), Diagnostic> {
    if ready.is_empty() {
        return Ok(());
    }
    let (mut unfinished, mut told) = (Vec::new(), Vec::new());
    for layer in ready {
        told.push((layer.number, layer.partial, layer.unfinished.diff_id().clone()));
        unfinished.push(layer.unfinished);
    }
    common.writer.commit(unfinished)?;
    for (number, partial, diff_id) in told {
        if let Some(path) = partial {
            // No harm if it stays; `prune` removes it.
            let _ = fs::remove_file(path);
        }
        common.progress.turn(number, State::Done);
        new.push(diff_id);
    }
    Ok(())
}

fn fail(common: &Common, made: &mut Made, refused: Refused) {
    common.stop.store(true, Ordering::Relaxed);
    if made.result.is_ok() {
        made.result = Err(refused);
    }
}

/// Each diff_id once: the same layer may come several times, empty ones do.
fn distinct<'a>(layers: &'a [(Descriptor, Digest)], progress: &dyn Progress) -> Vec<Layer<'a>> {
    let mut seen = HashSet::new();
    let mut left = Vec::new();
    for (number, (descriptor, diff_id)) in layers.iter().enumerate() {
        if seen.insert(diff_id) {
            left.push(Layer { number, descriptor, diff_id });
        } else {
            progress.turn(number, State::Present);
        }
    }
    left
}

/// A layer that does not even fit packed is not begun.
fn check_room(writer: &Writer, layers: &[Layer]) -> Result<(), Diagnostic> {
    let mut needed = 0_u64;
    for Layer { descriptor, diff_id, .. } in layers {
        if writer.store().layer_record(diff_id)?.is_none() {
            needed = needed.saturating_add(descriptor.size);
        }
    }
    let place = writer.store().path();
    let room = statvfs(place).map_err(|errno| {
        Diagnostic::error(format!("cannot ask how much room is in `{}`", place.display()))
            .because(cause(&errno.into()))
    })?;
    let free = room.blocks_available() * room.fragment_size();
    if room.blocks() == 0 || needed <= free - free / 20 {
        return Ok(());
    }
    Err(Diagnostic::error(format!("no room for the image in `{}`", place.display()))
        .because(format!(
            "its layers are {} even packed, and {} are free, a twentieth of which stays",
            size(needed),
            size(free)
        ))
        .help("make room, for example by `jail image prune`, and run the command again"))
}
