//! Sessions at a terminal, in tests/cli: read as documentation, and run as they stand.
//!
//! A page is Markdown. A block whose fence has a language and a name is a file of the project, which is
//! executable if it begins with `#!`. In a block `console` each line after `$ ` is run by a shell, and what
//! it prints stands below it, standard error too, with `? N` at the end for an exit status other than 0.
//! `SNAPSHOTS=overwrite` writes down what is printed now.

use std::fs;
use std::path::Path;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data, Redactions, assert::DEFAULT_ACTION_ENV};

use crate::support::{Feature, Jail, jail_binary};
use crate::tools::cargo::with_rust;

/// Runs a page and compares it with itself.
#[track_caller]
fn holds(name: &str) {
    holds_in(project(), name);
}

/// The same in a project in which there is more.
#[track_caller]
fn holds_in(mut jail: Jail, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name);
    let page = fs::read_to_string(&path).expect("the page is there");
    let mut made = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        made.push_str(&format!("{line}\n"));
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match fence.split_once(' ') {
            Some((_, file)) => {
                let text = block.join("\n") + "\n";
                made.push_str(&text);
                jail = if text.starts_with("#!") {
                    jail.script(file, text)
                } else {
                    jail.file(file, text)
                };
            }
            None => made.push_str(&session(&jail, &block)),
        }
        made.push_str("```\n");
    }
    let mut places = Redactions::new();
    let home = jail.home().to_str().expect("a path in UTF-8").to_owned();
    places.insert("[HOME]", home).expect("a name");
    let made = Data::text(made);
    let kept = Data::read_from(&path, Some(DataFormat::Text));
    // A backslash is no path of another system here.
    let assert = Assert::new().action_env(DEFAULT_ACTION_ENV).normalize_paths(false);
    assert.redact_with(places).eq(made, kept);
}

/// A project in which `jail` is in PATH.
fn project() -> Jail {
    let jail = Jail::new();
    let bin = jail.home().join("bin");
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", jail_binary().display());
    let program = bin.join("jail");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    jail.script(program.to_str().expect("a path in UTF-8"), script)
        .home_file(".ssh/id_ed25519", "secret\n")
        .home_file(".bashrc", "alias ll='ls -l'\n")
        .env("PATH", path)
}

/// What a terminal shows for the commands of a block.
fn session(jail: &Jail, block: &[&str]) -> String {
    let mut shown = String::new();
    for line in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
        let finished = jail.run_outside(["sh", "-c", &format!("exec 2>&1\n{line}")]);
        shown.push_str(&format!("$ {line}\n{}", finished.stdout_text()));
        if let Some(status) = finished.status.code().filter(|status| *status != 0) {
            shown.push_str(&format!("? {status}\n"));
        }
    }
    shown
}

#[test]
fn a_first_run() {
    crate::require!(Feature::Program("curl"));
    holds("first-run.md");
}

#[test]
fn a_refused_network() {
    crate::require!(Feature::Program("curl"));
    holds("network.md");
}

/// A new user has the tools, and nothing of jail's.
#[test]
fn builds_in_six_languages() {
    for program in ["cc", "go", "npm", "python3", "make", "ant"] {
        crate::require!(Feature::Program(program));
    }
    let jail = project();
    let path = format!(
        "{}:{}/.cargo/bin:/usr/local/bin:/usr/bin:/bin",
        jail.home().join("bin").display(),
        jail.home().display()
    );
    holds_in(with_rust(jail).env("PATH", path), "languages.md");
}

#[test]
fn a_masked_file() {
    holds("mask.md");
}

#[test]
fn mistyped_words() {
    holds("mistyped.md");
}

#[test]
fn a_profile_with_mistakes() {
    holds("check.md");
}

#[test]
fn where_to_read_on() {
    holds("help.md");
}

#[test]
fn a_plan() {
    holds("plan.md");
}

#[test]
fn limits_and_statuses() {
    holds("status.md");
}

#[test]
fn refused_paths() {
    holds("refused-paths.md");
}

#[test]
fn refused_networks_limits_and_protections() {
    holds("refused-rules.md");
}

#[test]
fn refused_runs_and_reports() {
    holds("refused-runs.md");
}

#[test]
fn refused_images() {
    holds("refused-images.md");
}

#[test]
fn further_refusals() {
    crate::require!(Feature::Program("pasta"));
    holds("refused-further.md");
}

#[test]
fn every_page_is_run() {
    let this = include_str!("transcripts.rs");
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    for page in fs::read_dir(pages).expect("there are pages").flatten() {
        let name = page.file_name().into_string().expect("a name in UTF-8");
        assert!(this.contains(&format!("\"{name}\")")), "nobody runs {name}");
    }
}
