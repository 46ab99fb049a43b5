//! `jail`: one command in a rootless Linux sandbox, described by one profile.
//!
//! Data flows one way: text becomes a [`profile`], a profile and the facts about the
//! [`host`] become a [`plan`]. See docs/ARCHITECTURE.md.

pub mod diagnostic;
pub mod host;
pub mod plan;
pub mod profile;
pub mod script;
pub mod units;
