//! `--json` of the commands that change something: one object on standard output, and nothing else.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::support::{Finished, Jail, jail_binary};

fn image(jail: &Jail, words: &[&str]) -> Finished {
    let program = jail_binary().as_os_str().to_owned();
    let words = ["image"].iter().chain(words).map(OsString::from);
    jail.run_outside(std::iter::once(program).chain(words))
}

/// The one object that a command prints.
#[track_caller]
fn object(finished: &Finished) -> Value {
    let value: Value = serde_json::from_str(&finished.stdout_text()).unwrap();
    assert!(value.is_object(), "{value}");
    value
}

/// Two layers; of the first something cannot be had.
fn layers() -> [Tar; 2] {
    [
        Tar::new().file("a", 0o644, "12345").entry(b'4', "disk", 0o600, "", b""),
        Tar::new().file("b", 0o644, "123"),
    ]
}

#[track_caller]
fn assert_layers(value: &Value, done: [&str; 2]) {
    let layers = value["layers"].as_array().unwrap();
    let what = |key: &str| layers.iter().map(|layer| layer[key].clone()).collect::<Vec<_>>();
    assert_eq!(what("done"), done);
    assert_eq!(what("bytes"), [5, 3]);
    assert_eq!(what("skipped_devices"), [1, 0]);
    assert_eq!(value["bytes"], 8);
}

#[test]
fn an_import_tells_of_each_layer() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    let words = ["import", "--json", &layout.reference(), "team/app:1"];
    let finished = image(&jail, &words);
    let note = "jail: note: left out of `docker.io/team/app:1`: devices (1)\n\
                because: only root makes them; a run has its own\n";
    let value = object(finished.succeeds().says(note).says("layer 1/2"));
    assert_layers(&value, ["unpacked", "unpacked"]);
    assert_eq!(value["name"], "docker.io/team/app:1");
    assert_eq!(value["digest"], layout.digest.to_string());
    assert_eq!(value["platform"], "linux/amd64");
    let packed: Vec<u64> = (layout.blobs.iter())
        .map(|blob| std::fs::metadata(layout.blob(blob)).unwrap().len())
        .collect();
    for (index, packed) in packed.iter().enumerate() {
        let layer = &value["layers"][index];
        assert_eq!(layer["digest"], layout.blobs[index].to_string());
        assert_eq!(layer["packed_bytes"], *packed);
        assert_eq!(layer["read_bytes"], *packed);
        assert_eq!(layer["resumed_bytes"], 0);
    }
    assert_eq!(value["packed_bytes"], packed.iter().sum::<u64>());
    // The second time there is nothing to do.
    let value = object(image(&jail, &words).succeeds());
    assert_layers(&value, ["present", "present"]);
    assert_eq!(value["layers"][0]["read_bytes"], 0);
}

#[test]
fn a_pull_of_what_is_there_by_digest_tells_what_the_store_knows() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["import", "-q", &layout.reference(), "nowhere.invalid/app:1"]).succeeds();
    let pinned = format!("nowhere.invalid/app@{}", layout.digest);
    let value = object(image(&jail, &["pull", "-q", "--json", &pinned]).succeeds());
    assert_layers(&value, ["present", "present"]);
    assert_eq!(value["name"], pinned);
    assert_eq!(value["layers"][0]["digest"], Value::Null);
    assert!(value["packed_bytes"].as_u64() > Some(0));
}

#[test]
fn unpacking_tells_where_and_what() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    let words = ["unpack", "--json", "-q", &layout.reference(), "tree"];
    let value = object(image(&jail, &words).succeeds());
    assert_layers(&value, ["unpacked", "unpacked"]);
    assert_eq!(value["directory"], "tree");
    image(&jail, &["import", "-q", &layout.reference(), "app"]).succeeds();
    let value = object(image(&jail, &["unpack", "--json", "app", "second"]).succeeds());
    assert_layers(&value, ["present", "present"]);
}

#[test]
fn what_was_removed_is_told_also_beside_an_error() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    for name in ["one", "two"] {
        image(&jail, &["import", "-q", &layout.reference(), name]).succeeds();
    }
    let removed = |name: &str| {
        json!({ "removed": [{
            "name": format!("docker.io/library/{name}:latest"),
            "platform": "linux/amd64",
            "digest": layout.digest.to_string(),
        }] })
    };
    assert_eq!(object(image(&jail, &["remove", "--json", "one"]).succeeds()), removed("one"));
    let finished = image(&jail, &["remove", "--json", "absent", "two"]);
    finished.exits(125).says("is not in the image store");
    assert_eq!(object(&finished), removed("two"));
    let finished = image(&jail, &["remove", "--json", "two"]);
    assert_eq!(object(finished.exits(125)), json!({ "removed": [] }));
}

#[test]
fn an_error_leaves_standard_output_empty() {
    let jail = Jail::new();
    let bad = Tar::new().file("../escaped", 0o644, "x");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[bad]);
    for words in [
        &["import", "--json", &layout.reference(), "bad"][..],
        &["unpack", "--json", &layout.reference(), "tree"],
        &["pull", "--json", &layout.reference()],
    ] {
        image(&jail, words).exits(125).outputs("").says("is refused");
    }
}
