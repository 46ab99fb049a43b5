//! `jail image`, as a user types it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Finished, Jail, Tree, jail_binary, spawn};

/// `jail image` with these words, as the user of this home.
pub fn image(jail: &Jail, words: &[&str]) -> Finished {
    jail.run_outside(line(words))
}

pub fn line(words: &[&str]) -> Vec<OsString> {
    let program = jail_binary().as_os_str().to_owned();
    let words = ["image"].iter().chain(words).map(OsString::from);
    std::iter::once(program).chain(words).collect()
}

pub fn store(jail: &Jail) -> PathBuf {
    jail.home().join(".local/share/jail")
}

/// What is in a part of the store.
pub fn entries(jail: &Jail, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(store(jail).join(part)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// It fails with this whole message, which is the only error and the last word.
#[track_caller]
pub fn refused(finished: &Finished, message: &str) {
    finished.exits(125).outputs("").says(message);
    let said = String::from_utf8_lossy(&finished.stderr);
    let errors = said.matches("jail: error:").count();
    assert!(errors == 1 && said.ends_with(message), "{}:\n{said}", finished.command);
}

#[track_caller]
pub fn verifies(jail: &Jail) {
    image(jail, &["verify"]).succeeds().output_has("all as it should be");
}

/// Two layers with what images have: links, a removed file, a hidden directory, odd modes.
fn layers() -> [Tar; 2] {
    let lower = Tar::new()
        .directory("bin/", 0o755)
        .file("bin/sh", 0o755, "#!x")
        .hard_link("bin/ash", "bin/sh")
        .symlink("sbin", "bin")
        .symlink("absolute", "/etc/passwd")
        .directory("etc/", 0o755)
        .file("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\n")
        .file("etc/removed", 0o644, "x")
        .directory("hidden/", 0o755)
        .file("hidden/lower", 0o644, "x")
        .directory("kept/", 0o1777)
        .file("kept/lower", 0o600, "lower");
    let upper = Tar::new()
        .file("etc/.wh.removed", 0o644, "")
        .directory("hidden/", 0o700)
        .file("hidden/.wh..wh..opq", 0o644, "")
        .file("hidden/upper", 0o644, "upper")
        .file("kept/upper", 0o644, "upper")
        .file("etc/passwd", 0o640, "root:x:0:0::/root:/bin/sh\n")
        .fifo("fifo", 0o620)
        .file("locked", 0o111, "cannot be read by its owner");
    [lower, upper]
}

/// Some thousand files, so that there is time to be killed in.
pub fn many_files() -> [Tar; 3] {
    [0, 1, 2].map(|layer| {
        (0..500).fold(Tar::new().directory("d/", 0o755), |tar, number| {
            tar.file(&format!("d/{layer}-{number}"), 0o644, format!("{number}").repeat(200))
        })
    })
}

/// Directories that their owner may not write or enter, in three layers that change each other.
fn closed() -> [Tar; 3] {
    let lowest = Tar::new()
        .directory("usr/", 0o555)
        .directory("usr/bin/", 0o555)
        .file("usr/bin/sh", 0o555, "#!x")
        .directory("root/", 0o550)
        .directory("gone/", 0)
        .directory("gone/inner/", 0)
        .directory("replaced/", 0)
        .file("replaced/lower", 0o644, "x");
    let middle = Tar::new()
        .file("usr/.wh.nothing", 0o644, "")
        .file("usr/bin/new", 0o555, "#!y")
        .directory("deep/", 0)
        .directory("deep/er/", 0o1)
        .file("deep/er/.wh.nothing", 0o644, "")
        .directory("deep/er/hides/", 0o500)
        .file("deep/er/hides/.wh..wh..opq", 0o644, "");
    let upper = Tar::new()
        .file(".wh.gone", 0o644, "")
        .file("root/.profile", 0o600, "x")
        .directory("replaced/", 0o100)
        .file("replaced/.wh..wh..opq", 0o644, "")
        .file("replaced/upper", 0o400, "x")
        .directory("deep/er/hides/", 0o5)
        .file("deep/er/hides/file", 0, "x");
    [lowest, middle, upper]
}

/// What is in no store goes the short way, and comes to the same.
#[test]
fn a_tree_is_the_same_with_and_without_the_store() {
    require!(Feature::Root);
    require!(Feature::Program("setpriv"));
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &closed());
    image(&jail, &["unpack", &layout.reference(), "once"]).succeeds();
    assert!(!store(&jail).join("layers").exists(), "the store has nothing of it");
    image(&jail, &["import", &layout.reference(), "closed"]).succeeds();
    image(&jail, &["unpack", "closed", "copied"]).succeeds();
    let tree = |name: &str| Tree::recorded(&jail.project().join(name));
    let expected = tree("copied");
    assert_eq!(expected.0.len(), 13, "{expected:#?}");
    assert_eq!(expected.0[Path::new("root")].mode, 0o550);
    tree("once").equals(&expected, "through the store");
    // No user namespace gives the right to go anywhere.
    let powerless = "unshare -Ur setpriv --bounding-set=-all -- \"$@\"";
    let jail = jail.through(["sh", "-c", powerless, "sh"]);
    image(&jail, &["unpack", &layout.reference(), "powerless"]).succeeds();
    Tree::recorded(&jail.project().join("powerless")).equals(&expected, "with a namespace");
    assert_eq!(fs::read_dir(jail.project()).unwrap().count(), 3, "nothing beside them");
}

#[test]
fn a_plain_tar_is_an_image() {
    let jail = Jail::new();
    fs::write(jail.project().join("root.tar"), layers()[0].finish()).unwrap();
    image(&jail, &["import", "tar:root.tar", "plain"]).succeeds();
    image(&jail, &["unpack", "plain", "tree"]).succeeds();
    assert_eq!(fs::read(jail.project().join("tree/bin/ash")).unwrap(), b"#!x");
}

#[test]
fn every_packing_gives_the_same_layers() {
    require!(Feature::Program("zstd"));
    let jail = Jail::new();
    for (name, packing) in
        [("plain", Packing::Plain), ("gzip", Packing::Gzip), ("zstd", Packing::Zstd)]
    {
        let layout = Layout::new(jail.elsewhere().join(name), packing, &layers());
        image(&jail, &["import", &layout.reference(), name])
            .succeeds()
            .outputs(&format!("{}\n", layout.digest));
    }
    assert_eq!(entries(&jail, "layers/sha256").len(), 2);
    assert_eq!(entries(&jail, "images/sha256").len(), 3);
}

#[test]
fn images_are_listed_and_inspected() {
    let jail = Jail::new();
    image(&jail, &["list", "--json"]).succeeds().outputs("[]\n");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["import", &layout.reference(), "team/app:1"]).succeeds();
    let name = "docker.io/team/app:1";
    image(&jail, &["list"]).succeeds().output_has(name).output_has(layout.digest.short());
    let listed = image(&jail, &["list", "--json"]).stdout_text();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["name"], name);
    assert_eq!(listed[0]["digest"], layout.digest.to_string());
    let inspected = image(&jail, &["inspect", "team/app:1", "--json"]);
    inspected.succeeds();
    let inspected = inspected.stdout_text();
    let steers = ['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}'];
    assert!(!inspected.contains(steers), "{inspected}");
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["user"], "app");
    assert_eq!(inspected["env"][1], "WORDS=a\u{1b}[2Jb\u{9b}\u{202e}\u{7f}");
    assert_eq!(inspected["diff_ids"].as_array().unwrap().len(), 2);
    // What an image says does not reach the terminal as it is.
    image(&jail, &["inspect", "team/app:1"]).succeeds().output_lacks("\u{1b}").output_has("2Jb");
    image(&jail, &["inspect", "team/app:2"]).exits(125).says("is not in the image store");
}

