//! Names of images in registries: the grammar of the distribution project (`reference/regexp.go`).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::image::digest::Digest;

use super::BadReference;
use super::bad::Slip;

/// Where a name without a host is looked for.
const DEFAULT_REGISTRY: &str = "docker.io";
/// What docker calls it in its files of credentials.
const OLD_DEFAULT_REGISTRY: &str = "index.docker.io";
const DEFAULT_TAG: &str = "latest";
/// Bytes of a repository, by the distribution project.
const LONGEST_REPOSITORY: usize = 255;
const LONGEST_TAG: usize = 128;
/// Bytes of a host name and of its parts, by RFC 1035.
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// An image in a registry, with all that is left out filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Host in lower case, and port if there is one: `docker.io`, `[::1]:5000`.
    pub registry: String,
    /// `library/debian`
    pub repository: String,
    /// `latest`, unless a digest was given.
    pub tag: Option<String>,
    /// Wins over the tag.
    pub digest: Option<Digest>,
}

impl Name {
    pub(super) fn parse(text: &str) -> Result<Self, Slip> {
        legal_letters(text)?;
        let text = text.strip_prefix("docker://").unwrap_or(text);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(rest, digest)?)),
            None => (text, None),
        };
        let (registry, rest) = split_registry(rest)?;
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        check_repository(repository)?;
        if let Some(tag) = tag {
            check_tag(repository, tag)?;
        }
        let repository = match repository {
            official if registry == DEFAULT_REGISTRY && !official.contains('/') => {
                format!("library/{official}")
            }
            other => other.to_owned(),
        };
        if repository.len() > LONGEST_REPOSITORY {
            return Err(Slip::new(format!("it is longer than {LONGEST_REPOSITORY} characters")));
        }
        let tag = tag.or(digest.is_none().then_some(DEFAULT_TAG)).map(str::to_owned);
        Ok(Self { registry, repository, tag, digest })
    }
}

impl FromStr for Name {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        Self::parse(text).map_err(|slip| slip.in_text(text))
    }
}

impl fmt::Display for Name {
    /// In full: `docker.io/library/debian:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn legal_letters(text: &str) -> Result<(), Slip> {
    if text.is_empty() {
        return Err(Slip::new("there is nothing to look for").help("write, say, `debian:12`"));
    }
    if text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
        return Err(Slip::new("it has a control character"));
    }
    if text.contains(char::is_whitespace) {
        return Err(Slip::new("it has a space or a line break"));
    }
    match text.chars().find(|letter| !letter.is_ascii()) {
        Some(odd) => Err(Slip::new(format!("it has `{odd}`, which is no ASCII letter"))),
        None => Ok(()),
    }
}

fn parse_digest(name: &str, digest: &str) -> Result<Digest, Slip> {
    if digest.is_empty() {
        return Err(Slip::new("there is no digest after `@`"));
    }
    digest.parse().map_err(|bad| {
        let slip = Slip::new(format!("`{digest}` is no digest: {bad}"));
        if digest.contains('/') {
            return Slip::new("the part before `@` has no place in a name")
                .help("keep credentials in the auth file of docker or podman");
        }
        match digest.to_ascii_lowercase().parse::<Digest>() {
            Ok(lower) => slip.help(format!("write `{name}@{lower}`")),
            Err(_) if !digest.contains(':') => {
                slip.help(format!("a tag stands after a colon: `{name}:{digest}`"))
            }
            Err(_) => slip,
        }
    })
}

/// The registry, and what follows it. The first part is a host if it could not be the first part of a
/// repository at docker's registry, as docker has it: with a dot or a colon, or `localhost`.
fn split_registry(text: &str) -> Result<(String, &str), Slip> {
    match text.split_once('/') {
        Some(("", _)) => Err(Slip::new("it begins with a slash")),
        Some((host, rest)) if host == "localhost" || host.contains(['.', ':']) => {
            let registry = parse_registry(host)?;
            let is_old = registry == OLD_DEFAULT_REGISTRY;
            Ok((if is_old { DEFAULT_REGISTRY.to_owned() } else { registry }, rest))
        }
        _ => Ok((DEFAULT_REGISTRY.to_owned(), text)),
    }
}

