//! A tar that holds other files, read by name.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::unpack::{FoundKind, index};

use super::files::{Unreadable, open_file};
use super::part::Part;

/// Links that may lead to one another.
const MOST_LINKS: usize = 8;

/// An archive and where its entries are.
pub(super) struct Archive {
    file: Arc<File>,
    /// Of entries with the same name, the last counts.
    entries: HashMap<Vec<u8>, FoundKind>,
}

impl Archive {
    /// Reads the headers of all entries.
    pub fn open(path: &Path) -> Result<Self, Diagnostic> {
        let whole = open_file(path)?;
        let shown = path.display();
        let unreadable = |why| Diagnostic::error(format!("cannot read `{shown}`")).because(why);
        let packing = whole.packing().map_err(|error| unreadable(cause(&error)))?;
        if let Some(program) = packing.program() {
            return Err(unreadable(format!("the archive is compressed by {program}"))
                .help(format!("decompress it first: {program} -dc {} > image.tar", pasted(path))));
        }
        let file = whole.file();
        let found = index(&file).map_err(|bad| unreadable(bad.to_string()))?;
        let entries = found.into_iter().map(|entry| (entry.path, entry.kind)).collect();
        Ok(Self { file, entries })
    }

    /// The file of this name. A link leads to another entry, or nowhere.
    pub fn open_entry(&self, name: &[u8]) -> Result<Part, Unreadable> {
        let mut name = resolve(b"", name)?;
        for _ in 0..=MOST_LINKS {
            name = match self.entries.get(&name) {
                None => return Err(Unreadable::Missing),
                Some(FoundKind::File { offset, size }) => {
                    return Ok(Part::new(Arc::clone(&self.file), *offset, *size));
                }
                Some(FoundKind::Symlink(target)) => {
                    let parent = name.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    resolve(&name[..parent], target)?
                }
                Some(FoundKind::HardLink(target)) => resolve(b"", target)?,
                Some(FoundKind::Other) => {
                    return Err(Unreadable::Other("it is no regular file".to_owned()));
                }
            };
        }
        Err(Unreadable::Other(format!("more than {MOST_LINKS} links lead to one another")))
    }
}

/// Where a link leads, by its text alone.
fn resolve(parent: &[u8], target: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let out = || Unreadable::Other("it is a link that leads out of the archive".to_owned());
    if target.starts_with(b"/") {
        return Err(out());
    }
    let mut path = Vec::new();
    for part in parent.split(|byte| *byte == b'/').chain(target.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                path.pop().ok_or_else(out)?;
            }
            name => path.push(name),
        }
    }
    Ok(path.join(&b'/'))
}
