//! The files that `podman login` and `docker login` write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Origin, cause};

use super::super::options::Surroundings;
use super::keys::{DOCKER_HUB, keys, means};
use super::{Credentials, Search, helper};

/// Credentials for a repository: the first file that has some decides.
pub fn find(host: &str, repository: &str, here: &Surroundings) -> Result<Search, Diagnostic> {
    let mut search = Search { found: None, read: Vec::new() };
    for place in places(here) {
        let Some(file) = read(&place)? else { continue };
        let name = place.path.display().to_string();
        search.read.push(name.clone());
        if let Some(found) = file.look_up(host, repository, &name, here)? {
            search.found = Some((found, name));
            break;
        }
    }
    Ok(search)
}

/// The variable that names a file.
const NAMED: &str = "REGISTRY_AUTH_FILE";

struct Place {
    path: PathBuf,
    /// Somebody named this very file.
    must_exist: bool,
}

/// In the order of containers-auth.json(5); a file that is named stands alone.
fn places(here: &Surroundings) -> Vec<Place> {
    if let Some(path) = here.variable(NAMED) {
        return vec![Place { path: path.into(), must_exist: true }];
    }
    let docker = match here.variable("DOCKER_CONFIG") {
        Some(directory) => Some(PathBuf::from(directory)),
        None => here.home().map(|home| home.join(".docker")),
    };
    let paths = [
        here.directory("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
        here.config().map(|directory| directory.join("containers/auth.json")),
        docker.map(|directory| directory.join("config.json")),
    ];
    paths.into_iter().flatten().map(|path| Place { path, must_exist: false }).collect()
}

const MOST_BYTES: u64 = 1024 * 1024;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AuthFile {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

fn read(place: &Place) -> Result<Option<AuthFile>, Diagnostic> {
    let failed = |why: String| {
        let failed =
            Diagnostic::error(format!("cannot read credentials from `{}`", place.path.display()))
                .because(why);
        match place.must_exist {
            true => failed.at(&Origin::Variable(NAMED.to_owned())),
            false => failed,
        }
    };
    let text = match read_text(&place.path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !place.must_exist => {
            return Ok(None);
        }
        Err(error) => return Err(failed(cause(&error))),
    };
    if text.trim().is_empty() {
        return Ok(Some(AuthFile::default()));
    }
    // Of the error only the place: the words of the parser may quote a password.
    serde_json::from_str(&text).map(Some).map_err(|error| {
        failed(format!(
            "line {} is not as `podman login` or `docker login` writes it",
            error.line()
        ))
        .help("repair it, or remove it and log in again")
    })
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

impl AuthFile {
    fn look_up(
        &self,
        host: &str,
        repository: &str,
        name: &str,
        here: &Surroundings,
    ) -> Result<Option<Credentials>, Diagnostic> {
        for key in keys(host, repository) {
            if let Some((server, helper)) = find_key(&self.cred_helpers, &key) {
                return helper::ask(helper, server, name, here);
            }
            if let Some((written, entry)) = find_key(&self.auths, &key)
                && let Some(found) = entry.credentials(name, written, &key)?
            {
                return Ok(Some(found));
            }
        }
        let Some(store) = self.creds_store.as_deref().filter(|store| !store.is_empty()) else {
            return Ok(None);
        };
        let server = if host == "docker.io" { DOCKER_HUB } else { host };
        helper::ask(store, server, name, here)
    }
}

/// The very key before one that only means the same.
fn find_key<'a, T>(map: &'a BTreeMap<String, T>, key: &str) -> Option<(&'a str, &'a T)> {
    let exact = map.get_key_value(key);
    let found = exact.or_else(|| map.iter().find(|(other, _)| means(other, key)));
    found.map(|(key, value)| (key.as_str(), value))
}

impl Entry {
    /// `None` for an entry without anything, as docker leaves one for what a helper keeps. What is
    /// `written` there may be another spelling of the key.
    fn credentials(
        &self,
        file: &str,
        written: &str,
        key: &str,
    ) -> Result<Option<Credentials>, Diagnostic> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = some(&self.identitytoken) {
            return Ok(Some(Credentials::Identity(token)));
        }
        if let Some(auth) = some(&self.auth) {
            return decode(&auth).map(Some).ok_or_else(|| {
                Diagnostic::error(format!(
                    "the credentials for `{written}` in `{file}` are damaged"
                ))
                .because("`auth` is not NAME:PASSWORD in base64")
                .help(format!("log in again: `podman login {key}` or `docker login {key}`"))
            });
        }
        let (user, password) = (some(&self.username), some(&self.password));
        Ok(user.zip(password).map(|(user, password)| Credentials::Password { user, password }))
    }
}

fn decode(auth: &str) -> Option<Credentials> {
    let text = String::from_utf8(BASE64_STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Some versions of docker have padded with NULs.
    let password = password.trim_end_matches('\0');
    let is_fine = |text: &str| !text.chars().any(char::is_control);
    (!user.is_empty() && is_fine(user) && is_fine(password))
        .then(|| Credentials::Password { user: user.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(text: &str, host: &str, repository: &str) -> Result<Option<String>, Diagnostic> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.json");
        fs::write(&file, text).unwrap();
        let here = Surroundings::new([("REGISTRY_AUTH_FILE", file)], "/etc");
        let search = find(host, repository, &here)?;
        Ok(search.found.map(|(credentials, _)| match credentials {
            Credentials::Password { user, password } => format!("{user}:{password}"),
            Credentials::Identity(token) => format!("token {token}"),
        }))
    }

    fn entry(text: &str) -> String {
        format!("{{\"auth\": \"{}\"}}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let (host, team) = (entry("a:host"), entry("a:te:am\0\0"));
        let text = format!(r#"{{"auths": {{"r:5000": {host}, "r:5000/team": {team}}}}}"#);
        let check = |repository, wanted: &str| {
            assert_eq!(found(&text, "r:5000", repository).unwrap().as_deref(), Some(wanted));
        };
        check("team/app", "a:te:am");
        check("team", "a:te:am");
        check("teams/app", "a:host");
        assert_eq!(found(&text, "r", "team/app").unwrap(), None);
        assert_eq!(found(&text, "r:5001", "team/app").unwrap(), None);
    }

    #[test]
    fn docker_s_own_key_is_known() {
        let text = format!(r#"{{"auths": {{"{DOCKER_HUB}": {}}}}}"#, entry("a:b"));
        assert_eq!(found(&text, "docker.io", "library/x").unwrap().as_deref(), Some("a:b"));
        assert_eq!(found(&text, "r.example", "library/x").unwrap(), None);
    }

    #[test]
    fn entries_have_several_forms() {
        for (entry, wanted) in [
            (r#"{"identitytoken": "t", "auth": "eDo="}"#, Some("token t")),
            (r#"{"username": "u", "password": "p"}"#, Some("u:p")),
            ("{}", None),
            (r#"{"auth": ""}"#, None),
        ] {
            let text = format!(r#"{{"auths": {{"r": {entry}}}, "HttpHeaders": {{}}}}"#);
            assert_eq!(found(&text, "r", "x").unwrap().as_deref(), wanted, "{entry}");
        }
        assert_eq!(found("", "r", "x").unwrap(), None);
    }

    #[test]
    fn damaged_files_are_errors_that_show_no_password() {
        let error = found(r#"{"auths": {"r": {"auth": "c2VjcmV0"}}}"#, "r", "x").unwrap_err();
        assert!(error.title.contains("are damaged"), "{error:?}");
        // By the name that stands there; to log in by the one that is typed.
        let text = format!(r#"{{"auths": {{"{DOCKER_HUB}": {{"auth": "c2VjcmV0"}}}}}}"#);
        let hub = found(&text, "docker.io", "library/x").unwrap_err();
        assert!(hub.title.starts_with(&format!("the credentials for `{DOCKER_HUB}` in ")));
        assert_eq!(
            hub.help,
            ["log in again: `podman login docker.io` or `docker login docker.io`"]
        );
        assert!(!format!("{error:?}").contains("c2VjcmV0"));
        let injected = entry("a:b\r\nX: y");
        let text = format!(r#"{{"auths": {{"r": {injected}}}}}"#);
        assert!(found(&text, "r", "x").is_err());
        let error = found(r#"{"auths": "c2VjcmV0"}"#, "r", "x").unwrap_err();
        assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    }

    #[test]
    fn files_are_tried_in_order_and_a_named_one_stands_alone() {
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!(r#"{{"auths": {{"r": {}}}}}"#, entry(text))).unwrap();
        };
        let look = |more: &[(&str, PathBuf)]| {
            let mut variables = vec![("HOME", home.path().to_owned())];
            variables.push(("XDG_RUNTIME_DIR", home.path().join("run")));
            variables.extend(more.iter().cloned());
            let search = find("r", "x", &Surroundings::new(variables, "/etc")).ok()?;
            let name = search.found?.1;
            Some(name.strip_prefix(home.path().to_str()?)?.to_owned())
        };
        assert_eq!(look(&[]), None);
        place(".docker/config.json", "a:b");
        assert_eq!(look(&[]).as_deref(), Some("/.docker/config.json"));
        place(".config/containers/auth.json", "a:b");
        assert_eq!(look(&[]).as_deref(), Some("/.config/containers/auth.json"));
        place("run/containers/auth.json", "a:b");
        assert_eq!(look(&[]).as_deref(), Some("/run/containers/auth.json"));
        assert_eq!(look(&[("REGISTRY_AUTH_FILE", home.path().join("missing"))]), None);
    }
}
