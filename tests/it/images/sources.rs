//! Images in files that other programs wrote.

use std::path::Path;
use std::process::Command;

use jail::image::document::{Document, Manifest, Platform, choose, parse_document};
use jail::image::source::{Source, open};
use jail::image::unpack::Limits;

use crate::require;
use crate::support::{Feature, real_images};

fn source(reference: &str) -> Box<dyn Source> {
    let reference = reference.parse().unwrap();
    open(&reference, &Limits::default(), |_| unreachable!("it is a file")).unwrap()
}

fn manifest(source: &dyn Source) -> Manifest {
    let (mut bytes, mut said) = source.root().unwrap();
    loop {
        match parse_document(&bytes, said).unwrap() {
            Document::Manifest(manifest) => return manifest,
            Document::Index(entries) => {
                let chosen = choose(&entries, &Platform::host()).unwrap();
                bytes = source.document(chosen).unwrap();
                said = Some(chosen.media_type);
            }
        }
    }
}

fn ours(reference: &str) -> Vec<String> {
    let manifest = manifest(&*source(reference));
    manifest.layers.iter().map(|layer| layer.digest.to_string()).collect()
}

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn theirs(reference: &str) -> Vec<String> {
    let answer = skopeo(&["inspect", "--override-os=linux", "--override-arch=amd64", reference]);
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let layers = answer["Layers"].as_array().unwrap();
    layers.iter().map(|layer| layer.as_str().unwrap().to_owned()).collect()
}

#[test]
fn skopeo_finds_the_same_layers() {
    require!(Feature::Program("skopeo"));
    require!(Feature::RealImages);
    let images = real_images().unwrap();
    let images = images.display();
    let tags = ["base", "dev", "dev-zstd", "dev-raw", "dev-mixed", "edge", "dup", "multi"];
    let mut references: Vec<String> =
        tags.iter().map(|tag| format!("oci:{images}/oci:{tag}")).collect();
    references.push(format!("oci-archive:{images}/oci.tar"));
    references.push(format!("docker-archive:{images}/docker.tar"));
    for reference in references {
        assert_eq!(ours(&reference), theirs(&reference), "{reference}");
    }
}

#[test]
fn what_skopeo_copies_is_read() {
    require!(Feature::Program("skopeo"));
    require!(Feature::RealImages);
    let images = real_images().unwrap();
    let place = tempfile::tempdir().unwrap();
    let from = format!("oci:{}/oci:edge", images.display());
    let to = |name: &str| place.path().join(name).display().to_string();
    let plain = copied(&from, &format!("docker-archive:{}:app:1", to("saved.tar")), &[]);
    assert_eq!(ours(&format!("docker-archive:{}:app:1", to("saved.tar"))), plain);
    for (reference, flags) in [
        (format!("oci:{}:new", to("layout")), &[][..]),
        (format!("oci-archive:{}:new", to("layout.tar")), &[]),
        (format!("dir:{}", to("directory")), &[]),
        (format!("dir:{}", to("schema2")), &["--format=v2s2"]),
        (format!("dir:{}", to("zstd")), &["--dest-compress", "--dest-compress-format=zstd"]),
    ] {
        let theirs = copied(&from, &reference, flags);
        assert_eq!(ours(&reference), theirs, "{reference}");
    }
    let index = format!("dir:{}", to("index"));
    let multi = format!("oci:{}/oci:multi", images.display());
    skopeo(&["copy", "--quiet", "--insecure-policy", "--all", &multi, &index]);
    assert_eq!(ours(&index), ours(&multi));
}

/// Copies, and says what skopeo finds there.
fn copied(from: &str, to: &str, flags: &[&str]) -> Vec<String> {
    let start = ["copy", "--quiet", "--insecure-policy"];
    skopeo(&[&start, flags, &[from, to]].concat());
    theirs(to)
}

#[test]
fn a_root_file_system_in_a_tar_has_the_digests_of_its_layer() {
    require!(Feature::RealImages);
    let images = real_images().unwrap();
    let oci = images.join("oci").display().to_string();
    let base = source(&format!("oci:{oci}:base"));
    let layer = manifest(&*base).layers.remove(0);
    let blob = Path::new(&oci).join("blobs/sha256").join(layer.digest.hex());
    let plain = source(&format!("tar:{}", blob.display()));
    let found = manifest(&*plain);
    assert_eq!(found.layers, [layer]);
    let diff_ids = |source: &dyn Source| {
        let config = source.document(&manifest(source).config).unwrap();
        jail::image::document::parse_config(&config).unwrap().diff_ids
    };
    assert_eq!(diff_ids(&*plain), diff_ids(&*base));
}
