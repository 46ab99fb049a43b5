//! Where it is written down what is trusted, and what may be wrong there.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapbox::str;

use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary, spawn, wait_until};
use crate::words::{says, told};

fn jail_command(jail: &Jail, words: &[&str]) -> Finished {
    let program = [jail_binary().to_str().expect("UTF-8")].into_iter();
    jail.run_outside(program.chain(words.iter().copied()))
}

fn project() -> Jail {
    Jail::new().file(".jail.toml", "extends = ['default']\n")
}

fn store(jail: &Jail) -> PathBuf {
    jail.home().join(".local/state/jail/trust")
}

fn entries(jail: &Jail) -> Vec<PathBuf> {
    let entries = fs::read_dir(store(jail)).expect("it is there");
    entries.map(|entry| entry.expect("it can be read").path()).collect()
}

/// The kernel answers otherwise to a call about this path, or any.
fn with_fault(jail: Jail, fault: &str, path: Option<PathBuf>) -> Jail {
    let mut strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e"].map(OsString::from).to_vec();
    strace.push(format!("inject={fault}").into());
    strace.extend(path.into_iter().flat_map(|path| ["-P".into(), path.into()]));
    jail.through(strace)
}

#[test]
fn what_a_killed_command_leaves_the_next_one_removes() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let killed = with_fault(project(), "renameat,renameat2:signal=SIGKILL", None);
    jail_command(&killed, &["trust"]).killed_by(libc::SIGKILL);
    let left = entries(&killed);
    assert_eq!(left.len(), 1, "{left:?}");
    let jail = killed.through([""; 0]);
    // It hinders nobody, and is no word of the user's.
    jail_command(&jail, &["trust", "--list"]).succeeds().outputs("");
    fs::write(store(&jail).join(".mine"), "").expect("it is writable");
    jail_command(&jail, &["trust"]).succeeds();
    let now = entries(&jail);
    assert!(!now.contains(&left[0]) && now.len() == 2, "{now:?}");
    jail_command(&jail, &["trust", "--list"]).succeeds().output_has("trusted  ");
}

/// Before a file is whole it has no name.
#[test]
fn a_command_that_is_killed_while_it_writes_leaves_nothing() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    for call in ["fsync", "linkat"] {
        let fault = format!("{call}:signal=SIGKILL");
        let killed = with_fault(project(), &fault, None);
        jail_command(&killed, &["trust"]).killed_by(libc::SIGKILL);
        assert_eq!(entries(&killed).len(), 0, "{call}");
        let killed = with_fault(Jail::new(), &fault, None);
        jail_command(&killed, &["profile", "init"]).killed_by(libc::SIGKILL);
        let left = fs::read_dir(killed.project()).expect("it is there").count();
        assert_eq!(left, 0, "{call}");
    }
}

/// Where a file system has no files without a name, one is made beside its place.
#[test]
fn without_files_that_have_no_name_all_is_as_it_is_with_them() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    for errno in ["EOPNOTSUPP", "EISDIR"] {
        let fault = format!("openat:error={errno}");
        let jail = with_fault(project(), &fault, Some(".".into()));
        jail_command(&jail, &["trust"]).succeeds();
        assert_eq!(entries(&jail).len(), 1, "{errno}");
        jail_command(&jail, &["trust", "--list"]).succeeds().output_has("trusted  ");
    }
}

/// While one is at work the next one waits: it would take the file of the first for one that was left.
#[test]
fn two_at_once_wait_for_one_another() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = Jail::new().file("one/.jail.toml", "").file("two/.jail.toml", "");
    let line = |name: &str| [jail_binary().as_os_str().to_owned(), "trust".into(), name.into()];
    let start = |jail: &Jail, name: &str| {
        let mut command = jail.command(&line(name));
        spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()))
    };
    let stopping = with_fault(jail, "linkat:signal=SIGSTOP", None);
    let first = start(&stopping, "one");
    // Strace makes no process but the one that it traces.
    let children = format!("/proc/{0}/task/{0}/children", first.id());
    wait_until("the first has linked its file", || {
        store(&stopping).exists() && !entries(&stopping).is_empty()
    });
    let traced = fs::read_to_string(children).expect("strace is running");
    let traced = Pid::from_raw(traced.trim().parse().expect("one process"));
    let jail = stopping.through([""; 0]);
    let mut second = start(&jail, "two");
    let waits = format!(" -> FLOCK  ADVISORY  WRITE {} ", second.id());
    wait_until("the second waits, or is through", || {
        fs::read_to_string("/proc/locks").expect("it can be read").contains(&waits)
            || second.try_wait().expect("it is ours").is_some()
    });
    kill(traced, Signal::SIGCONT).expect("it is stopped");
    for child in [first, second] {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(entries(&jail).len(), 2);
}

/// None of them takes the file of another for one that was left.
#[test]
fn many_at_once_lose_nothing() {
    const MANY: usize = 16;
    let jail = Jail::new();
    let files = (0..MANY).fold(jail, |jail, number| jail.file(format!("{number}/.jail.toml"), ""));
    let start = |number: usize| {
        let line =
            [jail_binary().as_os_str().to_owned(), "trust".into(), number.to_string().into()];
        let mut command = files.command(&line);
        spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()))
    };
    let children: Vec<_> = (0..MANY).map(start).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = jail_command(&files, &["trust", "--list"]).succeeds().stdout_text();
    assert_eq!(listed.matches("trusted  ").count(), MANY, "{listed}");
    assert_eq!(entries(&files).len(), MANY);
}

