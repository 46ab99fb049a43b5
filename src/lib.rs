//! `jail`: one command in a rootless Linux sandbox, described by one profile.
//!
//! Data flows one way: text becomes a [`profile`], a profile and the facts about the
//! [`host`] become a [`plan`]. See docs/ARCHITECTURE.md.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("jail runs on Linux on x86_64 only: its table of system calls is for that");

pub mod cli;
pub mod diagnostic;
pub mod doctor;
pub mod forward;
pub mod host;
mod ids;
pub mod image;
pub mod plan;
pub mod profile;
mod remedy;
pub mod report;
pub mod run;
pub mod script;
mod sys;
pub mod units;
