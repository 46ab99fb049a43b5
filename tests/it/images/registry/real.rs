//! A real registry (package docker-registry), filled by skopeo.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jail::image::document::{Compression, Descriptor, MediaType};
use jail::image::registry::{Options, Registry};
use jail::image::source::Source;

use super::{name, options, pattern, root, says, text};
use crate::require;
use crate::support::{Feature, spawn, wait_until};

/// A registry that ends with the test.
pub struct Running {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already only if it could not begin, which the test tells.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the registry protects itself.
#[derive(Clone, Copy, PartialEq)]
pub enum Guard {
    Nothing,
    Password,
    Tls,
}

impl Running {
    pub fn start(guard: Guard) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let more = match guard {
            Guard::Nothing => String::new(),
            Guard::Password => password(place),
            Guard::Tls => certificates(place),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}/store}}}}\n\
             {1}\n",
            place.display(),
            more.replace("ADDRESS", &format!("127.0.0.1:{port}"))
        );
        let config = match guard {
            Guard::Tls => config,
            _ => format!("{config}http: {{addr: 127.0.0.1:{port}}}\n"),
        };
        fs::write(place.join("config.yml"), config).unwrap();
        let log = fs::File::create(place.join("log")).unwrap();
        let child = spawn(
            Command::new("docker-registry")
                .args(["serve".as_ref(), place.join("config.yml").as_os_str()])
                .stdout(Stdio::null())
                .stderr(log),
        );
        let running = Self { child, port, directory };
        wait_until("the registry listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        running
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Has skopeo copy an image to it, and returns its name there.
    pub fn take(&self, image: &str) -> String {
        let name = format!("{}/team/app:1", self.host());
        let words = ["copy", "-q", "--insecure-policy", "--dest-tls-verify=false", image];
        output(Command::new("skopeo").args(words).arg(format!("docker://{name}")));
        name
    }

    /// Has skopeo copy an image of one layer to it.
    fn push(&self, more: &[&str]) -> Pushed {
        let layer = self.path("layer.gz");
        let bytes = pattern(3_000_000);
        fs::write(self.path("layer"), &bytes).unwrap();
        let zipped = output(Command::new("gzip").args(["-n", "-c"]).arg(self.path("layer")));
        fs::write(&layer, &zipped).unwrap();
        let pushed = layout(&self.path("layout"), &bytes, &zipped);
        let target = format!("docker://{}/team/app:1", self.host());
        let source = format!("oci:{}:1", self.path("layout").display());
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--quiet", "--preserve-digests"]);
        output(command.args(more).args([&source, &target]));
        pushed
    }
}

/// What a pull must give.
struct Pushed {
    manifest: Vec<u8>,
    config: (Descriptor, Vec<u8>),
    layer: (Descriptor, Vec<u8>),
}

#[track_caller]
fn output(command: &mut Command) -> Vec<u8> {
    let child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let output = child.wait_with_output().expect("a child can be waited for");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {errors}");
    output.stdout
}

/// User `me`, password `s3cret`, by bcrypt.
fn password(place: &Path) -> String {
    let line = "me:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";
    fs::write(place.join("htpasswd"), line).unwrap();
    format!("auth: {{htpasswd: {{realm: test, path: {}/htpasswd}}}}", place.display())
}

/// An authority, and a certificate for loopback that it has signed.
fn certificates(place: &Path) -> String {
    let openssl = |words: &str| {
        output(Command::new("openssl").args(words.split(' ')).current_dir(place));
    };
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(&format!("{new} -keyout ca.key -out ca.crt -subj /CN=test-authority"));
    openssl(&format!(
        "{new} -keyout key -out certificate -subj /CN=registry -CA ca.crt -CAkey ca.key \
         -addext basicConstraints=CA:FALSE -addext subjectAltName=IP:127.0.0.1"
    ));
    let place = place.display();
    format!("http: {{addr: ADDRESS, tls: {{certificate: {place}/certificate, key: {place}/key}}}}")
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
    let pushed = running.push(&["--dest-tls-verify=false"]);
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
    let pushed = running.push(&["--dest-tls-verify=false", &named]);
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
    let pushed = running.push(&[&trusted]);

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
    let file = format!("`/etc/containers/certs.d/{}/ca.crt`", running.host());
    says(result, &["not to be trusted: no authority", &file, "`--insecure`"]);

    // The same server by a name that the certificate is not for.
    let name = name(&format!("localhost:{}", running.port), "team/app", "1");
    says(root(&Registry::open(&name, &by_variable).unwrap()), &["it is for another name"]);
}
