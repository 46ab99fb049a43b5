//! Which profile a run gets for which none was named.
//!
//! # How it is attacked
//!
//! Who wrote the project, or ran a command in it, chooses what `.jail.toml` says, which directories have one, and
//! where a `.git` is. The run must not get more by it than by `default`, or than by the file that the
//! user has trusted. Hence:
//!
//! - The file of each directory from here to the root counts, not that of the project, which a new `.git` would
//!   move. The nearest trusted one is used. What is nearer and not trusted is not.
//! - What was trusted and has changed since, or is gone, is an error and no return to `default`, which may
//!   grant more.
//! - What is trusted is the content of the file, and of all that it extends by a path: the bytes that are compared
//!   are those that are used.
//! - What is not trusted is read only if it is a small, regular file of the caller, and used as far as it takes
//!   away. Its mistakes are counted, not printed.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use nix::unistd::geteuid;

use super::read::{ProjectFile, Seen, read};
use super::store::{Record, Store};
use super::tighten::{Here, tightened};
use super::{FILE, directory_of};
use crate::diagnostic::{Diagnostic, Located, Origin, Source, pasted};
use crate::profile::Profile;
use crate::profile::find::{Found, Places, shown};
use crate::profile::load::{Watch, load, load_watched};
use crate::profile::parse::parse;
use crate::units::AbsolutePath;

/// The profile of a run.
pub struct Chosen {
    pub profile: Profile,
    /// As `--profile` would name it.
    pub name: OsString,
    pub notes: Vec<Diagnostic>,
}

/// To understand more of them would take time. Those of the outer directories stay, so that none that is
/// planted deeper takes their place.
const MOST_UNTRUSTED: usize = 8;

/// The trusted profile of the project around `workdir`, else `default` without what untrusted ones take away.
pub fn choose(workdir: &AbsolutePath) -> Result<Chosen, Vec<Diagnostic>> {
    let store = Store::open().map_err(|bad| vec![bad])?;
    let mut notes = Vec::new();
    let mut untrusted: Vec<ProjectFile> = Vec::new();
    for directory in workdir.as_path().ancestors() {
        let seen = read(directory);
        let path = directory.join(FILE);
        let record = store.as_ref().map(|store| store.get(&path)).transpose();
        match (record.map_err(|bad| vec![bad])?.flatten(), seen) {
            (Some(record), Seen::File(file)) if record.has(&path, &file.hash()) => {
                notes.extend(untrusted.iter().map(|nearer| passed_over(workdir, nearer, &path)));
                return use_it(workdir, file, &record, notes);
            }
            (Some(_), seen) => return Err(vec![changed(workdir, &path, &seen)]),
            (None, Seen::Nothing) => {}
            (None, Seen::Odd(because)) => {
                if directory == workdir.as_path() {
                    notes.push(unread(workdir, &path, &because));
                }
            }
            (None, Seen::File(file)) if file.owner != geteuid().as_raw() => {
                // In /tmp and the like anybody could have every run say so.
                if directory == workdir.as_path() {
                    notes.push(unread(workdir, &path, "it belongs to another user"));
                }
            }
            (None, Seen::File(file)) => {
                untrusted.push(file);
                if untrusted.len() > MOST_UNTRUSTED {
                    untrusted.remove(0);
                }
            }
        }
    }
    let name = OsString::from("default");
    let mut profile = load(&[Located::new(name.clone(), Origin::BuiltIn)])?;
    if !untrusted.is_empty() {
        let project = directory_of(workdir);
        let here = Here { workdir: workdir.as_path(), project: project.as_path() };
        // The nearest comes last, as it would among profiles.
        for file in untrusted.iter().rev() {
            profile = take_away(profile, file, &here, workdir, &mut notes);
        }
    }
    Ok(Chosen { profile, name, notes })
}

fn use_it(
    workdir: &AbsolutePath,
    file: ProjectFile,
    record: &Record,
    notes: Vec<Diagnostic>,
) -> Result<Chosen, Vec<Diagnostic>> {
    let name = file.path.clone().into_os_string();
    let (profile, _) =
        load_watched(&Places::of_this_machine(), found(workdir, file), Watch::Check(record))?;
    Ok(Chosen { profile, name, notes })
}

