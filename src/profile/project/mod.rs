//! The profile of a project: the file `.jail.toml` in it.
//!
//! [`start`] writes a first one. [`write`] puts files in their place.

mod start;
mod write;

pub use start::{Marker, markers, starting_profile};
pub use write::{Existing, put};

/// The name of the file.
pub const FILE: &str = ".jail.toml";
