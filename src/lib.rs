//! `jail`: one command in a rootless Linux sandbox, described by one profile.
//!
//! Data flows one way: text becomes a [`profile`], a profile and the facts about the
//! [`host`] become a [`plan`]. See docs/ARCHITECTURE.md.

pub mod cli;
pub mod diagnostic;
pub mod host;
pub mod plan;
pub mod profile;
pub mod run;
pub mod script;
mod sys;
pub mod units;
