//! Authorities whose certificates count.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use ureq::tls::Certificate;

use crate::diagnostic::{Diagnostic, Origin, cause};

use super::options::{Options, Surroundings};

/// The authorities for a server that files name `host`, `HOST` or `HOST:PORT`: the system's, those
/// of the user's choice, and those that docker's and podman's directories have for this server. There
/// may be none.
pub fn authorities(host: &str, options: &Options) -> Result<Vec<Certificate<'static>>, Diagnostic> {
    let here = &options.surroundings;
    let mut found = system(here)?;
    for file in &options.ca_files {
        found.extend(read(file)?);
    }
    for directory in directories(here) {
        let is_authority = |file: &&PathBuf| file.extension().is_some_and(|is| is == "crt");
        for file in files(&directory.join(host))?.iter().filter(is_authority) {
            found.extend(read(file)?);
        }
    }
    let owned = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
    Ok(found.iter().map(owned).collect())
}

/// The message for a server that could not be trusted whatever it shows.
pub fn no_authorities(here: &Surroundings) -> Diagnostic {
    let variables = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
    match variables.iter().find(|name| here.variable(name).is_some()) {
        Some(name) => Diagnostic::error(format!("there are no certificates where `${name}` says"))
            .help("name a file of certificates in PEM, or unset the variable"),
        None => Diagnostic::error("there are no certificates of authorities on this machine")
            .because(format!("there are none in `{}`", BUNDLES.join("`, `")))
            .help("install the package `ca-certificates`, or name a file by `$SSL_CERT_FILE`"),
    }
}

/// Where distributions keep the authorities of the system, in one file.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

type Certificates = Vec<CertificateDer<'static>>;

/// OpenSSL's variables stand in for the system's authorities, they do not add to them.
fn system(here: &Surroundings) -> Result<Certificates, Diagnostic> {
    let file = here.variable("SSL_CERT_FILE").map(PathBuf::from);
    let directories = here.variable("SSL_CERT_DIR");
    if file.is_none() && directories.is_none() {
        return first_of(BUNDLES.iter().map(Path::new));
    }
    let mut found = Vec::new();
    for directory in directories.iter().flat_map(std::env::split_paths) {
        for file in files(&directory)?.iter().filter(|file| is_hashed(file)) {
            found.extend(read(file)?);
        }
    }
    if let Some(file) = file {
        let named = |unread: Diagnostic| unread.at(&Origin::Variable("SSL_CERT_FILE".to_owned()));
        found.extend(read(&file).map_err(named)?);
    }
    Ok(found)
}

/// What is in the first of them that has something.
fn first_of<'a>(bundles: impl Iterator<Item = &'a Path>) -> Result<Certificates, Diagnostic> {
    for bundle in bundles.filter(|bundle| bundle.exists()) {
        let found = read(bundle)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// As in dockerd(8) and containers-certs.d(5).
fn directories(here: &Surroundings) -> Vec<PathBuf> {
    let mut directories =
        vec![here.etc().join("docker/certs.d"), here.etc().join("containers/certs.d")];
    directories.extend(here.config().map(|config| config.join("containers/certs.d")));
    directories
}

/// OpenSSL takes only files that are named by a hash, `1a2b3c4d.0`: whatever else lies there has not
/// been made an authority (openssl-rehash(1)).
fn is_hashed(file: &Path) -> bool {
    let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.as_encoded_bytes().to_vec());
    let stem = part(file.file_stem()).unwrap_or_default();
    let extension = part(file.extension()).unwrap_or_default();
    stem.len() == 8
        && stem.iter().all(u8::is_ascii_hexdigit)
        && !extension.is_empty()
        && extension.iter().all(u8::is_ascii_digit)
}

/// The files in a directory, if it exists.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let failed = |error: &std::io::Error| {
        Diagnostic::error(format!("cannot read `{}`", directory.display())).because(cause(error))
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> Result<Certificates, Diagnostic> {
    let failed = |why: String| {
        Diagnostic::error(format!("cannot read certificates from `{}`", file.display()))
            .because(why)
    };
    let text = fs::read(file).map_err(|error| failed(cause(&error)))?;
    let certificates: Result<Certificates, _> = CertificateDer::pem_slice_iter(&text).collect();
    certificates.map_err(|error| failed(format!("it is not valid PEM: {}", words(&error))))
}

/// The library shows lines of the file as numbers.
fn words(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section does not end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => {
            "the first line of a section is broken".to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a certificate; nothing here looks inside.
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn options(directory: &Path, more: &[(&str, PathBuf)]) -> Options {
        let here = Surroundings::new(more.iter().cloned(), directory);
        Options { surroundings: here, ..Options::here() }
    }

    #[test]
    fn the_first_bundle_that_has_something_is_that_of_the_system() {
        let etc = tempfile::tempdir().unwrap();
        let [missing, empty, one, two] =
            ["missing", "empty", "one", "two"].map(|name| etc.path().join(name));
        fs::write(&empty, "").unwrap();
        fs::write(&one, PEM).unwrap();
        fs::write(&two, PEM.repeat(2)).unwrap();
        let count = |bundles: &[&PathBuf]| {
            first_of(bundles.iter().map(|bundle| bundle.as_path())).unwrap().len()
        };
        assert_eq!(count(&[&missing, &empty, &one, &two]), 1);
        assert_eq!(count(&[&two, &one]), 2);
        assert_eq!(count(&[&missing, &empty]), 0);
    }

    #[test]
    fn directories_of_docker_and_podman_count_for_their_server_only() {
        let etc = tempfile::tempdir().unwrap();
        let empty = etc.path().join("empty.pem");
        fs::write(&empty, PEM).unwrap();
        for (place, host) in [("docker", "a.example:5000"), ("containers", "b.example")] {
            let directory = etc.path().join(place).join("certs.d").join(host);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("ca.crt"), PEM.repeat(2)).unwrap();
            fs::write(directory.join("client.cert"), "no").unwrap();
        }
        let options = options(etc.path(), &[("SSL_CERT_FILE", empty)]);
        let count = |host| authorities(host, &options).unwrap().len();
        assert_eq!(count("a.example:5000"), 3);
        assert_eq!(count("a.example"), 1);
        assert_eq!(count("b.example"), 3);
        assert_eq!(count(".."), 1);
    }

    #[test]
    fn a_directory_of_openssl_has_authorities_by_their_hashes() {
        let etc = tempfile::tempdir().unwrap();
        for name in ["1a2b3c4d.0", "1a2b3c4d.1", "1a2b3c4d.r0", "own.pem", "1a2b3c4d"] {
            fs::write(etc.path().join(name), PEM).unwrap();
        }
        let two = etc.path().join("x:").as_os_str().to_owned();
        let mut both = two;
        both.push(etc.path());
        let options = options(Path::new("/nowhere"), &[("SSL_CERT_DIR", both.into())]);
        assert_eq!(authorities("a", &options).unwrap().len(), 2);
    }

    #[test]
    fn a_file_that_is_named_must_be_readable() {
        let etc = tempfile::tempdir().unwrap();
        let missing = etc.path().join("missing.pem");
        let error = authorities("a", &options(etc.path(), &[("SSL_CERT_FILE", missing)]));
        let because = error.err().and_then(|error| error.because);
        assert_eq!(because.as_deref(), Some("no such file or directory [ENOENT]"));
        let empty = etc.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        let options = options(etc.path(), &[("SSL_CERT_FILE", empty)]);
        assert!(authorities("a", &options).unwrap().is_empty());
        let error = no_authorities(&options.surroundings);
        assert!(error.title.contains("no certificates where `$SSL_CERT_"));
    }
}
