//! Archives of `docker save`.

use super::*;

/// What `docker save` and skopeo write: links between layers.
fn saved(place: &Place, layers: &[&Vec<u8>], more: &[Entry]) {
    let names: Vec<String> =
        (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let list = serde_json::json!([
        {"Config": "c.json", "RepoTags": ["app:1", "registry.example/app:1"], "Layers": names}
    ]);
    let mut entries: Vec<Entry> =
        names.iter().zip(layers).map(|(name, layer)| file(name, layer)).collect();
    entries.push(file("c.json", config(layers).as_bytes()));
    entries.push(file("manifest.json", list.to_string().as_bytes()));
    entries.extend_from_slice(more);
    place.write("saved.tar", tar(&entries));
}

#[test]
fn a_docker_archive_has_plain_layers() {
    let place = Place::new();
    let (one, two) = (tar(&[file("a", b"1")]), tar(&[file("b", b"2")]));
    saved(&place, &[&one, &two, &one], &[]);
    let expected = vec![one.clone(), two, one];
    for reference in ["saved.tar", "saved.tar:app:1", "saved.tar:registry.example/app:1"] {
        let source = place.open(&format!("docker-archive:{reference}")).unwrap();
        assert_eq!(layers(&*source), expected);
    }
    let (title, because) = place.refused("docker-archive:saved.tar:app:2");
    assert_eq!(title, "there is no image `docker-archive:saved.tar:docker.io/library/app:2`");
    assert_eq!(because, "it has `app:1`, `registry.example/app:1`");
}

#[test]
fn layers_of_a_docker_archive_may_be_links() {
    let place = Place::new();
    let one = tar(&[file("a", b"1")]);
    saved(&place, &[&one], &[link("0/layer.tar", b'2', "../real.tar"), file("real.tar", &one)]);
    assert_eq!(layers(&*place.open("docker-archive:saved.tar").unwrap()), vec![one.clone()]);
    saved(&place, &[&one], &[link("0/layer.tar", b'1', "real.tar"), file("real.tar", &one)]);
    assert_eq!(layers(&*place.open("docker-archive:saved.tar").unwrap()), vec![one.clone()]);
    let because = |target: &str| {
        saved(&place, &[&one], &[link("0/layer.tar", b'2', target)]);
        place.refused("docker-archive:saved.tar").1
    };
    assert_eq!(because("/etc/passwd"), "it is a link that leads out of the archive");
    assert_eq!(because("../../x"), "it is a link that leads out of the archive");
    assert_eq!(because("layer.tar"), "more than 8 links lead to one another");
    assert_eq!(because("nothing"), "there is no such file");
}

#[test]
fn a_packed_layer_of_a_docker_archive_is_found_out() {
    let place = Place::new();
    let one = tar(&[file("a", b"1")]);
    for packed in [gzip(&one), zstd::encode_all(&one[..], 1).unwrap()] {
        saved(&place, &[&one], &[file("0/layer.tar", &packed)]);
        assert_eq!(layers(&*place.open("docker-archive:saved.tar").unwrap()), vec![one.clone()]);
    }
    saved(&place, &[&one], &[file("0/layer.tar", b"\xfd7zXZ\0")]);
    assert_eq!(
        place.refused("docker-archive:saved.tar").1,
        "it is compressed by xz, which no layer is"
    );
}

#[test]
fn a_broken_docker_archive_is_refused() {
    let place = Place::new();
    let one = tar(&[file("a", b"1")]);
    let because = |list: &str| {
        saved(&place, &[&one], &[file("manifest.json", list.as_bytes())]);
        place.refused("docker-archive:saved.tar").1
    };
    assert_eq!(because("{}"), "it is no JSON list");
    assert_eq!(because("[7]"), "`[0]` is no object");
    assert_eq!(because("[]"), "its `manifest.json` names none");
    assert_eq!(because("[{}]"), "`[0].Config` is missing");
    assert_eq!(because(r#"[{"Config":"../x"}]"#), "it is a link that leads out of the archive");
    assert_eq!(
        because(r#"[{"Config":"c.json","Layers":[]}]"#),
        "it lists 0 layers, and the config 1 digests of layers"
    );
    assert_eq!(
        because(r#"[{"Config":"c.json"},{"Config":"c.json"}]"#),
        "none of its images has a name"
    );
    place.write("saved.tar", tar(&[]));
    assert_eq!(
        place.refused("docker-archive:saved.tar").0,
        "cannot read `manifest.json` of `docker-archive:saved.tar`"
    );
}
