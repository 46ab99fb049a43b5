//! Without namespaces: what works then, what is refused, and every attack once more.
//!
//! The tests run under a filter that refuses what docker's own does, loaded by a parent; [`machines`]
//! has kernels on which a setting forbids user namespaces.

mod attacks;
mod files;
mod life;
mod machines;
mod nested;
mod refused;
mod works;

use std::path::Path;

use crate::support::Jail;

pub use nested::run_in_domains;

/// What the starter of a container would load, for calls that make namespaces and mounts.
const CONTAINER: &str = include_str!("bare/container.json");

/// A project where namespaces are refused.
fn in_container() -> Jail {
    let jail = Jail::new();
    let policy = jail.elsewhere().join("container.json");
    jail.file(&policy, CONTAINER).through_probe(&format!("under-policy {}", policy.display()))
}

/// A run there that does without them.
fn bare() -> Jail {
    in_container().args(["--degrade", "namespaces"])
}

/// Outside the attempt succeeds, in the same container; inside it is refused with one of these.
#[track_caller]
fn refused_by(jail: &Jail, attempt: &str, errnos: &[&str]) {
    jail.outside(attempt).succeeds();
    jail.probe(attempt).refused_with_any(errnos);
}

/// What is below a directory, by their names.
fn names_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
