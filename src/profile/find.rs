//! From the name of a profile to its text.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::built_in::BUILT_IN;
use crate::diagnostic::{Diagnostic, Located, Source, cause, nearest};

/// The directories in which profiles have names; a name is looked for in this order.
pub(super) struct Places {
    /// Ours are `jail/profiles` below `$XDG_CONFIG_HOME`.
    pub user: Option<PathBuf>,
    /// Those of the whole machine.
    pub system: PathBuf,
    /// To write names as the user would: `~/x`.
    pub home: Option<PathBuf>,
}

impl Places {
    pub fn of_this_machine() -> Self {
        Self {
            user: dirs::config_dir().map(|config| config.join("jail/profiles")),
            system: PathBuf::from("/etc/jail/profiles"),
            home: dirs::home_dir(),
        }
    }
}

/// The text of a profile.
pub(super) struct Found {
    pub identity: Identity,
    pub source: Arc<Source>,
    /// Where the file stands; `None` for a built-in profile.
    pub directory: Option<PathBuf>,
    /// The file itself, likewise.
    pub file: Option<PathBuf>,
}

/// The same for two names of one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    BuiltIn(&'static str),
    File { device: u64, inode: u64 },
}

/// Reads the profile that `name` means, as said by `asker`: the profile whose `extends` it
/// is, or no one on the command line.
pub(super) fn find(
    places: &Places,
    name: &Located<OsString>,
    asker: Option<&Found>,
) -> Result<Found, Diagnostic> {
    if is_path(&name.value) {
        let path = resolve(places, &name.value, asker);
        return read(places, &path).map_err(|bad| bad.at(&name.origin));
    }
    match find_by_name(places, &name.value, asker) {
        Some(result) => result.map_err(|bad| bad.at(&name.origin)),
        None => Err(unknown(places, &name.value).at(&name.origin)),
    }
}

/// Larger files are no profiles.
const LARGEST: u64 = 1 << 20;

/// An open file that may be a profile.
struct Candidate<'a> {
    file: File,
    path: &'a Path,
    shown: String,
}

/// Whether it is no name.
pub(super) fn is_path(name: &OsStr) -> bool {
    name.as_bytes().contains(&b'/') || name.as_bytes().ends_with(b".toml")
}

/// A path in `extends` is relative to the file that says it.
fn resolve(places: &Places, name: &OsStr, asker: Option<&Found>) -> PathBuf {
    let path = Path::new(name);
    if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), &places.home) {
        return home.join(rest);
    }
    match asker.and_then(|asker| asker.directory.as_ref()) {
        // Through its components, so that `dir/./x` is shown as `dir/x`.
        Some(directory) => directory.join(path).components().collect(),
        None => path.to_path_buf(),
    }
}

