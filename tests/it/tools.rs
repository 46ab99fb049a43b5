//! Real tools doing real work inside, with the built-in profiles as they are.
//!
//! A sandbox that people switch off protects nobody. Each test asserts what the tool made,
//! not only that it ran.

pub mod cargo;
mod debuggers;
mod identities;
mod job_control;
mod languages;
mod lifetime;
mod overlays;
mod roots;
mod screens;
mod streams;
mod terminal_owner;

use crate::support::{Jail, jail_binary};

pub use cargo::with_toolchain;

/// A project of somebody who uses the profile `dev`.
fn developer() -> Jail {
    Jail::new().args(["--profile", "dev"])
}

/// A project in which `$JAIL` is the program under test, for lines of a shell outside.
fn with_jail_in_shell() -> Jail {
    Jail::new().env("JAIL", jail_binary()).env("PS1", "outside> ")
}
