//! Images: where they come from, and where they are kept.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test, wherever it is")]

mod commands;
mod layout;
mod registry;
mod resume;
mod sources;
mod tar;
