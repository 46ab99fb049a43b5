//! Where the store is, and the names in it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::digest::Digest;
use crate::image::directory::leave_to_its_owner;
use crate::image::document::Platform;
use crate::image::reference::Reference;
use crate::sys;

/// The form of what is in the store. Another one is refused: there is no telling what it means.
const VERSION: &str = "1";

/// The store of one user. It need not exist: then it is empty, and made by whatever writes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    lasts: bool,
}

impl Store {
    /// The caller's store: `$XDG_DATA_HOME/jail`, or `~/.local/share/jail`.
    pub fn open_default() -> Result<Self, Diagnostic> {
        let data = dirs::data_dir().ok_or_else(|| {
            Diagnostic::error("there is no place for images: no home directory is known")
                .help("set HOME or XDG_DATA_HOME to an absolute path")
        })?;
        Self::open(&data.join("jail"))
    }

    /// The store in this directory. Refused if anyone else could have put something into it.
    pub fn open(path: &Path) -> Result<Self, Diagnostic> {
        let store = Self { root: path.to_owned(), lasts: true };
        match fs::metadata(path) {
            Ok(found) => store.check(&found)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(store.unreadable(&error)),
        }
        Ok(store)
    }

    /// A store for one use, in a directory that does not exist yet. What it has is not forced to the disk.
    pub fn throw_away(path: &Path) -> Result<Self, Diagnostic> {
        Ok(Self { lasts: false, ..Self::open(path)? })
    }

    /// Whether what it has is to outlive a power failure.
    pub(super) fn lasts(&self) -> bool {
        self.lasts
    }

    /// The directory of the store.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Makes what is missing of the directories.
    pub(super) fn make(&self) -> Result<(), Diagnostic> {
        let make =
            |directory: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        let parts = [
            "references",
            "images/sha256",
            "images/sha512",
            "blobs/sha256",
            "blobs/sha512",
            "layers/sha256",
            "layers/sha512",
            "owned",
            "partial",
            "locks",
            "tmp",
        ];
        let version = self.root.join("version");
        let made = make(&self.root).and_then(|()| {
            // Somebody else may have made it since it was opened.
            let found = fs::metadata(&self.root)?;
            if !is_ours_alone(&found) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            parts.iter().try_for_each(|part| make(&self.root.join(part)))?;
            if version.exists() { Ok(()) } else { self.make_version(&version) }
        });
        made.map_err(|error| {
            Diagnostic::error(format!("cannot make the image store `{}`", self.root.display()))
                .because(cause(&error))
                .help("set XDG_DATA_HOME to a directory that you may write")
        })
    }

    fn make_version(&self, place: &Path) -> io::Result<()> {
        let name: [u8; 16] = sys::random().map_err(io::Error::from)?;
        let new = self.part("tmp").join(hex(&name));
        fs::write(&new, format!("{VERSION}\n"))?;
        match fs::rename(&new, place) {
            // Nobody has a lock yet. Another jail that has got that far, and so has made its own
            // version, has swept ours away.
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.exists() => Ok(()),
            renamed => renamed,
        }
    }

    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The file of a name and a platform. Names are long and have any letters, so it is a hash.
    pub(super) fn reference(&self, reference: &Reference, platform: &Platform) -> PathBuf {
        self.reference_named(&reference.to_string(), platform)
    }

    pub(super) fn reference_named(&self, name: &str, platform: &Platform) -> PathBuf {
        let Platform { os, architecture, variant } = platform;
        let variant = variant.as_deref().unwrap_or_default();
        let key = Sha256::digest(format!("{name}\n{os}/{architecture}/{variant}"));
        self.root.join("references").join(format!("{}.json", hex(&key)))
    }

    pub(super) fn image(&self, manifest: &Digest) -> PathBuf {
        let name = format!("{}.json", manifest.hex());
        self.root.join("images").join(manifest.algorithm().name()).join(name)
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.by_digest("blobs", digest)
    }

    pub(super) fn layer(&self, diff_id: &Digest) -> PathBuf {
        self.by_digest("layers", diff_id)
    }

    /// The copy of a layer in which files belong to whom the image says, for the id map of a key.
    pub(super) fn owned(&self, key: &str, diff_id: &Digest) -> PathBuf {
        let below = format!("owned/{key}");
        self.by_digest(&below, diff_id)
    }

    /// The directory in overlay form.
    pub(super) fn tree(&self, diff_id: &Digest) -> PathBuf {
        self.layer(diff_id).join("tree")
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> Diagnostic {
        Diagnostic::error(format!("cannot read the image store `{}`", self.root.display()))
            .because(cause(error))
            .help("make it readable, or set XDG_DATA_HOME to another place")
    }

    fn by_digest(&self, part: &str, digest: &Digest) -> PathBuf {
        self.root.join(part).join(digest.algorithm().name()).join(digest.hex())
    }

    fn check(&self, found: &fs::Metadata) -> Result<(), Diagnostic> {
        let shown = self.root.display();
        if !found.is_dir() {
            return Err(Diagnostic::error(format!("the image store `{shown}` is not a directory"))
                .help("move it away, or set XDG_DATA_HOME to another place"));
        }
        if !is_ours_alone(found) {
            let refused = Diagnostic::error(format!("the image store `{shown}` is not trusted"));
            return Err(if found.uid() == geteuid().as_raw() {
                refused.because("other users may write to it, and could change images in it").help(
                    format!("run `chmod 700 {}` if nobody else has used it", pasted(&self.root)),
                )
            } else {
                refused.because("it belongs to another user, who could change images in it").help(
                    leave_to_its_owner(
                        "XDG_DATA_HOME",
                        "move it away, or set XDG_DATA_HOME to a directory of your own",
                    ),
                )
            });
        }
        match fs::read_to_string(self.root.join("version")) {
            Ok(version) if version.trim_end() == VERSION => Ok(()),
            Ok(version) => Err(Diagnostic::error(format!(
                "the image store `{shown}` is of another version of jail"
            ))
            .because(format!(
                "its form is `{}`, and this jail knows `{VERSION}`",
                version.trim_end()
            ))
            .help("use that version, or move the directory away")),
            // The first writer was stopped before it came to this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }
}

/// Lower-case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

fn is_ours_alone(found: &fs::Metadata) -> bool {
    found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0
}
