//! Package managers on a real system.

use std::fs;
use std::process::{Command, Stdio};

use super::super::commands::image;
use super::{PROGRAM, RANGES, add_image, sh, system};
use crate::require;
use crate::support::{Feature, Finished, Jail, real_images, spawn};

/// Gives files to a user and a group that it makes, and to a group that there is.
const AFTER: &str = "#!/bin/sh\nset -e\n\
    adduser --system --group --no-create-home --home /var/lib/greeting greeting\n\
    chown -R greeting:greeting /var/lib/greeting\n\
    chgrp mail /etc/greeting /usr/bin/greeting\nchmod 0640 /etc/greeting\n\
    chmod 2755 /usr/bin/greeting\n";
const CONTROL: &str = "Package: greeting\nVersion: 1.0\nArchitecture: all\n\
    Maintainer: nobody <nobody@localhost>\nDepends: adduser\nDescription: greets\n";
const SCRIPT: &str = "set -e; cd /; rm -rf /etc/apt/sources.list*\n\
    echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list\n\
    apt-get update; apt-get install -y greeting\n\
    stat -c '%U:%G %a %n' var/lib/greeting var/lib/greeting/data etc/greeting usr/bin/greeting\n\
    greeting; apt-get remove -y greeting; dpkg --audit";

/// A repository with one package, `greeting`.
fn repository(jail: &Jail) {
    let place = jail.project();
    let tree = place.join("tree");
    for (path, content) in [
        ("DEBIAN/control", CONTROL),
        ("DEBIAN/postinst", AFTER),
        ("usr/bin/greeting", "#!/bin/sh\necho hello\n"),
        ("etc/greeting", "words\n"),
        ("var/lib/greeting/data", "data\n"),
    ] {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it can be made");
        fs::write(&path, content).expect("it can be written");
    }
    let build = "chmod 755 tree tree/DEBIAN/postinst tree/usr/bin/greeting; mkdir repository\n\
        dpkg-deb --root-owner-group --build tree repository/greeting.deb; cd repository\n\
        { dpkg-deb --field greeting.deb; echo Filename: ./greeting.deb\n\
        echo Size: $(stat -c %s greeting.deb); echo SHA256: $(sha256sum < greeting.deb | head -c 64)\n\
        } > Packages; chmod -R a+rX .";
    let mut command = Command::new("sh");
    command.args(["-ec", build]).current_dir(&place).stdout(Stdio::null());
    assert!(spawn(&mut command).wait().expect("it ends").success());
}

fn with_debian() -> Jail {
    let images = real_images().expect("they were required");
    let jail = Jail::new();
    repository(&jail);
    image(&jail, &["import", "-q", &format!("oci:{}/oci:base", images.display()), "debian"])
        .succeeds();
    let bind = format!("{}:/repository", jail.project().join("repository").display());
    jail.args(["--image", "debian", "--bind", &bind])
}

fn installed(finished: &Finished) {
    finished
        .succeeds()
        .output_has(
            "greeting:greeting 755 var/lib/greeting\n\
             greeting:greeting 644 var/lib/greeting/data\n\
             root:mail 640 etc/greeting\nroot:mail 2755 usr/bin/greeting\nhello\n",
        )
        .output_has("Removing greeting")
        .says_nothing_of("Operation not permitted")
        .says_nothing_of("Can not write log")
        .says_nothing_of("W: ");
}

#[test]
fn apt_installs_a_package_in_a_debian_image() {
    require!(RANGES);
    require!(Feature::Program("dpkg-deb"));
    require!(Feature::RealImages);
    let jail = with_debian().args(["--profile", "packages"]);
    installed(&sh(&jail, SCRIPT));
    // Thrown away, unless it is kept.
    sh(&jail, "greeting").exits(127);
    let jail = jail.args(["--keep", "packages"]);
    installed(&sh(&jail, SCRIPT));
    sh(&jail, "grep -c greeting /etc/passwd").succeeds().outputs("1\n");
}

#[test]
fn each_capability_of_the_profile_is_needed() {
    require!(RANGES);
    require!(Feature::Program("dpkg-deb"));
    require!(Feature::RealImages);
    let all = ["chown", "dac_override", "fowner", "fsetid", "setgid", "setuid"];
    let jail = with_debian();
    let run = |kept: &[&str]| {
        let flags = ["--profile", "base", "--ids", "subuid", "--user", "root"].into_iter();
        let flags = flags.chain(kept.iter().flat_map(|name| ["--cap-add", name]));
        let mut line = jail.run_line(["sh", "-c", SCRIPT]);
        line.splice(2..2, flags.map(Into::into));
        jail.run_outside(line)
    };
    installed(&run(&all));
    for left_out in all {
        let kept: Vec<&str> = all.into_iter().filter(|name| *name != left_out).collect();
        let finished = run(&kept);
        let whole = std::panic::catch_unwind(|| installed(&finished)).is_ok();
        assert!(!whole, "{left_out} is not needed");
    }
}

#[test]
fn with_one_id_a_note_says_what_to_change() {
    require!(PROGRAM);
    let note = "jail: note: `apt-get` had one user and one group, and could not give files to others \
         or become them\nhelp: run it with `--profile packages`, or with `--ids subuid` and the \
         capabilities that it needs\n";
    let jail = Jail::new();
    let manager = "#!/bin/sh\n[ -z \"$1\" ] && exit 0\necho \"E: setgroups\" >&2; exit 100\n";
    let more = super::Tar::new().file("bin/apt-get", 0o755, manager);
    add_image(&jail, "own", &[system(), more]);
    let jail = jail.args(["--profile", "base", "--image", "own", "--user", "root"]);
    let said = |words: &[&str]| {
        let finished = jail.run(words);
        String::from_utf8_lossy(&finished.stderr).into_owned()
    };
    let own = "E: setgroups\n";
    assert_eq!(said(&["apt-get", "update"]), format!("{own}{note}"));
    assert_eq!(said(&["sh", "-c", "cd /; apt-get update"]), format!("{own}{note}"));
    assert_eq!(said(&["apt-get"]), "");
    assert_eq!(said(&["sh", "-c", "echo apt; exit 3"]), note.replace("apt-get", "apt"));
    assert_eq!(said(&["sh", "-c", "exit 3"]), "");
    let other = jail.args(["--user", "33:34"]);
    other.run(["apt-get", "update"]).exits(100).says_nothing_of("note");
}
