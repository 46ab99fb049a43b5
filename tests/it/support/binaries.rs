//! The programs under test, where an ordinary user can reach them.
//!
//! A target directory may be below a directory that is root's alone, so the programs are
//! copied once, to a directory named after where they come from.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::spawn::while_nothing_starts;

/// The `jail` of this build.
pub fn jail_binary() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| reachable_copy(Path::new(env!("CARGO_BIN_EXE_jail"))))
}

/// The `probe` of this build; it stands alone in its directory.
pub fn probe_binary() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let built = Path::new(env!("CARGO_BIN_EXE_jail"))
            .parent()
            .expect("a program is in a directory")
            .join("examples/probe");
        assert_fresh(&built);
        reachable_copy(&built)
    })
}

/// `cargo test --test it` builds no examples; an old probe would test something else.
fn assert_fresh(probe: &Path) {
    let built = fs::metadata(probe).and_then(|file| file.modified()).unwrap_or_else(|error| {
        panic!("{}: {error}: `cargo build --example probe` makes it", probe.display())
    });
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe");
    // The sources may be elsewhere than where this was built.
    let Ok(entries) = fs::read_dir(sources) else { return };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|file| file.modified());
        let old = changed.is_ok_and(|changed| changed > built);
        assert!(
            !old,
            "{} is newer than the probe: `cargo build --example probe`",
            entry.path().display()
        );
    }
}

/// Copies a program; what is there already under the same size and time is taken as it is.
fn reachable_copy(program: &Path) -> PathBuf {
    let from =
        fs::metadata(program).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let name = program.file_name().expect("a program has a name");
    let copies = copies_of(program);
    let directory = copies.join(format!("{}-{}", from.len(), from.mtime_nsec()));
    let copy = directory.join(name);
    make_own_directory(&copies);
    if is_same(&copy, &from) {
        return copy;
    }
    remove_older(&copies);
    make_own_directory(&directory);
    // Another test process may be doing the same; a rename lets both win.
    let unfinished = directory.join(format!(".{}.{}", name.display(), std::process::id()));
    while_nothing_starts(|| fs::copy(program, &unfinished))
        .and_then(|_| fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&unfinished, &copy))
        .unwrap_or_else(|error| panic!("copy to {}: {error}", copy.display()));
    copy
}

/// Somebody else could have made a directory in /tmp before us, to have us run theirs.
pub(super) fn make_own_directory(directory: &Path) {
    let made = fs::DirBuilder::new().mode(0o755).create(directory);
    let own = fs::symlink_metadata(directory)
        .is_ok_and(|there| there.is_dir() && there.uid() == nix::unistd::geteuid().as_raw());
    assert!(own, "{} is not ours: {made:?}", directory.display());
}

/// Removes copies of what was built before, but for those that another run may just be using.
fn remove_older(copies: &Path) {
    for entry in fs::read_dir(copies).into_iter().flatten().flatten() {
        let old = entry
            .metadata()
            .and_then(|there| there.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > Duration::from_secs(600)));
        if old {
            // It only takes room; whoever still runs it keeps it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// One directory for each built program, with the user's number in it: one user cannot
/// write another's.
fn copies_of(program: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    let user = nix::unistd::geteuid();
    PathBuf::from(format!("/tmp/jail-tests-{user}-{:016x}", hasher.finish()))
}

fn is_same(copy: &Path, from: &Metadata) -> bool {
    let Ok(there) = fs::symlink_metadata(copy) else { return false };
    let mine = there.uid() == nix::unistd::geteuid().as_raw();
    mine && there.is_file() && there.len() == from.len()
}
