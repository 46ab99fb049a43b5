//! Images in which files belong to several users: `ids = "subuid"`.

mod foreign;
mod inside;
mod kept;
mod obstacles;
mod packages;
mod store;

use std::fs;
use std::path::PathBuf;

use super::commands::image;
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::support::{Feature, Finished, Jail};

const RANGES: Feature = Feature::Program("newuidmap");
const PROGRAM: Feature = Feature::Path("/bin/busybox");

/// A small system made of one static program.
fn system() -> Tar {
    let program = fs::read("/bin/busybox").expect("`PROGRAM` was required");
    let directories = ["bin/", "etc/", "proc/", "dev/", "tmp/", "run/", "root/", "var/", "srv/"];
    let tar = directories.iter().fold(Tar::new(), |tar, name| tar.directory(name, 0o755));
    let names = [
        "sh", "cat", "chgrp", "chmod", "chown", "grep", "id", "ls", "mkdir", "mv", "rm", "sleep",
        "stat", "su", "touch",
    ];
    let tar = tar.file("bin/busybox", 0o755, program);
    let tar = names.iter().fold(tar, |tar, name| tar.symlink(&format!("bin/{name}"), "busybox"));
    tar.file("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\nwww:x:33:34::/srv/www:/bin/sh\n").file(
        "etc/group",
        0o644,
        "root:x:0:\nwww:x:34:\nmail:x:8:\n",
    )
}

/// Files, links and fifos of another user, with all kinds of modes.
fn owned() -> Tar {
    let tar = Tar::new()
        .directory("srv/", 0o755)
        .owner(33, 34)
        .directory("srv/www/", 0o700)
        .file("srv/www/secret", 0o600, "s3cr3t")
        .hard_link("srv/www/other", "srv/www/secret")
        .symlink("srv/link", "www")
        .fifo("srv/fifo", 0o620)
        .hard_link("srv/fifo2", "srv/fifo")
        .directory("srv/bits/", 0o2775)
        .file("srv/bits/id", 0o4755, fs::read("/bin/busybox").expect("`PROGRAM` was required"))
        .symlink("srv/again", "x")
        .directory("srv/gone/", 0o755)
        .symlink("srv/gone/link", "x")
        .owner(0, 42)
        .directory("etc/", 0o755)
        .file("etc/shadow", 0o2640, "hash")
        .owner(65534, 65534)
        .symlink("srv/nobodys", "nowhere")
        .directory("srv/changed/", 0o755)
        .owner(0, 0)
        .directory("srv/changed/", 0o755)
        .symlink("srv/roots", "nowhere")
        .symlink("srv/again", "y")
        .file("srv/gone", 0o644, "x")
        .directory("srv/gone/", 0o755)
        .symlink("srv/gone/link", "y");
    // Whichever of its names comes first when the directory is read.
    (2..10).fold(tar, |tar, number| tar.hard_link(&format!("srv/link{number}"), "srv/link"))
}

/// A project whose user has an image of these layers, `own`; root inside, without capabilities.
fn with_image(layers: &[Tar]) -> Jail {
    let jail = Jail::new();
    add_image(&jail, "own", layers);
    jail.args(["--profile", "base", "--image", "own", "--ids", "subuid", "--user", "root"])
}

fn add_image(jail: &Jail, name: &str, layers: &[Tar]) {
    let place = jail.elsewhere().join(name);
    let layout = Layout::lying(place, Packing::Plain, layers, |_, config| {
        config["config"]["User"] = "".into();
    });
    image(jail, &["import", "-q", &layout.reference(), name]).succeeds();
}

fn sh(jail: &Jail, script: &str) -> Finished {
    jail.run(["sh", "-c", script])
}

/// The directories of all copies in the store.
fn copies(jail: &Jail) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for key in super::commands::entries(jail, "owned") {
        let layers = fs::read_dir(key.join("sha256")).into_iter().flatten();
        all.extend(layers.map(|entry| entry.expect("it can be read").path()));
    }
    all
}
