//! `registries.conf`: other places for the same image (containers-registries.conf(5), version 2).
//!
//! Of these files count `[[registry]]` with `prefix`, `location`, `insecure`, `blocked` and
//! `mirror-by-digest-only`, and `[[registry.mirror]]` with `location`, `insecure` and
//! `pull-from-mirror`. Short names are not looked up: `debian` is `docker.io/library/debian`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Origin, Source, cause};

use super::options::Surroundings;

/// Where an image may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// `HOST[:PORT]/REPOSITORY`
    pub path: String,
    pub insecure: bool,
    /// The file that says so; nothing for the name itself.
    pub file: Option<PathBuf>,
}

/// All locations of `HOST[:PORT]/REPOSITORY`, in the order to try them; the last one is its own.
pub fn locate(
    path: &str,
    by_digest: bool,
    here: &Surroundings,
) -> Result<Vec<Location>, Diagnostic> {
    let own = Location { path: path.to_owned(), insecure: false, file: None };
    let registries = read(here)?;
    // The one that covers most; of two domains the inner one, and a whole name before a domain.
    let fitting = registries.iter().filter_map(|(prefix, (file, registry))| {
        Some((fits(prefix, path)?, prefix, file, registry))
    });
    let found = fitting
        .max_by_key(|(length, prefix, ..)| (*length, !prefix.starts_with("*."), prefix.len()));
    let Some((length, prefix, file, registry)) = found else {
        return Ok(vec![own]);
    };
    if registry.blocked {
        return Err(Diagnostic::error(format!("`{path}` may not be pulled"))
            .because(format!("`{}` blocks `{prefix}`", file.display())));
    }
    let rest = &path[length..];
    let mut locations: Vec<Location> = registry
        .mirror
        .iter()
        .filter(|mirror| mirror.serves(by_digest, registry.mirror_by_digest_only))
        .map(|mirror| Location {
            path: format!("{}{rest}", mirror.location.0),
            insecure: mirror.insecure,
            file: Some(file.clone()),
        })
        .collect();
    let moved = registry.location.as_ref().map(|moved| &moved.0).filter(|moved| !moved.is_empty());
    let path = moved.map_or_else(|| path.to_owned(), |location| format!("{location}{rest}"));
    locations.push(Location { path, insecure: registry.insecure, file: Some(file.clone()) });
    Ok(locations)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    registry: Vec<Registry>,
    registries: FirstForm,
}

/// How files were written before `[[registry]]`. What they forbid counts; what they allow has no meaning here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FirstForm {
    block: Blocked,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Blocked {
    registries: Vec<Beginning>,
}

/// `HOST[:PORT]` or `HOST[:PORT]/NAME`, spelled as names of images begin: else it would fit none, and forbid none.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct Beginning(String);

impl TryFrom<String> for Beginning {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        if written.contains("://") {
            return Err(format!(
                "`{written}` has a scheme, and should be `HOST[:PORT]` or `HOST[:PORT]/NAME`"
            ));
        }
        let mut text = written.trim_end_matches('/').to_owned();
        let host = text.find('/').unwrap_or(text.len());
        text[..host].make_ascii_lowercase();
        Ok(Self(text))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registry {
    prefix: Option<Beginning>,
    location: Option<Beginning>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<Mirror>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mirror {
    location: Beginning,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    pull_from_mirror: PullFrom,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFrom {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

impl Registry {
    fn blocked(prefix: Beginning) -> Self {
        Self { prefix: Some(prefix), blocked: true, ..Self::default() }
    }
}

impl Mirror {
    fn serves(&self, by_digest: bool, by_digest_only: bool) -> bool {
        match self.pull_from_mirror {
            PullFrom::All => by_digest || !by_digest_only,
            PullFrom::DigestOnly => by_digest,
            PullFrom::TagOnly => !by_digest && !by_digest_only,
        }
    }
}

/// How much of a path a prefix covers, if it fits: whole components, or `*.DOMAIN`.
fn fits(prefix: &str, path: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix("*.") {
        let host = path.split('/').next().unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        return name.strip_suffix(domain)?.ends_with('.').then_some(name.len());
    }
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with(['/', ':'])).then_some(prefix.len())
}

/// By prefix: a later file replaces what an earlier one says.
type Registries = BTreeMap<String, (PathBuf, Registry)>;

fn read(here: &Surroundings) -> Result<Registries, Diagnostic> {
    let mut registries = Registries::new();
    for file in files(here)? {
        let failed = |why: String| {
            Diagnostic::error(format!("cannot read `{}`", file.display())).because(why)
        };
        let text = fs::read_to_string(&file).map_err(|error| failed(cause(&error)))?;
        let document: Document = toml::from_str(&text).map_err(|error| {
            let source = Source { name: file.display().to_string(), text: text.clone() };
            let span = error.span().unwrap_or_default();
            failed(error.message().to_owned()).at(&Origin::File { source: Arc::new(source), span })
        })?;
        let blocked = document.registries.block.registries.into_iter().map(Registry::blocked);
        for registry in document.registry.into_iter().chain(blocked) {
            let named = [&registry.prefix, &registry.location].into_iter().flatten();
            let named = named.map(|named| named.0.clone()).find(|named| !named.is_empty());
            let prefix = named.ok_or_else(|| {
                failed("a `[[registry]]` has neither `prefix` nor `location`".to_owned())
            })?;
            if let Some((place, earlier)) = registries.get(&prefix)
                && *place == file
                && earlier.blocked != registry.blocked
            {
                let twice = format!("`{prefix}` stands there twice, once blocked and once not");
                return Err(failed(twice));
            }
            registries.insert(prefix, (file.clone(), registry));
        }
    }
    Ok(registries)
}

/// The main file is the user's or the system's; more of both follow.
fn files(here: &Surroundings) -> Result<Vec<PathBuf>, Diagnostic> {
    if let Some(file) = here.variable("CONTAINERS_REGISTRIES_CONF") {
        return Ok(vec![file.into()]);
    }
    let user = here.config().map(|config| config.join("containers"));
    let system = here.etc().join("containers");
    let mains = [user.clone(), Some(system.clone())].into_iter().flatten();
    // What cannot be looked at may forbid something; below what is no directory nothing is.
    let is_there = |file: &PathBuf| file.try_exists().unwrap_or_else(|error| !is_missing(&error));
    let main = mains.map(|directory| directory.join("registries.conf")).find(is_there);
    let mut files: Vec<PathBuf> = main.into_iter().collect();
    for directory in [Some(system), user].into_iter().flatten() {
        files.extend(parts(&directory.join("registries.conf.d"))?);
    }
    Ok(files)
}

/// Also below a home such as /dev/null.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// The `.conf` files of a directory, if it exists, by name.
fn parts(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let failed = |error: &std::io::Error| {
        Diagnostic::error(format!("cannot read `{}`", directory.display())).because(cause(error))
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
