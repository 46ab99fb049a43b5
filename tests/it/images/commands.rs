//! `jail image`, as a user types it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount, umount};
use serde_json::Value;

use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary, spawn};

/// `jail image` with these words, as the user of this home.
pub(super) fn image(jail: &Jail, words: &[&str]) -> Finished {
    jail.run_outside(line(words))
}

pub(super) fn line(words: &[&str]) -> Vec<OsString> {
    let program = jail_binary().as_os_str().to_owned();
    let words = ["image"].iter().chain(words).map(OsString::from);
    std::iter::once(program).chain(words).collect()
}

pub(super) fn store(jail: &Jail) -> PathBuf {
    jail.home().join(".local/share/jail")
}

/// What is in a part of the store.
pub(super) fn entries(jail: &Jail, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(store(jail).join(part)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[track_caller]
pub(super) fn verifies(jail: &Jail) {
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
fn many_files() -> [Tar; 3] {
    [0, 1, 2].map(|layer| {
        (0..500).fold(Tar::new().directory("d/", 0o755), |tar, number| {
            tar.file(&format!("d/{layer}-{number}"), 0o644, format!("{number}").repeat(200))
        })
    })
}

/// Kind, mode, target or content of all that is in a tree, by path.
fn manifest(tree: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![tree.to_owned()];
    while let Some(path) = left.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let kind = found.file_type();
        let what = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_file() {
            format!("{:?} {} links", fs::read_to_string(&path).unwrap(), found.nlink())
        } else {
            format!("{kind:?}")
        };
        if kind.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let mode = if kind.is_symlink() { 0 } else { found.mode() & 0o7777 };
        let name = path.strip_prefix(tree).unwrap().to_owned();
        all.insert(name, format!("{mode:o} {} {what}", found.mtime()));
    }
    all
}

#[track_caller]
fn tool(words: &[&str]) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(Stdio::null());
    assert!(spawn(&mut command).wait().unwrap().success(), "{words:?}");
}

#[test]
fn every_format_gives_the_tree_that_umoci_makes() {
    require!(Feature::Root);
    require!(Feature::Program("skopeo"));
    require!(Feature::Program("umoci"));
    let jail = Jail::new();
    let place = jail.elsewhere();
    let layout = Layout::new(place.join("oci"), Packing::Gzip, &layers());
    let bundle = place.join("bundle");
    tool(&[
        "umoci",
        "raw",
        "unpack",
        "--image",
        &format!("{}:latest", layout.path.display()),
        bundle.to_str().unwrap(),
    ]);
    // umoci gives the root of the tree the time of unpacking; no entry names it.
    let rest = |tree: &Path| {
        let mut all = manifest(tree);
        all.remove(Path::new(""));
        all
    };
    let expected = rest(&bundle);
    assert_eq!(expected.len(), 14, "{expected:#?}");
    for kind in ["oci", "oci-archive", "docker-archive", "dir"] {
        let place = place.join(format!("as-{kind}"));
        let tag = if kind == "dir" { "" } else { ":latest" };
        let named = format!("{kind}:{}{}", place.display(), tag.replace(":latest", ":x/y:latest"));
        let named = if kind.starts_with("oci") { named.replace(":x/y:", ":") } else { named };
        tool(&["skopeo", "copy", "-q", &layout.reference(), &named]);
        tool(&["chmod", "-R", "a+rX", place.to_str().unwrap()]);
        let tree = jail.home().join(format!("tree-{kind}"));
        image(&jail, &["import", &named, &format!("local/{kind}:1")]).succeeds();
        image(&jail, &["unpack", &format!("local/{kind}:1"), tree.to_str().unwrap()]).succeeds();
        assert_eq!(rest(&tree), expected, "{kind}");
    }
    assert_eq!(entries(&jail, "layers/sha256").len(), 2, "all formats share their layers");
    verifies(&jail);
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
    let inspected = image(&jail, &["inspect", "team/app:1", "--json"]).stdout_text();
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["user"], "app");
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
fn killed_at_any_moment_the_store_is_valid() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    let words = ["import", "-q", &layout.reference(), "many"];
    let begun = std::time::Instant::now();
    image(&jail, &words).succeeds();
    let whole = begun.elapsed();
    let mut finished = 0;
    for moment in 0..30_u32 {
        image(&jail, &["remove", "many"]).succeeds();
        image(&jail, &["prune"]).succeeds();
        let mut command = jail.command(&line(&words));
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // The moment is what the test is about; nothing depends on how exact it is.
        std::thread::sleep(whole * moment / 30);
        child.kill().unwrap();
        finished += u32::from(child.wait().unwrap().success());
        verifies(&jail);
        assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0], "{moment}: swept");
        image(&jail, &words).succeeds();
        verifies(&jail);
    }
    assert!(finished < 30, "something was killed");
}

#[test]
fn killed_at_any_moment_an_unpacked_tree_is_whole_or_not_there() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    image(&jail, &["import", "-q", &layout.reference(), "many"]).succeeds();
    for moment in 0..10 {
        let tree = jail.project().join(format!("tree-{moment}"));
        let mut command = jail.command(&line(&["unpack", "many", tree.to_str().unwrap()]));
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        std::thread::sleep(Duration::from_millis(10 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
        if tree.exists() {
            assert_eq!(fs::read_dir(tree.join("d")).unwrap().count(), 1500);
        }
    }
    verifies(&jail);
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
fn a_full_disk_leaves_the_store_valid() {
    require!(Feature::Root);
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    let disk = store(&jail);
    fs::create_dir_all(&disk).unwrap();
    let owner = jail.user();
    let options = |size: &str| format!("size={size},mode=700,uid={},gid={}", owner.uid, owner.gid);
    let remount = |size: &str, flags| {
        mount(Some("tmpfs"), &disk, Some("tmpfs"), flags, Some(options(size).as_str())).unwrap();
    };
    remount("2M", MsFlags::empty());
    let result = std::panic::catch_unwind(|| {
        for _ in 0..2 {
            image(&jail, &["import", &layout.reference(), "many"])
                .exits(125)
                .says("no room")
                .says("jail image prune");
            verifies(&jail);
            image(&jail, &["list", "--json"]).outputs("[]\n");
        }
        remount("200M", MsFlags::MS_REMOUNT);
        image(&jail, &["import", &layout.reference(), "many"]).succeeds();
        verifies(&jail);
    });
    umount(&disk).unwrap();
    result.unwrap();
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
