//! Images: where they come from, where they are kept, and runs on them.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test, wherever it is")]

mod commands;
mod layers;
mod layout;
mod owners;
mod registry;
mod resume;
mod run;
mod sources;
mod tar;
