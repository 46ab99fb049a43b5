//! Runs on private copies of images, where no overlay can be mounted.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;

use super::layers::{BUSYBOX, Images};
use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary};

const PROGRAM: Feature = Feature::Path("/bin/busybox");
const WARNING: &str = "warning: no overlay is mounted; continuing on a private copy of the image";

/// The image store as an overlay over another overlay, on which the kernel mounts no third one
/// (FILESYSTEM_MAX_STACK_DEPTH). Whoever drops it unmounts it.
pub struct Stacked {
    mounted: Vec<PathBuf>,
}

impl Stacked {
    /// With `room`, there is only so much of it in the store.
    pub fn over_the_store_of(jail: &Jail, room: Option<&str>) -> Self {
        let place = jail.home().join("stack");
        let store = store(jail);
        let mut stacked = Self { mounted: Vec::new() };
        for directory in ["top", "below", "upper", "work"] {
            fs::create_dir_all(place.join(directory)).unwrap();
        }
        if let Some(room) = room {
            stacked.mount("tmpfs", &place.join("top"), &format!("size={room}"));
        }
        for directory in ["top/upper", "top/work"] {
            fs::create_dir_all(place.join(directory)).unwrap();
        }
        chown(jail, &[&place]);
        let layers = |lower: &Path, upper: &Path| {
            format!(
                "lowerdir={},upperdir={},workdir={}",
                lower.display(),
                upper.display(),
                upper.with_file_name("work").display()
            )
        };
        let below = place.join("below");
        stacked.mount("overlay", &below, &layers(&store, &place.join("upper")));
        stacked.mount("overlay", &store, &layers(&below, &place.join("top/upper")));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&store, mode).unwrap();
        stacked
    }

    fn mount(&mut self, kind: &str, at: &Path, options: &str) {
        mount(Some(kind), at, Some(kind), MsFlags::empty(), Some(options)).unwrap();
        self.mounted.push(at.to_owned());
    }
}

impl Drop for Stacked {
    fn drop(&mut self) {
        for place in self.mounted.iter().rev() {
            umount2(place, MntFlags::MNT_DETACH).unwrap();
        }
    }
}

fn store(jail: &Jail) -> PathBuf {
    jail.home().join(".local/share/jail")
}

fn chown(jail: &Jail, paths: &[&Path]) {
    let owner = format!("{}:{}", jail.user().uid, jail.user().gid);
    assert!(Command::new("chown").args(["-R", &owner]).args(paths).status().unwrap().success());
}

/// Which copies there are.
fn copies(jail: &Jail) -> Vec<PathBuf> {
    let entries = fs::read_dir(store(jail).join("copies")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn image(jail: &Jail, words: &[&str]) -> Finished {
    let program = jail_binary().as_os_str().to_owned();
    let words = ["image"].iter().chain(words).map(std::ffi::OsString::from);
    jail.run_outside(std::iter::once(program).chain(words))
}

fn sh(jail: &Jail, script: &str) -> Finished {
    jail.run(["sh", "-c", script])
}

/// A project whose user has an image of two layers.
pub fn with_image() -> Jail {
    let jail = Jail::new();
    let upper = "mkdir app; echo top > app/name; ln app/name app/same; mkfifo app/fifo";
    Images::default().image("small:1", &[BUSYBOX, upper], |_| ()).into_store_of(&jail);
    jail.args(["--image", "small:1"])
}

fn degraded(jail: Jail) -> Jail {
    jail.args(["--degrade", "overlay"])
}

#[test]
fn without_an_overlay_nothing_runs_unless_a_copy_is_allowed() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = with_image();
    let _stacked = Stacked::over_the_store_of(&jail, None);
    sh(&jail, "echo started")
        .exits(125)
        .outputs("")
        .says("error: cannot use the image `docker.io/library/small:1` as the root directory")
        .says("--degrade overlay")
        .says("degrade = [\"overlay\"]");
    assert!(!store(&jail).join("copies").exists());
    let jail = jail.profile("degrade = [\"overlay\"]").args(["--report", "r.json"]);
    sh(&jail, "cat /etc/name /app/name /app/same; [ -p /app/fifo ] && echo fifo")
        .succeeds()
        .outputs("low\ntop\ntop\nfifo\n")
        .says(WARNING)
        .says("[EINVAL]")
        .says("without a limit of size");
    let report = crate::report::read(&jail.project().join("r.json"));
    assert_eq!(report["degraded"], serde_json::json!(["overlay"]));
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
}

#[test]
fn what_is_not_missing_is_not_degraded() {
    require!(PROGRAM);
    let jail = degraded(with_image());
    sh(&jail, "cat /app/name").succeeds().outputs("top\n").is_silent();
    assert!(!store(&jail).join("copies").exists());
}

#[test]
fn a_copy_takes_every_change_and_goes_with_the_run() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image());
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let before = image(&jail, &["verify"]).stdout_text();
    let script = "rm -r /srv; mv /app /moved; cat /moved/name; mkdir -p /shut/in; echo x > /shut/in/f; \
                  echo new > /etc/name; ln -s / /top; /bin/busybox chmod 0 /shut/in /shut /; exit 3";
    sh(&jail, script).exits(3).outputs("top\n").says_nothing_of("left behind");
    assert_eq!(copies(&jail), [] as [PathBuf; 0], "nothing is left of modes 0000");
    sh(&jail, "cat /etc/name /app/name; ls /srv").outputs("low\ntop\ndirectory\nfile\n");
    assert_eq!(image(&jail, &["verify"]).stdout_text(), before);
    sh(&jail, "grep -c ' / rw,nosuid,nodev' /proc/self/mountinfo").succeeds().outputs("1\n");
    let jail = jail.args(["--read-only"]);
    sh(&jail, "grep -c ' / ro,nosuid,nodev' /proc/self/mountinfo").succeeds().outputs("1\n");
    sh(&jail, "echo x > /new").exits(1).says("Read-only file system");
    sh(&jail, "echo x > /tmp/new && cat /tmp/new").succeeds().outputs("x\n");
}

