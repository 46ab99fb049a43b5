//! What is kept of runs, where it cannot be used: each message whole.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::layers::{BUSYBOX, Images};
use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary};
use crate::words::{says, told};

const PROGRAM: Feature = Feature::Path("/bin/busybox");

fn with_images() -> Jail {
    let jail = Jail::new();
    Images::default()
        .image("small:1", &[BUSYBOX], |_| ())
        .image("other", &[BUSYBOX, "mkdir other"], |_| ())
        .into_store_of(&jail);
    jail
}

/// A project whose user has an image, and keeps under the name `work`.
fn keeping() -> Jail {
    with_images().args(["--image", "small:1", "--keep", "work"])
}

fn place(jail: &Jail) -> PathBuf {
    jail.home().join(".local/state/jail/keep/work")
}

fn plan(jail: &Jail) -> Finished {
    let words = ["plan", "--image", "small:1", "--keep", "work", "pwd"];
    let words = words.map(std::ffi::OsString::from);
    jail.run_outside(std::iter::once(jail_binary().into()).chain(words))
}

#[test]
fn a_place_that_cannot_be_made_is_named() {
    require!(PROGRAM);
    let jail = keeping().home_file(".local/state/jail/keep", "a file");
    let expected = "\
jail: error: cannot keep changes under the name `work`
 --> --keep
because: [HOME]/.local/state/jail/keep/work: not a directory [ENOTDIR]
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    let above = place(&jail).parent().unwrap().to_owned();
    fs::remove_file(&above).unwrap();
    fs::create_dir(&above).unwrap();
    jail.user().own(&above);
    fs::set_permissions(&above, fs::Permissions::from_mode(0o555)).unwrap();
    let expected = "\
jail: error: cannot keep changes under the name `work`
 --> --keep
because: [HOME]/.local/state/jail/keep/work: permission denied [EACCES]
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    assert_eq!(fs::read_dir(&above).unwrap().count(), 0, "nothing is left");
}

#[test]
fn another_image_is_refused_with_a_way_to_give_up_what_is_kept() {
    require!(PROGRAM);
    let jail = keeping();
    jail.run(["touch", "/made"]).succeeds();
    let digest = fs::read_to_string(place(&jail).join("image")).unwrap();
    let digest = digest.lines().next().unwrap();
    let other = with_images().args(["--image", "other", "--keep", "work"]);
    // The same state for another project.
    let state = jail.home().join(".local/state");
    let other = other.env("XDG_STATE_HOME", &state);
    let kept = place(&jail).display().to_string();
    let expected = format!(
        "jail: error: cannot use what is kept as `work` with another image\n --> --keep\n\
         because: it holds changes to the image `docker.io/library/small:1`, {digest}\n\
         help: keep under another name, or give it up: rm -rf {kept}\n"
    );
    says(&other, &other.run(["touch", "ran"]), 125, expected);
    // A name that leads to a new image by now.
    let renewed = Jail::new().env("XDG_STATE_HOME", &state);
    Images::default()
        .image("other", &[BUSYBOX], |_| ())
        .image("small:1", &[BUSYBOX, "mkdir new"], |_| ())
        .into_store_of(&renewed);
    let renewed = renewed.args(["--image", "small:1", "--keep", "work"]);
    let expected = format!(
        "jail: error: cannot use what is kept as `work` with another image\n --> --keep\n\
         because: it holds changes to an earlier image of the name `docker.io/library/small:1`, {digest}\n\
         help: keep under another name, or give it up: rm -rf {kept}\n"
    );
    says(&renewed, &renewed.run(["touch", "ran"]), 125, expected);
    jail.run_outside(["rm", "-rf", &kept]).succeeds();
    renewed.run(["ls", "-d", "/new"]).succeeds().outputs("/new\n");
}

