//! System calls that fail while images are stored, kept and copied, by strace(1).

use std::path::PathBuf;

use super::commands::{entries, image, verifies};
use super::copies::{Stacked, with_image};
use super::layout::{Layout, Packing};
use super::tar::Tar;
use crate::require;
use crate::support::{Feature, Jail};
use crate::words::says;

const PROGRAM: Feature = Feature::Path("/bin/busybox");
const STRACE: Feature = Feature::Program("strace");

/// Options for one fault: a system call, and what becomes of it.
fn faults(fault: &str) -> [String; 4] {
    let call = fault.split(':').next().unwrap();
    ["-e".to_owned(), format!("trace={call}"), "-e".to_owned(), format!("inject={fault}")]
}

/// All of it with these faults.
fn with_fault(jail: Jail, fault: &[String]) -> Jail {
    let options = ["strace", "-f", "-qq", "-o", "/dev/null"].map(str::to_owned);
    jail.through(options.iter().chain(fault))
}

fn without_fault(jail: Jail) -> Jail {
    jail.through([""; 0])
}

#[test]
fn a_store_that_cannot_be_locked_is_told() {
    require!(STRACE);
    require!(Feature::Tracing);
    let jail = Jail::new();
    let layer = Tar::new().file("name", 0o644, "x");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer]);
    let import = ["import", "-q", &layout.reference(), "app"];
    let expected = "\
jail: error: cannot lock `[HOME]/.local/share/jail/lock` of the image store
because: no record locks available [ENOLCK]
help: set XDG_DATA_HOME to a directory on a file system with locks (flock(2))
";
    let jail = with_fault(jail, &faults("flock:error=ENOLCK"));
    says(&jail, &image(&jail, &import), 125, expected);
    for words in [&["prune"][..], &["verify"], &["verify", "--repair"]] {
        says(&jail, &image(&jail, words), 125, expected);
    }
    let jail = without_fault(jail);
    assert_eq!(entries(&jail, "layers/sha256"), [] as [PathBuf; 0]);
    image(&jail, &import).succeeds();
    verifies(&jail);
    let jail = with_fault(jail, &faults("flock:error=ENOLCK")).args(["--image", "app"]);
    let expected = "\
jail: error: cannot lock `[HOME]/.local/share/jail/images/sha256/[..].json` of the image store
 --> --image
because: no record locks available [ENOLCK]
help: set XDG_DATA_HOME to a directory on a file system with locks (flock(2))
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
}

#[test]
fn without_random_numbers_nothing_is_stored_or_copied() {
    require!(STRACE);
    require!(Feature::Tracing);
    require!(PROGRAM);
    let jail = with_image().args(["--degrade", "overlay"]);
    let layer = Tar::new().file("name", 0o644, "x");
    let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Plain, &[layer]);
    let jail = with_fault(jail, &faults("getrandom:error=ENOSYS"));
    let expected = "\
jail: error: cannot get random bytes
because: function not implemented [ENOSYS]
";
    let import = ["import", "-q", &layout.reference(), "app"];
    says(&jail, &image(&jail, &import), 125, expected);
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    let jail = without_fault(jail);
    assert_eq!(entries(&jail, "tmp"), [] as [PathBuf; 0]);
    image(&jail, &["list", "--names"]).succeeds().outputs("small:1\n");
}

/// Between the moment in which an image is found and that from which on nobody takes it away.
#[test]
fn an_image_that_is_removed_before_it_is_held_is_told() {
    require!(STRACE);
    require!(Feature::Tracing);
    require!(PROGRAM);
    let jail = with_image();
    let record = entries(&jail, "images/sha256").remove(0);
    let record = record.to_str().unwrap().to_owned();
    let second = faults("openat:error=ENOENT:when=2").into_iter();
    let jail =
        with_fault(jail, &["-P".to_owned(), record].into_iter().chain(second).collect::<Vec<_>>());
    let expected = "\
jail: error: the image `docker.io/library/small:1` was removed meanwhile
 --> --image
help: run `jail image pull docker.io/library/small:1`
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    let jail = without_fault(jail);
    jail.run(["pwd"]).succeeds();
}

/// A copy that the process beside the run does not finish: why, with nothing left.
#[test]
fn a_copy_that_is_not_finished_is_told_and_not_used() {
    require!(Feature::Root);
    require!(STRACE);
    require!(Feature::Tracing);
    require!(PROGRAM);
    let jail = with_image().args(["--quiet", "--degrade", "overlay"]);
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let mut jail = jail;
    for (fault, because) in [
        ("pipe2:error=EMFILE:when=1", "pipe: too many open files [EMFILE]"),
        ("clone:error=EAGAIN:when=1", "fork: try again [EAGAIN]"),
        ("prctl:error=EINVAL:when=1", "invalid argument [EINVAL]"),
        // One process before these tries whether an overlay can be mounted.
        ("mkdirat:signal=KILL:when=3", "the copying process was killed by signal 9"),
        ("wait4:error=ECHILD:when=2", "no child processes [ECHILD]"),
    ] {
        jail = with_fault(jail, &faults(fault));
        let expected = format!(
            "jail: error: cannot copy the image `docker.io/library/small:1`\nbecause: {because}\n"
        );
        says(&jail, &jail.run(["touch", "ran"]), 125, expected);
        assert_eq!(entries(&jail, "copies"), [] as [PathBuf; 0], "{fault}");
    }
}

/// Neither what is copied nor what is left can be removed: the next run does.
#[test]
fn what_is_left_of_a_copy_is_told_with_what_stopped_it() {
    require!(Feature::Root);
    require!(STRACE);
    require!(Feature::Tracing);
    require!(PROGRAM);
    let jail = with_image().args(["--quiet", "--degrade", "overlay"]);
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let jail = with_fault(jail, &faults("unlinkat:error=EIO"));
    let expected = "\
jail: error: cannot copy `/[..]` of `docker.io/library/small:1`
because: I/O error [EIO]
help: what was copied so far is left behind: the next run on a copy removes it, or `jail image prune`
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    assert_eq!(entries(&jail, "copies").len(), 1);
    let jail = without_fault(jail);
    jail.run(["pwd"]).succeeds().is_silent();
    assert_eq!(entries(&jail, "copies"), [] as [PathBuf; 0]);
}

/// What is kept is on the disk, or it is not there.
#[test]
fn a_copy_that_did_not_reach_the_disk_is_not_kept() {
    require!(Feature::Root);
    require!(STRACE);
    require!(Feature::Tracing);
    require!(PROGRAM);
    let jail = with_image().args(["--quiet", "--degrade", "overlay", "--keep", "work"]);
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let jail = with_fault(jail, &faults("syncfs:error=EIO"));
    let expected = "\
jail: error: cannot keep a copy under the name `work`
because: [HOME]/.local/state/jail/keep/work/copy.new: I/O error [EIO]
";
    says(&jail, &jail.run(["touch", "ran"]), 125, expected);
    let kept = jail.home().join(".local/state/jail/keep/work");
    assert!(!kept.join("copy").exists() && !kept.join("copy.new").exists());
    let jail = without_fault(jail);
    jail.run(["sh", "-c", "echo kept > /new"]).succeeds();
    jail.run(["cat", "/new"]).succeeds().outputs("kept\n");
}
