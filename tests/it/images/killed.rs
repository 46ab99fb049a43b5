//! Killed at any moment: the store stays valid, and no tree is half there.
//!
//! The moments are what these tests are about; nothing depends on how exact they are.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::commands::{entries, image, line, many_files, verifies};
use super::layout::{Layout, Packing};
use super::registry::pattern;
use super::registry::running::{Guard, Running};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Jail, Tree, spawn};

const MOMENTS: u32 = 30;

/// One moment in each thirtieth of the time that the whole takes, by chance where in it, but the
/// same in each run (Marsaglia, "Xorshift RNGs").
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    let mut state = 2_463_534_242_u32;
    (0..MOMENTS).map(move |moment| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        whole.mul_f64((f64::from(moment) + f64::from(state) / f64::from(u32::MAX)) / 30.0)
    })
}

/// How long a command takes that nobody kills.
fn duration(jail: &Jail, words: &[&str]) -> Duration {
    let begun = Instant::now();
    image(jail, words).succeeds();
    begun.elapsed()
}

/// Kills a command with all that it has started; says whether it was still there.
fn kill(jail: &Jail, words: &[&str], after: Duration) -> bool {
    let mut command = jail.command(&line(words));
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(quiet.process_group(0));
    std::thread::sleep(after);
    let group = Pid::from_raw(child.id().try_into().unwrap());
    // It is not waited for yet, so its number is nobody else's.
    killpg(group, Signal::SIGKILL).unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_at_any_moment_the_store_is_valid() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    let words = ["import", "-q", &layout.reference(), "many"];
    let whole = duration(&jail, &words);
    forget(&jail, "many");
    let mut killed = 0;
    for (number, moment) in (1..).zip(moments(whole)) {
        let ended = kill(&jail, &words, moment);
        killed += u32::from(ended);
        verifies(&jail);
        assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0], "{moment:?}: swept");
        if number % 5 == 0 {
            image(&jail, &words).succeeds();
            verifies(&jail);
        }
        if entries(&jail, "references").is_empty() {
            image(&jail, &["prune"]).succeeds();
        } else {
            forget(&jail, "many");
        }
    }
    assert!(killed > 0, "something was killed");
}

/// Three times in a row, so that what goes on from a broken download breaks off as well.
#[test]
fn a_pull_that_is_killed_at_any_moment_goes_on_and_gives_the_same() {
    require!(Feature::Program("docker-registry"));
    require!(Feature::Program("skopeo"));
    let jail = Jail::new();
    let registry = Running::start(Guard::Nothing);
    let noise = pattern(8_000_000);
    let layers: Vec<Tar> = noise
        .chunks(2_000_000)
        .enumerate()
        .map(|(layer, noise)| {
            Tar::new().file(&format!("{layer}"), 0o644, noise).file("top", 0o644, noise)
        })
        .collect();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers);
    let name = registry.take(&layout.reference());
    let words = ["pull", &name];
    let whole = duration(&jail, &words);
    let tree = |number: u32| {
        let tree = jail.home().join(format!("tree-{number}"));
        image(&jail, &["unpack", &name, tree.to_str().unwrap()]).succeeds();
        contents(&tree)
    };
    let first = tree(0);
    assert_eq!(first.len(), 6);
    forget(&jail, &name);
    let (mut killed, mut resumed) = (0, 0);
    for (number, moment) in (1..).zip(moments(whole)) {
        let ended = kill(&jail, &words, moment);
        killed += u32::from(ended);
        verifies(&jail);
        assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0], "{moment:?}: swept");
        let listed = image(&jail, &["list", "--json"]).stdout_text();
        assert!(!ended || listed == "[]\n" || listed.contains(&layout.digest.to_string()));
        if number % 3 == 0 {
            let pulled = image(&jail, &words);
            pulled.succeeds().outputs(&format!("{}\n", layout.digest));
            let said = String::from_utf8_lossy(&pulled.stderr).into_owned();
            resumed += said.matches("going on after").count();
            assert!(!said.contains("damaged"), "{said}");
            verifies(&jail);
            assert_eq!(entries(&jail, "partial"), [] as [PathBuf; 0], "{moment:?}");
            assert!(tree(number) == first, "{moment:?}");
            forget(&jail, &name);
        }
    }
    assert!(killed > 0 && resumed > 0, "killed {killed} times, went on {resumed} times");
}

