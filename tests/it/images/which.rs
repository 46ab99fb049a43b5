//! Which image is meant, where a name leads to several or to none.

use std::fs;

use jail::image::digest::{Algorithm, Digest};
use serde_json::{Value, json};

use super::commands::{image, refused};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::support::Jail;

/// A layout with one image.
fn layout(jail: &Jail, content: &str) -> Layout {
    let layer = Tar::new().file("file", 0o644, content);
    Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer])
}

/// What a list says of the image of a layout.
fn entry(layout: &Layout, tag: &str) -> Value {
    let manifest = fs::metadata(layout.blob(&layout.digest)).unwrap();
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": layout.digest.to_string(),
        "size": manifest.len(),
        "annotations": { "org.opencontainers.image.ref.name": tag },
    })
}

fn list(layout: &Layout, entries: &[Value]) {
    let index = json!({ "schemaVersion": 2, "manifests": entries });
    fs::write(layout.path.join("index.json"), index.to_string()).unwrap();
}

/// Has the layout lead to an index, with an image for each of these platforms.
fn list_platforms(layout: &Layout, platforms: &[Option<&str>]) {
    let mut image = entry(layout, "latest");
    image.as_object_mut().unwrap().remove("annotations");
    let kind = "application/vnd.oci.image.index.v1+json";
    let images = platforms.iter().map(|architecture| {
        let mut image = image.clone();
        if let Some(architecture) = architecture {
            image["platform"] = json!({ "os": "linux", "architecture": architecture });
        }
        image
    });
    let manifests: Vec<Value> = images.collect();
    let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests });
    let index = index.to_string();
    let digest = Digest::of(Algorithm::Sha256, index.as_bytes());
    fs::write(layout.blob(&digest), &index).unwrap();
    let digest = digest.to_string();
    list(layout, &[json!({ "mediaType": kind, "digest": digest, "size": index.len() })]);
}

#[test]
fn a_platform_that_an_image_is_not_for_is_answered_with_those_that_it_is_for() {
    let jail = Jail::new();
    let layout = layout(&jail, "x");
    let name = format!("oci:{}", layout.path.display());
    let title = format!("jail: error: `{name}` has no image for `linux/amd64`\n");
    for (platforms, why) in [
        (
            &[Some("arm64"), Some("s390x")][..],
            "because: it has images for `linux/arm64`, `linux/s390x`\n\
             help: choose one by `--platform`\n",
        ),
        (&[None, None], "because: its index does not say what its images are for\n"),
        (&[], "because: its index is empty\n"),
    ] {
        list_platforms(&layout, platforms);
        let finished = image(&jail, &["import", &name, "x", "--platform", "linux/amd64"]);
        refused(&finished, &format!("{title}{why}"));
    }
    list_platforms(&layout, &[Some("arm64"), Some("s390x")]);
    image(&jail, &["import", &name, "x", "--platform", "linux/s390x"]).succeeds();
}

#[test]
fn of_several_images_in_a_layout_one_is_named_by_what_it_alone_has() {
    let jail = Jail::new();
    let one = entry(&layout(&jail, "one"), "one");
    let layout = layout(&jail, "two");
    let path = layout.path.display();
    let help = "help: put the tag that only one has, or its digest, after the path and a colon\n";

    list(&layout, &[one.clone(), entry(&layout, "two")]);
    let message = format!(
        "jail: error: `oci:{path}` may be any of several images\nbecause: it has `one`, `two`\n{help}"
    );
    refused(&image(&jail, &["import", &format!("oci:{path}"), "x"]), &message);

    list(&layout, &[one.clone(), entry(&layout, "one")]);
    let [first, second] = [one["digest"].as_str().unwrap(), &layout.digest.to_string()];
    let message = format!(
        "jail: error: `oci:{path}:one` may be any of several images\n\
         because: it has `{first}` with the tag `one`, `{second}` with the tag `one`\n{help}"
    );
    refused(&image(&jail, &["import", &format!("oci:{path}:one"), "x"]), &message);
    image(&jail, &["import", &format!("oci:{path}:{first}"), "x"]).succeeds();
}

#[test]
fn of_several_images_in_a_docker_archive_one_is_named_or_saved_alone() {
    let jail = Jail::new();
    let several = |list: Value, name: &str, why: &str| {
        let tar = Tar::new().file("manifest.json", 0o644, list.to_string());
        fs::write(jail.project().join("saved.tar"), tar.finish()).unwrap();
        let place = jail.project();
        let message = format!(
            "jail: error: `docker-archive:{}/saved.tar{name}` may be any of several images\n{why}",
            place.display()
        );
        let from = format!("docker-archive:saved.tar{name}");
        refused(&image(&jail, &["import", &from, "x"]), &message);
    };
    let saved = |tags: &[&str]| json!({ "Config": "c.json", "RepoTags": tags, "Layers": [] });
    let alone = "help: save the one that is meant alone: `docker save -o FILE NAME`\n";
    several(
        json!([saved(&["app:1"]), saved(&["app:2"])]),
        "",
        "because: it has `app:1`, `app:2`\n\
         help: put the name of one after the file and a colon\n",
    );
    let nameless = format!("because: none of its images has a name\n{alone}");
    several(json!([saved(&[]), saved(&[])]), "", &nameless);
    let same = format!("because: it has `app:1`, `app:1`\n{alone}");
    several(json!([saved(&["app:1"]), saved(&["app:1"])]), ":docker.io/library/app:1", &same);
}

#[test]
fn a_directory_of_another_version_of_skopeo_is_refused() {
    let jail = Jail::new().file("copy/version", "Directory Transport Version: 1.0\n");
    let message = format!(
        "jail: error: `version` of `dir:{}/copy` is refused\n\
         because: it does not say `Directory Transport Version: 1.1`\n\
         help: copy the image again, by a skopeo that writes this version\n",
        jail.project().display()
    );
    refused(&image(&jail, &["import", "dir:copy", "x"]), &message);
}
