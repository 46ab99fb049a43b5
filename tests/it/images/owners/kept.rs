//! What is kept of runs, where files belong to several users.

use super::{PROGRAM, RANGES, add_image, sh, system};
use crate::require;
use crate::support::Jail;

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
    let other = "cannot use what is kept as `work` with other ids";
    let jail = jail.args(["--user", "33:34"]);
    sh(&jail, "id").exits(125).says(other).says("by another user inside");
    let jail = jail.args(["--user", "root", "--ids", "single"]);
    sh(&jail, "id").exits(125).says(other).says("changes made with `ids = \"subuid\"`");
    let jail = jail.args(["--ids", "subuid"]);
    sh(&jail, "ls /made").succeeds();

    let single = keeping();
    sh(&single, "touch /made").succeeds();
    let single = single.args(["--user", "33:34"]);
    sh(&single, "ls /made").succeeds();
    let many = single.args(["--ids", "subuid", "--user", "root"]);
    sh(&many, "id").exits(125).says(other).says("changes made with `ids = \"single\"`");
    // As an earlier version left it.
    let noted = many.home().join(".local/state/jail/keep/work/ids");
    std::fs::remove_file(noted).expect("it was noted");
    sh(&many, "id").exits(125).says(other).says("changes made with `ids = \"single\"`");
}
