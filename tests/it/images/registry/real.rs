//! A real registry (package docker-registry), filled by skopeo.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use jail::image::document::{Compression, Descriptor, MediaType};
use jail::image::registry::{Options, Registry};
use jail::image::source::Source;

use super::running::{Guard, Running, certificates};
use super::{name, options, pattern, root, says, text};
use crate::images::others::output;
use crate::require;
use crate::support::Feature;

/// Has skopeo copy an image of one layer to it.
fn push(running: &Running, more: &[&str]) -> Pushed {
    let layer = running.path("layer.gz");
    let bytes = pattern(3_000_000);
    fs::write(running.path("layer"), &bytes).unwrap();
    let zipped = output(Command::new("gzip").args(["-n", "-c"]).arg(running.path("layer")));
    fs::write(&layer, &zipped).unwrap();
    let pushed = layout(&running.path("layout"), &bytes, &zipped);
    let target = format!("docker://{}/team/app:1", running.host());
    let source = format!("oci:{}:1", running.path("layout").display());
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", "--preserve-digests"]);
    output(command.args(more).args([&source, &target]));
    pushed
}

/// What a pull must give.
struct Pushed {
    manifest: Vec<u8>,
    config: (Descriptor, Vec<u8>),
    layer: (Descriptor, Vec<u8>),
}