#[test]
fn an_import_without_a_kind_says_what_to_write() {
    let jail = Jail::new();
    image(&jail, &["import", "rootfs.tar"]).exits(125).says("tar:FILE");
    image(&jail, &["import", "tar:absent.tar", "x"]).exits(125).says("[ENOENT]");
}

#[test]
fn a_hash_alone_is_no_name() {
    let hash = "0123456789abcdef".repeat(4);
    let message = format!(
        "jail: error: `{hash}` names no image\n\
         because: it is a hash without the name of an image\n\
         help: write NAME@sha256:{hash}\n"
    );
    refused(&image(&Jail::new(), &["pull", &hash]), &message);
}

#[test]
fn a_digest_that_is_there_needs_no_network() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["import", &layout.reference(), "nowhere.invalid/app:1"]).succeeds();
    let pinned = format!("nowhere.invalid/app@{}", layout.digest);
    image(&jail, &["pull", &pinned]).succeeds().outputs(&format!("{}\n", layout.digest));
    image(&jail, &["list"]).succeeds().output_has(&pinned);
}

#[test]
fn a_hostile_image_leaves_nothing() {
    let good = || Tar::new().file("good", 0o644, "x");
    let bad: Vec<(&str, Tar)> = vec![
        ("dotdot", Tar::new().file("../escaped", 0o644, "x")),
        ("dotdot-inside", Tar::new().file("a/../../escaped", 0o644, "x")),
        ("link-up", Tar::new().hard_link("inside", "../../escaped")),
        ("link-absent", Tar::new().hard_link("inside", "absent")),
        ("whiteout-up", Tar::new().file(".wh...", 0o644, "")),
        ("whiteout-bare", Tar::new().file(".wh.", 0o644, "")),
        ("unknown-kind", Tar::new().entry(b'Z', "x", 0o644, "", b"")),
        ("device-0-0", Tar::new().entry(b'3', "x", 0o644, "", b"")),
        (
            "file-as-directory",
            Tar::new().symlink("a", "/tmp").file("a/../../../escaped", 0o644, "x"),
        ),
    ];
    let jail = Jail::new();
    for (name, tar) in bad {
        let layout =
            Layout::new(jail.elsewhere().join(name), Packing::Gzip, &[good(), tar.clone()]);
        image(&jail, &["import", &layout.reference(), name])
            .exits(125)
            .outputs("")
            .says("layer 2")
            .says("is refused");
        assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0], "{name}");
        assert_eq!(entries(&jail, "references"), [] as [PathBuf; 0], "{name}");
        assert!(!jail.home().join("escaped").exists(), "{name}");
        verifies(&jail);
    }
}