#[test]
fn a_plan_says_it_and_makes_nothing() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = with_image();
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let plan = |words: &[&str]| {
        let line = ["plan", "--image", "small:1", "--degrade", "overlay"].iter().chain(words);
        let program = [jail_binary().as_os_str().to_owned()];
        jail.run_outside(program.into_iter().chain(line.map(std::ffi::OsString::from)))
    };
    plan(&["sh"])
        .succeeds()
        .output_has("private copy of 2 layers of docker.io/library/small:1, ")
        .says(WARNING);
    plan(&["--json", "sh"]).succeeds().output_has("\"source\": \"copy\"");
    plan(&["--overlay", "/usr", "sh"])
        .exits(125)
        .says("cannot mount an overlay over `/usr`")
        .says("only an image is copied instead");
    assert!(!store(&jail).join("copies").exists());
}

#[test]
fn a_copy_is_kept_under_a_name() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image());
    let stacked = Stacked::over_the_store_of(&jail, None);
    let jail = jail.args(["--keep", "work"]);
    sh(&jail, "rm -r /srv; echo kept > /new").succeeds().says(WARNING);
    sh(&jail, "cat /new /app/name; [ -e /srv ] || echo gone")
        .succeeds()
        .outputs("kept\ntop\ngone\n")
        .says("what is kept as `work` is a whole copy");
    // The plan is drawn from what is kept, not from the image.
    let mut within = jail.run_line(["pwd"]);
    within.splice(2..2, ["--workdir".into(), "/made".into()]);
    jail.run_outside(within.clone()).exits(125).outputs("").says("/made");
    sh(&jail, "mkdir /made").succeeds();
    jail.run_outside(within).succeeds().outputs("/made\n");
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 1000"]);
    running.wait_for("ready");
    sh(&jail, "true").exits(125).says("uses it at the moment");
    drop(running);
    assert!(!store(&jail).join("copies").exists(), "it is with what is kept");
    // Where overlays can be mounted it is used too, and only by who allows it.
    drop(stacked);
    sh(&jail, "cat /new").succeeds().outputs("kept\n").says(WARNING);
    let strict = jail.run_line(["cat", "/new"]);
    let strict = strict.into_iter().filter(|word| word != "--degrade" && word != "overlay");
    jail.run_outside(strict)
        .exits(125)
        .outputs("")
        .says("it is a copy of the whole image, made where no overlay could be mounted")
        .says("--degrade overlay");
}

#[test]
fn changes_of_an_overlay_are_not_lost_to_a_copy() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image()).args(["--keep", "work"]);
    sh(&jail, "echo kept > /new").succeeds().is_silent();
    let stacked = Stacked::over_the_store_of(&jail, None);
    sh(&jail, "cat /new").exits(125).says("cannot use what is kept as `work`").says("[EINVAL]");
    drop(stacked);
    sh(&jail, "cat /new").succeeds().outputs("kept\n");
}

#[test]
fn what_a_killed_run_leaves_is_swept_and_what_lives_is_not() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image());
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let start = || {
        let mut running =
            jail.start(["sh", "-c", "mkdir -p /a/b; chmod 0 /a/b; echo ready; sleep 1000"]);
        running.wait_for("ready");
        running
    };
    let (alive, dead) = (start(), start());
    assert_eq!(copies(&jail).len(), 2);
    // What the command leaves there (a program of its own with the set-user-id bit) is for nobody else.
    for directory in copies(&jail).iter().chain([&store(&jail).join("copies")]) {
        let found = fs::metadata(directory).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (jail.user().uid, 0o700));
    }
    image(&jail, &["prune"]).succeeds();
    image(&jail, &["df", "--json"]).succeeds().output_has("\"copies\": 2");
    assert_eq!(copies(&jail).len(), 2, "both live");
    dead.signal(Signal::SIGKILL);
    dead.finish().killed_by(9);
    assert_eq!(copies(&jail).len(), 2, "nobody could remove it");
    sh(&jail, "true").succeeds();
    assert_eq!(copies(&jail).len(), 1, "the next run did");
    alive.signal(Signal::SIGKILL);
    alive.finish().killed_by(9);
    image(&jail, &["prune"]).succeeds();
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
    image(&jail, &["df", "--json"]).succeeds().output_has("\"copies\": 0");
}