/// The profile that a file is.
pub(super) fn found(workdir: &AbsolutePath, file: ProjectFile) -> Found {
    let name = words(workdir, &file.path);
    Found {
        identity: file.identity,
        directory: file.path.parent().map(Path::to_path_buf),
        source: Arc::new(Source { name, text: file.text }),
        file: Some(file.path),
    }
}

/// Lays over `profile` what `file` takes away. The file is not the command's to change, whatever it says.
fn take_away(
    profile: Profile,
    file: &ProjectFile,
    here: &Here,
    workdir: &AbsolutePath,
    notes: &mut Vec<Diagnostic>,
) -> Profile {
    let shown = words(workdir, &file.path);
    let source = Source { name: shown.clone(), text: file.text.clone() };
    let parsed = parse(&Found {
        identity: file.identity,
        directory: file.path.parent().map(Path::to_path_buf),
        source: Arc::new(source),
        file: Some(file.path.clone()),
    });
    let mut profile = if parsed.errors.is_empty() {
        let (profile, left_out) = tightened(profile, &parsed, here);
        notes.extend(untrusted_note(&shown, &typed(workdir, &file.path), &left_out));
        profile
    } else {
        let title = format!("`{shown}` is not trusted and has mistakes, so it is not used");
        notes.push(
            Diagnostic::note(title)
                .help(format!("`jail check {}` tells of them", typed(workdir, &file.path))),
        );
        profile
    };
    profile.files.push(file.path.clone());
    profile
}

/// `None` where nothing is left out: then all of it is used.
fn untrusted_note(shown: &str, typed: &str, left_out: &[String]) -> Option<Diagnostic> {
    const TOLD: usize = 8;
    if left_out.is_empty() {
        return None;
    }
    let mut lines = left_out[..left_out.len().min(TOLD)].join(", ");
    if left_out.len() > TOLD {
        lines.push_str(&format!(" and {} more", left_out.len() - TOLD));
    }
    let title = format!("`{shown}` is not trusted, so only what it takes away is used");
    let help = format!("read it (`jail profile show {typed}`), then `jail trust` uses all of it");
    Some(Diagnostic::note(title).because(format!("left out: {lines}")).help(help))
}

fn passed_over(workdir: &AbsolutePath, nearer: &ProjectFile, used: &Path) -> Diagnostic {
    let (shown, used) = (words(workdir, &nearer.path), words(workdir, used));
    let typed = typed(workdir, &nearer.path);
    Diagnostic::note(format!("`{shown}` is not trusted; `{used}` is used"))
        .help(format!("read it (`jail profile show {typed}`), then `jail trust` uses it instead"))
}

fn unread(workdir: &AbsolutePath, path: &Path, because: &str) -> Diagnostic {
    Diagnostic::note(format!("`{}` is not used", words(workdir, path))).because(because)
}

fn changed(workdir: &AbsolutePath, path: &Path, seen: &Seen) -> Diagnostic {
    let (shown, typed) = (words(workdir, path), typed(workdir, path));
    let because = match seen {
        Seen::Nothing => "it is not there any more".to_owned(),
        Seen::Odd(because) => because.clone(),
        Seen::File(_) => "it has changed since".to_owned(),
    };
    let title = format!("`{shown}` is not what was trusted");
    let bad = Diagnostic::error(title).because(because);
    match seen {
        Seen::File(_) => {
            bad.help(format!("read it (`jail profile show {typed}`), then say `jail trust` again"))
        }
        Seen::Nothing | Seen::Odd(_) => bad,
    }
    .help(format!("`jail trust --remove {typed}` forgets it, `--profile default` does without it"))
}

/// As a person here would write the path.
pub(super) fn words(workdir: &AbsolutePath, path: &Path) -> String {
    if path.parent() == Some(workdir.as_path()) {
        return format!("./{FILE}");
    }
    shown(&Places::of_this_machine(), path)
}

/// The same for a shell.
fn typed(workdir: &AbsolutePath, path: &Path) -> String {
    let shown = words(workdir, path);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+~".contains(c);
    if shown.chars().all(is_plain) {
        return shown;
    }
    pasted(path)
}
