//! From text to a [`Reference`]: which kind it is, and the local kinds.

use std::str::FromStr;

use super::bad::Slip;
use super::{BadReference, Name, Reference};

/// The kinds of references that have a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OciLayout,
    OciArchive,
    DockerArchive,
    Directory,
    Tar,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::OciLayout, Self::OciArchive, Self::DockerArchive, Self::Directory, Self::Tar];

    pub fn word(self) -> &'static str {
        match self {
            Self::OciLayout => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
            Self::Directory => "dir",
            Self::Tar => "tar",
        }
    }

    /// What the word before the first colon says.
    pub fn of(text: &str) -> Option<Self> {
        let (word, _) = text.split_once(':')?;
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What stands after the word.
    fn place(self) -> &'static str {
        match self {
            Self::OciLayout | Self::Directory => "DIRECTORY",
            Self::OciArchive | Self::DockerArchive | Self::Tar => "FILE",
        }
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let parsed = match Kind::of(text) {
            Some(kind) => local(kind, &text[kind.word().len() + 1..]),
            None => registry(text),
        };
        parsed.map_err(|slip| slip.in_text(text))
    }
}

fn registry(text: &str) -> Result<Reference, Slip> {
    if let Some(slip) = elsewhere(text) {
        return Err(slip);
    }
    Name::parse(text).map(Reference::Registry)
}

fn local(kind: Kind, rest: &str) -> Result<Reference, Slip> {
    let word = kind.word();
    if rest.chars().any(char::is_control) {
        return Err(Slip::new("it has a control character, such as a line break"));
    }
    if let Some(path) = rest.strip_prefix("//") {
        return Err(Slip::new(format!("`{word}:` takes a path, not an address"))
            .help(format!("write `{word}:{path}`, or `{word}:/{path}` if it starts at the root")));
    }
    let (path, tag) = match kind {
        Kind::Directory | Kind::Tar => (rest, None),
        Kind::OciLayout | Kind::OciArchive | Kind::DockerArchive => match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        },
    };
    if path.is_empty() {
        return Err(Slip::new(format!("there is no path after `{word}:`")).help(format!(
            "write `{word}:{}`; for an image called `{word}` in a registry, `docker://{word}:TAG`",
            kind.place()
        )));
    }
    if tag == Some("") {
        return Err(Slip::new("there is nothing after the last colon")
            .help(format!("leave the colon out: `{word}:{path}`")));
    }
    let path = path.into();
    Ok(match kind {
        Kind::OciLayout => Reference::OciLayout { path, tag: tag.map(layout_tag).transpose()? },
        Kind::OciArchive => Reference::OciArchive { path, tag: tag.map(layout_tag).transpose()? },
        Kind::DockerArchive => {
            Reference::DockerArchive { path, name: tag.map(Name::parse).transpose()? }
        }
        Kind::Directory => Reference::Directory { path },
        Kind::Tar => Reference::Tar { path },
    })
}

/// A name in an OCI layout: letters, digits and `-._:@+/` (annotations.md, `ref.name`).
fn layout_tag(tag: &str) -> Result<String, Slip> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:@+/".contains(&byte);
    if let Some(odd) = tag.chars().find(|letter| !letter.is_ascii() || !legal(*letter as u8)) {
        return Err(Slip::new(format!(
            "the tag `{tag}` has `{odd}`; a tag has letters, digits and `-._:@+/`"
        )));
    }
    Ok(tag.to_owned())
}

/// Texts of other programs, and slips, that would be read as odd names or refused with odd words.
fn elsewhere(text: &str) -> Option<Slip> {
    let is = |word: &str| text.strip_prefix(word);
    if let Some(rest) = is("http://").or_else(|| is("https://")) {
        let rest = rest.trim_end_matches('/');
        return Some(Slip::new("it is a web address").help(format!(
            "write `docker://{rest}`; registries are spoken to by HTTPS unless `--insecure` is given"
        )));
    }
    for store in ["docker-daemon", "containers-storage"] {
        if let Some(name) = is(store).and_then(|rest| rest.strip_prefix(':')) {
            return Some(
                Slip::new(format!("jail does not read `{store}`")).help(format!(
                    "copy it first: skopeo copy {store}:{name} oci-archive:image.tar"
                )),
            );
        }
    }
    if let Some(name) = is("image:") {
        return Some(Slip::new("`image:` is not part of the name").help(format!("write `{name}`")));
    }
    if text.starts_with(['/', '.', '~']) {
        return Some(Slip::new("it looks like a path").help(format!(
            "say what is there: `oci:{text}`, `oci-archive:{text}`, `docker-archive:{text}`, \
             `dir:{text}` or `tar:{text}`"
        )));
    }
    // With a tag it is an image that is called docker.
    let rest = is("docker:").filter(|rest| !rest.starts_with("//"))?;
    (rest.is_empty() || rest.contains('/')).then(|| {
        let name = if rest.is_empty() { "NAME" } else { rest.trim_start_matches('/') };
        Slip::new("`docker:` is followed by two slashes").help(format!("write `docker://{name}`"))
    })
}
