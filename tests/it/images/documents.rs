//! Documents that attack whoever reads them, and layouts of anything but files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use jail::image::digest::{Algorithm, Digest};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use super::commands::{entries, image, verifies};
use super::hostile::Victim;
use super::layout::{Layout, Packing, filter};
use super::tar::Tar;

#[test]
fn documents_that_lie_are_refused() {
    type Lie = fn(&mut Value, &mut Value);
    let rows: [(&str, Lie, &str); 14] = [
        (
            "digest-with-a-path",
            |manifest, _| manifest["layers"][0]["digest"] = "sha256:../../../../etc/passwd".into(),
            "`layers[0].digest` is `sha256:../../../../etc/passwd`",
        ),
        (
            "digest-of-another-length",
            |manifest, _| {
                let digest = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
                manifest["layers"][0]["digest"] = digest.replace("sha256", "sha512").into();
            },
            "`layers[0].digest` is `sha512:",
        ),
        (
            "digest-of-an-unknown-kind",
            |manifest, _| {
                manifest["layers"][0]["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e".into();
            },
            "`layers[0].digest` is `md5:",
        ),
        (
            "upper-case",
            |manifest, _| {
                let digest = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
                manifest["layers"][0]["digest"] = digest.to_uppercase().into();
            },
            "`layers[0].digest` is `SHA256:",
        ),
        (
            "index-and-manifest",
            |manifest, _| manifest["manifests"] = json!([]),
            "it is an index and a manifest at the same time",
        ),
        (
            "another-media-type",
            |manifest, _| {
                manifest["mediaType"] = "application/vnd.oci.image.index.v1+json".into();
            },
            "it is an index by its `mediaType`, and a manifest by",
        ),
        (
            "foreign-layer",
            |manifest, _| {
                let kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
                manifest["layers"][0]["mediaType"] = kind.into();
                manifest["layers"][0]["urls"] = json!(["http://127.0.0.1:1/"]);
            },
            "is a layer that its registry does not have",
        ),
        (
            "negative-size",
            |manifest, _| manifest["layers"][0]["size"] = (-1).into(),
            "`layers[0].size` is no whole number",
        ),
        (
            "size-beyond-all",
            |manifest, _| manifest["layers"][0]["size"] = (u64::MAX).into(),
            "`layers[0].size` is no whole number",
        ),
        (
            "more-layers-than-digests",
            |_, config| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop()),
            "its manifest has 1 layers and its config 0 digests of layers",
        ),
        (
            "layers-without-end",
            |manifest, _| {
                manifest["layers"] = vec![manifest["layers"][0].clone(); 513].into();
            },
            "it has more than 512 layers",
        ),
        (
            "deep",
            |_, config| {
                config["x"] = (0..64).fold(json!(1), |inner, _| json!([inner]));
            },
            "more than 64 objects and lists inside each other",
        ),
        ("large", |_, config| config["x"] = "x".repeat(4 << 20).into(), "it is larger than 4 MiB"),
        (
            "nul",
            |_, config| config["config"]["Env"] = json!(["A=\0"]),
            "`config.Env` has a NUL byte",
        ),
    ];
    let victim = Victim::new();
    for (name, lie, reason) in rows {
        let good = Tar::new().file("good", 0o644, "x");
        let layout = Layout::lying(victim.place(name), Packing::Gzip, &[good], lie);
        victim.refuses(&layout.reference(), &[], &[reason]);
    }
}

#[test]
fn documents_that_two_readers_read_in_two_ways_are_refused() {
    let victim = Victim::new();
    let good = Tar::new().file("good", 0o644, "x");
    type Change = fn(&str) -> String;
    let rows: [(&str, Change, &str); 4] = [
        ("behind", |text| format!("{text} {{}}"), "trailing characters"),
        (
            "twice",
            |text| text.replace("\"layers\":", "\"layers\":[],\"layers\":"),
            "the key `layers` stands twice",
        ),
        (
            "in-capitals",
            |text| text.replace("\"layers\":", "\"LAYERS\":[],\"layers\":"),
            "it has `LAYERS` where `layers` is meant",
        ),
        (
            "in-other-letters",
            |text| text.replace("\"layers\":", "\"layer\u{17f}\":"),
            "where `layers` is meant",
        ),
    ];
    for (name, change, reason) in rows {
        let layout = Layout::new(victim.place(name), Packing::Gzip, std::slice::from_ref(&good));
        let text = fs::read_to_string(layout.blob(&layout.digest)).unwrap();
        let text = change(&text);
        let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
        fs::write(layout.blob(&digest), &text).unwrap();
        let index = fs::read_to_string(layout.path.join("index.json")).unwrap();
        let mut index: Value = serde_json::from_str(&index).unwrap();
        index["manifests"][0]["digest"] = digest.to_string().into();
        index["manifests"][0]["size"] = text.len().into();
        fs::write(layout.path.join("index.json"), index.to_string()).unwrap();
        victim.refuses(&layout.reference(), &[], &["the document", "is refused", reason]);
    }
}

