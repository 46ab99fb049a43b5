//! What is kept of runs, where files belong to several users.

use super::super::tar::Tar;
use super::{PROGRAM, RANGES, add_image, sh, system};
use crate::require;
use crate::support::{Feature, Jail};
use crate::words::says;

fn keeping() -> Jail {
    let jail = Jail::new();
    add_image(&jail, "own", &[system()]);
    jail.args(["--profile", "base", "--image", "own", "--keep", "work", "--cap-add", "chown"])
}

#[test]
fn owners_are_kept() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = keeping().args(["--ids", "subuid", "--user", "root"]);
    let make = "mkdir -m 0700 /srv/www && touch /srv/www/file && chown -R 33:34 /srv/www";
    sh(&jail, make).succeeds();
    sh(&jail, "stat -c '%u:%g %a' / /srv/www").succeeds().outputs("0:0 755\n33:34 700\n");
    let jail = jail.args(["--cap-add", "dac_override"]);
    sh(&jail, "rm -r /srv/www/file; ls /srv/www; stat -c %u /srv/www").succeeds().outputs("33\n");
}

#[test]
fn the_root_is_not_the_commands_unless_the_image_says_so() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = keeping().args(["--ids", "subuid", "--user", "33:34"]);
    for _ in 0..2 {
        sh(&jail, "stat -c %u:%g /; touch /made").exits(1).outputs("0:0\n");
    }
}

#[test]
fn other_ids_are_refused() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = keeping().args(["--ids", "subuid", "--user", "root"]);
    sh(&jail, "touch /made").succeeds();
    let made_with = |ids: &str| {
        format!(
            "jail: error: cannot use what is kept as `work` with other ids\n --> --user\n\
             because: it holds changes made with `ids = \"{ids}\"`\n\
             help: keep under another name, or run with the ids that it was begun with\n"
        )
    };
    let jail = jail.args(["--user", "33:34"]);
    let expected = "\
jail: error: cannot use what is kept as `work` with other ids
 --> --user
because: it holds changes made by another user inside, or with another range of /etc/subuid
help: keep under another name, or run with the ids that it was begun with
";
    says(&jail, &sh(&jail, "id"), 125, expected);
    let jail = jail.args(["--user", "root", "--ids", "single"]);
    says(&jail, &sh(&jail, "id"), 125, made_with("subuid"));
    let jail = jail.args(["--ids", "subuid"]);
    sh(&jail, "ls /made").succeeds();

    let single = keeping();
    sh(&single, "touch /made").succeeds();
    let single = single.args(["--user", "33:34"]);
    sh(&single, "ls /made").succeeds();
    let many = single.args(["--ids", "subuid", "--user", "root"]);
    says(&many, &sh(&many, "id"), 125, made_with("single"));
    // As an earlier version left it.
    let noted = many.home().join(".local/state/jail/keep/work/ids");
    std::fs::remove_file(noted).expect("it was noted");
    says(&many, &sh(&many, "id"), 125, made_with("single"));
}

/// What is given away only root removes.
#[test]
fn to_give_up_what_belongs_to_many_takes_root() {
    require!(Feature::Root);
    require!(PROGRAM);
    require!(RANGES);
    let jail = keeping().args(["--ids", "subuid", "--user", "root"]);
    sh(&jail, "mkdir -m 0700 /srv/www && touch /srv/www/file && chown -R 33:34 /srv/www")
        .succeeds();
    add_image(&jail, "more", &[system(), Tar::new().file("more", 0o644, "")]);
    let kept = jail.home().join(".local/state/jail/keep/work");
    let jail = jail.args(["--image", "more"]);
    let expected = "\
jail: error: cannot use what is kept as `work` with another image
 --> --keep
because: it holds changes to the image `docker.io/library/own:latest`, sha256:[..]
help: keep under another name, or give it up: sudo rm -rf [HOME]/.local/state/jail/keep/work
";
    says(&jail, &sh(&jail, "id"), 125, expected);
    jail.run_outside(["rm".as_ref(), "-rf".as_ref(), kept.as_os_str()]).fails();
    std::fs::remove_dir_all(&kept).expect("root may");
    sh(&jail, "ls /more").succeeds();
}
