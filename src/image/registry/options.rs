//! What the caller decides about registries, and what lies around on the machine.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to reach registries.
#[derive(Clone, Debug)]
pub struct Options {
    /// Takes plain HTTP, and TLS with any certificate, from every server that has to do with
    /// the image: whoever is on the way can read passwords and give another image, unless it is
    /// named by digest. The same as `--tls-verify=false` of podman.
    pub insecure: bool,
    /// Files with certificates (PEM) of authorities to trust besides the system's.
    pub ca_files: Vec<PathBuf>,
    pub patience: Patience,
    pub surroundings: Surroundings,
}

impl Options {
    /// The usual ones in the environment of this process.
    pub fn here() -> Self {
        Self {
            insecure: false,
            ca_files: Vec::new(),
            patience: Patience::default(),
            surroundings: Surroundings::here(),
        }
    }
}

/// How long to wait, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection with everything that belongs to it.
    pub connect: Duration,
    /// Without a single byte.
    pub silence: Duration,
    /// For a whole document, and for each part of a blob that counts as getting on.
    pub document: Duration,
    /// Before the second attempt; doubled for each further one.
    pub pause: Duration,
    /// A server that asks for a longer pause than this is not tried again.
    pub longest_pause: Duration,
    /// For a request, and for a blob without progress.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            document: Duration::from_secs(300),
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            attempts: 5,
        }
    }
}

/// Environment variables, and where the machine's configuration is.
#[derive(Clone, Debug)]
pub struct Surroundings {
    variables: BTreeMap<OsString, OsString>,
    etc: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn here() -> Self {
        Self::new(std::env::vars_os(), "/etc")
    }

    pub fn new<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
        etc: impl Into<PathBuf>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { variables: variables.collect(), etc: etc.into() }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// One that is named in both cases, as those of proxies are, with the name that it has here.
    pub fn either_case(&self, name: &str) -> Option<(String, &OsStr)> {
        let names = [name.to_owned(), name.to_ascii_lowercase()];
        names.into_iter().find_map(|name| {
            let value = self.variable(&name)?;
            Some((name, value))
        })
    }

    /// `/etc`
    pub fn etc(&self) -> &Path {
        &self.etc
    }

    pub fn home(&self) -> Option<PathBuf> {
        self.directory("HOME")
    }

    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub fn config(&self) -> Option<PathBuf> {
        self.directory("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// A variable that names a directory. One that is not absolute does not count, as in the XDG
    /// base directory specification.
    pub fn directory(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// All of them, for programs that are started.
    pub fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }
}
