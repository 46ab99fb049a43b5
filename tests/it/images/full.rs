//! Disks that are full, of bytes or of files.

use std::fs;
use std::path::Path;

use jail::units::amounts::size;
use nix::mount::{MsFlags, mount, umount};
use nix::sys::statvfs::statvfs;

use super::commands::{entries, image, many_files, refused, store, verifies};
use super::layout::{Layout, Packing};
use super::registry::pattern;
use super::registry::running::{Guard, Running};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Finished, Jail};
use crate::words::says;

/// A small disk of the user's for the store, while something is done with it.
fn on_a_small_disk(jail: &Jail, place: &Path, small: &str, act: impl FnOnce(&dyn Fn())) {
    fs::create_dir_all(place).unwrap();
    let owner = jail.user();
    let remount = |size: &str, flags| {
        let options = format!("{size},mode=700,uid={},gid={}", owner.uid, owner.gid);
        mount(Some("tmpfs"), place, Some("tmpfs"), flags, Some(options.as_str())).unwrap();
    };
    remount(small, MsFlags::empty());
    let make_room = || remount("size=200M,nr_inodes=100000", MsFlags::MS_REMOUNT);
    let act = std::panic::AssertUnwindSafe(|| act(&make_room));
    let result = std::panic::catch_unwind(act);
    umount(place).unwrap();
    result.unwrap();
}

const FEW_BYTES: &str = "size=2M";
const FEW_FILES: &str = "size=200M,nr_inodes=700";

/// What does not fit is said, leaves the store as it was, and fits when there is room.
fn does_not_fit(jail: &Jail, small: &str, words: &[&str]) {
    on_a_small_disk(jail, &store(jail), small, |make_room| {
        for _ in 0..2 {
            says_that_it_is_full(&image(jail, words));
            verifies(jail);
            image(jail, &["list", "--json"]).succeeds().outputs("[]\n");
            for part in ["tmp", "references", "images/sha256"] {
                assert_eq!(entries(jail, part), Vec::<std::path::PathBuf>::new(), "{part}");
            }
        }
        make_room();
        image(jail, words).succeeds();
        verifies(jail);
    });
}

/// Where the disk became full is chance: layers are made at once, and each takes some files.
fn says_that_it_is_full(finished: &Finished) {
    finished.exits(125).outputs("").says("help: make room, for example by `jail image prune`");
}

/// What is about no layer.
#[test]
fn a_name_that_does_not_fit_is_told_with_what_makes_room() {
    require!(Feature::Root);
    let jail = Jail::new();
    let layer = [Tar::new().file("name", 0o644, "x")];
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layer);
    on_a_small_disk(&jail, &store(&jail), "size=1M,nr_inodes=60", |make_room| {
        image(&jail, &["import", "-q", &layout.reference(), "first"]).succeeds();
        let mut full = 0;
        while fs::write(store(&jail).join(format!("partial/{full}")), "").is_ok() {
            full += 1;
        }
        let expected = "\
jail: error: cannot write `[HOME]/.local/share/jail/tmp/[..]` of the image store
because: no space left on device [ENOSPC]
help: make room, for example by `jail image prune`, and run the command again
";
        let second = ["import", "-q", &layout.reference(), "second"];
        says(&jail, &image(&jail, &second), 125, expected);
        // As it is said.
        image(&jail, &["prune"]).succeeds();
        image(&jail, &second).succeeds();
        verifies(&jail);
        make_room();
    });
}

#[test]
fn an_import_that_does_not_fit_leaves_the_store_valid() {
    require!(Feature::Root);
    for small in [FEW_BYTES, FEW_FILES] {
        let jail = Jail::new();
        let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
        does_not_fit(&jail, small, &["import", &layout.reference(), "many"]);
    }
}

#[test]
fn a_pull_that_does_not_fit_leaves_the_store_valid() {
    require!(Feature::Root);
    require!(Feature::Program("docker-registry"));
    require!(Feature::Program("skopeo"));
    let noise = Tar::new().file("noise", 0o644, pattern(3_000_000));
    for (small, layers) in [
        (FEW_BYTES, &many_files()[..]),
        (FEW_FILES, &many_files()[..]),
        // It does not even fit packed.
        (FEW_BYTES, &[noise][..]),
    ] {
        let jail = Jail::new();
        let registry = Running::start(Guard::Nothing);
        let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, layers);
        let name = registry.take(&layout.reference());
        does_not_fit(&jail, small, &["pull", &name]);
    }
}

#[test]
fn a_layer_that_does_not_fit_is_named_with_the_file() {
    require!(Feature::Root);
    let jail = Jail::new();
    let zeros = Tar::new().file("zeros", 0o644, vec![0; 3_000_000]);
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[zeros]);
    let (short, name) = (layout.blobs[0].short(), layout.reference());
    let message = format!(
        "jail: error: no room for layer 1 (`{short}`) of `{name}`\n\
         because: its entry `zeros`: cannot write to a file: no space left on device [ENOSPC]\n\
         help: make room, for example by `jail image prune`, and run the command again\n"
    );
    on_a_small_disk(&jail, &store(&jail), FEW_BYTES, |_| {
        refused(&image(&jail, &["import", &name, "zeros"]), &message);
    });
}

#[test]
fn what_does_not_even_fit_packed_is_not_begun() {
    require!(Feature::Root);
    let jail = Jail::new();
    let noise = Tar::new().file("noise", 0o644, pattern(3_000_000));
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[noise]);
    let packed = fs::metadata(layout.blob(&layout.blobs[0])).unwrap().len();
    let place = store(&jail);
    on_a_small_disk(&jail, &place, FEW_BYTES, |_| {
        let finished = image(&jail, &["import", &layout.reference(), "noise"]);
        let room = statvfs(&place).unwrap();
        let free = room.blocks_available() * room.fragment_size();
        let message = format!(
            "jail: error: no room for the image in `{}`\n\
             because: its layers are {} even packed, and {} are free, a twentieth of which stays\n\
             help: make room, for example by `jail image prune`, and run the command again\n",
            place.display(),
            size(packed),
            size(free)
        );
        refused(&finished, &message);
    });
}

/// It is brought in once, however often the image has it.
#[test]
fn a_layer_that_comes_twice_needs_room_once() {
    require!(Feature::Root);
    let jail = Jail::new();
    let noise = Tar::new().file("noise", 0o644, pattern(1_200_000));
    let layers = [noise.clone(), noise];
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &layers);
    on_a_small_disk(&jail, &store(&jail), FEW_BYTES, |_| {
        image(&jail, &["import", &layout.reference(), "noise"]).succeeds();
        verifies(&jail);
    });
}

#[test]
fn a_tree_that_does_not_fit_is_not_there() {
    require!(Feature::Root);
    for small in [FEW_BYTES, FEW_FILES] {
        let jail = Jail::new();
        let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
        image(&jail, &["import", &layout.reference(), "many"]).succeeds();
        let disk = jail.project().join("disk");
        on_a_small_disk(&jail, &disk, small, |make_room| {
            let tree = disk.join("tree");
            let words = ["unpack", "many", tree.to_str().unwrap()];
            image(&jail, &words).exits(125).says("cannot copy `/d/").says("[ENOSPC]");
            assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "nothing is left");
            make_room();
            image(&jail, &words).succeeds();
            assert_eq!(fs::read_dir(tree.join("d")).unwrap().count(), 1500);
        });
    }
}
