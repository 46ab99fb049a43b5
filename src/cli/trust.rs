//! `jail trust`.

use std::ffi::OsString;
use std::fmt::Write;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::diagnostic::{Diagnostic, Located, Origin, cause, visible};
use crate::profile;
use crate::profile::listing::compare;
use crate::profile::project::{self, Candidate, FILE, Standing};
use crate::units::AbsolutePath;

use super::image::print_json;
use super::profile::{beyond, taken_apart, workdir};
use super::voice::{Volume, answer, complain, say};

/// Have the profile of a project used, as it is now
///
/// `jail run` uses the file .jail.toml of a project only after this. First it prints what the profile
/// grants beyond `default`; on a terminal it asks. What is trusted is the content of the file, and of all that
/// it extends by a path: after a change `jail run` refuses it, until this is said again.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail trust\n  jail trust --list\n  jail trust --remove ~/old/project"
)]
pub struct TrustArguments {
    /// The project, or the file in it; else the nearest .jail.toml above the working directory
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<OsString>,

    /// Do not ask
    #[arg(short, long, conflicts_with_all = ["list", "remove"])]
    pub yes: bool,

    /// Print what is trusted, and whether it is still the same
    #[arg(long, conflicts_with_all = ["path", "remove"])]
    pub list: bool,

    /// Print the list as JSON
    #[arg(long, requires = "list")]
    pub json: bool,

    /// Trust it no more
    #[arg(long)]
    pub remove: bool,
}

/// Exit status when the answer was no.
const REFUSED: u8 = 1;

/// Executes `jail trust`; returns the exit status.
pub fn trust(arguments: &TrustArguments) -> Result<u8, Vec<Diagnostic>> {
    if arguments.list {
        return list(arguments.json);
    }
    let here = workdir()?;
    if arguments.remove {
        return remove(&here, arguments.path.as_ref());
    }
    let directory = match &arguments.path {
        Some(path) => named(&here, path).map_err(|bad| vec![bad])?,
        None => project::nearest(&here).ok_or_else(|| {
            vec![
                Diagnostic::error(format!("there is no `{FILE}` here, nor in a directory above"))
                    .help("write a first one by `jail profile init`"),
            ]
        })?,
    };
    let candidate = project::candidate(&here, &directory)?;
    answer(told(&candidate)?.as_bytes())?;
    if !arguments.yes && !agreed(&candidate) {
        complain("jail: nothing was changed\n");
        return Ok(REFUSED);
    }
    project::remember(&candidate).map_err(|bad| vec![bad])?;
    let title = format!("`{}` is trusted as it is now", candidate.record.path.display());
    say(&[Diagnostic::note(title)], Volume::Everything);
    Ok(0)
}

/// What the profile grants beyond `default`, and the reverse.
fn told(candidate: &Candidate) -> Result<String, Vec<Diagnostic>> {
    let name = OsString::from("default");
    let default = profile::load(&[Located::new(name.clone(), Origin::BuiltIn)])?;
    let differences = compare(&taken_apart(&default)?, &taken_apart(&candidate.profile)?);
    let path = candidate.record.path.as_os_str();
    if differences.is_empty() {
        return Ok(format!(
            "`{}` grants the same as `default`\n",
            visible(&path.to_string_lossy())
        ));
    }
    Ok(beyond(&name, path, &differences))
}

/// Asks where there is somebody to answer. Where there is not, the command itself is the consent.
fn agreed(candidate: &Candidate) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let path = visible(&candidate.record.path.to_string_lossy());
    complain(&format!("jail: use `{path}` like this for all runs in its directory? [y/N] "));
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

fn list(json: bool) -> Result<u8, Vec<Diagnostic>> {
    let trusted = project::trusted().map_err(|bad| vec![bad])?;
    let word = |standing| match standing {
        Standing::Trusted => "trusted",
        Standing::Changed => "changed",
        Standing::Gone => "gone",
    };
    if json {
        let all = trusted.iter().map(
            |(path, standing)| json!({ "path": path.to_string_lossy(), "state": word(*standing) }),
        );
        return print_json(&all.collect::<Vec<_>>());
    }
    let mut text = String::new();
    for (path, standing) in trusted {
        let path = visible(&path.to_string_lossy());
        writeln!(text, "{:<8} {path}", word(standing)).expect("a String takes all text");
    }
    answer(text.as_bytes())?;
    Ok(0)
}

fn remove(here: &AbsolutePath, path: Option<&OsString>) -> Result<u8, Vec<Diagnostic>> {
    let directory = match path {
        // It may be gone, and then only its name is left.
        Some(path) => named(here, path)
            .unwrap_or_else(|_| directory_of(here.join(path).as_path()).to_path_buf()),
        None => project::nearest(here).unwrap_or_else(|| here.as_path().to_path_buf()),
    };
    if project::forget(&directory).map_err(|bad| vec![bad])? {
        return Ok(0);
    }
    let file = directory.join(FILE);
    Err(vec![
        Diagnostic::error(format!("`{}` is not trusted", file.display()))
            .help("`jail trust --list` tells what is"),
    ])
}

/// The directory that a path means, without links.
fn named(here: &AbsolutePath, path: &OsString) -> Result<PathBuf, Diagnostic> {
    let whole = here.join(path);
    let directory = directory_of(whole.as_path());
    let refuse = |because: String| {
        Diagnostic::error(format!("cannot trust `{}`", path.display())).because(because)
    };
    let found = directory.canonicalize().map_err(|error| refuse(cause(&error)))?;
    if !found.is_dir() {
        return Err(refuse(format!("only a file `{FILE}` is looked for by `jail run`"))
            .help("name any other profile for each run, by `--profile`"));
    }
    Ok(found)
}

/// Of the file itself, that which it is in.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if path.file_name().is_some_and(|name| name == FILE) => parent,
        Some(_) | None => path,
    }
}
