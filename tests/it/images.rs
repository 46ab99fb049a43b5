//! Images: where they come from, where they are kept, and runs on them.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test, wherever it is")]

mod commands;
mod copies;
mod damage;
mod documents;
mod failing;
mod faults;
mod formats;
mod full;
mod hostile;
mod implied;
mod json;
mod kept;
mod killed;
mod layers;
pub mod layout;
mod obstacles;
mod others;
mod owners;
mod registry;
mod resume;
mod run;
mod sources;
mod system;
pub mod tar;
mod trees;
mod waiting;
mod which;
mod whose;
