//! Copies of layers with owners, in the store.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MsFlags, mount, umount};
use serde_json::Value;

use super::super::commands::{entries, image, store, verifies};
use super::super::tar::Tar;
use super::{PROGRAM, RANGES, add_image, copies, owned, sh, system, with_image};
use crate::require;
use crate::support::{Feature, Jail, spawn, wait_until};
use crate::words::{says, told};

/// How often something is killed.
const MOMENTS: u32 = 20;

/// Enough files of others for a copy to take a while.
fn many_files() -> Tar {
    let begun = Tar::new().directory("d/", 0o755);
    (0..20).fold(begun, |tar, directory| {
        let tar = tar.owner(directory, 1).directory(&format!("d/{directory}/"), 0o700);
        (0..20).fold(tar, |tar, file| {
            tar.file(&format!("d/{directory}/{file}"), 0o600, format!("{file}").repeat(200))
        })
    })
}

/// A file that is in one copy only.
pub fn in_copy(jail: &Jail, path: &str) -> PathBuf {
    let paths = copies(jail).into_iter().map(|copy| copy.join("tree").join(path));
    paths.into_iter().find(|path| path.symlink_metadata().is_ok()).expect("one of them has it")
}

#[test]
fn copies_are_made_once_for_each_id_map_and_pruned_with_their_image() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
    let expected = "\
jail: note: making copies of 2 layers of `docker.io/library/own:latest`, in which files have their owners
because: this happens once for each id map
";
    told(&jail, sh(&jail, "id -u").outputs("0\n"), 0, expected);
    sh(&jail, "id -u").succeeds().is_silent();
    assert_eq!(copies(&jail).len(), 2);
    // Of a layer that others have as well.
    add_image(&jail, "more", &[system(), owned(), Tar::new().file("more", 0o644, "")]);
    let more = jail.args(["--image", "more"]);
    sh(&more, "id -u").succeeds().says("making a copy of 1 layer");
    // Another user inside is another map.
    let jail = more.args(["--image", "own", "--user", "33:34"]);
    sh(&jail, "id -u").succeeds().says("making copies of 2 layers");
    let df = image(&jail, &["df", "--json"]).succeeds().stdout_text();
    let df: Value = serde_json::from_str(&df).expect("JSON");
    assert_eq!(df["owned"], 5);
    image(&jail, &["verify"]).succeeds().output_has("copies with owners: 5; all as it should be");
    image(&jail, &["verify", "own"]).succeeds().output_has("copies with owners: 4;");

    image(&jail, &["remove", "more"]).succeeds();
    image(&jail, &["prune"]).succeeds().output_has("removed layers: 1, copies with owners: 1,");
    image(&jail, &["remove", "own"]).succeeds();
    image(&jail, &["prune"]).succeeds().output_has("removed layers: 2, copies with owners: 4,");
    assert_eq!(entries(&jail, "owned"), [] as [PathBuf; 0]);
    assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0]);
    verifies(&jail);
}

#[test]
fn a_plan_makes_no_copies() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system()]);
    let words =
        ["plan", "--profile", "base", "--image", "own", "--ids", "subuid", "--user", "root"];
    let line = std::iter::once(crate::support::jail_binary().into());
    let line: Vec<OsString> = line.chain(words.map(OsString::from)).collect();
    jail.run_outside(line)
        .succeeds()
        .output_has("overlay of 1 layer of docker.io/library/own:latest, with their owners");
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
}

#[test]
fn while_a_run_uses_copies_they_stay() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    let mut running = jail.start(["sh", "-c", "echo ready; cat; stat -c %u:%g /srv/www"]);
    running.wait_for("ready");
    image(&jail, &["remove", "own"]).succeeds();
    image(&jail, &["prune"]).succeeds().output_has("removed layers: 0, 0 B");
    assert_eq!(copies(&jail).len(), 2);
    running.end_input();
    running.wait_for("33:34");
    running.finish().succeeds();
    image(&jail, &["prune"]).succeeds().output_has("copies with owners: 2");
}