#[test]
fn indexes_that_lead_on_and_on_are_refused() {
    let victim = Victim::new();
    let good = Tar::new().file("good", 0o644, "x");
    let layout = Layout::new(victim.place("nested"), Packing::Gzip, &[good]);
    let index = layout.path.join("index.json");
    for _ in 0..6 {
        let text = fs::read(&index).unwrap();
        let digest = Digest::of(Algorithm::Sha256, &text);
        fs::write(layout.blob(&digest), &text).unwrap();
        let outer = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": digest.to_string(), "size": text.len(),
            "annotations": { "org.opencontainers.image.ref.name": "latest" },
        }] });
        fs::write(&index, outer.to_string()).unwrap();
    }
    let reason = "more than 4 indexes lead to one another";
    victim.refuses(&layout.reference(), &[], &["the document", "is refused", reason]);
}

/// Each index has as many entries as it may, all of them together too many.
#[test]
fn indexes_with_too_many_entries_in_all_are_refused() {
    let victim = Victim::new();
    let good = Tar::new().file("good", 0o644, "x");
    let layout = Layout::new(victim.place("many"), Packing::Gzip, &[good]);
    let index = layout.path.join("index.json");
    for _ in 0..3 {
        let text = fs::read(&index).unwrap();
        let digest = Digest::of(Algorithm::Sha256, &text);
        fs::write(layout.blob(&digest), &text).unwrap();
        let entry = |architecture: &str, named: bool| {
            let mut entry = json!({
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "digest": digest.to_string(), "size": text.len(),
                "platform": { "os": "linux", "architecture": architecture },
            });
            if named {
                entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
            }
            entry
        };
        let mut entries = vec![entry("amd64", true)];
        entries.extend((0..600).map(|_| entry("other", false)));
        fs::write(&index, json!({ "schemaVersion": 2, "manifests": entries }).to_string()).unwrap();
    }
    let more = ["--platform", "linux/amd64"];
    victim.refuses(&layout.reference(), &more, &["its indexes have more than 1000 entries"]);
}

/// Of both kinds, in any combination: each is what it says, and a hash of one is none of the other.
#[test]
fn digests_of_both_kinds_count() {
    let plain = Tar::new().file("a", 0o644, "content").finish();
    let packed = filter("gzip", &["-nc"], &plain);
    let of = |algorithm, bytes: &[u8]| Digest::of(algorithm, bytes);
    let (short, long) = (Algorithm::Sha256, Algorithm::Sha512);
    let victim = Victim::new();
    let mut number = 0;
    let mut layout = |blob: Digest, diff_id: Digest| {
        number += 1;
        let place = victim.place(&format!("{number}"));
        let good = Tar::new().file("good", 0o644, "x");
        Layout::lying(place.clone(), Packing::Gzip, &[good], |manifest, config| {
            let file = place.join("blobs").join(blob.algorithm().name()).join(blob.hex());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, &packed).unwrap();
            manifest["layers"][0]["digest"] = blob.to_string().into();
            manifest["layers"][0]["size"] = packed.len().into();
            config["rootfs"]["diff_ids"][0] = diff_id.to_string().into();
        })
    };
    for (blob, diff_id) in [(short, long), (long, short), (long, long)] {
        let wrong = layout(of(blob, b"other"), of(diff_id, &plain));
        victim.refuses(&wrong.reference(), &[], &["layer 1 (", "its digest is `"]);
        let wrong = layout(of(blob, &packed), of(diff_id, b"other"));
        victim.refuses(&wrong.reference(), &[], &["layer 1 (", "the digest of its content is `"]);
    }
    for (number, (blob, diff_id)) in [(short, long), (long, short), (long, long)].iter().enumerate()
    {
        let right = layout(of(*blob, &packed), of(*diff_id, &plain));
        let name = format!("right:{number}");
        image(&victim.jail, &["import", &right.reference(), &name]).succeeds();
    }
    // The same content by both names.
    assert_eq!(entries(&victim.jail, "layers/sha512").len(), 1);
    assert_eq!(entries(&victim.jail, "layers/sha256").len(), 1);
    verifies(&victim.jail);
}

/// A fifo would wait for ever, a device give bytes without end, and a link show another file.
#[test]
fn layouts_of_anything_but_files_are_refused() {
    type Change = fn(&Path);
    let changes: [(&str, Change, &str); 4] = [
        ("fifo", |path| mkfifo(path, Mode::from_bits_truncate(0o666)).unwrap(), "no regular file"),
        ("device", |path| symlink("/dev/zero", path).unwrap(), "behind a symbolic link"),
        ("link", |path| symlink("/etc/passwd", path).unwrap(), "behind a symbolic link"),
        ("directory", |path| fs::create_dir(path).unwrap(), "no regular file"),
    ];
    let victim = Victim::new();
    for (name, change, reason) in changes {
        for part in ["layer", "manifest", "index.json", "oci-layout"] {
            let place = victim.place(&format!("{part}-is-a-{name}"));
            let good = Tar::new().file("good", 0o644, "x");
            let layout = Layout::new(place, Packing::Gzip, &[good]);
            let path = match part {
                "layer" => layout.blob(&layout.blobs[0]),
                "manifest" => layout.blob(&layout.digest),
                file => layout.path.join(file),
            };
            fs::remove_file(&path).unwrap();
            change(&path);
            victim.refuses(&layout.reference(), &[], &["cannot read `", reason]);
        }
    }
}