#[test]
fn the_umask_takes_nothing_from_our_own() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image()).through(["sh", "-c", "umask 777; exec \"$@\"", "sh"]);
    sh(&jail, "true").succeeds();
    let kept = jail.args(["--keep", "overlay"]);
    sh(&kept, "echo kept > /new").succeeds();
    sh(&kept, "/bin/busybox chmod 600 /new; cat /new").succeeds().outputs("kept\n");
    let _stacked = Stacked::over_the_store_of(&kept, None);
    let kept = kept.args(["--keep", "copy"]);
    sh(&kept, "echo kept > /new").succeeds();
    sh(&kept, "/bin/busybox chmod 600 /new; cat /new; /bin/busybox stat -c %a /bin/busybox")
        .succeeds()
        .outputs("kept\n755\n");
}

#[test]
fn half_a_copy_is_none() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = degraded(with_image());
    let _stacked = Stacked::over_the_store_of(&jail, Some("1M"));
    sh(&jail, "echo started")
        .exits(125)
        .outputs("")
        .says("error: cannot copy `/bin/busybox` of `docker.io/library/small:1`")
        .says("[ENOSPC]");
    assert_eq!(copies(&jail), [] as [PathBuf; 0]);
    let limited = ["sh", "-c", "ulimit -f 100; exec \"$@\"", "sh"];
    let jail = jail.args(["--keep", "work"]).through(limited);
    sh(&jail, "echo started").exits(125).outputs("").says("[EFBIG]");
    let kept = jail.home().join(".local/state/jail/keep/work");
    assert!(!kept.join("copy").exists() && !kept.join("copy.new").exists());
}

/// A copy lies on the host's disk, unlike what an overlay shows, so each link that is followed on the
/// way to a mount point would lead to the host's own files.
#[test]
fn links_of_a_copy_are_followed_inside_of_it_only() {
    require!(Feature::Root);
    require!(PROGRAM);
    let outside = Jail::new().file("secret", "s3cr3t").file("hosts", "untouched\n");
    let project = outside.project();
    let mut planted_links = 0;
    let target = format!("{}{}", "../".repeat(20), project.display());
    for name in ["etc", "tmp", "root", "var", "run", "home"] {
        let jail = Jail::new();
        let layer = format!("ln -s {target} {name}");
        Images::default().image("evil", &[BUSYBOX, &layer], |_| ()).into_store_of(&jail);
        let jail = degraded(jail).args(["--image", "evil", "--keep", "work"]);
        let _stacked = Stacked::over_the_store_of(&jail, None);
        let script = format!("cat /{name}/secret /{name}/hosts; echo x > /{name}/made");
        sh(&jail, &script).output_lacks("s3cr3t").output_lacks("untouched");
        // What the command itself plants is met by the next run.
        let jail = degraded(with_image().args(["--keep", "work"]));
        let _stacked = Stacked::over_the_store_of(&jail, None);
        sh(&jail, &format!("mv /{name} /old; /bin/busybox ln -s {target} /{name}")).says(WARNING);
        let planted = jail.home().join(".local/state/jail/keep/work/copy").join(name);
        planted_links += usize::from(planted.is_symlink());
        sh(&jail, &script).output_lacks("s3cr3t").output_lacks("untouched");
    }
    assert!(planted_links >= 3, "of {planted_links}");
    let mut names: Vec<_> =
        fs::read_dir(&project).unwrap().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["hosts", "secret"]);
    assert_eq!(fs::read_to_string(project.join("hosts")).unwrap(), "untouched\n");
}

#[test]
fn killed_at_any_moment_a_run_leaves_what_can_be_swept() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = Jail::new();
    let many = "mkdir d; for n in $(seq 400); do echo $n > d/$n; done; chmod 0 d";
    Images::default().image("many", &[BUSYBOX, many], |_| ()).into_store_of(&jail);
    let jail = degraded(jail.args(["--image", "many"]));
    let _stacked = Stacked::over_the_store_of(&jail, None);
    let begun = Instant::now();
    sh(&jail, "true").succeeds();
    let whole = begun.elapsed();
    let mut unfinished = 0;
    for moment in 0..8_u32 {
        let running = jail.start(["sh", "-c", "echo started; sleep 1000"]);
        // The moment is what the test is about; nothing depends on how exact it is.
        std::thread::sleep(whole * moment / 6);
        running.signal(Signal::SIGKILL);
        // Until nobody has its standard output any more, neither who copies nor who is inside.
        let finished = running.finish();
        unfinished += u32::from(finished.killed_by(9).stdout_text().is_empty());
        image(&jail, &["prune"]).succeeds();
        assert_eq!(copies(&jail), [] as [PathBuf; 0], "{moment}");
    }
    assert!(unfinished > 0, "something was killed while it was copied");
    sh(&jail, "cat /etc/name").succeeds().outputs("low\n");
}
