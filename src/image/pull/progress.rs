//! What a pull tells while it goes on.

use crate::image::document::Descriptor;

/// Who listens to a pull. Called from several threads.
pub trait Progress: Sync {
    /// The layers that the image consists of, the lowest first, before anything happens to them.
    fn layers(&self, layers: &[&Descriptor]);

    /// More packed bytes of a layer have come.
    fn advance(&self, layer: usize, bytes: u64);

    /// What becomes of a layer.
    fn turn(&self, layer: usize, state: State);

    /// Another jail has to finish first.
    fn wait(&self, reason: Waiting);
}

/// What a layer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing to do: the store has it.
    Present,
    /// Another jail makes it.
    Waiting,
    /// Begins, with bytes that an earlier download left.
    Begun { kept: u64 },
    /// An earlier download turned out to be damaged: it begins anew.
    Restarted,
    /// Unpacked and verified, on the way to the disk.
    Unpacked,
    /// In the store.
    Done,
}

/// What another jail does that a pull has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It removes something from the store.
    Removal,
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn layers(&self, _layers: &[&Descriptor]) {}
    fn advance(&self, _layer: usize, _bytes: u64) {}
    fn turn(&self, _layer: usize, _state: State) {}
    fn wait(&self, _reason: Waiting) {}
}
