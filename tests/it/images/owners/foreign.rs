//! What belongs to ids that are not the caller's any more.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::PathBuf;

use super::super::commands::{entries, image, store};
use super::store::in_copy;
use super::{PROGRAM, RANGES, add_image, copies, owned, sh, system, with_image};
use crate::require;
use crate::support::Feature;
use crate::words::says;

/// As after a change of the ranges.
#[test]
fn what_belongs_to_ids_of_others_is_told_and_hinders_nobody() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let jail = with_image(&[system(), owned()]);
    sh(&jail, "id -u").succeeds();
    let directory = in_copy(&jail, "srv/www");
    lchown(&directory, Some(4_000_000_000), None).expect("root may");
    image(&jail, &["remove", "own"]).succeeds();
    for _ in 0..2 {
        let expected = "\
jail: error: cannot remove `[HOME]/.local/share/jail/tmp/[..]` of the image store
because: files in it belong to ids that are in none of your ranges any more: operation not permitted [EPERM]
help: give yourself back the range that you had in /etc/subuid and /etc/subgid, or run `sudo rm -rf [HOME]/.local/share/jail/tmp/[..]`
";
        says(&jail, &image(&jail, &["prune"]), 125, expected);
    }
    assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0]);
    add_image(&jail, "own", &[system(), owned()]);
    sh(&jail, "stat -c %u:%g /srv/link").succeeds().outputs("33:34\n");
    fs::remove_dir_all(store(&jail).join("tmp")).expect("root may");
    image(&jail, &["prune"]).succeeds();
}

/// In a namespace with one id, and without ranges.
#[test]
fn without_a_range_what_it_was_for_is_told_and_hinders_nobody() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Userns);
    let jail = with_image(&[system(), owned()]);
    sh(&jail, "id -u").succeeds();
    image(&jail, &["remove", "own"]).succeeds();
    let script = "mount --bind /dev/null /etc/subuid && exec \"$@\"";
    let jail = jail.through(["unshare", "-Urm", "sh", "-c", script, "sh"]);
    let expected = "\
jail: error: cannot remove `[HOME]/.local/share/jail/tmp/[..]` of the image store
because: files in it belong to subordinate ids, and you have no range in `/etc/subuid`
help: run `sudo usermod --add-subuids 100000-165535 root`
help: what belongs to ids of another range goes by `sudo rm -rf [HOME]/.local/share/jail/tmp/[..]`
";
    for _ in 0..2 {
        says(&jail, &image(&jail, &["prune"]), 125, expected);
    }
    assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0]);
    let jail = jail.through([""; 0]);
    image(&jail, &["prune"]).succeeds();
    assert_eq!((copies(&jail), entries(&jail, "tmp")), (vec![], vec![]));
}
