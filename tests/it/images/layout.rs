//! OCI layouts as the tests want them, with lies if they want some.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jail::image::digest::{Algorithm, Digest};
use serde_json::{Value, json};

use super::tar::Tar;

const OCI: &str = "application/vnd.oci.image";

/// How layers are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A directory with one image, `latest`.
#[derive(Debug)]
pub struct Layout {
    pub path: PathBuf,
    /// Of the manifest.
    pub digest: Digest,
    /// What the layers are called packed, the lowest first.
    pub blobs: Vec<Digest>,
}

impl Layout {
    /// An image of these layers, the lowest first.
    pub fn new(path: PathBuf, packing: Packing, layers: &[Tar]) -> Self {
        Self::lying(path, packing, layers, |_, _| {})
    }

    /// The same; `lie` may change the manifest and the config.
    pub fn lying(
        path: PathBuf,
        packing: Packing,
        layers: &[Tar],
        lie: impl FnOnce(&mut Value, &mut Value),
    ) -> Self {
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let mut config = json!({
            "os": "linux", "architecture": "amd64",
            "config": { "Env": ["PATH=/bin", "WORDS=a\u{1b}[2Jb\u{9b}\u{202e}\u{7f}"], "Cmd": ["/bin/sh"], "User": "app" },
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": format!("{OCI}.manifest.v1+json"), "layers": [],
        });
        let mut blobs = Vec::new();
        for layer in layers {
            let plain = layer.finish();
            let diff_id = Digest::of(Algorithm::Sha256, &plain);
            config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(diff_id.to_string()));
            let (suffix, packed) = match packing {
                Packing::Plain => ("", plain),
                Packing::Gzip => ("+gzip", filter("gzip", &["-nc"], &plain)),
                Packing::Zstd => ("+zstd", filter("zstd", &["-qc"], &plain)),
            };
            let described = describe(&path, &packed, &format!("layer.v1.tar{suffix}"));
            manifest["layers"].as_array_mut().unwrap().push(described);
            blobs.push(Digest::of(Algorithm::Sha256, &packed));
        }
        // The config is described after the lie, which may be about the config; a manifest that is to lie
        // about the config gets what it says.
        manifest["config"] = Value::Null;
        lie(&mut manifest, &mut config);
        if manifest["config"].is_null() {
            manifest["config"] = describe(&path, config.to_string().as_bytes(), "config.v1+json");
        }
        let manifest = manifest.to_string();
        let mut described = describe(&path, manifest.as_bytes(), "manifest.v1+json");
        described["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
        let index = json!({ "schemaVersion": 2, "manifests": [described] });
        fs::write(path.join("index.json"), index.to_string()).unwrap();
        make_readable(&path);
        Self { path, digest: Digest::of(Algorithm::Sha256, manifest.as_bytes()), blobs }
    }

    /// `oci:PATH:latest`
    pub fn reference(&self) -> String {
        format!("oci:{}:latest", self.path.display())
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.path.join("blobs/sha256").join(digest.hex())
    }
}

/// Writes a blob and returns its descriptor.
fn describe(path: &Path, bytes: &[u8], kind: &str) -> Value {
    let digest = Digest::of(Algorithm::Sha256, bytes);
    fs::write(path.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({
        "mediaType": format!("{OCI}.{kind}"), "digest": digest.to_string(), "size": bytes.len(),
    })
}

pub fn filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = crate::support::spawn(&mut command);
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|threads| {
        threads.spawn(move || stdin.write_all(input).unwrap());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program}");
        output.stdout
    })
}

fn make_readable(path: &Path) {
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| make_readable(&entry.unwrap().path()));
    }
}
