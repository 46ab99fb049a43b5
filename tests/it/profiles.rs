//! The built-in profiles: each lets the tools that it is for do their work, and each keeps out what
//! it must. `tools` shows the same of `dev`, in more breadth.

mod agent;
mod c;
mod every;
mod git;
mod go;
mod java;
mod node;
mod out_of_reach;
mod python;
mod recipes;
mod rust;

mod shell;
mod untrusted;

use std::fs;
use std::path::Path;

use crate::support::{Finished, Jail};

/// Profiles that do not grant the working directory: pieces, and what begins without.
const WITHOUT_PROJECT: [&str; 5] = ["base", "env-files", "git-settings", "packages", "toolchains"];

/// The names of all, so that none is forgotten.
fn all_names() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let files = fs::read_dir(directory).expect("the profiles are there");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a directory can be read").file_name())
        .map(|name| name.to_string_lossy().trim_end_matches(".toml").to_owned())
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    names
}

/// The flags to run anything with this profile.
fn flags(name: &str) -> Vec<String> {
    let mut flags = vec!["--profile".to_owned(), name.to_owned()];
    if WITHOUT_PROJECT.contains(&name) || name.starts_with("toolchain-") {
        flags.extend(["--workdir".to_owned(), "/".to_owned()]);
    }
    flags
}

/// A project of somebody who uses this profile.
fn project(profile: &str) -> Jail {
    Jail::new().args(["--profile", profile])
}

/// Runs a line of shell inside, which must succeed.
#[track_caller]
fn sh(jail: &Jail, line: &str) -> Finished {
    let finished = jail.run(["sh", "-c", line]);
    finished.succeeds();
    finished
}

/// Runs a line of shell outside, which must succeed.
#[track_caller]
fn outside(jail: &Jail, line: &str) -> Finished {
    let finished = jail.run_outside(["sh", "-c", line]);
    finished.succeeds();
    finished
}
