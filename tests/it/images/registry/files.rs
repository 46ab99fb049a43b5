//! Files and programs of this machine that have to do with registries, damaged or in the way.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::server::{Reply, Server};
use crate::images::commands::{entries, image, refused};
use crate::images::faults::failing;
use crate::require;
use crate::support::{Feature, Jail};

/// A registry that wants a password.
fn guarded() -> Server {
    Server::start(|_| Reply::new(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", b"{}"))
}

/// `me:s3cret` without its colon.
const DAMAGED: &str = r#"{"auth": "bWVzM2NyZXQ="}"#;

#[track_caller]
fn refuses(jail: &Jail, name: &str, message: &str) {
    let finished = image(jail, &["pull", name]);
    refused(&finished, message);
    finished.says_nothing_of("s3cret").says_nothing_of("bWVz");
    assert_eq!(entries(jail, "references"), [] as [std::path::PathBuf; 0]);
}

#[test]
fn damaged_files_with_credentials_are_named() {
    let server = guarded();
    let (host, name) = (server.host(), format!("{}/team/app:1", server.host()));
    let file = |jail: &Jail| jail.home().join(".docker/config.json").display().to_string();
    for (content, why) in [
        (
            r#"{"auths": "s3cret"}"#.to_owned(),
            "because: line 1 is not as `podman login` or `docker login` writes it\n\
             help: repair it, or remove it and log in again\n",
        ),
        (" ".repeat(1 << 20) + "{}", "because: it is larger than 1 MiB\n"),
    ] {
        let jail = Jail::new().home_file(".docker/config.json", content);
        let title = format!("jail: error: cannot read credentials from `{}`\n", file(&jail));
        refuses(&jail, &name, &format!("{title}{why}"));
    }
    let content = format!(r#"{{"auths": {{"https://{host}/v1/": {DAMAGED}}}}}"#);
    let jail = Jail::new().home_file(".docker/config.json", content);
    let message = format!(
        "jail: error: the credentials for `https://{host}/v1/` in `{}` are damaged\n\
         because: `auth` is not NAME:PASSWORD in base64\n\
         help: log in again: `podman login {host}` or `docker login {host}`\n",
        file(&jail)
    );
    refuses(&jail, &name, &message);
    let jail = Jail::new().env("REGISTRY_AUTH_FILE", "/nowhere/auth.json");
    let message = "jail: error: cannot read credentials from `/nowhere/auth.json`\n \
                   --> $REGISTRY_AUTH_FILE\nbecause: no such file or directory [ENOENT]\n";
    refuses(&jail, &name, message);
}

#[test]
fn a_helper_that_gives_nothing_is_named_and_so_is_who_asks_for_it() {
    let server = guarded();
    let (host, name) = (server.host(), format!("{}/team/app:1", server.host()));
    let failed =
        format!("jail: error: `docker-credential-test` gives no credentials for `{host}`\n");
    for (script, why) in [
        ("echo the keyring is locked; exit 1", "it says: the keyring is locked"),
        ("exit 3", "it ended with exit status: 3"),
        ("echo s3cret", "its answer is not valid"),
    ] {
        let jail = Jail::new()
            .home_file(".docker/config.json", r#"{"credsStore": "test"}"#)
            .script("docker-credential-test", format!("#!/bin/sh\n{script}\n"));
        let path = format!("{}:/usr/bin:/bin", jail.project().display());
        refuses(&jail.env("PATH", path), &name, &format!("{failed}because: {why}\n"));
    }
    let content = format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#);
    let jail = Jail::new().home_file(".docker/config.json", content);
    let file = jail.home().join(".docker/config.json").display().to_string();
    let why = format!(
        "because: no such file or directory [ENOENT]\n\
         help: install `docker-credential-test`, or take `test` out of `{file}`\n"
    );
    refuses(&jail, &name, &format!("{failed}{why}"));

    let jail = jail.home_file(".docker/config.json", r#"{"credsStore": "../test"}"#);
    let message = format!(
        "jail: error: `../test` is no name of a credential helper\n\
         because: `{file}` asks for the program `docker-credential-../test`\n\
         help: correct `credsStore` or `credHelpers` there\n"
    );
    refuses(&jail, &name, &message);
}

/// A machine with too many processes has no room for it, or for the thread that waits for it.
#[test]
fn a_helper_that_there_is_no_room_for_is_ended_and_named() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let server = guarded();
    let (host, name) = (server.host(), format!("{}/team/app:1", server.host()));
    let failed =
        format!("jail: error: `docker-credential-test` gives no credentials for `{host}`\n");
    for (call, why) in
        [("clone", "try again [EAGAIN]"), ("clone3", "cannot start a thread: try again [EAGAIN]")]
    {
        let jail = Jail::new()
            .home_file(".docker/config.json", r#"{"credsStore": "test"}"#)
            .script("docker-credential-test", "#!/bin/sh\necho $$ > pid; exec >&-; exec sleep 20");
        let path = format!("{}:/usr/bin:/bin", jail.project().display());
        let jail = jail.env("PATH", path).through(failing(call, "EAGAIN", None));
        let begun = Instant::now();
        refuses(&jail, &name, &format!("{failed}because: {why}\n"));
        // Strace waits for all that it has seen.
        assert!(begun.elapsed() < Duration::from_secs(20), "it went on");
        if let Ok(pid) = fs::read_to_string(jail.project().join("pid")) {
            // Of one that has ended there may be an entry left, without words.
            let words = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
            assert!(words.is_empty(), "it goes on");
        }
    }
}

#[test]
fn a_file_that_blocks_or_misleads_is_named() {
    let jail = Jail::new();
    let file = jail.elsewhere().join("registries.conf");
    let jail = jail.env("CONTAINERS_REGISTRIES_CONF", &file);
    let conf = |text: &str| fs::write(&file, format!("[[registry]]\n{text}")).unwrap();
    let (name, file) = ("registry.example.test/team/app:1", file.display());

    conf("prefix = \"*.example.test\"\nblocked = true\n");
    let message = format!(
        "jail: error: `registry.example.test/team/app` may not be pulled\n\
         because: `{file}` blocks `*.example.test`\n"
    );
    refuses(&jail, name, &message);
    for (text, place) in [
        (
            "location = \"registry.example.test\"\n[[registry.mirror]]\nlocation = \"mirror.example.test/A\"\n",
            "mirror.example.test/A/team/app",
        ),
        ("prefix = \"registry.example.test\"\nlocation = \"a b\"\n", "a b/team/app"),
        ("prefix = \"registry.example.test\"\nlocation = \"a/B\"\n", "a/B/team/app"),
    ] {
        conf(text);
        let message = format!(
            "jail: error: `{place}` is no repository in a registry\n\
             because: `{file}` leads there\n\
             help: write `HOST[:PORT]/NAME`, with the name in lower case\n"
        );
        refuses(&jail, name, &message);
    }
}

#[test]
fn a_file_about_registries_that_is_broken_is_shown() {
    let name = "registry.example.test/team/app:1";
    for (text, why) in [
        (
            "[[registry]]\nblocked = yes\n",
            " --> FILE:2:11\n  |\n2 | blocked = yes\n  |           ^^^\n\
             because: string values must be quoted, expected literal string\n",
        ),
        (
            "[[registry]]\nprefix = 'a'\nblocked = 1\n",
            " --> FILE:3:11\n  |\n3 | blocked = 1\n  |           ^\n\
             because: invalid type: integer `1`, expected a boolean\n",
        ),
        (
            "[[registry]]\nblocked = true\n",
            "because: a `[[registry]]` has neither `prefix` nor `location`\n",
        ),
    ] {
        let jail = Jail::new().home_file(".config/containers/registries.conf", text);
        let file = jail.home().join(".config/containers/registries.conf").display().to_string();
        let title = format!("jail: error: cannot read `{file}`\n");
        refuses(&jail, name, &format!("{title}{}", why.replace("FILE", &file)));
    }
}

/// What cannot be looked at might block this image, or be the authority of its registry.
#[test]
fn what_is_said_of_registries_must_be_readable() {
    let name = "registry.example.test/team/app:1";
    for place in ["registries.conf", "registries.conf.d", "certs.d/registry.example.test"] {
        let jail = Jail::new().home_file(&format!(".config/containers/{place}/x"), "");
        let place = jail.home().join(".config/containers").join(place);
        let why = if place.ends_with("registries.conf") {
            "is a directory [EISDIR]"
        } else {
            fs::set_permissions(&place, Permissions::from_mode(0o0)).unwrap();
            "permission denied [EACCES]"
        };
        let message = format!("jail: error: cannot read `{}`\nbecause: {why}\n", place.display());
        refuses(&jail, name, &message);
    }
    let jail = Jail::new()
        .home_file(".config/containers/x", "")
        .link("../.config/containers/registries.conf", "../../closed/registries.conf")
        .home_file("closed/registries.conf", "[[registry]]\nlocation = \"r\"\nblocked = true\n");
    fs::set_permissions(jail.home().join("closed"), Permissions::from_mode(0o0)).unwrap();
    let message = format!(
        "jail: error: cannot read `{}`\nbecause: permission denied [EACCES]\n",
        jail.home().join(".config/containers/registries.conf").display()
    );
    refuses(&jail, name, &message);
}

/// Runs the rest without the certificates that a system has.
const BARE: &str = "for place in /etc/ssl /etc/pki /var/lib/ca-certificates; do
                        [ ! -d $place ] || mount -t tmpfs none $place || exit 9
                    done
                    exec \"$@\"";

pub fn without_authorities() -> [OsString; 7] {
    ["unshare", "--map-root-user", "--mount", "sh", "-c", BARE, "sh"].map(OsString::from)
}

#[test]
fn without_authorities_no_registry_elsewhere_is_trusted() {
    require!(Feature::Userns);
    let name = "registry.example.test/team/app:1";
    let message = "jail: error: there are no certificates of authorities on this machine\n\
                   because: there are none in `/etc/ssl/certs/ca-certificates.crt`, \
                   `/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem`, \
                   `/etc/pki/tls/certs/ca-bundle.crt`, `/etc/ssl/ca-bundle.pem`, \
                   `/etc/ssl/cert.pem`, `/var/lib/ca-certificates/ca-bundle.pem`\n\
                   help: install the package `ca-certificates`, or name a file by `$SSL_CERT_FILE`\n";
    refuses(&Jail::new().through(without_authorities()), name, message);
    let jail = Jail::new()
        .file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")
        .file("odd.pem", "-----BEGIN CERTIFICATE\nAAAA\n-----END CERTIFICATE-----\n");
    let project = jail.project();
    for (path, why) in [
        (Path::new("/nowhere/ca.pem"), "no such file or directory [ENOENT]"),
        (&project.join("cut.pem"), "it is not valid PEM: a section does not end"),
        (&project.join("odd.pem"), "it is not valid PEM: the first line of a section is broken"),
    ] {
        let message = format!(
            "jail: error: cannot read certificates from `{}`\n --> $SSL_CERT_FILE\nbecause: {why}\n",
            path.display()
        );
        refuses(&Jail::new().env("SSL_CERT_FILE", path), name, &message);
    }
}