#[test]
fn runs_at_once_make_copies_once() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), many_files()]);
    let start = || {
        let mut command = jail.command(&jail.run_line(["id", "-u"]));
        spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    };
    let children = [start(), start(), start()];
    let outputs = children.map(|child| child.wait_with_output().expect("it ends"));
    let said = outputs.iter().map(|output| String::from_utf8_lossy(&output.stderr));
    let said: String = said.collect();
    for output in &outputs {
        assert!(output.status.success(), "{said}");
        assert_eq!(output.stdout, b"0\n");
    }
    assert_eq!(said.matches("making copies of 2 layers").count(), 1, "{said}");
    assert_eq!(copies(&jail).len(), 2);
    verifies_with_copies(&jail, 2);
}

#[track_caller]
fn verifies_with_copies(jail: &Jail, count: usize) {
    let words = match count {
        0 => "; all as it should be".to_owned(),
        count => format!("copies with owners: {count}; all as it should be"),
    };
    image(jail, &["verify"]).succeeds().output_has(&words);
}

#[test]
fn killed_at_any_moment_the_store_is_valid() {
    require!(PROGRAM);
    require!(RANGES);
    let mut jail = with_image(&[system(), many_files()]);
    let begun = std::time::Instant::now();
    sh(&jail, "id -u").succeeds();
    let whole = begun.elapsed();
    let mut finished = 0;
    for moment in 0..MOMENTS {
        // Another user inside, and so copies that are not there yet.
        jail = jail.args(["--user".to_owned(), format!("{0}:{0}", moment + 1)]);
        let before = copies(&jail).len();
        let mut command = jail.command(&jail.run_line(["id", "-u"]));
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // The moment is what the test is about; nothing depends on how exact it is.
        std::thread::sleep(whole * moment / MOMENTS);
        child.kill().expect("it is ours");
        finished += u32::from(child.wait().expect("it ends").success());
        // Waits for the process that copies, should it still live.
        verifies(&jail);
        assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0], "{moment}: swept");
        let made = copies(&jail).len() - before;
        assert!(made == 0 || made == 2, "{moment}: {made}");
        sh(&jail, "stat -c %u:%g /d/7").succeeds().outputs("7:1\n");
        assert_eq!(copies(&jail).len(), before + 2);
    }
    verifies(&jail);
    assert!(finished < MOMENTS, "something was killed");
}

/// Who waits is told, and goes on when the other has ended.
#[test]
fn a_run_waits_for_who_is_at_work_in_the_store() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system()]);
    let lock = fs::File::open(store(&jail).join("lock")).expect("an import made it");
    let lock = Flock::lock(lock, FlockArg::LockExclusive).expect("nobody else has it");
    let running = jail.start(["id", "-u"]);
    let waiter = format!(" {} ", running.pid());
    wait_until("the run waits for the lock", || {
        let locks = fs::read_to_string("/proc/locks").expect("/proc is mounted");
        locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&waiter))
    });
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
    drop(lock);
    let expected = "\
jail: note: waiting for another jail that is at work in the image store
jail: note: making a copy of 1 layer of `docker.io/library/own:latest`, in which files have their owners
because: this happens once for each id map
";
    told(&jail, running.finish().outputs("0\n"), 0, expected);
}

/// What was swept by another command than a run: one that only adds.
#[test]
fn what_a_killed_copy_leaves_the_next_writer_removes() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let jail = with_image(&[system(), many_files()]);
    sh(&jail, "id -u").succeeds();
    let left = store(&jail).join("tmp/left");
    let all = copies(&jail).into_iter();
    let copy = all.rev().find(|copy| copy.join("tree/d/7").exists()).expect("one of them has it");
    fs::rename(copy, &left).expect("root may");
    add_image(&jail, "more", &[Tar::new().file("more", 0o644, "")]);
    assert!(!left.exists());
    verifies_with_copies(&jail, 1);
}

