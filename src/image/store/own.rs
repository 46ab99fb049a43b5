//! Copies of layers with owners, made where they are missing.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::ids::{self, Extent};
use crate::image::Image;
use crate::image::digest::Digest;
use crate::image::owned::{Layer, OwnerMap, Reason, Trouble, copy};
use crate::image::owner::read_links;

use super::Store;
use super::find::damaged;
use super::lock::Writer;
use super::place::hex;
use super::record::{LayerRecord, OwnedRecord};
use super::summary::{Summary, summarize_with_owners};
use super::write::{Unfinished, make_directory, unwritable};

/// Where the copy of a layer's tree is for the id map of this key.
pub fn owned_tree(tree: &Path, key: &str) -> Option<PathBuf> {
    let layer = tree.parent()?;
    let algorithm = layer.parent()?;
    let store = algorithm.parent()?.parent()?;
    let place = store.join("owned").join(key).join(algorithm.file_name()?);
    Some(place.join(layer.file_name()?).join("tree"))
}

impl Store {
    /// Makes the copies of an image's layers that are missing for this id map. `begin` is told of how
    /// many. Whoever makes the same ones is waited for. The image must be held.
    ///
    /// # Errors
    ///
    /// An owner in the image does not exist inside; there is no user namespace to be had with the
    /// caller's ranges; the disk is full; a layer is not as it was when it was verified.
    pub fn own(
        &self,
        image: &Image,
        map: &OwnerMap,
        begin: &dyn Fn(usize),
        waiting: &dyn Fn(),
    ) -> Result<(), Diagnostic> {
        let missing = self.missing(image, map);
        if missing.is_empty() {
            return Ok(());
        }
        let writer = self.writer(waiting)?;
        let copies = self.begin_all(&writer, &missing, map, waiting)?;
        if copies.is_empty() {
            return Ok(());
        }
        begin(copies.len());
        let made = ids::within(|| copies.iter().map(|copy| copy.make(map)).collect::<Vec<_>>())
            .map_err(|obstacle| Diagnostic { title: refused(image).title, ..obstacle })?;
        for (copy, made) in copies.iter().zip(made) {
            let (summary, owners) =
                made.map_err(|trouble| explain(image, &copy.source, map, &trouble))?;
            // All but the owners is as it was when the layer was verified.
            if summary != copy.record.summary {
                return Err(damaged(&copy.source));
            }
            copy.unfinished.describe_owned(&OwnedRecord { map: map.clone(), summary, owners })?;
        }
        writer.commit(copies.into_iter().map(|copy| copy.unfinished).collect())
    }

    /// Always in the same order, so that nobody waits for somebody who waits for them.
    fn missing(&self, image: &Image, map: &OwnerMap) -> Vec<Digest> {
        let key = map.key();
        let mut missing: Vec<Digest> =
            image.layers.iter().filter_map(|tree| digest_of(tree.parent()?)).collect();
        missing.retain(|diff_id| !self.owned(&key, diff_id).exists());
        missing.sort_by_key(ToString::to_string);
        missing
    }

    fn begin_all(
        &self,
        writer: &Writer,
        missing: &[Digest],
        map: &OwnerMap,
        waiting: &dyn Fn(),
    ) -> Result<Vec<Copy>, Diagnostic> {
        let key = map.key();
        let mut copies = Vec::new();
        for diff_id in missing {
            let place = self.owned(&key, diff_id);
            let name = format!("{key}-{}-{}", diff_id.algorithm().name(), diff_id.hex());
            let maker = writer.maker_of(&name, waiting)?;
            // The one that made it while we waited.
            if place.exists() {
                continue;
            }
            self.make_room_for(&place).map_err(|error| unwritable(&place, &error))?;
            let source = self.layer(diff_id);
            let record = self.layer_record(diff_id)?.ok_or_else(|| damaged(&source))?;
            let unfinished = writer.begin_at(maker, diff_id, place)?;
            copies.push(Copy { source, record, unfinished });
        }
        Ok(copies)
    }

    /// Nobody but the caller may come to these files, some of which are set-user-id of other ids.
    fn make_room_for(&self, place: &Path) -> io::Result<()> {
        let algorithm = place.parent().expect("it is below `owned`");
        let key = algorithm.parent().expect("it is below `owned`");
        for directory in [key, algorithm] {
            match make_directory(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => result?,
            }
        }
        fs::set_permissions(self.part("owned"), Permissions::from_mode(0o700))
    }
}

