//! How things appear in the store: whole, and on the disk.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::syncfs;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, cause};
use crate::image::Image;
use crate::image::delete::delete;
use crate::image::digest::Digest;
use crate::image::document::Platform;
use crate::image::owner::{OwnedLink, write_links};
use crate::image::reference::{Name, Reference};
use crate::sys;

use super::Store;
use super::find::{damaged, entries};
use super::lock::{Maker, Writer};
use super::place::hex;
use super::record::{
    ImageRecord, Known, LayerRecord, OwnedRecord, PlatformRecord, ReferenceRecord,
};
use super::remove::{Kept, remove};

/// A layer, or a copy of one, that is being made. Dropped, it goes away with all that is in it.
#[derive(Debug)]
pub struct Unfinished {
    directory: PathBuf,
    diff_id: Digest,
    place: PathBuf,
    /// Others wait for it until the layer is in place.
    _maker: Maker,
}

impl Unfinished {
    /// The empty directory that the layer is unpacked into.
    pub fn tree(&self) -> Result<OwnedFd, Diagnostic> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        open(&self.directory.join("tree"), flags, Mode::empty())
            .map_err(|errno| unwritable(&self.directory, &errno.into()))
    }

    /// Begins anew.
    pub fn empty(&self) -> Result<(), Diagnostic> {
        let tree = self.directory.join("tree");
        delete(&tree)
            .and_then(|()| make_directory(&tree))
            .map_err(|error| unwritable(&tree, &error))
    }

    pub fn diff_id(&self) -> &Digest {
        &self.diff_id
    }

    /// Puts down what was unpacked, and who owns links.
    pub fn describe(&self, record: LayerRecord, links: &[OwnedLink]) -> Result<(), Diagnostic> {
        let links = write_links(links);
        self.write("links", &links)?;
        let record = LayerRecord { links: Some(hex(&Sha256::digest(&links))), ..record };
        self.write("layer.json", &json(&record))
    }

    /// Puts down whose the files of a copy are.
    pub(super) fn describe_owned(&self, record: &OwnedRecord) -> Result<(), Diagnostic> {
        self.write("layer.json", &json(record))
    }

    /// The directory of the tree.
    pub(super) fn tree_path(&self) -> PathBuf {
        self.directory.join("tree")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
        let path = self.directory.join(name);
        let written = new_file(&path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| unwritable(&path, &error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What stays goes with the next sweep.
        let _ = remove(&self.directory);
    }
}

impl Writer<'_> {
    pub fn store(&self) -> &Store {
        self.store
    }

    /// An empty directory for a layer.
    pub fn begin(&self, maker: Maker, diff_id: &Digest) -> Result<Unfinished, Diagnostic> {
        self.begin_at(maker, diff_id, self.store.layer(diff_id))
    }

    /// An empty directory for what will be at `place`.
    pub(super) fn begin_at(
        &self,
        maker: Maker,
        diff_id: &Digest,
        place: PathBuf,
    ) -> Result<Unfinished, Diagnostic> {
        let directory = self.store.temporary()?;
        let tree = directory.join("tree");
        let made = make_directory(&directory).and_then(|()| make_directory(&tree));
        let unfinished = Unfinished { directory, diff_id: diff_id.clone(), place, _maker: maker };
        made.map_err(|error| unwritable(&unfinished.directory, &error))?;
        Ok(unfinished)
    }

    /// Puts layers into place. What they consist of was verified.
    ///
    /// One syncfs(2) for all of them: a file system that is told once to write everything is much
    /// faster than one that is told so for each of thousands of files. It also tells of errors that
    /// came when no one was looking (Linux 5.8).
    pub fn commit(&self, layers: Vec<Unfinished>) -> Result<(), Diagnostic> {
        self.store.sync()?;
        for layer in layers {
            let place = &layer.place;
            fs::rename(&layer.directory, place)
                .and_then(|()| self.store.sync_name(place))
                .map_err(|error| unwritable(place, &error))?;
        }
        Ok(())
    }

    /// Keeps a document. Its digest was verified.
    pub fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Diagnostic> {
        let place = self.store.blob(digest);
        // Not enough that there is one: what a disk has lost is put back by the next pull.
        if fs::read(&place).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        self.store.put(&place, bytes)
    }

    /// Records an image whose layers are in place, and gives it a name.
    pub fn record(
        &self,
        reference: &Reference,
        platform: &Platform,
        known: &Known,
    ) -> Result<Image, Diagnostic> {
        let mounted = self.store.mounted(&known.config.diff_ids)?;
        let image = ImageRecord::new(known, &mounted);
        let path = self.store.image(&known.manifest);
        // A new file would have no lock of those who use the image.
        if self.store.image_record(&known.manifest).ok().flatten().as_ref() != Some(&image) {
            self.store.put(&path, &json(&image))?;
        }
        let manifest = known.manifest.to_string();
        self.put_reference(reference, platform, known.root.to_string(), manifest.clone())?;
        let found = self.store.image_named(reference.to_string(), &manifest)?;
        found.ok_or_else(|| damaged(&path))
    }

    /// Gives a second name to an image.
    pub fn name(
        &self,
        reference: &Reference,
        platform: &Platform,
        image: &Image,
    ) -> Result<(), Diagnostic> {
        let digest = image.digest.to_string();
        let root = match reference {
            Reference::Registry(Name { digest: Some(root), .. }) => root.to_string(),
            _ => digest.clone(),
        };
        self.put_reference(reference, platform, root, digest)
    }

    fn put_reference(
        &self,
        reference: &Reference,
        platform: &Platform,
        root: String,
        manifest: String,
    ) -> Result<(), Diagnostic> {
        let pulled = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = reference.to_string();
        let platform_record = PlatformRecord::from(platform);
        let record = ReferenceRecord { name, platform: platform_record, root, manifest, pulled };
        self.store.put(&self.store.reference(reference, platform), &json(&record))
    }

    /// Where a packed layer is kept while it is downloaded. Of one layer that is packed in two ways
    /// there are two.
    pub fn partial(&self, diff_id: &Digest, blob: &Digest) -> PathBuf {
        let name = format!("{}.{}", diff_id.hex(), &blob.hex()[..32]);
        self.store.part("partial").join(name)
    }
}