#[test]
fn a_full_disk_leaves_the_store_valid() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let flags = ["--profile", "base", "--image", "own", "--ids", "subuid", "--user", "root"];
    let jail = Jail::new().args(flags);
    let disk = store(&jail);
    fs::create_dir_all(&disk).expect("it can be made");
    let owner = jail.user();
    let remount = |size: &str, flags| {
        let options = format!("size={size},mode=700,uid={},gid={}", owner.uid, owner.gid);
        mount(Some("tmpfs"), &disk, Some("tmpfs"), flags, Some(options.as_str()))
            .expect("root may");
    };
    remount("64M", MsFlags::empty());
    let result = std::panic::catch_unwind(|| {
        add_image(&jail, "own", &[system(), many_files()]);
        let used = nix::sys::statvfs::statvfs(&disk).expect("it is mounted");
        let used = (used.blocks() - used.blocks_free()) * used.fragment_size();
        remount(&format!("{}", used + (1 << 20)), MsFlags::MS_REMOUNT);
        for _ in 0..2 {
            let expected = "\
jail: note: making copies of 2 layers of `docker.io/library/own:latest`, in which files have their owners
because: this happens once for each id map
jail: error: cannot give the files of `docker.io/library/own:latest` to their owners
because: copying `/[..]` of layer `[..]`: no space left on device [ENOSPC]
help: make room, for example by `jail image prune`, and run the command again
";
            says(&jail, &sh(&jail, "id -u"), 125, expected);
            assert_eq!(copies(&jail), [] as [PathBuf; 0]);
            assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0]);
            verifies_with_copies(&jail, 0);
        }
        remount("200M", MsFlags::MS_REMOUNT);
        sh(&jail, "id -u").succeeds();
        verifies_with_copies(&jail, 2);
    });
    umount(&disk).expect("it is mounted");
    result.expect("what failed was told");
}

#[test]
fn limits_and_habits_of_the_caller_do_no_harm() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    let odd = "umask 0777; ulimit -n 20; trap '' CHLD; exec \"$@\"";
    let jail = jail.through(["sh", "-c", odd, "sh"]);
    sh(&jail, "stat -c '%u:%g %a' /srv/www").succeeds().outputs("33:34 700\n");
    let small = jail.through(["sh", "-c", "ulimit -f 1; exec \"$@\"", "sh"]);
    let small = small.args(["--user", "33:34"]);
    sh(&small, "id").exits(125).says("ended by signal").says("ulimit -f unlimited");
    assert_eq!(copies(&small).len(), 2);
    assert_eq!(entries(&small, "tmp"), [] as [PathBuf; 0]);
    verifies(&small.through([""; 0]));
}

#[test]
fn owners_that_do_not_exist_inside_are_refused() {
    require!(PROGRAM);
    require!(RANGES);
    for (uid, gid) in [(70_000, 0), (0, 70_000), (u32::MAX, u32::MAX), (u32::MAX, 0)] {
        let directory = || Tar::new().owner(uid, gid).directory("of/", 0o755);
        let owners = || Tar::new().owner(uid, gid);
        for layer in [directory(), owners().file("of", 0o644, "x"), owners().symlink("of", "x")] {
            let jail = with_image(&[system(), layer]);
            let jail = jail.args(["--quiet"]);
            let help = match uid {
                u32::MAX => "use `--ids single`: no range has this id",
                _ => {
                    "have a larger range in /etc/subuid and /etc/subgid (`sudo usermod --add-subuids \
                     FIRST-LAST --add-subgids FIRST-LAST NAME`), or use `--ids single`"
                }
            };
            let expected = format!(
                "jail: error: cannot give the files of `docker.io/library/own:latest` to their owners\n\
                 because: `/of` of layer `[..]` belongs to {uid}:{gid}; inside there are the users 0 to [..] \
                 and the groups 0 to [..]\n\
                 help: {help}\n"
            );
            says(&jail, &sh(&jail, "id -u"), 125, expected);
            assert_eq!(copies(&jail), [] as [PathBuf; 0]);
            assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0]);
            sh(&jail.args(["--ids", "single"]), "id -u").succeeds();
        }
    }
}

