//! What a real image is unpacked to, entry by entry: as umoci and podman do it.

use std::path::Path;

use crate::require;
use crate::support::{Feature, Jail, Tree, real_images};

use super::others::{Storage, of_umoci, ours};

macro_rules! require_others {
    () => {
        require!(Feature::Root);
        require!(Feature::Program("umoci"));
        require!(Feature::Program("podman"));
        require!(Feature::RealImages);
    };
}

/// Compares ours with both.
#[track_caller]
fn compare(tag: &str, umoci: impl Fn(Tree) -> Tree, podman: impl Fn(Tree) -> Tree) {
    let jail = Jail::new();
    let layout = real_images().unwrap().join("oci");
    let reference = format!("oci:{}:{tag}", layout.display());
    let ours = ours(&jail, &reference);
    ours.equals(&umoci(of_umoci(&jail, &layout, tag)), "umoci");
    ours.equals(&podman(Storage::new().tree(&reference)), "podman");
}

/// Podman puts changes into a directory without looking after the time of the directory itself.
pub const CHANGED: [&str; 4] = ["", "etc", "usr/share", "usr/share/doc"];

#[test]
fn a_part_of_debian_is_as_others_unpack_it() {
    require_others!();
    compare("small", |tree| tree, |tree| tree.whenever(&CHANGED));
}

#[test]
fn debian_with_compilers_is_as_others_unpack_it() {
    require_others!();
    compare(
        "dev",
        |tree| tree,
        |tree| tree.whenever(&CHANGED).whenever(&["var/lib/dpkg/triggers"]),
    );
}

/// Directories without an entry have no time: they get that of unpacking, and from ours 1970.
/// Devices are left out by ours; umoci without root makes empty files of them. For podman time
/// begins in 1970.
#[test]
fn what_is_rare_is_as_others_unpack_it() {
    require_others!();
    let long = format!("deep/{}", "n".repeat(200));
    let implied = ["", "implied", "implied/parent", "deep", &long];
    let devices = ["null", "loop"];
    compare(
        "edge",
        |tree| tree.whenever(&implied).without(&devices),
        |tree| {
            let changed = ["opaque", "sticky", "of-1969"];
            tree.whenever(&implied).whenever(&changed).without(&devices)
        },
    );
}

#[test]
fn every_packing_gives_the_same_tree() {
    require_others!();
    let layout = real_images().unwrap().join("oci");
    let tree = |tag: &str| ours(&Jail::new(), &format!("oci:{}:{tag}", layout.display()));
    let packed = tree("dev");
    assert!(packed.0.len() > 5000, "{}", packed.0.len());
    // The second one has a layer of each packing.
    for tag in ["dev-raw", "dev-mixed"] {
        tree(tag).equals(&packed, tag);
    }
}

/// In a layer upon one where `lib` is a link there is `lib/marker`. A layer says what is in its
/// directories; it cannot say "wherever a link of another layer leads". So there is a directory
/// in the place of the link, as wherever layers are mounted upon each other: by docker,
/// containerd, and podman. Umoci, and podman's driver vfs, unpack into one tree and follow it.
#[test]
fn a_directory_takes_the_place_of_a_link() {
    require_others!();
    let jail = Jail::new();
    let layout = real_images().unwrap().join("oci");
    let reference = format!("oci:{}:via-link", layout.display());
    let kinds = |tree: Tree| {
        let kind = |path: &str| tree.0.get(Path::new(path)).map(|entry| entry.kind);
        ["lib", "lib/marker", "usr/lib/marker"].map(kind)
    };
    let replaced = [Some('d'), Some('-'), None];
    assert_eq!(kinds(ours(&jail, &reference)), replaced);
    assert_eq!(kinds(Storage::overlay().tree(&reference)), replaced);
    let followed = [Some('l'), None, Some('-')];
    assert_eq!(kinds(of_umoci(&jail, &layout, "via-link")), followed);
    assert_eq!(kinds(Storage::new().tree(&reference)), followed);
}
