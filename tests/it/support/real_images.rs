//! Images of a real system, which tests/images/make.py makes of Debian packages.
//!
//! They are made once, by whichever test needs them first, and kept until the script changes.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::Jail;
use super::binaries::make_own_directory;
use super::spawn::spawn;

/// What the script exits with where this machine lacks something.
const ABSENT: i32 = 3;

/// The directory with the images, or why there can be none.
pub fn real_images() -> Result<PathBuf, String> {
    static IMAGES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    IMAGES.get_or_init(|| kept_or_made(&place())).clone()
}

fn kept_or_made(place: &Path) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/make.py");
    let text = fs::read(&script).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let images = place.join(format!("{:016x}", hasher.finish()));
    // Each test is a process of its own: the first one makes them, the others wait.
    let lock = File::create(place.join("lock")).expect("the directory is ours");
    lock.lock().expect("a file can be locked");
    if !images.exists() {
        remove_others(place);
        let unfinished = place.join("unfinished");
        make(&script, &unfinished)?;
        fs::rename(&unfinished, &images).expect("both are in one directory");
    }
    Ok(images)
}

/// Below the target directory if the ordinary user can reach that, else beside other such files.
fn place() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let reached = Jail::new().run_outside(["test".as_ref(), "-x".as_ref(), target.as_os_str()]);
    let place = if reached.status.success() {
        target.parent().expect("it is in the target directory").join("test-images")
    } else {
        PathBuf::from(format!("/var/tmp/jail-test-images-{}", nix::unistd::geteuid()))
    };
    make_own_directory(&place);
    place
}

/// What older scripts made, and what a killed one has left.
fn remove_others(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let path = entry.path();
            fs::remove_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

fn make(script: &Path, directory: &Path) -> Result<(), String> {
    let mut command = Command::new(script);
    command.arg(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().expect("a child can be waited for");
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(ABSENT) => Err(format!("there are no real images: {}", said.trim())),
        _ => panic!("{}: {}\n{said}", script.display(), output.status),
    }
}