fn parse_registry(text: &str) -> Result<String, Slip> {
    if let Some(rest) = text.strip_prefix('[') {
        let bad = || {
            Slip::new(format!("`{text}` is no IPv6 address in brackets, with or without a port"))
        };
        let (address, rest) = rest.split_once(']').ok_or_else(bad)?;
        let address: Ipv6Addr = address.parse().map_err(|_| bad())?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok(format!("[{address}]:{}", parse_port(text, port)?)),
            None if rest.is_empty() => Ok(format!("[{address}]")),
            None => Err(bad()),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(Slip::new("an IPv6 address stands in brackets")
            .help(format!("write `[{text}]` in place of `{text}`")));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(text, port)?)),
        None => (text, None),
    };
    if host.len() > LONGEST_HOST || !host.split('.').all(is_label) {
        return Err(Slip::new(format!("`{host}` is no name of a host")));
    }
    let host = host.to_ascii_lowercase();
    Ok(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn parse_port(host: &str, port: &str) -> Result<u16, Slip> {
    if port.is_empty() {
        return Err(Slip::new(format!("there is no port after the colon of `{host}`")));
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number > 0 => Ok(number),
        Ok(_) | Err(_) => Err(Slip::new(format!(
            "`{port}` in `{host}` is no port; a port is a number from 1 to 65535"
        ))),
    }
}

fn check_repository(repository: &str) -> Result<(), Slip> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = repository.to_ascii_lowercase();
        return Err(Slip::new("the name of a repository has no upper-case letters")
            .help(format!("write `{lower}` in place of `{repository}`")));
    }
    if repository.contains(':') {
        return Err(Slip::new(format!("`{repository}` has a colon; only a tag follows one")));
    }
    if repository.len() == 64 && repository.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Slip::new("it is a hash without the name of an image")
            .help(format!("write NAME@sha256:{repository}")));
    }
    for part in repository.split('/') {
        check_part(repository, part)?;
    }
    Ok(())
}

/// One part of a repository: words of letters and digits between separators.
fn check_part(repository: &str, part: &str) -> Result<(), Slip> {
    if part.is_empty() {
        return Err(Slip::new(match repository {
            "" => "the repository is missing: nothing stands before the tag or the digest, or \
                   after the registry"
                .to_owned(),
            _ => format!("`{repository}` has a slash with nothing before or after it"),
        }));
    }
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if let Some(odd) =
        part.chars().find(|letter| !is_word(*letter as u8) && !"._-".contains(*letter))
    {
        return Err(Slip::new(format!(
            "`{part}` has `{odd}`; the name of a repository has lower-case letters, digits and `.`, \
             `_`, `-` between them"
        )));
    }
    let between = part.split(|letter: char| is_word(letter as u8)).filter(|gap| !gap.is_empty());
    let is_separator =
        |gap: &str| matches!(gap, "." | "_" | "__") || gap.bytes().all(|b| b == b'-');
    let ends = part.starts_with(['.', '_', '-']) || part.ends_with(['.', '_', '-']);
    if ends || !between.clone().all(is_separator) {
        return Err(Slip::new(format!(
            "in `{part}`, one `.`, `_` or `__` or any number of `-` may stand between letters and \
             digits, and nowhere else"
        )));
    }
    Ok(())
}

fn check_tag(repository: &str, tag: &str) -> Result<(), Slip> {
    if tag.is_empty() {
        return Err(Slip::new("the tag after the colon is empty")
            .help(format!("write `{repository}:{DEFAULT_TAG}`, or another tag")));
    }
    if tag.len() > LONGEST_TAG {
        return Err(Slip::new(format!("the tag is longer than {LONGEST_TAG} characters")));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if tag.starts_with(['.', '-']) || !tag.bytes().all(legal) {
        return Err(Slip::new(format!(
            "`{tag}` is no tag; a tag has letters, digits and `_.-`, and does not begin with `.` or \
             `-`"
        )));
    }
    Ok(())
}
