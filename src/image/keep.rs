//! What a run changes in an image, kept for the next run under a name.
//!
//! ```text
//! $XDG_STATE_HOME/jail/keep/NAME/
//!   lock     held while a run uses it; the pid of that run is in it
//!   image    which image it belongs to: digest, and name
//!   ids      which id map it belongs to: its key, or `single`
//!   upper    what was changed, in overlay form
//!   work     overlayfs's own
//!   copy     instead of these: the whole image, where no overlay can be mounted
//! ```
//!
//! Changes mean something together with the files below them only, so they belong to one image for good;
//! and their owners mean something by one id map only.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::unistd::{geteuid, syncfs};

use crate::diagnostic::{Diagnostic, cause, errno_cause, pasted};
use crate::ids;
use crate::units::AbsolutePath;

use super::delete::delete;
use super::directory::{leave_to_its_owner, make};
use super::owned::OwnerMap;
use super::store::Store;
use super::{Form, Image, Kept, copy};

/// For the caller alone: what a command wrote may be as private as what it read.
const PRIVATE: u32 = 0o700;
/// A copy that is being made, or that a killed run has left.
const HALF_A_COPY: &str = "copy.new";
/// Of files.
const OWN: u32 = 0o600;
/// What `/` has inside.
const ROOT: u32 = 0o755;
/// Bytes of what we have written down.
const MOST: u64 = 8192;

/// Nobody else uses the same changes while this lives.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Returns what is kept under `name`, and makes it where there is nothing yet. An error if another run
/// uses it, or if it belongs to another image.
pub fn open(name: &str, image: &Image) -> Result<(Kept, Lock), Diagnostic> {
    let directory = directory(name)?;
    let failed = |error: io::Error| unusable(name, &directory, &error);
    make(&directory, PRIVATE).map_err(failed)?;
    let directory = directory.canonicalize().map_err(failed)?;
    check_owner(name, &directory).map_err(failed)??;
    let lock = lock(name, &directory)?;
    match belongs_to(&directory).map_err(failed)? {
        None => claim(&directory, image).map_err(failed)?,
        Some(owner) => check(name, &directory, &owner, image)?,
    }
    delete(&directory.join(HALF_A_COPY)).map_err(failed)?;
    make(&directory.join("upper"), ROOT).map_err(failed)?;
    make(&directory.join("work"), PRIVATE).map_err(failed)?;
    Ok((kept(name, &directory).map_err(failed)?, lock))
}

/// Makes the copy of the image that takes the place of an overlay for good. It is there when it is
/// complete and on the disk, or not at all. The calling process must have one thread.
pub fn make_copy(kept: &Kept, image: &Image, store: &Store) -> Result<(), Diagnostic> {
    let half = kept.copy.as_path().with_file_name(HALF_A_COPY);
    let failed = |error: io::Error| {
        Diagnostic::error(format!("cannot keep a copy under the name `{}`", kept.name))
            .because(format!("{}: {}", half.display(), cause(&error)))
    };
    let made = make(&half, PRIVATE)
        .map_err(failed)
        .and_then(|()| copy::copy_apart(image, store, &half))
        .and_then(|()| save(&half, kept.copy.as_path()).map_err(failed));
    made.inspect_err(|_| {
        // What stays goes with the next run; the error to tell of is the first one.
        let _ = delete(&half);
    })
}

fn save(half: &Path, whole: &Path) -> io::Result<()> {
    syncfs(File::open(half)?)?;
    std::fs::rename(half, whole)
}

/// The same for who only wants to know: nothing is made, and nobody is kept from it.
pub fn look(name: &str, image: &Image) -> Result<Kept, Diagnostic> {
    let directory = directory(name)?;
    let failed = |error: io::Error| {
        Diagnostic::error(format!("cannot tell what is kept as `{name}`")).because(format!(
            "{}: {}",
            directory.display(),
            cause(&error)
        ))
    };
    if directory.exists() {
        check_owner(name, &directory).map_err(failed)??;
    }
    if let Some(owner) = belongs_to(&directory).map_err(failed)? {
        check(name, &directory, &owner, image)?;
    }
    kept(name, &directory).map_err(failed)
}

