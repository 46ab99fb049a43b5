//! What the command sees of owners, and what it can do with them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::commands::store;
use super::{PROGRAM, RANGES, copies, owned, sh, system, with_image};
use crate::require;
use crate::support::{Feature, Jail};

const LOOK: &str = "cd /; stat -c '%u:%g %a %n' / etc/shadow srv/www srv/bits srv/bits/id srv/changed; \
     stat -c '%u:%g %a %h %n' bin/sh srv/www/secret srv/www/other srv/link srv/link2 srv/fifo \
     srv/fifo2 srv/nobodys srv/roots srv/again srv/gone/link";
const OWNERS: &str = "0:0 755 /\n0:42 2640 etc/shadow\n33:34 700 srv/www\n33:34 2775 srv/bits\n\
     33:34 4755 srv/bits/id\n0:0 755 srv/changed\n0:0 777 1 bin/sh\n\
     33:34 600 2 srv/www/secret\n33:34 600 2 srv/www/other\n33:34 777 9 srv/link\n\
     33:34 777 9 srv/link2\n33:34 620 2 srv/fifo\n33:34 620 2 srv/fifo2\n\
     65534:65534 777 1 srv/nobodys\n0:0 777 1 srv/roots\n0:0 777 1 srv/again\n\
     0:0 777 1 srv/gone/link\n";

#[test]
fn files_links_and_fifos_belong_to_whom_the_image_says() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]).args(["--cap-add", "dac_override"]);
    sh(&jail, LOOK).succeeds().outputs(OWNERS);
    // Whoever the command is.
    let jail = jail.args(["--user", "1:1"]);
    sh(&jail, LOOK).succeeds().outputs(OWNERS);
}

#[test]
fn modes_are_obeyed_between_the_users_of_an_image() {
    require!(PROGRAM);
    require!(RANGES);
    let root = with_image(&[system(), owned()]);
    sh(&root, "cat /srv/www/secret").exits(1).says("Permission denied");
    sh(&root, "chown 33 /etc/passwd").exits(1).says("Operation not permitted");
    let www = root.args(["--user", "33:34"]);
    sh(&www, "id -u; cat /srv/www/secret").succeeds().outputs("33\ns3cr3t");
    sh(&www, "cat /etc/shadow").exits(1).says("Permission denied");
    sh(&www, "touch /etc/made").exits(1).says("Permission denied");
    sh(&www, "touch /made").exits(1).says("Permission denied");
}

#[test]
fn what_is_given_away_is_thrown_away() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]).args(["--cap-add", "chown"]);
    let change = "chown 5:6 /etc/passwd && chown -h 7:8 /srv/roots && mkdir /new && chown 9 /new";
    let look = "stat -c %u:%g /etc/passwd /srv/roots";
    sh(&jail, &format!("{change}; {look} /new")).succeeds().outputs("5:6\n7:8\n9:0\n");
    sh(&jail, look).succeeds().outputs("0:0\n0:0\n");
    sh(&jail, "chown 70000 /etc/passwd").exits(1).says("Invalid argument");
}

#[test]
fn set_id_bits_of_others_do_nothing() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]);
    sh(&jail, "/srv/bits/id -u; /srv/bits/id -g").succeeds().outputs("0\n0\n");
    sh(&jail, "grep ' / / ' /proc/self/mountinfo").succeeds().output_has("nosuid");
}

#[test]
fn who_leaves_root_leaves_its_capabilities() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system()]).args(["--profile", "packages"]);
    let look = "grep -c -E 'Cap(Prm|Eff|Amb):.0+$' /proc/self/status";
    sh(&jail, look).exits(1).outputs("0\n");
    let other = format!("su www -s /bin/sh -c \"id -u; {look}\"");
    sh(&jail, &other).succeeds().outputs("33\n3\n");
    // Nor can it come back.
    sh(&jail, "su www -s /bin/sh -c 'chown 0 /srv; su root -c id'")
        .exits(1)
        .says("Operation not permitted")
        .output_lacks("uid=0");
}

#[test]
fn nobody_else_on_the_machine_reaches_files_of_subordinate_ids() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Root);
    let jail = with_image(&[system(), owned()]);
    sh(&jail, "id -u").succeeds();
    let program = copies(&jail)
        .into_iter()
        .map(|copy| copy.join("tree/srv/bits/id"))
        .find(|program| program.exists())
        .expect("one of the layers has it");
    let found = fs::metadata(&program).expect("root may look");
    assert_ne!(found.uid(), jail.user().uid);
    assert_ne!(found.uid(), 33);
    assert_eq!(found.mode() & 0o7777, 0o4755);
    let attack = || {
        let mut command = Command::new(&program);
        let outcome = command.arg("-u").uid(65534).gid(65534).stdout(Stdio::null()).status();
        outcome.is_ok_and(|status| status.success())
    };
    let enterable = |directory: &Path| {
        let mode = fs::metadata(directory).expect("root may look").mode() | 0o111;
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).expect("root may");
    };
    // All on the way to it but one directory.
    let closed = store(&jail).join("owned");
    let way = program.ancestors().skip(1).take_while(|directory| **directory != *jail.home());
    way.filter(|directory| **directory != *closed).for_each(enterable);
    assert!(!attack());
    enterable(&closed);
    assert!(attack(), "the attack works where all may enter");
}

/// A run's root is its caller outside, who owns the store.
#[test]
fn the_copies_are_out_of_reach_of_the_command() {
    require!(PROGRAM);
    require!(RANGES);
    let jail = with_image(&[system(), owned()]).args(["--profile", "packages"]);
    sh(&jail, "id -u").succeeds();
    let place = store(&jail).join("owned");
    let path = place.display();
    sh(&jail, &format!("ls {path}")).exits(1).says("No such file");
    let home = jail.home();
    let shown = jail.args(["--write".into(), home.join(".local").into_os_string()]);
    sh(&shown, &format!("ls {path}")).exits(1).output_lacks("sha256");
    let granted = with_image(&[system()]);
    let inner = store(&granted).join("owned");
    sh(&granted, "id -u").succeeds();
    granted.flag("--write").flag(inner).run(["id"]).exits(125).says("jail keeps its own files in");
}

#[test]
fn where_there_are_no_ranges_auto_has_one_id() {
    require!(PROGRAM);
    require!(Feature::Root);
    // An account that nobody has, and so without a range.
    let id = 54_321;
    let jail = Jail::as_root();
    let store = jail.elsewhere().join("store");
    fs::create_dir(&store).expect("root may");
    chown(&store, Some(id), Some(id)).expect("root may");
    let id = id.to_string();
    let jail = jail.env("XDG_DATA_HOME", store).env("USER", "no-one-here").through([
        "setpriv",
        "--reuid",
        &id,
        "--regid",
        &id,
        "--clear-groups",
    ]);
    super::add_image(&jail, "own", &[system(), owned()]);
    let jail = jail.args(["--profile", "base", "--image", "own", "--user", "root", "--ids"]);
    let auto = jail.flag("auto");
    sh(&auto, "stat -c %u:%g /srv/www /srv/link").succeeds().outputs("0:0\n0:0\n");
    let subuid = auto.args(["--ids", "subuid"]);
    sh(&subuid, "id").exits(125).says("`no-one-here` has no range in `/etc/subuid`");
}