impl Store {
    /// Removes what was left unfinished. Only while nobody else adds. Returns what stands against it
    /// where files belong to ids that are out of reach: that is no reason to stop.
    pub(super) fn sweep(&self) -> Result<Vec<Diagnostic>, Diagnostic> {
        let mut left = Vec::new();
        for part in ["tmp", "locks"] {
            for path in entries(&self.part(part))? {
                match remove(&path) {
                    Ok(()) => {}
                    Err(Kept::Foreign(diagnostic)) => left.push(diagnostic),
                    Err(Kept::Failed(diagnostic)) => return Err(diagnostic),
                }
            }
        }
        Ok(left)
    }

    /// Moves something out of sight and removes it.
    pub(super) fn discard(&self, path: &Path) -> Result<(), Diagnostic> {
        let hidden = self.temporary()?;
        match fs::rename(path, &hidden) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.map_err(|error| unwritable(path, &error))?,
        }
        Ok(remove(&hidden)?)
    }

    /// The layers that are mounted for these, the lowest first.
    ///
    /// Of a layer that comes twice only the upper one counts: all that it holds lies over whatever the
    /// lower one could still show. Below one that hides everything nothing counts.
    fn mounted(&self, diff_ids: &[Digest]) -> Result<Vec<Digest>, Diagnostic> {
        let mut mounted: Vec<Digest> = Vec::new();
        for diff_id in diff_ids.iter().rev() {
            if mounted.contains(diff_id) {
                continue;
            }
            mounted.push(diff_id.clone());
            let layer = self.layer_record(diff_id)?.ok_or_else(|| damaged(&self.layer(diff_id)))?;
            if layer.opaque {
                break;
            }
        }
        mounted.reverse();
        Ok(mounted)
    }

    /// Writes a file so that it appears whole.
    fn put(&self, place: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
        let new = self.temporary()?;
        let written = new_file(&new)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| self.sync_file(&file)))
            .map_err(|error| unwritable(&new, &error));
        let placed = written.and_then(|()| {
            fs::rename(&new, place)
                .and_then(|()| self.sync_name(place))
                .map_err(|error| unwritable(place, &error))
        });
        placed.inspect_err(|_| {
            // What stays goes with the next sweep.
            let _ = fs::remove_file(&new);
        })
    }

    /// Has all that was written on the disk.
    fn sync(&self) -> Result<(), Diagnostic> {
        if !self.lasts() {
            return Ok(());
        }
        let tmp = self.part("tmp");
        let synced = File::open(&tmp).and_then(|directory| Ok(syncfs(&directory)?));
        synced.map_err(|error| unwritable(&tmp, &error))
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        if self.lasts() { file.sync_all() } else { Ok(()) }
    }

    /// Has the name of a file on the disk.
    fn sync_name(&self, place: &Path) -> io::Result<()> {
        if !self.lasts() {
            return Ok(());
        }
        File::open(place.parent().expect("it is in a directory"))?.sync_all()
    }

    /// A name in `tmp` that nobody else has.
    fn temporary(&self) -> Result<PathBuf, Diagnostic> {
        let name: [u8; 16] = sys::random().map_err(|errno: Errno| {
            Diagnostic::error("cannot get random bytes").because(cause(&errno.into()))
        })?;
        Ok(self.part("tmp").join(hex(&name)))
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    let refused =
        Diagnostic::error(format!("cannot write `{}` of the image store", path.display()))
            .because(cause(error));
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => {
            refused.help("make room, for example by `jail image prune`, and run the command again")
        }
        // What is there without its record is no layer, and may be somebody's root all the same.
        Some(Errno::ENOTEMPTY) => {
            refused.help("run `jail image verify --repair`, and pull the image again")
        }
        Some(_) | None => refused,
    }
}

/// A new file of the owner's, whatever the umask.
fn new_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

fn json(record: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(record).expect("it has string keys only");
    text.push(b'\n');
    text
}