/// `None` if there is no profile of this name.
fn find_by_name(
    places: &Places,
    name: &OsStr,
    asker: Option<&Found>,
) -> Option<Result<Found, Diagnostic>> {
    // Built-in profiles are made of built-in profiles alone: what they grant is
    // written down, and a file of the user must not change it from the side.
    let from_built_in = asker.is_some_and(|asker| asker.directory.is_none());
    let mut file_name = name.to_owned();
    file_name.push(".toml");
    let paths: Vec<PathBuf> = [places.user.as_deref(), Some(&places.system)]
        .into_iter()
        .flatten()
        .filter(|_| !from_built_in)
        .map(|directory| directory.join(&file_name))
        .collect();
    // A file that extends its own name means the profile that it hides.
    let is_asker = |path: &PathBuf| {
        let identity = open(places, path).and_then(|file| file.identity()).ok();
        asker.is_some_and(|asker| identity == Some(asker.identity))
    };
    let hidden_from = match asker {
        Some(_) => paths.iter().position(is_asker).map_or(0, |at| at + 1),
        None => 0,
    };
    for path in &paths[hidden_from..] {
        match open(places, path) {
            Ok(file) => return Some(file.read()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Some(Err(unreadable(places, path, &error))),
        }
    }
    built_in(name).map(Ok)
}

/// A profile that is part of the program.
pub(super) fn built_in(name: &OsStr) -> Option<Found> {
    let (name, text) = BUILT_IN.iter().find(|(known, _)| name == *known)?;
    let source = Source { name: format!("<built-in {name}>"), text: (*text).to_owned() };
    Some(Found {
        identity: Identity::BuiltIn(name),
        source: Arc::new(source),
        directory: None,
        file: None,
    })
}

/// The profile in this file.
pub(super) fn read(places: &Places, path: &Path) -> Result<Found, Diagnostic> {
    match open(places, path) {
        Ok(file) => file.read(),
        Err(error) => Err(unreadable(places, path, &error)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn open<'a>(places: &Places, path: &'a Path) -> io::Result<Candidate<'a>> {
    // A fifo must not make us wait, nor a terminal become ours.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    Ok(Candidate { file, path, shown: shown(places, path) })
}

impl Candidate<'_> {
    fn identity(&self) -> io::Result<Identity> {
        let metadata = self.file.metadata()?;
        Ok(Identity::File { device: metadata.dev(), inode: metadata.ino() })
    }

    fn read(self) -> Result<Found, Diagnostic> {
        let refuse = |because: &str| {
            Diagnostic::error(format!("cannot read profile `{}`", self.shown)).because(because)
        };
        let explain = |error: io::Error| refuse(&cause(&error));
        let identity = self.identity().map_err(explain)?;
        let metadata = self.file.metadata().map_err(explain)?;
        if metadata.is_dir() {
            return Err(refuse("it is a directory").help("name a file in it"));
        }
        if !metadata.is_file() {
            return Err(refuse("it is not a regular file"));
        }
        let mut bytes = Vec::with_capacity(metadata.len().min(LARGEST) as usize + 1);
        // The file may grow between the question and the answer.
        (&self.file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(explain)?;
        if bytes.len() as u64 > LARGEST {
            return Err(refuse("it is larger than 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            refuse(&format!("line {line} is not UTF-8"))
        })?;
        let directory = self.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let source = Arc::new(Source { name: self.shown.clone(), text });
        Ok(Found {
            identity,
            source,
            directory: Some(directory),
            file: Some(self.path.to_path_buf()),
        })
    }
}

/// As the user would write it.
pub(super) fn shown(places: &Places, path: &Path) -> String {
    let below_home = places.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
    match below_home {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

fn unreadable(places: &Places, path: &Path, error: &io::Error) -> Diagnostic {
    let shown = shown(places, path);
    let bad = Diagnostic::error(format!("cannot read profile `{shown}`")).because(cause(error));
    let stem = path.file_stem().and_then(OsStr::to_str);
    match stem.filter(|stem| is_missing(error) && names(places).iter().any(|name| name == stem)) {
        Some(stem) => bad.help(format!("the profile of that name is `{stem}`, without `.toml`")),
        None => bad,
    }
}

fn unknown(places: &Places, name: &OsStr) -> Diagnostic {
    let shown = name.display();
    let bad = Diagnostic::error(format!("there is no profile `{shown}`"));
    let mut as_file = name.to_owned();
    as_file.push(".toml");
    for file in [name, &as_file].map(Path::new) {
        if file.is_file() {
            return bad.help(format!("to name the file here, write `./{}`", file.display()));
        }
    }
    let names = names(places);
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let whole: Vec<&str> = known.iter().copied().filter(|name| !is_piece(name)).collect();
    let near = |name| nearest(name, &whole).or_else(|| nearest(name, &known));
    match name.to_str().and_then(near) {
        Some(meant) => bad.help(format!("did you mean `{meant}`?")),
        None => bad.help(format!("the profiles are `{}`", whole.join("`, `"))),
    }
}

/// Whether a name is that of a built-in profile which only others extend, as its description says.
fn is_piece(name: &str) -> bool {
    let is_one = |text: &str| text.contains("\"A piece for other profiles: ");
    BUILT_IN.iter().any(|(known, text)| *known == name && is_one(text))
}

/// All names, sorted. A directory that cannot be listed has none: this is for hints and completions.
pub(super) fn names(places: &Places) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    for directory in [places.user.as_deref(), Some(&places.system)].into_iter().flatten() {
        names.extend(names_in(directory).unwrap_or_default());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The names that files in this directory have as profiles; none if there is no such directory.
pub(super) fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is not UTF-8 can be used by its path alone.
        if let Ok(name) = entry?.file_name().into_string()
            && let Some(stem) = name.strip_suffix(".toml").filter(|stem| !stem.is_empty())
        {
            names.push(stem.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