#[test]
fn a_layer_that_was_changed_is_not_copied() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    let mut layers = entries(&jail, "layers/sha256").into_iter();
    let layer = layers.find(|layer| layer.join("tree/srv/www").exists());
    let layer = layer.expect("one of them has it");
    let links = fs::read(layer.join("links")).expect("it was written");
    let refused = || {
        sh(&jail, "id -u").exits(125).says("the image store is damaged").says("--repair");
        image(&jail, &["verify"]).exits(1);
        assert_eq!(copies(&jail), [] as [PathBuf; 0]);
    };
    fs::write(layer.join("links"), b"0 0 srv/link\0").expect("root may");
    refused();
    fs::write(layer.join("links"), links).expect("root may");
    fs::write(layer.join("tree/srv/www/secret"), "changed!").expect("root may");
    refused();
}

#[test]
fn links_that_an_earlier_version_unpacked_are_not_given_to_root() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    for layer in entries(&jail, "layers/sha256") {
        let path = layer.join("layer.json");
        let record = fs::read_to_string(&path).expect("it was written");
        let mut record: Value = serde_json::from_str(&record).expect("JSON");
        record.as_object_mut().expect("an object").remove("links");
        fs::write(&path, record.to_string()).expect("root may");
        fs::remove_file(layer.join("links")).expect("root may");
    }
    verifies(&jail);
    let jail = jail.args(["--quiet"]);
    let expected = "\
jail: error: cannot give the files of `docker.io/library/own:latest` to their owners
because: nobody noted to whom `/[..]` of layer `[..]` belongs: an earlier version of jail unpacked it
help: run `jail image remove docker.io/library/own:latest`, `jail image prune`, and `jail image pull docker.io/library/own:latest`
";
    says(&jail, &sh(&jail, "id -u"), 125, expected);
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
}

#[test]
fn damaged_copies_are_found_and_made_anew() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let jail = with_image(&[system(), owned()]);
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("an owner in it was changed", |path| lchown(path, Some(0), None).expect("root may")),
        ("an owner in it was changed", |path| {
            let directory = path.parent().expect("it is in one");
            lchown(directory.with_file_name("link"), Some(5), None).expect("root may");
        }),
        ("a name, mode, size", |path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("root may");
        }),
        ("entries, and had", |path| fs::remove_file(path).expect("root may")),
        ("bytes, and had", |path| fs::write(path, "changed!").expect("root may")),
    ];
    for (words, change) in changes {
        sh(&jail, "id -u").succeeds();
        change(&in_copy(&jail, "srv/www/secret"));
        image(&jail, &["verify"]).exits(1).says("is damaged").says(words);
        image(&jail, &["verify", "--repair"]).exits(1).output_has("damaged, and removed: 1");
        assert_eq!(copies(&jail).len(), 1);
        verifies_with_copies(&jail, 1);
    }
    sh(&jail, "stat -c %u:%g /srv/www/secret /srv/link").exits(1).outputs("33:34\n");
}

#[test]
fn a_copy_of_another_map_is_no_copy_of_this_one() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let jail = with_image(&[system()]);
    sh(&jail, "id -u").succeeds();
    let key = entries(&jail, "owned").remove(0);
    fs::rename(&key, key.with_file_name("0".repeat(32))).expect("root may");
    image(&jail, &["verify"]).exits(1).says("is damaged");
    image(&jail, &["verify", "--repair"]).exits(1);
    verifies_with_copies(&jail, 0);
}