/// Whether what is kept can be used with this id map; `None`: one id, whose all files are. To be asked
/// before [`claim_ids`].
pub fn check_ids(kept: &Kept, map: Option<&OwnerMap>) -> Result<(), Diagnostic> {
    let directory = directory(&kept.name)?;
    let recorded = recorded_ids(&directory)
        .map_err(|error| unusable(&kept.name, &directory.join(IDS), &error))?;
    let Some(recorded) = recorded.filter(|recorded| *recorded != key(map)) else { return Ok(()) };
    let how = |key: &str| if key == SINGLE { "`ids = \"single\"`" } else { "`ids = \"subuid\"`" };
    let because = match (recorded.as_str(), key(map).as_str()) {
        (SINGLE, _) | (_, SINGLE) => format!("it holds changes made with {}", how(&recorded)),
        _ => "it holds changes made by another user inside, or with another range of /etc/subuid"
            .to_owned(),
    };
    Err(Diagnostic::error(format!("cannot use what is kept as `{}` with other ids", kept.name))
        .because(because)
        .help("keep under another name, or run with the ids that it was begun with"))
}

/// Notes that what is kept belongs to this id map, unless that is noted; `top` is the topmost layer. The
/// root inside has the owner of the upper directory, so it is given to that of the layer.
pub fn claim_ids(kept: &Kept, map: Option<&OwnerMap>, top: &Path) -> Result<(), Diagnostic> {
    let directory = directory(&kept.name)?;
    let failed = |error: io::Error| unusable(&kept.name, &directory.join(IDS), &error);
    if recorded_ids(&directory).map_err(failed)?.is_some() {
        return Ok(());
    }
    if map.is_some() {
        let upper = directory.join("upper");
        let given = ids::within(|| {
            let owner = top.symlink_metadata();
            let given =
                owner.and_then(|owner| lchown(&upper, Some(owner.uid()), Some(owner.gid())));
            given.map_err(|error| error.raw_os_error().unwrap_or(0))
        })?;
        given.map_err(|number| failed(io::Error::from_raw_os_error(number)))?;
    }
    put(&directory, IDS, &key(map)).map_err(failed)
}

const SINGLE: &str = "single";
/// The file that says which ids.
const IDS: &str = "ids";

fn key(map: Option<&OwnerMap>) -> String {
    map.map_or_else(|| SINGLE.to_owned(), OwnerMap::key)
}

