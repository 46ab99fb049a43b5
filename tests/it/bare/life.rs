//! Nothing outlives its run, though no namespace ends with it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::str;

use super::{bare, names_in};
use crate::require;
use crate::support::{Feature, Jail, probe_binary, processes_named, wait_until};
use crate::words::{says, told};

/// A project with a directory for what runs leave, so that it can be looked at.
fn with_runtime() -> (Jail, PathBuf) {
    let jail = bare().directory("../run");
    let runtime = jail.home().join("run");
    fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("ours");
    let jail = jail.env("XDG_RUNTIME_DIR", &runtime);
    (jail, runtime)
}

fn marker(test: &str) -> String {
    format!("jail-bare-{test}-{}", std::process::id())
}

fn none_left(marker: &str) {
    wait_until("all have ended", || processes_named(marker).is_empty());
}

#[test]
fn what_the_command_leaves_running_ends_with_it() {
    let (jail, runtime) = with_runtime();
    let marker = marker("left");
    let script = "sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; \
                  nohup sh -c 'trap \"\" TERM HUP INT; sleep 300; :' >/dev/null 2>&1 & exit 3";
    jail.args(["--env", "MARK"]).env("MARK", &marker).run(["sh", "-c", script]).exits(3);
    none_left(&marker);
    assert_eq!(names_in(&runtime.join("jail")), [""; 0]);
}

/// Each child outlives its parent by nothing: there is never one to be found twice.
#[test]
fn who_forks_all_the_time_does_not_escape() {
    let (jail, _) = with_runtime();
    let marker = marker("fork");
    let script = "import os\nif os.fork():\n    os._exit(0)\nos.setsid()\nwhile True:\n    \
                  if os.fork(): os._exit(0)\n";
    jail.args(["--env", "MARK"]).env("MARK", &marker).run(["python3", "-c", script]).succeeds();
    none_left(&marker);
}

#[test]
fn a_killed_supervisor_takes_everything_along() {
    let (jail, runtime) = with_runtime();
    let marker = marker("killed");
    let script = "setsid sleep 300 & (sleep 300 &); echo > \"$TMPDIR/left\"; echo ready; sleep 300";
    let jail = jail.args(["--env", "MARK"]).env("MARK", &marker);
    let mut running = jail.start(["sh", "-c", script]);
    running.wait_for("ready");
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(libc::SIGKILL);
    none_left(&marker);
    // The next run removes the private directories.
    assert_ne!(names_in(&runtime.join("jail")), [""; 0]);
    jail.run(["true"]).succeeds();
    assert_eq!(names_in(&runtime.join("jail")), [""; 0]);
}

#[test]
fn a_supervisor_killed_at_any_moment_leaves_nobody() {
    let (jail, _) = with_runtime();
    let marker = marker("moments");
    let jail = jail.args(["--env", "MARK"]).env("MARK", &marker);
    let started = Instant::now();
    jail.run(["true"]).succeeds();
    let whole = started.elapsed();
    for moment in 0..30 {
        let started = Instant::now();
        let running = jail.start(["sh", "-c", "setsid sleep 300 & sleep 300; :"]);
        while started.elapsed() < whole * moment / 20 {
            std::hint::spin_loop();
        }
        running.signal(Signal::SIGKILL);
        running.finish().killed_by(libc::SIGKILL);
        none_left(&marker);
    }
}

/// The process between the supervisor and the command.
fn init_of(supervisor: u32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"));
    let children = children.expect("it is running");
    Pid::from_raw(children.trim().parse().expect("one child"))
}

