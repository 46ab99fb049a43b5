//! Directories that a layer has, but names in no entry.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary};

fn image(jail: &Jail, words: &[&str]) -> Finished {
    let program = jail_binary().as_os_str().to_owned();
    let words = ["image"].iter().chain(words).map(OsString::from);
    jail.run_outside(std::iter::once(program).chain(words))
}

/// Mode and time of a directory of the image that these layers make, unpacked.
#[track_caller]
fn unpacked(layers: &[Tar], directory: &str) -> (u32, i64) {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, layers);
    image(&jail, &["unpack", "-q", &layout.reference(), "tree"]).succeeds();
    let found = fs::metadata(jail.project().join("tree").join(directory)).unwrap();
    (found.mode() & 0o7777, found.mtime())
}

const LATER: i64 = 1_600_000_000;

#[test]
fn the_lower_layer_says_what_an_unnamed_directory_is() {
    let lower = || Tar::new().directory("root/", 0o700).file("root/.profile", 0o644, "lower");
    let upper = || Tar::new().file("root/.bashrc", 0o644, "upper");
    assert_eq!(unpacked(&[lower(), upper()], "root"), (0o700, LATER + 5));
    assert_eq!(unpacked(&[lower(), upper(), upper()], "root"), (0o700, LATER + 5));
    // Whoever names it last, if somebody does.
    let named = Tar::new().directory("root/", 0o711);
    assert_eq!(unpacked(&[lower(), upper(), named.clone()], "root").0, 0o711);
    assert_eq!(unpacked(&[lower(), named, upper()], "root").0, 0o711);
    // Nobody has ever named it.
    assert_eq!(unpacked(&[upper()], "root").0, 0o755);
    assert_eq!(unpacked(&[upper(), lower()], "root"), (0o700, LATER + 5));
    // What it hides says nothing about it.
    let hidden = Tar::new().file(".wh.root", 0o644, "");
    assert_eq!(unpacked(&[lower(), hidden, upper()], "root").0, 0o755);
    let deep = Tar::new().file("root/a/b/c", 0o644, "x");
    assert_eq!(unpacked(&[lower(), deep.clone()], "root"), (0o700, LATER + 5));
    assert_eq!(unpacked(&[lower(), deep], "root/a").0, 0o755);
}

/// An overlay shows what the topmost layer has, as docs/images.md says.
#[test]
fn a_run_sees_the_topmost_layers_own_directory() {
    require!(Feature::Path("/bin/busybox"));
    let busybox = fs::read("/bin/busybox").unwrap();
    let lower = Tar::new()
        .directory("bin/", 0o755)
        .file("bin/busybox", 0o755, busybox)
        .directory("proc/", 0o755)
        .directory("dev/", 0o755)
        .directory("tmp/", 0o755)
        .directory("vault/", 0o700);
    let upper = Tar::new().file("vault/file", 0o644, "x");
    let jail = Jail::new();
    let place = jail.elsewhere().join("oci");
    let layout = Layout::lying(place, Packing::Plain, &[lower, upper], |_, config| {
        config["config"]["User"] = "".into();
    });
    image(&jail, &["import", "-q", &layout.reference(), "app"]).succeeds();
    let jail = jail.args(["--image", "app"]);
    jail.run(["/bin/busybox", "stat", "-c", "%a", "/vault"]).succeeds().outputs("755\n");
}
