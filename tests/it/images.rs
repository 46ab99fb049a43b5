//! Images: where they come from, where they are kept, and runs on them.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test, wherever it is")]

mod commands;
mod documents;
mod full;
mod hostile;
mod killed;
mod layers;
mod layout;
mod registry;
mod resume;
mod run;
mod sources;
mod tar;
