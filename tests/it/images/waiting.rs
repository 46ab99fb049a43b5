//! Who waits for another jail is told so, and goes on when the other has ended.

use std::fs::{self, File};

use nix::fcntl::{Flock, FlockArg};

use super::commands::{entries, image, line, store};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::support::{Finished, Jail, wait_until};
use crate::words::told;

/// A store in which somebody once worked, and an image to be put into it.
fn begun() -> (Jail, Layout) {
    let jail = Jail::new();
    let tar = Tar::new().file("a", 0o644, "12345");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &[tar]);
    image(&jail, &["import", "--quiet", &layout.reference(), "app"]).succeeds();
    (jail, layout)
}

/// What another jail holds.
fn locked(file: File, how: FlockArg) -> Flock<File> {
    Flock::lock(file, how).expect("nobody else has it")
}

fn lock_of(jail: &Jail) -> File {
    File::open(store(jail).join("lock")).expect("an import made it")
}

/// Runs `jail image` with these words, and gives up `lock` when it is waited for.
#[track_caller]
fn waits(jail: &Jail, words: &[&str], lock: Flock<File>) -> Finished {
    let running = jail.start_line(line(words));
    let waiter = format!(" {} ", running.pid());
    wait_until("somebody waits for the lock", || {
        let locks = fs::read_to_string("/proc/locks").expect("/proc is mounted");
        locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&waiter))
    });
    drop(lock);
    running.finish()
}

const SHORT: usize = 12;

#[test]
fn who_removes_is_waited_for_by_who_verifies_and_who_imports() {
    let (jail, layout) = begun();
    let lock = || locked(lock_of(&jail), FlockArg::LockExclusive);
    let verified = waits(&jail, &["verify"], lock());
    verified.outputs("names: 1, documents: 2, layers: 1; all as it should be\n");
    let at_work = "jail: note: waiting for another jail that is at work in the image store\n";
    told(&jail, &verified, 0, at_work);
    let imported = waits(&jail, &["import", &layout.reference(), "other"], lock());
    told(&jail, &imported, 0, "jail: waiting for another jail that removes images\n");
    // Who takes away waits for who adds.
    let adds = locked(lock_of(&jail), FlockArg::LockShared);
    let removed = waits(&jail, &["prune"], adds);
    told(&jail, &removed, 0, at_work);
}

#[test]
fn a_layer_that_another_makes_is_waited_for() {
    let (jail, layout) = begun();
    let layer = entries(&jail, "layers/sha256").remove(0);
    let hex = layer.file_name().and_then(|name| name.to_str()).expect("a digest").to_owned();
    image(&jail, &["remove", "app"]).succeeds();
    image(&jail, &["prune"]).succeeds();
    let path = store(&jail).join("locks").join(format!("sha256-{hex}"));
    fs::write(&path, "").unwrap();
    jail.user().own(&path);
    // Whoever makes one adds to the store.
    let adds = locked(lock_of(&jail), FlockArg::LockShared);
    let makes = locked(File::open(&path).unwrap(), FlockArg::LockExclusive);
    let imported = waits(&jail, &["import", &layout.reference(), "app"], makes);
    drop(adds);
    let blob = layout.blobs[0].to_string();
    let label = format!("jail: layer 1/1 {}: ", &blob["sha256:".len()..][..SHORT]);
    let size = fs::metadata(layout.blob(&layout.blobs[0])).unwrap().len();
    told(
        &jail,
        &imported,
        0,
        format!("{label}waiting for another jail that makes it\n{label}{size} B\n"),
    );
}
