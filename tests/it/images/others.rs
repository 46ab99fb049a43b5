//! What other programs make of images.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

use crate::support::{Jail, Tree, spawn};

use super::commands::image;

/// Runs a program as who runs the tests, and gives what it writes.
#[track_caller]
pub fn tool<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap());
    String::from_utf8(output(command.args(words))).unwrap().trim().to_owned()
}

/// The same of a command.
#[track_caller]
pub fn output(command: &mut Command) -> Vec<u8> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(command).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output.stdout
}

/// Podman and buildah as root, with a storage of their own.
pub struct Storage {
    place: TempDir,
    driver: &'static str,
}

impl Storage {
    /// One that works everywhere: overlays cannot be mounted upon each other.
    pub fn new() -> Self {
        Self::with("vfs")
    }

    /// One that mounts layers upon each other.
    pub fn overlay() -> Self {
        let storage = Self::with("overlay");
        mount(None::<&str>, storage.place.path(), Some("tmpfs"), MsFlags::empty(), None::<&str>)
            .unwrap();
        storage
    }

    fn with(driver: &'static str) -> Self {
        Self { place: tempfile::tempdir().unwrap(), driver }
    }

    #[track_caller]
    pub fn podman(&self, words: &[&str]) -> String {
        let mine = ["--events-backend=none", "--cgroup-manager=cgroupfs"];
        self.run("podman", &[&mine[..], words].concat())
    }

    #[track_caller]
    pub fn buildah(&self, words: &[&str]) -> String {
        self.run("buildah", words)
    }

    #[track_caller]
    fn run(&self, program: &str, words: &[&str]) -> String {
        let option = |name: &str| format!("--{name}={}", self.place.path().join(name).display());
        let driver = format!("--storage-driver={}", self.driver);
        let own = [option("root"), option("runroot"), driver];
        let words = own.iter().map(String::as_str).chain(words.iter().copied());
        tool(std::iter::once(program).chain(words))
    }

    /// Pulls an image, and says how podman names it.
    #[track_caller]
    pub fn pull(&self, reference: &str) -> String {
        self.podman(&["pull", "--quiet", reference])
    }

    /// The tree that podman makes of it.
    #[track_caller]
    pub fn tree(&self, reference: &str) -> Tree {
        self.stored(&self.pull(reference))
    }

    /// The tree of an image that is in the storage.
    #[track_caller]
    pub fn stored(&self, image: &str) -> Tree {
        Tree::owned(Path::new(&self.podman(&["image", "mount", image])))
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if self.driver == "overlay" {
            // With what podman has mounted below.
            umount2(self.place.path(), MntFlags::MNT_DETACH).unwrap();
        }
    }
}

/// The tree that umoci makes of a tag of a layout, as the user of this jail.
#[track_caller]
pub fn of_umoci(jail: &Jail, layout: &Path, tag: &str) -> Tree {
    let bundle = jail.home().join(format!("of-umoci-{tag}"));
    let from = format!("{}:{tag}", layout.display());
    let words = ["umoci", "unpack", "--rootless", "--image", &from];
    jail.run_outside(words.iter().map(OsStr::new).chain([bundle.as_os_str()])).succeeds();
    Tree::recorded(&bundle.join("rootfs"))
}

/// The tree that ours makes, through the store of this jail.
#[track_caller]
pub fn ours(jail: &Jail, reference: &str) -> Tree {
    let tree = unpacked(jail, reference);
    Tree::recorded(&tree)
}

#[track_caller]
fn unpacked(jail: &Jail, reference: &str) -> PathBuf {
    let tree = jail.home().join("ours");
    image(jail, &["import", "--quiet", reference, "local/image:1"]).succeeds().is_silent();
    image(jail, &["unpack", "--quiet", "local/image:1", tree.to_str().unwrap()]).succeeds();
    image(jail, &["verify"]).succeeds().output_has("all as it should be");
    tree
}