#[test]
fn a_lie_about_content_is_found() {
    let other = format!("sha256:{}", "0".repeat(64));
    type Lie<'a> = Box<dyn FnOnce(&mut Value, &mut Value) + 'a>;
    let lies: Vec<(&str, Lie, &str)> = vec![
        (
            "diff-id",
            Box::new(|_, config| config["rootfs"]["diff_ids"][1] = other.clone().into()),
            "the digest of its content is",
        ),
        (
            "longer",
            Box::new(|manifest, _| {
                let size = manifest["layers"][1]["size"].as_u64().unwrap();
                manifest["layers"][1]["size"] = (size - 1).into();
            }),
            "layer 2",
        ),
        (
            "shorter",
            Box::new(|manifest, _| {
                let size = manifest["layers"][1]["size"].as_u64().unwrap();
                manifest["layers"][1]["size"] = (size + 1).into();
            }),
            "layer 2",
        ),
        (
            "fewer-layers",
            Box::new(|manifest, _| drop(manifest["layers"].as_array_mut().unwrap().pop())),
            "1 layers",
        ),
    ];
    let jail = Jail::new();
    for (name, lie, words) in lies {
        let place = jail.elsewhere().join(name);
        let layout = Layout::lying(place, Packing::Gzip, &layers(), lie);
        image(&jail, &["import", &layout.reference(), name]).exits(125).says(words);
        assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0], "{name}");
        verifies(&jail);
    }
    // A blob that is not what its name says, of the right size.
    let layout = Layout::new(jail.elsewhere().join("altered"), Packing::Plain, &layers());
    let mut bytes = fs::read(layout.blob(&layout.blobs[1])).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    fs::write(layout.blob(&layout.blobs[1]), bytes).unwrap();
    image(&jail, &["import", &layout.reference(), "altered"]).exits(125).says("its digest is");
}

#[test]
fn two_pulls_at_once_do_the_work_once() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    let start = || {
        let mut command = jail.command(&line(&["import", &layout.reference(), "many"]));
        spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    };
    let children = [start(), start(), start()];
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    let said: String =
        outputs.iter().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{said}");
        assert_eq!(output.stdout, format!("{}\n", layout.digest).as_bytes());
    }
    let done = said.lines().filter(|line| line.ends_with("iB") && !line.contains("after")).count();
    assert_eq!(done, 3, "each layer is made once:\n{said}");
    verifies(&jail);
}

#[test]
fn what_nobody_may_enter_is_removed() {
    let tar = Tar::new()
        .directory("closed/", 0o755)
        .directory("closed/inner/", 0o755)
        .file("closed/inner/file", 0, "x")
        .directory("closed/inner/", 0)
        .directory("closed/", 0)
        .directory("./", 0o555);
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[tar]);
    image(&jail, &["import", &layout.reference(), "closed"]).succeeds();
    verifies(&jail);
    image(&jail, &["unpack", "closed", "tree"]).succeeds();
    let mode = fs::metadata(jail.project().join("tree/closed")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0);
    image(&jail, &["remove", "closed"]).succeeds();
    image(&jail, &["prune"]).succeeds().output_has("removed layers: 1");
    assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0]);
    assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0]);
    image(&jail, &["df", "--json"]).succeeds().output_has("\"layer_bytes\": 0");
}

/// What somebody else could set on a file with them, only root may.
#[test]
fn what_is_left_out_of_an_image_is_told() {
    let jail = Jail::new();
    let capability: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let tar = Tar::new()
        .pax(&[("SCHILY.xattr.security.capability", capability)])
        .file("ping", 0o755, "x");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[tar]);
    let imported = image(&jail, &["import", &layout.reference(), "app"]);
    imported.succeeds().says(
        "jail: note: left out of `docker.io/library/app:latest`: extended attributes (1)\n\
         because: an image may not set file capabilities, labels, access lists, or what overlayfs \
         reads\n",
    );
}