#[test]
fn what_others_may_have_written_is_not_believed() {
    let jail = project();
    jail_command(&jail, &["trust"]).succeeds();
    fs::set_permissions(store(&jail), fs::Permissions::from_mode(0o777)).expect("root may");
    says(
        &jail,
        &jail.run(["touch", "ran"]),
        125,
        str![[r#"
jail: error: cannot tell what is trusted: `[HOME]/.local/state/jail/trust`
because: others may have written to it
help: look at what is in it, then run `chmod 700 [HOME]/.local/state/jail/trust`

"#]],
    );
    fs::set_permissions(store(&jail), fs::Permissions::from_mode(0o700)).expect("root may");
    let elsewhere = store(&jail).with_file_name("elsewhere");
    fs::rename(store(&jail), &elsewhere).expect("root may");
    symlink(elsewhere, store(&jail)).expect("root may");
    says_it_is_no_directory(&jail);
    fs::remove_file(store(&jail)).expect("root may");
    fs::write(store(&jail), "").expect("root may");
    says_it_is_no_directory(&jail);
}

#[track_caller]
fn says_it_is_no_directory(jail: &Jail) {
    says(
        jail,
        &jail.run(["touch", "ran"]),
        125,
        str![[r#"
jail: error: cannot tell what is trusted: `[HOME]/.local/state/jail/trust`
because: it is no directory, or only a link to one
help: move away what is there

"#]],
    );
}

#[test]
fn what_is_damaged_is_told_with_a_command_to_paste() {
    let jail = project();
    jail_command(&jail, &["trust"]).succeeds();
    // The name of a directory, of which a shell would make something.
    let odd = jail.home().join("it's");
    fs::rename(jail.home().join(".local/state"), &odd).expect("root may");
    let jail = jail.env("XDG_STATE_HOME", &odd);
    let file = fs::read_dir(odd.join("jail/trust")).expect("it is there").next();
    let file = file.expect("an entry").expect("it can be read").path();
    fs::write(&file, "{}").expect("root may");
    let in_quotes = format!("'{}'", file.display().to_string().replace('\'', r"'\''"));
    let expected = format!(
        "jail: error: cannot tell what is trusted: `{}`\n\
         because: it is damaged, or another version of jail wrote it\n\
         help: remove it, and say `jail trust` again: `rm {in_quotes}`\n",
        file.display()
    );
    for refused in [jail.run(["echo", "ran"]), jail_command(&jail, &["trust", "--list"])] {
        assert_eq!(String::from_utf8_lossy(&refused.exits(125).outputs("").stderr), expected);
    }
    jail.run_outside(["sh", "-c", &format!("rm {in_quotes}")]).succeeds();
    assert!(!file.exists());
    jail_command(&jail, &["trust"]).succeeds();
    jail.run(["true"]).succeeds().is_silent();
}

#[test]
fn a_store_that_is_gone_again() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = project();
    jail_command(&jail, &["trust"]).succeeds();
    let place = store(&jail);
    let jail = with_fault(jail, "openat,open:error=ENOENT", Some(place));
    let trusted = jail_command(&jail, &["trust"]);
    let file = jail.project().join(".jail.toml");
    trusted.outputs(&format!("`{}` grants the same as `default`\n", file.display()));
    told(
        &jail,
        &trusted,
        125,
        str![[r#"
jail: error: cannot open `[HOME]/.local/state/jail/trust`
because: it is gone again
help: say `jail trust` again

"#]],
    );
}

#[test]
fn what_cannot_be_remembered_or_forgotten_stays_as_it_was() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let full = with_fault(project(), "renameat,renameat2:error=ENOSPC", None);
    told(
        &full,
        &jail_command(&full, &["trust"]),
        125,
        str![[r#"
jail: error: cannot remember what is trusted: `[HOME]/.local/state/jail/trust`
because: no space left on device [ENOSPC]

"#]],
    );
    assert_eq!(entries(&full), [] as [PathBuf; 0]);
    let jail = full.through([""; 0]);
    jail_command(&jail, &["trust"]).succeeds();
    let before = entries(&jail);
    let fixed = with_fault(jail, "unlinkat:error=EROFS", None);
    told(
        &fixed,
        &jail_command(&fixed, &["trust", "--remove"]),
        125,
        str![[r#"
jail: error: cannot forget what was trusted: `[HOME]/.local/state/jail/trust`
because: read-only file system [EROFS]

"#]],
    );
    assert_eq!(entries(&fixed), before);
}

#[test]
fn without_a_home_there_is_no_place() {
    require!(Feature::Userns);
    let script = "mount -t tmpfs none /etc; unset HOME; exec \"$@\"";
    let jail = project().through(["unshare", "-Urm", "sh", "-ec", script, "sh"]);
    let trusted = jail_command(&jail, &["trust"]);
    told(
        &jail,
        &trusted,
        125,
        str![[r#"
jail: error: there is no place to remember what is trusted
because: no home directory is known
help: set HOME or XDG_STATE_HOME to an absolute path

"#]],
    );
}

#[test]
fn a_path_that_is_no_text_cannot_be_trusted() {
    let name = OsString::from_vec(b"caf\xe9".to_vec());
    let jail = Jail::new();
    let place = jail.project().join(&name);
    let jail = jail.file(place.join(".jail.toml"), "").cwd(&name);
    let trusted = jail_command(&jail, &["trust"]);
    told(
        &jail,
        &trusted,
        125,
        str![[r#"
jail: error: cannot trust `[PROJECT]/caf�/.jail.toml`
because: a path of it is not UTF-8
help: move it to a directory with a plainer name

"#]],
    );
    assert_eq!(entries(&jail), [] as [PathBuf; 0]);
}
