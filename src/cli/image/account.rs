//! What a command did to an image, as JSON.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::image::Image;
use crate::image::document::{Descriptor, Platform};
use crate::image::pull::{Progress, State, Waiting};
use crate::image::store::Store;

/// What became of each layer, as a pull has told. Of an image that was not even asked for, because
/// the store has it, nothing was told.
#[derive(Default)]
pub struct Account {
    layers: Mutex<Vec<Told>>,
}

/// Keeps what a pull tells, and passes it on.
pub struct Recorder<'a> {
    account: &'a Account,
    listener: Box<dyn Progress>,
}

/// Of one layer.
struct Told {
    digest: String,
    packed: u64,
    /// Packed bytes that came, those that came twice too.
    read: u64,
    /// Packed bytes that an earlier download had left.
    resumed: u64,
    /// It was not in the store.
    made: bool,
}

impl Account {
    pub fn passing_on(&self, listener: Box<dyn Progress>) -> Recorder<'_> {
        Recorder { account: self, listener }
    }

    /// The image, with what was done for each of its layers.
    pub fn of(
        &self,
        image: &Image,
        store: &Store,
        platform: &Platform,
    ) -> Result<Value, Diagnostic> {
        let told = self.layers.lock().expect("no thread panics");
        let (mut layers, mut all, mut all_packed) = (Vec::new(), 0, 0);
        for (index, diff_id) in image.config.diff_ids.iter().enumerate() {
            let record = store.layer_record(diff_id)?;
            let told = told.get(index);
            let bytes = record.as_ref().map_or(0, |layer| layer.summary.bytes);
            let packed = told.map(|it| it.packed).or(record.as_ref().map(|layer| layer.packed));
            all += bytes;
            all_packed += packed.unwrap_or(0);
            layers.push(json!({
                "diff_id": diff_id.to_string(),
                "digest": told.map(|it| &it.digest),
                "done": if told.is_some_and(|it| it.made) { "unpacked" } else { "present" },
                "packed_bytes": packed,
                "read_bytes": told.map_or(0, |it| it.read),
                "resumed_bytes": told.map_or(0, |it| it.resumed),
                "bytes": bytes,
                "skipped_devices": record.as_ref().map_or(0, |layer| layer.skipped_devices),
                "skipped_attributes": record.as_ref().map_or(0, |layer| layer.skipped_attributes),
            }));
        }
        Ok(json!({
            "name": image.name,
            "digest": image.digest.to_string(),
            "platform": platform.to_string(),
            "layers": layers,
            "packed_bytes": all_packed,
            "bytes": all,
        }))
    }
}

impl Recorder<'_> {
    fn change(&self, layer: usize, change: impl FnOnce(&mut Told)) {
        change(&mut self.account.layers.lock().expect("no thread panics")[layer]);
    }
}

impl Progress for Recorder<'_> {
    fn layers(&self, layers: &[&Descriptor]) {
        let told = layers.iter().map(|layer| Told {
            digest: layer.digest.to_string(),
            packed: layer.size,
            read: 0,
            resumed: 0,
            made: false,
        });
        *self.account.layers.lock().expect("no thread panics") = told.collect();
        self.listener.layers(layers);
    }

    fn advance(&self, layer: usize, bytes: u64) {
        self.change(layer, |told| told.read += bytes);
        self.listener.advance(layer, bytes);
    }

    fn turn(&self, layer: usize, state: State) {
        self.change(layer, |told| match state {
            State::Begun { kept } => told.resumed = kept,
            State::Restarted => told.resumed = 0,
            State::Done => told.made = true,
            State::Present | State::Waiting | State::Unpacked => {}
        });
        self.listener.turn(layer, state);
    }

    fn wait(&self, reason: Waiting) {
        self.listener.wait(reason);
    }
}
