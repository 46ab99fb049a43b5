//! Files that are made from the program's own descriptions: completions and man pages from that
//! of the command line, and a schema from that of reports.
//!
//! `JAIL_BLESS=1` rewrites them.

#[path = "generated/roff.rs"]
mod roff;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

#[test]
fn completions_are_up_to_date() {
    for (name, shell) in
        [("jail.bash", Shell::Bash), ("_jail", Shell::Zsh), ("jail.fish", Shell::Fish)]
    {
        compare(&tree().join("completions").join(name), jail::cli::completions(shell).as_bytes());
    }
}

#[test]
fn man_pages_are_up_to_date() {
    let mut command = jail::cli::command().disable_help_subcommand(true);
    command.build();
    let directory = tree().join("docs/man");
    let mut names = Vec::new();
    compare_pages(&directory, &command, "jail", &mut names);
    let format = fs::read_to_string(tree().join("docs/profile.md")).expect("the page is there");
    let about = "what may stand in a profile of jail, key by key";
    let made = roff::page("jail-profile", about, &format);
    compare(&directory.join("jail-profile.5"), made.as_bytes());
    names.push("jail-profile.5".to_owned());
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "docs/man/{name} is of no command");
    }
}

#[test]
fn the_schema_of_reports_is_up_to_date() {
    compare(&tree().join("docs/report.schema.json"), jail::report::schema().as_bytes());
}

/// The page of a command, and those of the commands below it.
fn compare_pages(directory: &Path, command: &Command, name: &str, names: &mut Vec<String>) {
    let file = format!("{name}.1");
    compare(&directory.join(&file), &page(command));
    names.push(file);
    for inner in command.get_subcommands() {
        compare_pages(directory, inner, &format!("{name}-{}", inner.get_name()), names);
    }
}

fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    // Without the version, which would change every page with every release.
    let command = command.clone().version(None::<&str>);
    clap_mangen::Man::new(command).render(&mut page).expect("a vector takes all that is written");
    page
}

fn compare(path: &Path, made: &[u8]) {
    if std::env::var_os("JAIL_BLESS").is_some() {
        let directory = path.parent().expect("every file lies in a directory");
        fs::create_dir_all(directory).expect("the tree is writable");
        fs::write(path, made).expect("the tree is writable");
        return;
    }
    let kept = fs::read(path).unwrap_or_default();
    assert!(
        kept == made,
        "{} is out of date: JAIL_BLESS=1 cargo test --test generated",
        path.display()
    );
}

fn tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
