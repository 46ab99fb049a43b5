//! One place that an image can be pulled from.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use crate::diagnostic::Diagnostic;

use super::super::reference::Name;
use super::address::{Address, Scheme, Server};
use super::mirrors::{Location, locate};
use super::options::Options;
use super::token::Session;
use super::transport::Trust;

/// A repository on a server, and what has been learned about the server.
pub struct Endpoint {
    /// As files with credentials name it: `docker.io`, `registry.example:5000`.
    pub host: String,
    pub repository: String,
    pub trust: Trust,
    /// The server by its two schemes: plain HTTP only where it is allowed.
    pub https: Server,
    pub http: Option<Server>,
    /// Which of them answered.
    pub answered: OnceLock<Server>,
    /// It could not be reached: others are asked, if there are others.
    pub is_gone: AtomicBool,
    /// Tokens that have been got.
    pub session: Session,
}

impl Endpoint {
    /// `/v2/REPOSITORY/END`
    pub fn address(&self, server: &Server, end: &str) -> Address {
        Address { server: server.clone(), path: format!("/v2/{}/{end}", self.repository) }
    }

    /// Was plain HTTP, and TLS with any certificate, asked for?
    pub fn is_insecure(&self) -> bool {
        self.trust == Trust::Anyone
    }
}

/// All places of an image, in the order to try them.
pub fn find(name: &Name, options: &Options) -> Result<Vec<Endpoint>, Diagnostic> {
    check(name)?;
    let path = format!("{}/{}", name.registry, name.repository);
    let locations = locate(&path, name.digest.is_some(), &options.surroundings)?;
    locations.iter().map(|location| endpoint(location, options)).collect()
}

fn endpoint(location: &Location, options: &Options) -> Result<Endpoint, Diagnostic> {
    let malformed = || {
        let malformed =
            Diagnostic::error(format!("`{}` is no repository in a registry", location.path))
                .help("write `HOST[:PORT]/NAME`, with the name in lower case");
        match &location.file {
            Some(file) => malformed.because(format!("`{}` leads there", file.display())),
            None => malformed,
        }
    };
    let (host, repository) = location.path.split_once('/').ok_or_else(malformed)?;
    if !is_repository(repository) {
        return Err(malformed());
    }
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    // The name that everyone writes is not where the registry is.
    let at = if host == "docker.io" { "registry-1.docker.io" } else { host };
    let https = Server::parse(Scheme::Https, at).ok_or_else(malformed)?;
    let insecure = options.insecure || location.insecure;
    let http = (insecure || https.is_loopback()).then(|| Server::parse(Scheme::Http, at)).flatten();
    Ok(Endpoint {
        host: host.to_owned(),
        repository: repository.to_owned(),
        trust: if insecure { Trust::Anyone } else { Trust::Verified },
        https,
        http,
        answered: OnceLock::new(),
        is_gone: AtomicBool::new(false),
        session: Session::default(),
    })
}

/// Whoever made the name has checked it; parts of an address are worth a second look.
fn check(name: &Name) -> Result<(), Diagnostic> {
    if let Some(tag) = name.tag.as_deref().filter(|tag| !is_tag(tag)) {
        return Err(Diagnostic::error(format!("`{tag}` is no tag of an image"))
            .help("a tag has letters, digits, `_`, `.` and `-`, and at most 128 of them"));
    }
    if name.tag.is_none() && name.digest.is_none() {
        let repository = &name.repository;
        return Err(Diagnostic::error(format!("`{repository}` has no tag and no digest"))
            .help(format!("write `{repository}:TAG`")));
    }
    Ok(())
}

fn is_tag(tag: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !tag.is_empty() && tag.len() <= 128 && !tag.starts_with(['.', '-']) && tag.bytes().all(is_fine)
}

fn is_repository(repository: &str) -> bool {
    let is_fine = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"_.-".contains(&byte);
    let is_component = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.bytes().all(is_fine)
    };
    repository.len() <= 255 && repository.split('/').all(is_component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Palette, render};
    use crate::image::registry::options::Surroundings;

    fn found(registry: &str, repository: &str, tag: &str) -> Result<Endpoint, Diagnostic> {
        let name = Name {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: Some(tag.to_owned()),
            digest: None,
        };
        let nothing = Surroundings::new([("", ""); 0], "/nowhere");
        let options = Options { surroundings: nothing, ..Options::here() };
        Ok(find(&name, &options)?.remove(0))
    }

    #[test]
    fn the_registry_of_docker_is_elsewhere() {
        let hub = found("docker.io", "library/debian", "12").unwrap();
        assert_eq!(hub.host, "docker.io");
        assert_eq!(
            hub.address(&hub.https, "manifests/12").to_string(),
            "https://registry-1.docker.io/v2/library/debian/manifests/12"
        );
        assert_eq!(hub.http, None);
    }

    #[test]
    fn plain_http_is_for_loopback() {
        let local = found("localhost:5000", "a", "b").unwrap();
        assert_eq!(local.http.unwrap().to_string(), "http://localhost:5000");
        assert_eq!(local.trust, Trust::Verified);
        assert_eq!(found("r.example:5000", "a", "b").unwrap().http, None);
    }

    #[test]
    fn odd_names_are_refused() {
        for (registry, repository, tag) in [
            ("r", "../x", "1"),
            ("r", "a/../b", "1"),
            ("r", "a//b", "1"),
            ("r", "a?b", "1"),
            ("r", "a%2fb", "1"),
            ("r", "A", "1"),
            ("r", "", "1"),
            ("user@r", "a", "1"),
            ("r\r\nx", "a", "1"),
            ("", "a", "1"),
            ("r", "a", "../x"),
            ("r", "a", "x/y"),
            ("r", "a", ""),
            ("r", "a", ".."),
        ] {
            assert!(found(registry, repository, tag).is_err(), "{registry} {repository} {tag}");
        }
    }

    /// Names that were parsed are right; these were made in another way.
    #[test]
    fn what_is_odd_in_a_name_is_said() {
        let refused = |name: &Name| {
            let nothing = Surroundings::new([("", ""); 0], "/nowhere");
            let options = Options { surroundings: nothing, ..Options::here() };
            render(&find(name, &options).err().unwrap(), Palette::Plain)
        };
        let mut name = Name {
            registry: "r.example".to_owned(),
            repository: "A".to_owned(),
            tag: Some("1".to_owned()),
            digest: None,
        };
        assert_eq!(
            refused(&name),
            "jail: error: `r.example/A` is no repository in a registry\n\
             help: write `HOST[:PORT]/NAME`, with the name in lower case\n"
        );
        name.repository = "a".to_owned();
        name.tag = Some("../x".to_owned());
        assert_eq!(
            refused(&name),
            "jail: error: `../x` is no tag of an image\n\
             help: a tag has letters, digits, `_`, `.` and `-`, and at most 128 of them\n"
        );
        name.tag = None;
        assert_eq!(
            refused(&name),
            "jail: error: `a` has no tag and no digest\nhelp: write `a:TAG`\n"
        );
    }
}