/// What was changed before ids were noted was changed with a single one.
fn recorded_ids(directory: &Path) -> io::Result<Option<String>> {
    match options().read(true).open(directory.join(IDS)) {
        Ok(file) => {
            let mut text = String::new();
            file.take(MOST).read_to_string(&mut text)?;
            Ok(Some(text.trim_end().to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let upper = directory.join("upper");
            let is_used = std::fs::read_dir(upper).is_ok_and(|mut inside| inside.next().is_some());
            Ok(is_used.then(|| SINGLE.to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn unusable(name: &str, place: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot keep changes under the name `{name}`")).because(format!(
        "{}: {}",
        place.display(),
        cause(error)
    ))
}

fn kept(name: &str, directory: &Path) -> io::Result<Kept> {
    let below = |part: &str| AbsolutePath::root().join(directory).join(part);
    let (upper, work, copy) = (below("upper"), below("work"), below("copy"));
    let form = form(upper.as_path(), copy.as_path())?;
    Ok(Kept { name: name.to_owned(), upper, work, copy, form })
}

fn form(upper: &Path, copy: &Path) -> io::Result<Form> {
    if copy.try_exists()? {
        return Ok(Form::Copy);
    }
    match std::fs::read_dir(upper).map(|mut entries| entries.next().transpose()) {
        Ok(Ok(Some(_))) => Ok(Form::Changes),
        Ok(Ok(None)) => Ok(Form::Nothing),
        // The command may have closed its own root directory, so it has changed it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Form::Changes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Form::Nothing),
        Ok(Err(error)) | Err(error) => Err(error),
    }
}

fn directory(name: &str) -> Result<PathBuf, Diagnostic> {
    let state = dirs::state_dir().ok_or_else(|| {
        Diagnostic::error(format!("cannot keep changes under the name `{name}`"))
            .because("there is no home directory to keep them in")
            .help("set HOME, or XDG_STATE_HOME")
    })?;
    Ok(state.join("jail/keep").join(name))
}

/// What somebody else could have put there would be files of the image.
fn check_owner(name: &str, directory: &Path) -> io::Result<Result<(), Diagnostic>> {
    let found = directory.metadata()?;
    let place = directory.display();
    let refused = Diagnostic::error(format!("cannot use what is kept as `{name}`"));
    Ok(if found.uid() != geteuid().as_raw() {
        Err(refused
            .because(format!("`{place}` belongs to another user"))
            .help(leave_to_its_owner("XDG_STATE_HOME", "keep under another name")))
    } else if found.mode() & 0o022 != 0 {
        Err(refused
            .because(format!("others may write to `{place}`"))
            .help(format!("if nobody else has used it: chmod 700 {}", pasted(directory))))
    } else {
        Ok(())
    })
}

fn lock(name: &str, directory: &Path) -> Result<Lock, Diagnostic> {
    let path = directory.join("lock");
    let refuse = |because: String| {
        Diagnostic::error(format!("cannot use what is kept as `{name}`")).because(because)
    };
    let open = options().read(true).write(true).create(true).open(&path);
    let file = open
        .and_then(own)
        .map_err(|error| refuse(format!("{}: {}", path.display(), cause(&error))))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            // It is for people; without it the lock holds as well.
            let _ = file.set_len(0).and_then(|()| write!(*file, "{}", std::process::id()));
            Ok(Lock { _file: file })
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut pid = String::new();
            let by = match file.read_to_string(&mut pid) {
                Ok(_) if !pid.is_empty() => format!("process {pid}"),
                _ => "another process".to_owned(),
            };
            Err(refuse(format!("{by} uses it at the moment"))
                .help("wait for its end, or keep under another name"))
        }
        Err((_, errno)) => {
            Err(refuse(format!("{}: flock: {}", path.display(), errno_cause(errno))))
        }
    }
}

/// Whatever the umask left of the mode.
fn own(file: File) -> io::Result<File> {
    file.set_permissions(Permissions::from_mode(OWN))?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(OWN).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// The digest, and the name by which it was asked for then.
struct Owner {
    digest: String,
    name: String,
}

fn belongs_to(directory: &Path) -> io::Result<Option<Owner>> {
    let file = match options().read(true).open(directory.join("image")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    let mut lines = text.lines().map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    Ok(Some(Owner { digest: line(), name: line() }))
}

/// By a rename: a run that is killed here leaves no half of it.
fn claim(directory: &Path, image: &Image) -> io::Result<()> {
    put(directory, "image", &format!("{}\n{}", image.digest, image.name))
}

fn put(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = directory.join(format!("{name}.new"));
    let mut file = own(options().write(true).create(true).truncate(true).open(&new)?)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(new, directory.join(name))
}

fn check(name: &str, directory: &Path, owner: &Owner, image: &Image) -> Result<(), Diagnostic> {
    if owner.digest == image.digest.to_string() {
        return Ok(());
    }
    let of = if owner.name == image.name {
        format!("an earlier image of the name `{}`", owner.name)
    } else {
        format!("the image `{}`", owner.name)
    };
    Err(Diagnostic::error(format!("cannot use what is kept as `{name}` with another image"))
        .because(format!("it holds changes to {of}, {}", owner.digest))
        .help(format!("keep under another name, or give it up: {}", removal(directory))))
}

/// What is given to subordinate ids only root removes without a user namespace.
fn removal(directory: &Path) -> String {
    let single = recorded_ids(directory).is_ok_and(|ids| ids.is_none_or(|ids| ids == SINGLE));
    format!("{}rm -rf {}", if single { "" } else { "sudo " }, pasted(directory))
}
