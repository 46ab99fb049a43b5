//! Images: where they come from, and runs on them.

mod layers;
mod registry;
mod run;