/// The digest that a directory is named by.
pub(super) fn digest_of(path: &Path) -> Option<Digest> {
    let hex = path.file_name()?.to_str()?;
    let algorithm = path.parent()?.file_name()?.to_str()?;
    format!("{algorithm}:{hex}").parse().ok()
}

struct Copy {
    /// The directory of the layer.
    source: PathBuf,
    record: LayerRecord,
    unfinished: Unfinished,
}

impl Copy {
    /// In the child. What was made looks like this.
    fn make(&self, map: &OwnerMap) -> Result<(Summary, String), Trouble> {
        let whole = |reason| Trouble { path: Vec::new(), reason };
        let directory = |path: &Path| {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            open(path, flags, Mode::empty()).map_err(|errno| whole(errno.into()))
        };
        let links = match &self.record.links {
            None => None,
            Some(hash) => Some(self.links(hash).map_err(whole)?),
        };
        let tree = directory(&self.source.join("tree"))?;
        let to = directory(&self.unfinished.tree_path())?;
        copy(Layer { tree: tree.as_fd(), links, map }, to.as_fd())?;
        summarize_with_owners(to.as_fd()).map_err(|error| whole(errno_of(&error).into()))
    }

    fn links(&self, hash: &str) -> Result<Links, Reason> {
        let text = fs::read(self.source.join("links")).map_err(|error| errno_of(&error))?;
        if hex(&Sha256::digest(&text)) != hash {
            return Err(Reason::Note);
        }
        read_links(&text).ok_or(Reason::Note)
    }
}

type Links = std::collections::HashMap<Vec<u8>, crate::image::owner::Owner>;

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn refused(image: &Image) -> Diagnostic {
    Diagnostic::error(format!("cannot give the files of `{}` to their owners", image.name))
}

fn explain(image: &Image, layer: &Path, map: &OwnerMap, trouble: &Trouble) -> Diagnostic {
    let Trouble { path, reason } = trouble;
    let short = digest_of(layer).map_or_else(String::new, |diff_id| diff_id.short().to_owned());
    let file = format!("`/{}` of layer `{short}`", String::from_utf8_lossy(path));
    let refused = refused(image);
    match reason {
        Reason::Owner { uid, gid } => refused
            .because(format!(
                "{file} belongs to {uid}:{gid}; inside there are the users {} and the groups {}",
                listed(&map.uids),
                listed(&map.gids)
            ))
            .help(if [*uid, *gid].contains(&u32::MAX) {
                "use `--ids single`: no range has this id"
            } else {
                "have a larger range in /etc/subuid and /etc/subgid (`sudo usermod --add-subuids \
                 FIRST-LAST --add-subgids FIRST-LAST NAME`), or use `--ids single`"
            }),
        Reason::System(number) => {
            let errno = Errno::from_raw(*number);
            let refused = refused.because(format!("copying {file}: {}", errno_cause(errno)));
            match errno {
                Errno::ENOSPC | Errno::EDQUOT => refused.help(
                    "make room, for example by `jail image prune`, and run the command again",
                ),
                _ => refused,
            }
        }
        Reason::Note => damaged(layer),
        Reason::Unknown => refused
            .because(format!(
                "nobody noted to whom {file} belongs: an earlier version of jail unpacked it"
            ))
            .help(format!(
                "run `jail image remove {0}`, `jail image prune`, and `jail image pull {0}`",
                image.name
            )),
    }
}

/// Ids inside, as ranges.
fn listed(extents: &[Extent]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for Extent { inside, count, .. } in extents {
        let (first, end) = (u64::from(*inside), u64::from(*inside) + u64::from(*count));
        match ranges.last_mut() {
            Some((_, last)) if *last == first => *last = end,
            _ => ranges.push((first, end)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(first, end)| match end - first {
            1 => first.to_string(),
            _ => format!("{first} to {}", end - 1),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_stand_beside_the_layers() {
        let tree = owned_tree(Path::new("/s/layers/sha256/ab/tree"), "key");
        assert_eq!(tree, Some("/s/owned/key/sha256/ab/tree".into()));
        assert_eq!(owned_tree(Path::new("/tree"), "key"), None);
    }

    #[test]
    fn ids_are_listed_as_ranges() {
        let extent = |inside, count| Extent { inside, outside: 7, count };
        assert_eq!(listed(&[extent(0, 1), extent(1, 65_536)]), "0 to 65536");
        assert_eq!(listed(&[extent(0, 10), extent(1001, 1)]), "0 to 9, 1001");
    }
}
