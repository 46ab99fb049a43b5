//! Other roots than the host's: a directory, in each of its modes, and none.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::require;
use crate::support::{Feature, Jail};

const BUSYBOX: &str = "/bin/busybox";

/// A small system made of one static program, beside the home.
fn rootfs(jail: &Jail) -> PathBuf {
    let rootfs = jail.elsewhere().join("rootfs");
    let script = "set -e; mkdir -p \"$1\"; cd \"$1\"\n\
        mkdir bin etc proc dev tmp run var var/tmp\n\
        cp /bin/busybox bin/; for name in sh cat ls rm mv touch id; do ln -s busybox bin/$name; done\n\
        echo small > etc/name; mkdir -p srv/data; echo data > srv/data/file";
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).arg(&rootfs);
    jail.user().apply(&mut command);
    let made = command.output().expect("there is a shell");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    rootfs
}

#[test]
fn a_root_directory_is_all_that_the_command_sees() {
    require!(Feature::Path(BUSYBOX));
    let jail = Jail::new().file("here", "project\n");
    let rootfs = rootfs(&jail);
    let jail = jail.flag("--root").flag(&rootfs);
    let look = "cat /etc/name here; [ ! -e /usr ] || echo usr; \
                (echo x > /srv/x) 2>/dev/null || echo refused";
    jail.run(["sh", "-c", look]).succeeds().outputs("small\nproject\nrefused\n");
    assert!(!rootfs.join("srv/x").exists() && !rootfs.join("tmp/x").exists());
}

#[test]
fn writes_to_an_overlay_root_are_thrown_away() {
    require!(Feature::Path(BUSYBOX));
    let jail = Jail::new();
    let rootfs = rootfs(&jail);
    let jail = jail.flag("--root").flag(&rootfs).args(["--root-mode", "overlay"]);
    let change =
        "echo big > /etc/name; rm -r /srv/data; echo x > /new; cat /etc/name; ls /srv /new";
    jail.run(["sh", "-c", change]).succeeds().outputs("big\n/new\n\n/srv:\n");
    assert_eq!(fs::read_to_string(rootfs.join("etc/name")).expect("it is there"), "small\n");
    assert!(rootfs.join("srv/data/file").exists() && !rootfs.join("new").exists());
    jail.run(["cat", "/etc/name"]).outputs("small\n");
}

#[test]
fn writes_to_a_writable_root_stay() {
    require!(Feature::Path(BUSYBOX));
    let jail = Jail::new();
    let rootfs = rootfs(&jail);
    let jail = jail.args(["--profile", "base"]).flag("--root").flag(&rootfs);
    let jail = jail.args(["--root-mode", "write", "--workdir", "/srv"]);
    jail.run(["sh", "-c", "echo big > /etc/name; mv data moved; echo private > /tmp/x"]).succeeds();
    let before: Vec<_> = names(&rootfs);
    assert_eq!(fs::read_to_string(rootfs.join("etc/name")).expect("it is there"), "big\n");
    assert!(rootfs.join("srv/moved/file").exists() && !rootfs.join("tmp/x").exists());
    // No mount point was made in it.
    assert_eq!(before, ["bin", "dev", "etc", "proc", "run", "srv", "tmp", "var"]);
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is there").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
    names.sort();
    names
}

#[test]
fn an_empty_root_holds_what_is_granted() {
    let jail = Jail::new().file("here", "").args(["--root", "empty"]);
    jail.probe("list .").answers("here").is_silent();
    jail.probe("read /etc/ld.so.cache").refused("ENOENT");
    jail.probe("list /usr").refused("ENOENT");
    jail.run(["sh", "-c", "true"]).exits(127);
}

#[test]
fn writes_to_an_overlay_of_the_hosts_system_are_thrown_away() {
    let jail = Jail::new();
    // Beside what is the host's: that belongs to root, and stays so.
    let path = format!("/jail-test-{}/file", std::process::id());
    let write = "mkdir ${1%/*} && echo x > $1 && cat $1";
    let line = ["sh", "-c", write, "sh", &path];
    jail.run(line).exits(1).says("Read-only file system");
    jail.args(["--root-mode", "overlay"]).run(line).succeeds().outputs("x\n");
    assert!(!std::path::Path::new(&path).exists());
}