/// Names and contents, in order.
fn contents(tree: &std::path::Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut all = vec![(PathBuf::new(), None)];
    for entry in fs::read_dir(tree).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.strip_prefix(tree).unwrap().to_owned(), fs::read(&path).ok()));
    }
    all.sort();
    all
}

fn forget(jail: &Jail, name: &str) {
    image(jail, &["remove", name]).succeeds();
    image(jail, &["prune"]).succeeds();
}

#[test]
fn killed_at_any_moment_an_unpacked_tree_is_whole_or_not_there() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    image(&jail, &["import", "-q", &layout.reference(), "many"]).succeeds();
    unpacks_whole_or_not_at_all(&jail, "many");
    verifies(&jail);
}

/// What no store has is unpacked another way.
#[test]
fn killed_at_any_moment_a_tree_without_the_store_is_whole_or_not_there() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    unpacks_whole_or_not_at_all(&jail, &layout.reference());
}

#[track_caller]
fn unpacks_whole_or_not_at_all(jail: &Jail, from: &str) {
    let place = jail.project().join("trees");
    fs::create_dir(&place).unwrap();
    jail.user().own(&place);
    let tree = place.join("tree");
    let words = ["unpack", from, tree.to_str().unwrap()];
    let whole = duration(jail, &words);
    let first = Tree::recorded(&tree);
    let (mut killed, mut left) = (0, 0);
    for moment in moments(whole) {
        if tree.exists() {
            Tree::recorded(&tree).equals(&first, &format!("{moment:?}: half a tree"));
            fs::remove_dir_all(&tree).unwrap();
        }
        killed += u32::from(kill(jail, &words, moment));
        let names = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name());
        let beside: Vec<_> = names.filter(|name| name != "tree").collect();
        // What an earlier one left is gone; what this one leaves says what it is.
        assert!(beside.len() <= 1, "{beside:?}");
        left += beside.len();
        let mark = "tree.jail-unfinished-";
        assert!(beside.iter().all(|name| name.to_str().unwrap().starts_with(mark)), "{beside:?}");
    }
    assert!(killed > 0 && left > 0, "killed {killed} times, left something {left} times");
    let _ = fs::remove_dir_all(&tree);
    image(jail, &words).succeeds();
    Tree::recorded(&tree).equals(&first, "in the end");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn only_what_a_killed_unpack_has_left_is_removed() {
    let jail = Jail::new();
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &many_files());
    let mut gone = spawn(&mut Command::new("true"));
    gone.wait().unwrap();
    let gone = gone.id();
    let directory = |name: String| {
        let path = jail.project().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("file"), "").unwrap();
        jail.user().own(&path);
        path
    };
    let abandoned = directory(format!("tree.jail-unfinished-{gone}"));
    let kept = [
        directory(format!("tree.jail-unfinished-{}", std::process::id())),
        directory(format!("tree.jail-unfinished-x{gone}")),
        directory(format!("other.jail-unfinished-{gone}")),
        directory("tree.jail-unfinished-".to_owned()),
        directory("tree.jail-unfinished--1".to_owned()),
        directory("tree.jail-unfinished-0".to_owned()),
    ];
    image(&jail, &["unpack", &layout.reference(), "tree"]).succeeds();
    assert!(!abandoned.exists());
    for path in &kept {
        assert!(path.join("file").exists(), "{}", path.display());
    }
    // One that works in another pid namespace, where its number says nothing, has a lock.
    let busy = directory(format!("new.jail-unfinished-{gone}"));
    let lock = Flock::lock(File::open(&busy).unwrap(), FlockArg::LockExclusive).unwrap();
    image(&jail, &["unpack", &layout.reference(), "new"]).succeeds();
    assert!(busy.join("file").exists());
    drop(lock);
    // A link with such a name leads nowhere.
    let target = directory("target".to_owned());
    let link = jail.project().join(format!("third.jail-unfinished-{gone}"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    jail.user().own(&link);
    image(&jail, &["unpack", &layout.reference(), "third"]).succeeds();
    assert!(target.join("file").exists());
}
