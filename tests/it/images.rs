//! Images: where they come from.

mod registry;
mod sources;