#[test]
fn a_killed_init_takes_everything_along() {
    let (jail, runtime) = with_runtime();
    let marker = marker("init");
    let jail = jail.args(["--env", "MARK"]).env("MARK", &marker);
    let script = "setsid sleep 300 & (sleep 300 &); echo ready; sleep 300";
    let mut running = jail.start(["sh", "-c", script]);
    running.wait_for("ready");
    kill(init_of(running.pid()), Signal::SIGKILL).expect("it is running");
    let finished = running.finish();
    finished.outputs("ready\n");
    told(
        &jail,
        &finished,
        125,
        str![[r#"
jail: warning: this machine refuses namespaces; [..]
...
jail: error: the sandbox ended before its command did
because: its first process was killed by signal 9
help: if nobody did that on purpose, the machine may have run out of memory: dmesg | grep -i kill

"#]],
    );
    none_left(&marker);
    assert_eq!(names_in(&runtime.join("jail")), [""; 0]);
}

fn has_ended(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

/// jail was executed in the place of a shell that had started something before.
#[test]
fn a_killed_init_does_not_take_others_along() {
    let (jail, _) = with_runtime();
    let line = jail.run_line(["sh", "-c", "echo ready; sleep 300; :"]);
    let shell = ["sh", "-c", "sleep 299 & echo other $!; exec \"$@\"", "sh"];
    let line = shell.iter().map(OsString::from).chain(line).collect();
    let mut running = jail.start_line(line);
    let other = running.wait_for("other ");
    let other: i32 = other.trim_start_matches("other ").trim().parse().expect("a number");
    running.wait_for("ready");
    let supervisor = running.pid();
    let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"));
    let children = children.expect("it is running");
    let init = children.split_whitespace().map(|it| it.parse().expect("a number"));
    let init: Vec<i32> = init.filter(|it| *it != other).collect();
    kill(Pid::from_raw(init[0]), Signal::SIGKILL).expect("it is running");
    wait_until("the supervisor has ended", || has_ended(supervisor));
    kill(Pid::from_raw(other), Signal::SIGKILL).expect("it is still running");
    running.finish().exits(125);
}

/// The same for what is under more filters than jail itself, as what came from a command is.
#[test]
fn the_end_of_a_run_does_not_take_others_along() {
    let (jail, _) = with_runtime();
    let filter = format!(
        "{} under-policy {}",
        probe_binary().display(),
        jail.elsewhere().join("container.json").display()
    );
    let script = format!("{filter} {filter} sleep 299 & echo other $!; exec \"$@\"");
    let shell = ["sh", "-c", &script, "sh"];
    let command = jail.run_line(["sh", "-c", "until [ -e gone-on ]; do sleep 0.1; done"]);
    let line = shell.iter().map(OsString::from).chain(command).collect();
    let mut running = jail.start_line(line);
    let other = running.wait_for("other ");
    let other: i32 = other.trim_start_matches("other ").trim().parse().expect("a number");
    wait_until("it is under its filters", || {
        fs::read_to_string(format!("/proc/{other}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    fs::write(jail.project().join("gone-on"), "").expect("it is ours");
    wait_until("the run has ended", || has_ended(running.pid()));
    kill(Pid::from_raw(other), Signal::SIGKILL).expect("it is still running");
    running.finish().succeeds();
}

#[test]
fn a_stopped_init_goes_on_when_the_supervisor_dies() {
    let (jail, _) = with_runtime();
    let marker = marker("stopped");
    let jail = jail.args(["--env", "MARK"]).env("MARK", &marker);
    let mut running = jail.start(["sh", "-c", "echo ready; sleep 300; :"]);
    running.wait_for("ready");
    kill(init_of(running.pid()), Signal::SIGSTOP).expect("it is running");
    running.signal(Signal::SIGKILL);
    running.finish().killed_by(libc::SIGKILL);
    none_left(&marker);
}

#[test]
fn the_time_limit_ends_everything() {
    let (jail, _) = with_runtime();
    let marker = marker("time");
    let started = Instant::now();
    let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 300; :' & sleep 300; sleep 300";
    jail.args(["--env", "MARK", "--timeout", "1s", "--time-grace", "1s"])
        .env("MARK", &marker)
        .run(["sh", "-c", script])
        .exits(124);
    assert!(started.elapsed() < Duration::from_secs(60));
    none_left(&marker);
}

/// Directories of mode 0, deep ones, links out: all of it goes, and nothing else.
#[test]
fn hostile_private_directories_are_removed() {
    let (jail, runtime) = with_runtime();
    let jail = jail.home_file("kept/file", "x");
    let script = format!(
        "cd \"$HOME\"; mkdir -p a/b/c; touch a/b/c/d; ln -s {kept} link; ln -s {kept} a/b/link; \
         chmod 0 a/b/c a/b a; cd \"$TMPDIR\"; i=0; while [ $i -lt 300 ]; do mkdir deep-and-deeper; \
         cd deep-and-deeper; i=$((i+1)); done; chmod 0 \"$TMPDIR\" \"$HOME\"",
        kept = jail.home().join("kept").display()
    );
    jail.run(["sh", "-c", &script]).succeeds();
    assert_eq!(names_in(&runtime.join("jail")), [""; 0]);
    assert!(jail.home().join("kept/file").exists());
}

#[test]
fn private_directories_are_nobody_elses() {
    let (jail, _) = with_runtime();
    let finished = jail.run(["sh", "-c", "stat -c '%a %U' \"$HOME\" \"$TMPDIR\" \"$HOME/..\""]);
    let user = jail.user().name.clone();
    finished.succeeds().outputs(&format!("700 {user}\n700 {user}\n700 {user}\n"));
}

/// Each run would have those of all others in it.
#[test]
fn private_directories_are_not_made_where_the_command_may_look() {
    let jail = bare().directory("tmp").directory("../tmp");
    let temporary = jail.project().join("tmp");
    jail.env("TMPDIR", &temporary)
        .run(["true"])
        .exits(125)
        .outputs("")
        .says("cannot keep the private directories of other runs from the command")
        .says("` is granted, and they are in it")
        .says("set XDG_RUNTIME_DIR or TMPDIR to a directory that is not granted");
    assert_eq!(names_in(&temporary), [""; 0]);
    let jail = bare().directory("../tmp");
    let temporary = jail.home().join("tmp");
    let jail = jail.env("TMPDIR", &temporary);
    jail.run(["true"]).succeeds();
    jail.args(["--read".as_ref(), temporary.as_os_str()]).run(["true"]).exits(125);
}

/// Somebody else may have made a directory of that name in /tmp before.
#[test]
fn a_directory_of_somebody_else_is_not_used() {
    let jail = bare().directory("../tmp");
    let temporary = jail.home().join("tmp");
    fs::set_permissions(&temporary, std::os::unix::fs::PermissionsExt::from_mode(0o1777))
        .expect("ours");
    let planted = temporary.join(format!("jail-{}", jail.user().uid));
    std::os::unix::fs::symlink(jail.home(), &planted).expect("a link can be made");
    let jail = jail.env("TMPDIR", &temporary).args(["--quiet"]);
    refused_at(&jail, &planted, "not a directory [ENOTDIR]");
    fs::remove_file(&planted).expect("ours");
    fs::create_dir(&planted).expect("it is free");
    fs::set_permissions(&planted, std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("ours");
    refused_at(&jail, &planted, "operation not permitted [EPERM]");
    assert_eq!(names_in(Path::new(&planted)), [""; 0]);
}

/// The private directory in `all` was not made, for this cause, and nothing ran.
#[track_caller]
fn refused_at(jail: &Jail, all: &Path, because: &str) {
    let expected = format!(
        "jail: error: cannot make the private directory `{}/private-[..]`\n --> --degrade\n\
         because: {because}\n\
         help: set XDG_RUNTIME_DIR or TMPDIR to a directory that only you can write to; what \
         stands there with its name must be yours\n",
        in_home(jail, all)
    );
    says(jail, &jail.run(["touch", "ran"]), 125, expected);
}

/// As messages are compared: the home is a name.
fn in_home(jail: &Jail, path: &Path) -> String {
    let below = path.strip_prefix(jail.home()).expect("it is in the home");
    format!("[HOME]/{}", below.display())
}

/// Whoever took the right away may give it back.
#[test]
fn private_directories_that_cannot_be_removed_are_told_of() {
    let (jail, runtime) = with_runtime();
    let mut running = jail.start(["sh", "-c", "echo ready; read line; exit 3"]);
    running.wait_for("ready");
    let all = runtime.join("jail");
    let mode = |mode| fs::set_permissions(&all, std::os::unix::fs::PermissionsExt::from_mode(mode));
    mode(0o500).expect("ours");
    running.say("");
    let expected = format!(
        "jail: warning: this machine refuses namespaces; [..]\n...\n\
         jail: warning: the private directory `{}/private-[..]` is left behind\n\
         because: permission denied [EACCES]\n\
         help: the next run without namespaces removes it\n",
        in_home(&jail, &all)
    );
    told(&jail, &running.finish(), 3, expected);
    mode(0o700).expect("ours");
    assert_ne!(names_in(&all), [""; 0]);
    jail.run(["true"]).succeeds();
    assert_eq!(names_in(&all), [""; 0]);
}

/// The first one is about signals alone, the second one is that of the profile.
#[test]
fn a_ruleset_that_the_kernel_does_not_make_leaves_nothing_behind() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let (jail, runtime) = with_runtime();
    // Twice it was asked before whether this kernel has Landlock, and how much.
    for (when, place) in [("3", "\n --> --degrade\n"), ("5", "\n  --> <built-in base>:")] {
        let fault = format!("inject=landlock_create_ruleset:error=ENOMEM:when={when}");
        let words =
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e"].map(OsString::from).into_iter();
        let line = words.chain([fault.into()]).chain(jail.run_line(["touch", "ran"]));
        let finished = jail.run_outside(line);
        let title = "jail: error: cannot create the Landlock ruleset";
        finished.exits(125).outputs("").says(&format!("{title}{place}")).says(
            "because: out of memory [ENOMEM]\n\
             help: free some memory, or raise the limit of this container\n",
        );
        assert!(!jail.project().join("ran").exists());
        assert_eq!(names_in(&runtime.join("jail")), [""; 0]);
    }
}
