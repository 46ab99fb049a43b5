//! What stands in the way of a pull, an unpack or a run, and what is told of it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::process::Command;

use nix::mount::{MsFlags, mount, umount};

use super::commands::{entries, image, line, store};
use super::copies::{Stacked, with_image};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Jail, jail_binary, spawn};
use crate::words::{says, told};

fn layout(jail: &Jail) -> Layout {
    let layer = Tar::new().file("name", 0o644, "x");
    Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer])
}

#[test]
fn without_a_working_directory_only_absolute_paths_are_taken() {
    let jail = Jail::new();
    let layout = layout(&jail);
    let gone = "mkdir ../gone && cd ../gone && rmdir ../gone && exec \"$@\"";
    let jail = jail.through(["sh", "-c", gone, "sh"]);
    let expected = "\
jail: error: the working directory no longer exists
help: change to a directory that exists, for example `cd ~`
";
    let relative = "oci:./layout";
    for words in [["import", "-q", relative, "x"], ["unpack", "-q", "tar:a.tar", "/tmp/x"]] {
        says(&jail, &image(&jail, &words), 125, expected);
    }
    for command in ["run", "plan"] {
        let words = ["--profile", "default", "--root", relative, "--", "true"];
        let line = [jail_binary().as_os_str(), command.as_ref()].into_iter();
        says(&jail, &jail.run_outside(line.chain(words.map(OsStr::new))), 125, expected);
    }
    image(&jail, &["import", "-q", &layout.reference(), "x"]).succeeds();
}

#[test]
fn words_that_are_no_text_are_named() {
    let jail = Jail::new();
    let odd = OsStr::from_bytes(b"a\xffb");
    let flag = |name: &str| OsString::from(name);
    for (words, title) in [
        (vec!["pull".into(), odd.to_owned()], "`a[..]b` cannot be the name of an image"),
        (
            vec!["pull".into(), flag("--platform"), odd.to_owned(), "x".into()],
            "`a[..]b` cannot be a platform\n --> --platform",
        ),
        (
            vec!["pull".into(), flag("--max-size"), odd.to_owned(), "x".into()],
            "`a[..]b` cannot be a limit\n --> --max-size",
        ),
    ] {
        let words = line(&[]).into_iter().chain(words);
        let expected = format!("jail: error: {title}\nbecause: it is not UTF-8\n");
        says(&jail, &jail.run_outside(words), 125, expected);
    }
    assert!(!store(&jail).exists());
}

#[test]
fn a_directory_is_unpacked_to_under_a_name_of_its_own() {
    let jail = Jail::new();
    let from = layout(&jail).reference();
    for to in [".", "./."] {
        let expected = format!(
            "jail: error: cannot unpack into `{to}`\n\
             because: it has no name of its own\n\
             help: name a new directory, such as `./rootfs`\n"
        );
        says(&jail, &image(&jail, &["unpack", "-q", &from, to]), 125, expected);
    }
    image(&jail, &["unpack", "-q", &from, "./rootfs"]).succeeds();
}

