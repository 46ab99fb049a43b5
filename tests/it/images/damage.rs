//! A store that is not as it should be: what is told, and that to do as one is told helps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::commands::{entries, image, store, verifies};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::support::{Finished, Jail};
use crate::words::told;

const APP: &str = "docker.io/library/app:latest";

/// An image `app` of one layer in the store, and the words that import it.
fn with_image() -> (Jail, [String; 4]) {
    let jail = Jail::new();
    let layer = Tar::new()
        .directory("etc/", 0o755)
        .file("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\n")
        .owner(33, 34)
        .symlink("link", "etc");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer]);
    let words = ["import".to_owned(), "-q".to_owned(), layout.reference(), "app".to_owned()];
    import(&jail, &words).succeeds();
    (jail, words)
}

fn import(jail: &Jail, words: &[String]) -> Finished {
    image(jail, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn only(jail: &Jail, part: &str) -> PathBuf {
    let found = entries(jail, part);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn layer(jail: &Jail) -> PathBuf {
    only(jail, "layers/sha256")
}

fn config(jail: &Jail) -> PathBuf {
    let is_config = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("rootfs");
    entries(jail, "blobs/sha256").into_iter().find(is_config).unwrap()
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(path, text.replace(old, new)).unwrap();
}

/// Where a command meets it.
#[test]
fn a_damaged_record_is_told_and_repaired_as_it_is_said() {
    type Damage = fn(&Jail);
    let damages: [(&str, &[&str], Damage, &str); 5] = [
        (
            "a name is half written",
            &["list"],
            |jail| fs::write(only(jail, "references"), "{\"name\":").unwrap(),
            "references/[..].json",
        ),
        (
            "a name leads nowhere",
            &["list"],
            |jail| replace(&only(jail, "references"), "\"manifest\":\"sha256:", "\"manifest\":\""),
            "references",
        ),
        (
            "the image is gone",
            &["inspect", "app"],
            |jail| fs::remove_file(only(jail, "images/sha256")).unwrap(),
            "references/[..].json",
        ),
        (
            "the record of an image is another",
            &["inspect", "app"],
            |jail| fs::write(only(jail, "images/sha256"), "{}").unwrap(),
            "images/sha256/[..].json",
        ),
        (
            "the record of a layer is empty",
            &["unpack", "app", "tree"],
            |jail| fs::write(layer(jail).join("layer.json"), "").unwrap(),
            "layers/sha256/[..]/layer.json",
        ),
    ];
    for (what, words, damage, place) in damages {
        let (jail, import_it) = with_image();
        damage(&jail);
        let expected = format!(
            "jail: error: the image store is damaged: `[HOME]/.local/share/jail/{place}`\n\
             because: it is not as jail wrote it\n\
             help: run `jail image verify --repair`, and pull the image again\n"
        );
        told(&jail, image(&jail, words).outputs(""), 125, expected);
        assert_eq!(fs::read_dir(jail.project()).unwrap().count(), 0, "{what}: nothing is made");
        image(&jail, &["verify", "--repair"]).exits(1);
        import(&jail, &import_it).succeeds();
        image(&jail, words).succeeds();
        verifies(&jail);
    }
}

/// Where somebody looks for it.
#[test]
fn verify_says_what_is_wrong_and_repair_what_is_left_to_do() {
    type Damage = fn(&Jail);
    let damages: [(&str, &str, Damage); 9] = [
        ("blobs/sha256/[..]", "its content has another digest", |jail| {
            replace(&config(jail), "linux", "minix");
        }),
        ("layers/sha256/[..]", "an owner of a link in it was changed", |jail| {
            fs::write(layer(jail).join("links"), "0 0 link\0").unwrap();
        }),
        ("layers/sha256/[..]", "no such file or directory [ENOENT]", |jail| {
            fs::remove_file(layer(jail).join("links")).unwrap();
        }),
        ("layers/sha256/[..]", "it has 3 entries, and had 4", |jail| {
            fs::remove_file(layer(jail).join("tree/link")).unwrap();
        }),
        ("layers/sha256/[..]", "its files have 24 bytes, and had 22", |jail| {
            replace(&layer(jail).join("tree/etc/passwd"), "root:x", "toor:new");
        }),
        ("layers/sha256/[..]", "a name, mode, size, time or link in it was changed", |jail| {
            replace(&layer(jail).join("tree/etc/passwd"), "root:x", "toor:x");
        }),
        ("images/sha256/[..].json", "the layer `sha256:[..]` is missing", |jail| {
            fs::remove_dir_all(layer(jail)).unwrap();
        }),
        ("images/sha256/[..].json", "the document `sha256:[..]` is missing", |jail| {
            fs::remove_file(config(jail)).unwrap();
        }),
        (
            "references/[..].json",
            "the image of `docker.io/library/app:latest` is missing",
            |jail| {
                fs::remove_file(only(jail, "images/sha256")).unwrap();
            },
        ),
    ];
    for (place, because, damage) in damages {
        let (jail, import_it) = with_image();
        damage(&jail);
        let damaged = format!(
            "jail: error: the image store is damaged: `[HOME]/.local/share/jail/{place}`\n\
             because: {because}\n"
        );
        let looked = image(&jail, &["verify"]);
        let help = "help: run `jail image verify --repair`, and pull the image again\n";
        told(&jail, looked.output_has("; damaged: 1\n"), 1, format!("{damaged}{help}"));
        let repaired = image(&jail, &["verify", "--repair"]);
        let help =
            "help: it is removed: pull the images that `jail image list` does not have any more\n";
        let expected = format!("{damaged}{help}");
        told(&jail, repaired.output_has("; damaged, and removed: 1\n"), 1, expected);
        verifies(&jail);
        image(&jail, &["list", "--names"]).succeeds().output_lacks("app");
        import(&jail, &import_it).succeeds();
        image(&jail, &["inspect", "app"]).succeeds().output_has(APP);
        verifies(&jail);
    }
}

#[test]
fn what_may_not_be_read_or_written_is_named() {
    let (jail, import_it) = with_image();
    let again = [&import_it[..3], &["second".to_owned()]].concat();
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    let refusals: [(&str, u32, &[&str], &str); 6] = [
        ("references", 0, &["list"], "cannot read `[STORE]/references` of the image store"),
        (
            "references",
            0o500,
            &again,
            "cannot write `[STORE]/references/[..].json` of the image store",
        ),
        (
            "references",
            0o500,
            &["remove", "app"],
            "cannot write `[STORE]/references/[..].json` of the image store",
        ),
        ("tmp", 0o500, &again, "cannot write `[STORE]/tmp/[..]` of the image store"),
        ("lock", 0, &["prune"], "cannot read `[STORE]/lock` of the image store"),
        ("blobs/sha256", 0, &["verify"], "cannot read `[STORE]/blobs/sha256` of the image store"),
    ];
    for (part, mode, words, what) in refusals {
        let place = store(&jail).join(part);
        let before = fs::metadata(&place).unwrap().permissions();
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
        let what = what.replace("[STORE]", "[HOME]/.local/share/jail");
        let expected = format!(
            "jail: error: {what}\n\
             because: permission denied [EACCES]\n"
        );
        told(&jail, image(&jail, words).outputs(""), 125, expected);
        fs::set_permissions(&place, before).unwrap();
        assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0], "{what}");
        verifies(&jail);
    }
    image(&jail, &["list", "--names"]).succeeds().outputs("app:latest\n");
}

#[test]
fn a_store_of_another_version_is_left_alone() {
    let (jail, _) = with_image();
    let version = store(&jail).join("version");
    for (written, shown) in [("2\n", "2"), ("", ""), ("1.1 \n", "1.1")] {
        fs::write(&version, written).unwrap();
        let expected = format!(
            "jail: error: the image store `[HOME]/.local/share/jail` is of another version of jail\n\
             because: its form is `{shown}`, and this jail knows `1`\n\
             help: use that version, or move the directory away\n"
        );
        for words in [&["list"][..], &["prune"], &["pull", "app"]] {
            told(&jail, image(&jail, words).outputs(""), 125, expected.clone());
        }
        assert_eq!(fs::read_to_string(&version).unwrap(), written);
    }
}