/// Who has it is told, by its number where that is known.
#[test]
fn what_another_run_uses_is_refused() {
    require!(PROGRAM);
    let jail = keeping();
    let mut running = jail.start(["sh", "-c", "echo ready; cat"]);
    running.wait_for("ready");
    let pid = running.pid();
    let expected = |who: &str| {
        format!(
            "jail: error: cannot use what is kept as `work`\n --> --keep\n\
             because: {who} uses it at the moment\n\
             help: wait for its end, or keep under another name\n"
        )
    };
    says(&jail, &jail.run(["touch", "ran"]), 125, expected(&format!("process {pid}")));
    jail.run_outside(["true"]).succeeds();
    running.finish().succeeds();
    jail.run(["pwd"]).succeeds();
    fs::write(place(&jail).join("lock"), "").unwrap();
    let lock = File::open(place(&jail).join("lock")).unwrap();
    let lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    says(&jail, &jail.run(["touch", "ran"]), 125, expected("another process"));
    drop(lock);
    jail.run(["pwd"]).succeeds();
}

#[test]
fn what_others_could_have_kept_is_refused() {
    require!(PROGRAM);
    let jail = keeping();
    jail.run(["touch", "/mine"]).succeeds();
    fs::set_permissions(place(&jail), fs::Permissions::from_mode(0o775)).unwrap();
    let expected = "\
jail: error: cannot use what is kept as `work`
 --> --keep
because: others may write to `[HOME]/.local/state/jail/keep/work`
help: if nobody else has used it: chmod 700 [HOME]/.local/state/jail/keep/work
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    told(&jail, plan(&jail).outputs(""), 125, expected);
    fs::set_permissions(place(&jail), fs::Permissions::from_mode(0o700)).unwrap();
    jail.run(["ls", "/mine"]).succeeds();
}

/// Files in the place of directories, links in that of files: nothing of it is followed or taken for empty.
#[test]
fn what_jail_did_not_leave_there_is_named() {
    require!(PROGRAM);
    let jail = keeping();
    jail.run(["touch", "/made"]).succeeds();
    let kept = place(&jail);
    let saved = kept.with_file_name("saved");
    let instead = |part: &str, put: fn(&Path), finished: &dyn Fn() -> Finished, expected: &str| {
        fs::rename(kept.join(part), &saved).unwrap();
        put(&kept.join(part));
        told(
            &jail,
            finished().outputs(""),
            125,
            expected.replace("[KEPT]", "[HOME]/.local/state/jail/keep/work"),
        );
        assert!(!jail.project().join("ran").exists());
        let _ = fs::remove_file(kept.join(part)).or_else(|_| fs::remove_dir(kept.join(part)));
        fs::rename(&saved, kept.join(part)).unwrap();
    };
    let run = || jail.run(["touch", "ran"]);
    let file = |path: &Path| fs::write(path, "").unwrap();
    let link = |path: &Path| symlink("/etc/passwd", path).unwrap();
    let directory = |path: &Path| fs::create_dir(path).unwrap();
    let plan = || plan(&jail);
    instead(
        "upper",
        file,
        &plan,
        "\
jail: error: cannot tell what is kept as `work`
 --> --keep
because: [KEPT]: not a directory [ENOTDIR]
",
    );
    instead(
        "image",
        directory,
        &plan,
        "\
jail: error: cannot tell what is kept as `work`
 --> --keep
because: [KEPT]: is a directory [EISDIR]
",
    );
    instead(
        "image",
        link,
        &run,
        "\
jail: error: cannot keep changes under the name `work`
 --> --keep
because: [KEPT]: too many symbolic links encountered [ELOOP]
",
    );
    instead(
        "ids",
        link,
        &run,
        "\
jail: error: cannot keep changes under the name `work`
 --> [..]
because: [KEPT]/ids: too many symbolic links encountered [ELOOP]
",
    );
    instead(
        "lock",
        link,
        &run,
        "\
jail: error: cannot use what is kept as `work`
 --> --keep
because: [KEPT]/lock: too many symbolic links encountered [ELOOP]
",
    );
    jail.run(["ls", "/made"]).succeeds();
}