#[test]
fn a_mount_point_is_not_unpacked_to() {
    require!(Feature::Root);
    let jail = Jail::new().directory("disk");
    let from = layout(&jail).reference();
    let disk = jail.project().join("disk");
    let options = format!("uid={},gid={}", jail.user().uid, jail.user().gid);
    mount(Some("tmpfs"), &disk, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).unwrap();
    let refused = image(&jail, &["unpack", "-q", &from, "disk"]);
    let helped = image(&jail, &["unpack", "-q", &from, "disk/tree"]);
    let there = disk.join("tree/name").exists();
    umount(&disk).unwrap();
    let expected = "\
jail: error: cannot make `disk`
because: device or resource busy [EBUSY]
help: it is a mount point: name a directory in it
";
    says(&jail, &refused, 125, expected);
    helped.succeeds();
    assert!(there);
    assert_eq!(fs::read_dir(jail.project()).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn what_a_killed_unpack_left_and_nobody_may_remove_is_named() {
    require!(Feature::Root);
    let jail = Jail::new();
    let from = layout(&jail).reference();
    let mut gone = spawn(&mut Command::new("true"));
    gone.wait().unwrap();
    let left = format!("the tree.jail-unfinished-{}", gone.id());
    let jail = jail.file(format!("{left}/inner/file"), "");
    let inner = jail.project().join(&left).join("inner");
    chown(&inner, Some(0), Some(0)).unwrap();
    jail.user().own(&jail.project().join(&left));
    let expected = format!(
        "jail: error: cannot remove `./{left}`\n\
         because: operation not permitted [EPERM]; an unpack that was killed left it\n\
         help: run `sudo rm -rf './{left}'`, or unpack to another place\n"
    );
    says(&jail, &image(&jail, &["unpack", "-q", &from, "the tree"]), 125, expected);
    assert_eq!(fs::read_dir(jail.project()).unwrap().count(), 1, "nothing beside it");
    image(&jail, &["unpack", "-q", &from, "another"]).succeeds();
    fs::remove_dir_all(jail.project().join(&left)).unwrap();
    image(&jail, &["unpack", "-q", &from, "the tree"]).succeeds();
}

/// The process that fetches says why, and the run what became of it.
#[test]
fn an_image_that_cannot_be_fetched_stops_the_run() {
    let jail = Jail::new().args(["--root", "oci:absent"]);
    let expected = "\
jail: error: cannot open the directory `[PROJECT]/absent`
because: no such file or directory [ENOENT]
jail: error: could not fetch the image `oci:[PROJECT]/absent`
 --> --root
because: `jail image pull` ended with exit status: 125
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    assert_eq!(entries(&jail, "references"), [] as [std::path::PathBuf; 0]);
    let plan = [jail_binary().as_os_str(), "plan".as_ref(), "--root".as_ref()];
    let plan = plan.into_iter().chain(["oci:absent".as_ref(), "true".as_ref()]);
    let expected = "\
jail: error: the image `oci:[PROJECT]/absent` is not in the store
 --> --root
because: only `jail run` and `jail image pull` fetch one
help: run `jail image pull oci:[PROJECT]/absent`
";
    told(&jail, &jail.run_outside(plan), 125, expected);
}

/// What the command leaves where it may not be removed: told, with the command's own status.
#[test]
fn a_private_copy_that_cannot_be_removed_is_told() {
    require!(Feature::Root);
    require!(Feature::Path("/bin/busybox"));
    let jail = with_image().args(["--degrade", "overlay"]);
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let warning = |cause: &str, help: &str| {
        format!(
            "jail: warning: no overlay is mounted; continuing on a private copy of the image `docker.io/library/small:1`\n\
             because: overlayfs does not take the file system of the image store [EINVAL]\n\
             help: what the command writes goes to the disk, without a limit of size\n\
             jail: warning: the private copy of the image is left behind; continuing without removing it\n\
             because: [HOME]/.local/share/jail/copies/[..]: {cause}\n\
             help: {help}\n"
        )
    };
    let with_obstacle = |put: &dyn Fn(&std::path::Path)| {
        let mut running = jail.start(["sh", "-c", "echo ready; cat; exit 3"]);
        running.wait_for("ready");
        let copy = entries(&jail, "copies").remove(0);
        put(&copy.join("tree"));
        (running.finish(), copy)
    };
    // Until somebody unmounts it.
    let (finished, copy) = with_obstacle(&|tree| {
        let options = format!("uid={}", jail.user().uid);
        let at = tree.join("srv");
        mount(Some("tmpfs"), &at, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).unwrap();
    });
    let mounted = fs::read_dir(copy.join("tree"))
        .unwrap()
        .flatten()
        .find(|entry| umount(&entry.path()).is_ok());
    let help = "the next run on a copy removes it, or `jail image prune`";
    told(&jail, &finished, 3, warning("device or resource busy [EBUSY]", help));
    assert!(mounted.is_some());
    jail.run(["pwd"]).succeeds();
    assert_eq!(entries(&jail, "copies"), [] as [std::path::PathBuf; 0]);
    // For good.
    let (finished, copy) = with_obstacle(&|tree| {
        fs::create_dir(tree.join("roots")).unwrap();
        fs::write(tree.join("roots/file"), "").unwrap();
    });
    let help = "run `sudo rm -rf [HOME]/.local/share/jail/copies/[..]`";
    told(&jail, &finished, 3, warning("operation not permitted [EPERM]", help));
    jail.run(["pwd"]).succeeds();
    assert_eq!(entries(&jail, "copies"), [copy]);
    let expected = "\
jail: error: cannot remove `[HOME]/.local/share/jail/copies/[..]` of the image store
because: operation not permitted [EPERM]
help: run `sudo rm -rf [HOME]/.local/share/jail/copies/[..]`
";
    told(&jail, image(&jail, &["prune"]).outputs(""), 125, expected);
    fs::remove_dir_all(entries(&jail, "copies").remove(0)).unwrap();
    image(&jail, &["prune"]).succeeds();
}
