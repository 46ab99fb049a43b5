//! The bytes of a packed layer: first those that an earlier download left, then those of the source.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::diagnostic::{Diagnostic, cause};
use crate::image::document::Descriptor;
use crate::image::source::Source;

use super::progress::Progress;

/// A packed layer on its way. What comes from afar is kept until the layer is in the store, so that
/// a download that breaks off goes on from there.
///
/// What an earlier download left is read and hashed again, as if it came just now: no state of a
/// hash or of a decompressor has to be kept, and nothing that is wrong in it stays unseen.
pub struct Feed<'a> {
    pub source: &'a dyn Source,
    pub descriptor: &'a Descriptor,
    pub layer: usize,
    pub progress: &'a dyn Progress,
    /// Another layer failed: nobody needs this one any more.
    pub stop: &'a AtomicBool,
    /// Why the source gave nothing; an [`io::Error`] has no room for it.
    pub trouble: &'a Mutex<Option<Diagnostic>>,
    kept: Option<Kept>,
    stream: Option<Box<dyn Read + Send>>,
}

/// The file of a download that is not complete.
pub struct Kept {
    file: File,
    path: PathBuf,
    /// Bytes that were there at the beginning.
    pub length: u64,
    /// Bytes of these that were read.
    read: u64,
}

impl Kept {
    /// Opens or makes the file. What is longer than the blob is nothing to go on from.
    pub fn open(path: &Path, most: u64) -> Result<Self, Diagnostic> {
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true).mode(0o600);
            let file = options.open(path)?;
            if file.metadata()?.len() > most {
                file.set_len(0)?;
            }
            let length = file.metadata()?.len();
            Ok(Self { file, path: path.to_owned(), length, read: 0 })
        };
        open().map_err(|error: io::Error| unusable(path, &error))
    }

    /// Forgets what is there.
    pub fn clear(&mut self) -> Result<(), Diagnostic> {
        (self.length, self.read) = (0, 0);
        self.file.set_len(0).map_err(|error| unusable(&self.path, &error))
    }
}

/// A disk that is full has room afterwards, and what is in the way is gone.
fn unusable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot keep a download in `{}`", path.display()))
        .because(cause(error))
        .help("run `jail image prune`, which removes all downloads that broke off, and try again")
}

impl<'a> Feed<'a> {
    pub fn new(
        (source, descriptor): (&'a dyn Source, &'a Descriptor),
        (layer, progress): (usize, &'a dyn Progress),
        stop: &'a AtomicBool,
        trouble: &'a Mutex<Option<Diagnostic>>,
        kept: Option<Kept>,
    ) -> Self {
        Self { source, descriptor, layer, progress, stop, trouble, kept, stream: None }
    }

    /// What is left of an earlier download; nothing once it was all read.
    fn read_kept(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(kept) = &mut self.kept else { return Ok(0) };
        let left = usize::try_from(kept.length - kept.read).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = kept.file.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::Error::other("the file of an earlier download was cut off meanwhile"));
        }
        kept.read += count as u64;
        Ok(count)
    }

    fn stream(&mut self) -> io::Result<&mut (dyn Read + Send)> {
        if self.stream.is_none() {
            let offset = self.kept.as_ref().map_or(0, |kept| kept.length);
            // A blob that is here to its end is not asked for.
            let stream: Box<dyn Read + Send> = if offset > 0 && offset == self.descriptor.size {
                Box::new(io::empty())
            } else {
                self.source.blob(self.descriptor, offset).map_err(|diagnostic| {
                    *self.trouble.lock().expect("no thread panics") = Some(diagnostic);
                    io::Error::from(io::ErrorKind::Other)
                })?
            };
            self.stream = Some(stream);
        }
        Ok(self.stream.as_mut().expect("it was opened just now"))
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(kept) = &mut self.kept else { return };
        if kept.file.write_all(bytes).is_err() {
            // Without room for it the download cannot go on later, but it can go on now: whether
            // there is room for the layer itself is seen where that is written.
            let _ = fs::remove_file(&kept.path);
            self.kept = None;
        }
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("another layer failed"));
        }
        let mut count = self.read_kept(buffer)?;
        if count == 0 {
            count = self.stream()?.read(buffer)?;
            self.keep(&buffer[..count]);
        }
        self.progress.advance(self.layer, count as u64);
        Ok(count)
    }
}