/// An OCI layout, by hand.
fn layout(place: &Path, tar: &[u8], zipped: &[u8]) -> Pushed {
    let blobs = place.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| {
        let file = place.join("new");
        fs::write(&file, bytes).unwrap();
        let hex = output(Command::new("sha256sum").arg(&file))[..64].to_vec();
        let hex = String::from_utf8(hex).unwrap();
        fs::rename(file, blobs.join(&hex)).unwrap();
        format!("sha256:{hex}")
    };
    let described = |media_type, bytes: &[u8]| Descriptor {
        media_type,
        digest: put(bytes).parse().unwrap(),
        size: bytes.len() as u64,
        platform: None,
        name: None,
    };
    let layer = described(MediaType::Layer(Compression::Gzip), zipped);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        put(tar)
    );
    let config = (described(MediaType::Config, config.as_bytes()), config.into_bytes());
    let part = |kind: &str, descriptor: &Descriptor| {
        let Descriptor { digest, size, .. } = descriptor;
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":{size}}}"#
        )
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
        part("config.v1+json", &config.0),
        part("layer.v1.tar+gzip", &layer)
    );
    let root = described(MediaType::Manifest, manifest.as_bytes());
    let named = part("manifest.v1+json", &root)
        .replace("}", r#","annotations":{"org.opencontainers.image.ref.name":"1"}}"#);
    fs::write(place.join("index.json"), format!(r#"{{"schemaVersion":2,"manifests":[{named}]}}"#))
        .unwrap();
    fs::write(place.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    Pushed { manifest: manifest.into_bytes(), config, layer: (layer, zipped.to_vec()) }
}

/// Everything of the image is there, and several streams at once do not disturb each other.
#[track_caller]
fn pulls(registry: &Registry, pushed: &Pushed) {
    let (manifest, media_type) = registry.root().map_err(text).unwrap();
    assert_eq!(manifest, pushed.manifest);
    assert_eq!(media_type, Some(MediaType::Manifest));
    let (descriptor, bytes) = &pushed.config;
    assert_eq!(&registry.document(descriptor).map_err(text).unwrap(), bytes);
    let (descriptor, bytes) = &pushed.layer;
    std::thread::scope(|scope| {
        for offset in [0, 1, 1_000_000, bytes.len() as u64] {
            scope.spawn(move || {
                let mut got = Vec::new();
                let mut stream = registry.blob(descriptor, offset).map_err(text).unwrap();
                stream.read_to_end(&mut got).unwrap();
                assert!(got == bytes[usize::try_from(offset).unwrap()..], "from {offset}");
            });
        }
    });
}

fn open(running: &Running, tag: &str, options: &Options) -> Registry {
    Registry::open(&name(&running.host(), "team/app", tag), options).unwrap()
}

#[test]
fn an_image_is_pulled_by_tag_and_by_digest() {
    require!(Feature::Program("docker-registry"));
    require!(Feature::Program("skopeo"));
    let running = Running::start(Guard::Nothing);
    let pushed = push(&running, &["--dest-tls-verify=false"]);
    pulls(&open(&running, "1", &options(&[])), &pushed);
    let layout = fs::read_to_string(running.path("layout/index.json")).unwrap();
    let digest = layout.split('"').find(|word| word.starts_with("sha256:")).unwrap();
    pulls(&open(&running, digest, &options(&[])), &pushed);
    let result = root(&open(&running, "2", &options(&[])));
    let title = format!("error: there is no image `{}/team/app:2`", running.host());
    says(result, &[&title, "[MANIFEST_UNKNOWN, HTTP 404]", "look for a typing error"]);
}

#[test]
fn a_registry_with_a_password_takes_what_skopeo_has_kept() {
    require!(Feature::Program("docker-registry"));
    require!(Feature::Program("skopeo"));
    let running = Running::start(Guard::Password);
    let file = running.path("auth.json");
    let words = ["login", "--tls-verify=false", "-u", "me", "-p", "s3cret", "--authfile"];
    output(Command::new("skopeo").args(words).arg(&file).arg(running.host()));
    let named = format!("--authfile={}", file.display());
    let pushed = push(&running, &["--dest-tls-verify=false", &named]);
    pulls(&open(&running, "1", &options(&[("REGISTRY_AUTH_FILE", &file)])), &pushed);
    let result = root(&open(&running, "1", &options(&[])));
    let log_in = format!("`podman login {}`", running.host());
    says(result, &["may not be pulled", "there is no file with credentials", &log_in]);
}

#[test]
fn a_certificate_counts_if_its_authority_does() {
    require!(Feature::Program("docker-registry"));
    require!(Feature::Program("skopeo"));
    require!(Feature::Program("openssl"));
    let running = Running::start(Guard::Tls);
    let directory = running.path("config/containers/certs.d").join(running.host());
    fs::create_dir_all(&directory).unwrap();
    fs::copy(running.path("ca.crt"), directory.join("ca.crt")).unwrap();
    let trusted = format!("--dest-cert-dir={}", directory.display());
    let pushed = push(&running, &[&trusted]);

    let ca = running.path("ca.crt");
    let by_variable = options(&[("SSL_CERT_FILE", &ca)]);
    pulls(&open(&running, "1", &by_variable), &pushed);
    let mut by_option = options(&[]);
    by_option.ca_files.push(ca.clone());
    pulls(&open(&running, "1", &by_option), &pushed);
    let config = running.path("config");
    pulls(&open(&running, "1", &options(&[("XDG_CONFIG_HOME", &config)])), &pushed);
    let mut insecure = options(&[]);
    insecure.insecure = true;
    pulls(&open(&running, "1", &insecure), &pushed);

    // Of another authority. Loopback may speak plain HTTP, but a bad certificate is no reason to.
    let other = tempfile::tempdir().unwrap();
    certificates(other.path());
    let other = other.path().join("ca.crt");
    let result = root(&open(&running, "1", &options(&[("SSL_CERT_FILE", &other)])));
    let host = running.host();
    let message = format!(
        "jail: error: cannot pull `{host}/team/app:1`\n\
         because: the certificate of `https://{host}` is not to be trusted: no authority that is \
         trusted here has signed it\n\
         help: put the certificate of its authority into `/etc/containers/certs.d/{host}/ca.crt`, or \
         do without protection on the way by `jail image pull --insecure`\n"
    );
    assert_eq!(result.unwrap_err(), message);

    // The same server by a name that the certificate is not for.
    let host = host.replace("127.0.0.1", "localhost");
    let name = name(&host, "team/app", "1");
    let message = format!(
        "jail: error: cannot pull `{host}/team/app:1`\n\
         because: the certificate of `https://{host}` is not to be trusted: it is for another name\n\
         help: whoever runs the registry has to correct it; `jail image pull --insecure` does \
         without protection on the way\n"
    );
    assert_eq!(root(&Registry::open(&name, &by_variable).unwrap()).unwrap_err(), message);
}
