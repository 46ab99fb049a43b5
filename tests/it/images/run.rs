//! Runs on images.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary};

use super::layers::{BUSYBOX, Images};

const PROGRAM: Feature = Feature::Path("/bin/busybox");

/// Of three layers: the second changes and hides, the third is opaque in part.
fn small() -> Images {
    Images::default().image(
        "small:1",
        &[
            BUSYBOX,
            "mkdir etc srv; echo middle > etc/name; mknod srv/file c 0 0",
            "mkdir -p srv/www app; echo top > app/name",
        ],
        |config| config.cmd = vec!["echo".into(), "the command of the image".into()],
    )
}

fn on_small() -> Jail {
    let jail = Jail::new().file("here", "project\n");
    small().into_store_of(&jail);
    jail.args(["--image", "small:1"])
}

/// A run of an image that has this as its topmost layer.
fn hostile(layer: &str) -> Jail {
    let jail = Jail::new();
    Images::default().image("evil", &[BUSYBOX, layer], |_| ()).into_store_of(&jail);
    jail.args(["--image", "evil"])
}

fn sh(jail: &Jail, script: &str) -> Finished {
    jail.run(["sh", "-c", script])
}

#[test]
fn layers_are_seen_through_each_other() {
    require!(PROGRAM);
    let jail = on_small();
    sh(&jail, "cat /etc/name /app/name; ls /srv; [ ! -e /usr ] || echo usr")
        .succeeds()
        .outputs("middle\ntop\ndirectory\nwww\n")
        .is_silent();
}

#[test]
fn what_is_granted_is_there_and_the_command_starts_in_it() {
    require!(PROGRAM);
    let jail = on_small();
    sh(&jail, "pwd; cat here; echo changed > here").succeeds();
    assert_eq!(fs::read_to_string(jail.project().join("here")).expect("it is there"), "changed\n");
    let jail = on_small().args(["--mask", "./here", "--tmpfs", "/srv"]);
    sh(&jail, "cat here").exits(1).says("Permission denied");
    sh(&jail, "ls /srv").succeeds().outputs("");
}

#[test]
fn writes_are_thrown_away_and_never_reach_the_store() {
    require!(PROGRAM);
    let jail = on_small();
    sh(&jail, "rm -r /srv /etc/name; echo x > /new; mv /app /moved; ls / | grep -c new")
        .succeeds()
        .outputs("1\n");
    sh(&jail, "cat /etc/name; ls /srv; ls -d /new").exits(1).outputs("middle\ndirectory\nwww\n");
    let store = jail.home().join(".local/share/jail/layers/sha256");
    let found = Command::new("find").arg(store).args(["-name", "new"]).output();
    assert_eq!(found.expect("there is find").stdout, b"");
    let sealed = on_small().args(["--read-only"]);
    sh(&sealed, "touch /new").exits(1).says("Read-only file system");
}

#[test]
fn without_a_command_that_of_the_image_is_run() {
    require!(PROGRAM);
    let jail = Jail::new();
    Images::default()
        .image("both", &[BUSYBOX], |config| {
            config.entrypoint = vec!["sh".into(), "-c".into(), "echo \"$0\" \"$@\"".into()];
            config.cmd = vec!["own".into()];
        })
        .into_store_of(&jail);
    let jail = jail.args(["--image", "both"]);
    jail.run([""; 0]).succeeds().outputs("own\n");
    jail.run(["a", "b"]).succeeds().outputs("a b\n");
    jail.args(["--entrypoint", ""]).run(["pwd"]).succeeds();
    on_small().run([""; 0]).succeeds().outputs("the command of the image\n");
    on_small().args(["--entrypoint", ""]).run([""; 0]).exits(125).says("no command given");
}

#[test]
fn environment_user_and_directory_are_those_of_the_image() {
    require!(PROGRAM);
    let jail = Jail::new().env("PATH", "/usr/bin:/bin");
    Images::default()
        .image("full", &[BUSYBOX, "mkdir opt; ln -s ../bin/busybox opt/id"], |config| {
            config.env = vec!["PATH=/opt:/bin".into(), "KEY=image".into()];
            config.user = Some("www".into());
            config.working_dir = Some("/made/here".into());
        })
        .into_store_of(&jail);
    let jail = jail.args(["--profile", "base", "--image", "full"]);
    sh(&jail, "pwd; id -u; id -g; echo $HOME $USER $KEY $PATH; touch x; ls")
        .succeeds()
        .outputs("/made/here\n33\n34\n/srv/www www image /opt:/bin\nx\n");
    let jail = jail.args(["--user", "root", "--env", "KEY=flag", "--workdir", "/srv"]);
    sh(&jail, "pwd; id -u; echo $HOME $KEY").succeeds().outputs("/srv\n0\n/root flag\n");
}

#[test]
fn names_are_made_and_the_callers_account_is_added() {
    require!(PROGRAM);
    let jail = on_small().args(["--user", "keep", "--hostname", "box"]);
    let uid = jail.user().uid;
    sh(&jail, "cat /etc/hostname; grep -c box /etc/hosts; grep -c root /etc/passwd; id -u; id -un")
        .succeeds()
        .outputs(&format!("box\n1\n1\n{uid}\n{}\n", jail.user().name));
}