#[test]
fn what_the_store_takes_up_is_a_table() {
    let jail = Jail::new();
    let empty = "\
WHAT                    NUMBER  SIZE
layers                  0       0 B
copies with owners      0       0 B
documents               0       0 B
broken downloads                0 B
copies of runs          0       0 B
for `jail image prune`          0 B
";
    image(&jail, &["df"]).succeeds().outputs(empty);
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["import", &layout.reference(), "app"]).succeeds();
    image(&jail, &["remove", "app"]).succeeds();
    let full = image(&jail, &["df"]).succeeds().stdout_text();
    let (_, unused) = full.split_once("for `jail image prune`").expect("a row");
    assert_ne!(unused.trim(), "0 B", "{full}");
    image(&jail, &["prune"]).succeeds();
    image(&jail, &["df"]).succeeds().outputs(empty);
}

#[test]
fn damage_is_found_and_repaired() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    let words = ["import", &layout.reference(), "app"];
    image(&jail, &words).succeeds();
    let changed = entries(&jail, "layers/sha256")
        .into_iter()
        .map(|layer| layer.join("tree/etc/passwd"))
        .find(|path| path.exists())
        .unwrap();
    fs::write(&changed, "root::0:0::/:/bin/sh\n").unwrap();
    image(&jail, &["verify"]).exits(1).says("is damaged").says("bytes, and had");
    image(&jail, &["verify", "app"]).exits(1);
    image(&jail, &["verify", "--repair"]).exits(1).output_has("removed");
    verifies(&jail);
    image(&jail, &["list", "--json"]).outputs("[]\n");
    image(&jail, &words).succeeds();
    verifies(&jail);
}

#[test]
fn a_layer_without_its_record_is_repaired() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    let words = ["import", &layout.reference(), "app"];
    image(&jail, &words).succeeds();
    fs::remove_file(entries(&jail, "layers/sha256")[0].join("layer.json")).unwrap();
    image(&jail, &words).exits(125).says("[ENOTEMPTY]").says("jail image verify --repair");
    image(&jail, &["verify", "--repair"]).exits(1);
    image(&jail, &words).succeeds();
    verifies(&jail);
}

#[test]
fn a_store_that_others_may_write_is_refused() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["import", &layout.reference(), "app"]).succeeds();
    assert_eq!(fs::metadata(store(&jail)).unwrap().mode() & 0o7777, 0o700);
    fs::set_permissions(store(&jail), fs::Permissions::from_mode(0o777)).unwrap();
    image(&jail, &["list"]).exits(125).says("is not trusted").says("chmod 700");
}

#[test]
fn a_tree_is_not_unpacked_over_another() {
    let jail = Jail::new().file("full/x", "x");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers());
    image(&jail, &["unpack", &layout.reference(), "full"]).exits(125).says("it is not empty");
    image(&jail, &["unpack", &layout.reference(), "new"]).succeeds();
    assert_eq!(fs::read_dir(jail.project()).unwrap().count(), 2, "nothing beside it");
}

/// In the store nobody else reaches them; a tree may lie anywhere.
#[test]
fn a_tree_has_no_set_user_id_bits() {
    let tar = Tar::new()
        .file("user", 0o4755, "x")
        .file("group", 0o2755, "x")
        .directory("shared/", 0o3775)
        .file("shared/inner", 0o6755, "x")
        .hard_link("link", "user");
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[tar]);
    image(&jail, &["unpack", &layout.reference(), "once"]).succeeds();
    image(&jail, &["import", &layout.reference(), "stored"]).succeeds();
    image(&jail, &["unpack", "stored", "copied"]).succeeds();
    let modes = [
        ("user", 0o755),
        ("group", 0o755),
        ("link", 0o755),
        ("shared", 0o3775),
        ("shared/inner", 0o755),
    ];
    for tree in ["once", "copied"] {
        for (name, mode) in modes {
            let found = fs::metadata(jail.project().join(tree).join(name)).unwrap().mode();
            assert_eq!(found & 0o7777, mode, "{name} of {tree}");
        }
    }
}

/// Of a directory `a:b` the layout `oci:./c` is not the tag `b/c` of the layout `a`.
#[test]
fn a_directory_with_a_colon_leads_to_no_other_image() {
    let jail = Jail::new().cwd("a:b").directory("a:b").directory("a");
    let message = format!(
        "jail: error: `oci:{}/a:b/./layout` names no image\n\
         because: its path has a colon, a control character, or something that is not UTF-8\n\
         help: move it to a directory with a plainer name\n",
        jail.project().display()
    );
    refused(&image(&jail, &["import", "oci:./layout", "x"]), &message);
    let line =
        [jail_binary().as_os_str(), "run".as_ref(), "--root".as_ref(), "oci:./layout".as_ref()];
    jail.run_outside(line).exits(125).says("its path has a colon");
}