#[test]
fn a_hundred_and_more_layers_work() {
    require!(PROGRAM);
    let jail = Jail::new();
    let layers: Vec<String> =
        (0..150).map(|number| format!("echo {number} > top; echo > file{number}")).collect();
    let mut all = vec![BUSYBOX];
    all.extend(layers.iter().map(String::as_str));
    Images::default().image("deep", &all, |_| ()).into_store_of(&jail);
    let jail = jail.args(["--image", "deep"]);
    sh(&jail, "cat /top; ls / | grep -c file").succeeds().outputs("149\n150\n");
    let few = jail.through(["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]);
    sh(&few, "cat /top; ulimit -n").succeeds().outputs("149\n64\n");
}

#[test]
fn changes_are_kept_under_a_name_for_one_image_and_one_run_at_a_time() {
    require!(PROGRAM);
    let jail = Jail::new();
    Images::default()
        .image("other", &[BUSYBOX], |_| ())
        .image("small:1", &[BUSYBOX, "mkdir app; echo middle > app/name"], |_| ())
        .into_store_of(&jail);
    let jail = jail.args(["--keep", "work"]);
    let on = |image: &str, script: &str| {
        let line = ["sh", "-c", script];
        let mut line = jail.run_line(line);
        line.splice(2..2, ["--image".into(), image.into()]);
        jail.run_outside(line)
    };
    on("small:1", "rm -r /srv; mkdir /srv; echo kept > /new").succeeds().is_silent();
    on("small:1", "cat /new; ls /srv; mv /app /moved").succeeds().outputs("kept\n");
    on("small:1", "cat /moved/name; ls -d /app").exits(1).outputs("middle\n");

    let mut line = jail.run_line(["sh", "-c", "echo ready; sleep 1000"]);
    line.splice(2..2, ["--image".into(), "small:1".into()]);
    let mut running = jail.start_line(line);
    running.wait_for("ready");
    let in_use = format!("process {} uses it at the moment", running.pid());
    on("small:1", "true").exits(125).says("cannot use what is kept as `work`").says(&in_use);
    // Killed at once it would leave the lock to its init, for as long as that takes to die.
    running.signal(Signal::SIGTERM);
    running.finish().exits(128 + 15);

    let kept = jail.home().join(".local/state/jail/keep/work");
    assert!(kept.join("upper/new").exists());
    let look = format!("ls {}", kept.display());
    on("small:1", &look).exits(1);
    on("other", "true")
        .exits(125)
        .says("it holds changes to the image `docker.io/library/small:1`");
}

#[test]
fn what_is_kept_shows_nowhere_else() {
    require!(PROGRAM);
    let jail = on_small().args(["--keep", "work"]);
    sh(&jail, "echo kept > /new").succeeds();
    let home = jail.home();
    let jail = jail.args(["--write".into(), home.join(".local").into_os_string()]);
    let look =
        format!("ls {}/.local/state/jail {}/.local/share/jail", home.display(), home.display());
    sh(&jail, &look).exits(1).says("Permission denied");
    let layer = home.join(".local/share/jail/layers");
    let jail = on_small();
    let layer = jail.home().join(layer.strip_prefix(&home).expect("it is below"));
    jail.flag("--write").flag(layer).run(["true"]).exits(125).says("jail keeps its own files in");
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let jail = Jail::new().args(["--image", "nowhere.example/none:1", "--pull", "never"]);
    jail.run(["true"])
        .exits(125)
        .says("the image `nowhere.example/none:1` is not in the store")
        .says("jail image pull nowhere.example/none:1");
}

#[test]
fn a_plan_of_an_image_changes_nothing() {
    require!(PROGRAM);
    let jail = on_small();
    let line = |words: &[&str]| {
        let mut line = vec![jail_binary().as_os_str().to_owned(), "plan".into()];
        line.extend(words.iter().map(std::ffi::OsString::from));
        jail.run_outside(line)
    };
    line(&["--image", "small:1", "--keep", "new"])
        .succeeds()
        .output_has("overlay of 3 layers of docker.io/library/small:1, changes kept as new");
    assert!(!jail.home().join(".local/state").exists());
    line(&["--image", "missing:1", "true"]).exits(125).says("only `jail run`");
}

#[test]
fn the_time_limit_begins_with_the_stop_signal() {
    require!(PROGRAM);
    let jail = Jail::new();
    Images::default()
        .image("stops", &[BUSYBOX], |config| config.stop_signal = Some("SIGUSR1".into()))
        .into_store_of(&jail);
    let jail = jail.args(["--image", "stops", "--time", "1s", "--time-grace", "30s"]);
    let script = "trap 'echo asked; exit 0' USR1; while :; do sleep 0.1; done";
    sh(&jail, script).exits(124).outputs("asked\n");
}

/// CVE-2025-31133, CVE-2025-52565, and podman's working directory: links where jail mounts.
#[test]
fn links_of_an_image_lead_nothing_out() {
    require!(PROGRAM);
    for (layer, words) in [
        ("ln -s /etc proc", "its `/proc` is a symbolic link to `/etc`"),
        ("ln -s /etc dev", "its `/dev` is a symbolic link to `/etc`"),
        ("ln -s / tmp", "its `/tmp` leads through a symbolic link to `/`"),
        ("mkdir var; ln -s ../proc/self var/tmp", "its `/var/tmp` leads through"),
        ("mkdir etc; ln -s hosts etc/hosts", "cannot mount on `/etc/hosts`"),
        ("mkdir -p etc/hosts/x", "cannot mount a file on `/etc/hosts`"),
        ("echo > proc", "its `/proc` is not a directory"),
    ] {
        let layer = format!("{layer}; chmod -R u+rwX . || true");
        hostile(&layer)
            .run(["true"])
            .exits(125)
            .says("`docker.io/library/evil:latest`")
            .says(words);
    }
}

#[test]
fn links_of_an_image_are_followed_inside_of_it_only() {
    require!(PROGRAM);
    let outside = Jail::new().file("secret", "s3cr3t").file("hosts", "untouched\n");
    let project = outside.project();
    let up = "../".repeat(20);
    for name in ["etc", "tmp", "root", "var", "run", "home"] {
        let layer = format!("ln -s {up}{} {name}", project.display());
        let jail = hostile(&layer);
        let script = format!("cat /{name}/secret /{name}/hosts; echo x > /{name}/made");
        let finished = sh(&jail, &script);
        finished.output_lacks("s3cr3t").output_lacks("untouched");
    }
    let mut names: Vec<_> = fs::read_dir(&project)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["hosts", "secret"]);
    assert_eq!(fs::read_to_string(project.join("hosts")).expect("it is there"), "untouched\n");
}

#[test]
fn a_device_of_an_image_is_covered() {
    require!(PROGRAM);
    let jail =
        hostile("mkdir -p dev/pts; ln -s /etc/passwd dev/null; ln -s /etc dev/shm; echo > dev/x");
    sh(&jail, "[ -c /dev/null ] && [ -d /dev/shm ] && [ ! -e /dev/x ] && cat /dev/null")
        .succeeds()
        .outputs("");
}

#[test]
fn accounts_of_an_image_are_read_with_care() {
    require!(PROGRAM);
    for (layer, words) in [
        ("mkdir etc; mkfifo etc/passwd", "it is not a regular file"),
        ("mkdir etc; head -c 1100000 /dev/zero > etc/passwd", "it is larger than 1024 KiB"),
        ("mkdir etc; ln -s /nowhere/passwd etc/passwd", "which it does not have"),
        ("mkdir etc; ln -s ../../../../../etc/passwd etc/passwd", "too many symbolic links"),
        ("mkdir etc; echo 'nobody:x:1:1' > etc/passwd", "its user `www` is not in its /etc/passwd"),
    ] {
        let jail = Jail::new();
        Images::default()
            .image("evil", &[BUSYBOX, layer], |config| config.user = Some("www".into()))
            .into_store_of(&jail);
        jail.args(["--image", "evil"]).run(["true"]).exits(125).says(words);
    }
}

#[test]
fn set_user_id_bits_of_an_image_do_nothing() {
    require!(PROGRAM);
    let jail = hostile("mkdir bin; cp /bin/busybox bin/su; chmod 6755 bin/su");
    sh(&jail, "grep ' / / ' /proc/self/mountinfo").succeeds().output_has("nosuid");
}

#[test]
fn settings_of_a_stranger_are_refused_with_the_images_name() {
    require!(PROGRAM);
    let jail = Jail::new();
    Images::default()
        .image("evil", &[BUSYBOX], |config| {
            config.env.push("NOTHING".into());
            config.working_dir = Some("../../etc".into());
            config.user = Some("../root".into());
        })
        .into_store_of(&jail);
    jail.args(["--image", "evil"])
        .run(["true"])
        .exits(125)
        .says("cannot use the image `docker.io/library/evil:latest`")
        .says("its variable `NOTHING` has no `=`")
        .says("its working directory `../../etc` has a `..` in it")
        .says("`../root` is no user that it could have");
}

#[test]
fn a_missing_command_is_looked_for_in_the_image() {
    require!(PROGRAM);
    let jail = on_small();
    jail.run(["gcc"]).exits(127).says("does not have it in the directories of PATH");
}

#[test]
fn the_doctor_tries_an_image_and_fetches_none() {
    require!(PROGRAM);
    let jail = on_small();
    let doctor = |image: &str| {
        let words = ["doctor", "--image", image].map(std::ffi::OsString::from);
        jail.run_outside(std::iter::once(jail_binary().into()).chain(words))
    };
    let found = doctor("small:1");
    found.succeeds().is_silent().output_has("jail: this machine runs `default`");
    assert!(found.stdout_text().lines().any(|line| line.starts_with("overlay  ")), "{found:?}");
    let missing = doctor("missing:1");
    missing.exits(1).output_has("not in the store").output_has("jail image pull");
}
