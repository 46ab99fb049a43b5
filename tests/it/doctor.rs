//! `jail doctor`: what it finds is what runs meet.

mod forbidden;
mod lacking;
mod machines;

use crate::support::{Finished, Jail, Pty, jail_binary};

/// The command line of the doctor, with these options.
fn line(options: &[&str]) -> Vec<std::ffi::OsString> {
    let words = ["doctor"].iter().chain(options).map(Into::into);
    std::iter::once(jail_binary().into()).chain(words).collect()
}

/// What the doctor finds for this jail, which needs no flags of its own.
fn examine(jail: &Jail, options: &[&str]) -> Finished {
    jail.run_outside(line(options))
}

/// The findings as JSON, and the exit status.
fn findings(jail: &Jail, options: &[&str]) -> (serde_json::Value, Option<i32>) {
    let options: Vec<&str> = options.iter().copied().chain(["--json"]).collect();
    let finished = examine(jail, &options);
    finished.is_silent();
    let found = serde_json::from_slice(&finished.stdout);
    let found = found.unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (found, finished.status.code())
}

/// The state of one check, and all that was said of it.
fn check<'a>(findings: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let checks = findings["checks"].as_array().expect("a list");
    let mut named = checks.iter().filter(|check| check["name"] == name);
    let found = named.next().unwrap_or_else(|| panic!("no check `{name}` in {findings:#}"));
    assert!(named.next().is_none(), "two checks `{name}` in {findings:#}");
    found
}

#[track_caller]
fn is(findings: &serde_json::Value, name: &str, state: &str) {
    let check = check(findings, name);
    assert_eq!(check["state"], state, "{check:#}");
}

#[test]
fn a_machine_that_runs_the_profile_is_told_so() {
    crate::require!(crate::support::Feature::Userns);
    let jail = Jail::new();
    let (found, status) = findings(&jail, &[]);
    assert_eq!((&found["runs"], status), (&true.into(), Some(0)), "{found:#}");
    for name in [
        "user_namespace",
        "namespaces",
        "id_map",
        "mounts",
        "proc",
        "dev",
        "loopback",
        "host_name",
        "keyring",
        "privileges",
        "landlock",
        "filter",
        "profile",
    ] {
        is(&found, name, "ok");
    }
    for name in ["memory", "pasta", "overlay", "subordinate_ids", "image", "forwarder"] {
        is(&found, name, "not_needed");
    }
    let text = examine(&jail, &[]);
    text.succeeds().is_silent().output_has("\njail: this machine runs `default`\n");
    text.output_lacks("not needed").output_lacks("\u{1b}");
    examine(&jail, &["--all"]).succeeds().output_has("overlay             not needed");
}

/// Nothing is there that was not there before, and nobody is left.
#[test]
fn nothing_is_left_behind() {
    crate::require!(crate::support::Feature::Userns);
    let jail = Jail::new().directory("low").directory("runtime").file("low/kept", "kept");
    let runtime = jail.project().join("runtime");
    let jail = jail.env("XDG_RUNTIME_DIR", runtime.as_os_str());
    let list = || {
        let listed = jail.run_outside(["find", "..", "-printf", "%p %y %m %u %s %T@\\n"]);
        listed.succeeds();
        listed.stdout_text()
    };
    let before = list();
    let flags = ["--overlay", "./low", "--network", "allow", "--allow", "example.test:443"];
    examine(&jail, &flags).succeeds();
    assert_eq!(list(), before);
    let marker = runtime.to_str().expect("a path in UTF-8");
    assert!(crate::support::processes_named(marker).is_empty());
}

/// Whenever it is killed, what it made ends with it.
#[test]
fn nobody_is_left_when_it_is_killed() {
    crate::require!(crate::support::Feature::Userns);
    let jail = Jail::new().directory("runtime");
    let runtime = jail.project().join("runtime");
    let marker = runtime.to_str().expect("a path in UTF-8").to_owned();
    let jail = jail.env("XDG_RUNTIME_DIR", &marker);
    let options = line(&["--network", "allow", "--allow", "example.test:443"]);
    for moment in 0..30 {
        let mut child =
            crate::support::spawn(jail.command(&options).stdout(std::process::Stdio::null()));
        std::thread::park_timeout(std::time::Duration::from_millis(3 * moment));
        child.kill().expect("it has not been waited for");
        child.wait().expect("it is a child");
        crate::support::wait_until("all that the doctor made has ended", || {
            crate::support::processes_named(&marker).is_empty()
        });
    }
}

/// A program that never answers keeps nobody waiting for ever, and does not outlive who asked.
#[test]
fn a_program_that_hangs_ends_with_it() {
    use std::os::unix::fs::PermissionsExt;
    crate::require!(crate::support::Feature::Userns);
    crate::require!(crate::support::Feature::Tun);
    let jail = Jail::new().file("bin/pasta", "#!/bin/sh\nexec sleep 100061\n");
    let program = jail.project().join("bin/pasta");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("it is there");
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("a directory").display());
    let marker = path.clone();
    let jail = jail.env("PATH", path);
    let mut child = crate::support::spawn(
        jail.command(&line(&["--network", "nat"])).stdout(std::process::Stdio::null()),
    );
    let sleeps = || {
        let children = jail.run_outside(["pgrep", "-f", "^sleep 100061$"]);
        children.status.success()
    };
    crate::support::wait_until("the program is started", sleeps);
    child.kill().expect("it has not been waited for");
    child.wait().expect("it is a child");
    crate::support::wait_until("all that the doctor made has ended", || {
        !sleeps() && crate::support::processes_named(&marker).is_empty()
    });
}

#[test]
fn options_that_are_wrong_are_no_matter_of_the_machine() {
    let jail = Jail::new();
    examine(&jail, &["--profile", "missing"]).exits(125).outputs("").says("no profile `missing`");
    examine(&jail, &["--umask", "9"]).exits(125).outputs("").says("`9` is not a umask");
    examine(&jail, &["--wrte", "."]).exits(125).outputs("").says("unknown option `--wrte`");
    examine(&jail, &["make"]).exits(125).outputs("").says("unknown argument `make`");
}

/// That the profile cannot be carried out here counts as well, whatever the kernel allows.
#[test]
fn a_path_that_is_missing_is_named() {
    let jail = Jail::new();
    let (found, status) = findings(&jail, &["--read", "./missing"]);
    assert_eq!(status, Some(1));
    assert_eq!(found["runs"], false);
    is(&found, "user_namespace", "ok");
    is(&found, "profile", "missing");
    assert!(check(&found, "profile")["found"].as_str().unwrap().contains("`./missing`"));
    examine(&jail, &["--read", "./missing"])
        .exits(1)
        .output_has("jail: this machine cannot run `default`\n");
}

/// Only when it is tried it shows that no process could even end there.
#[test]
fn a_policy_that_no_command_could_live_with_is_found() {
    crate::require!(crate::support::Feature::Userns);
    let policy = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["exit_group"],
        "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]}]}"#;
    let jail = Jail::new().file("policy.json", policy);
    let (found, status) = findings(&jail, &["--seccomp", "./policy.json"]);
    assert_eq!((&found["runs"], status), (&false.into(), Some(1)));
    let profile = check(&found, "profile");
    assert_eq!(profile["state"], "missing");
    assert_eq!(
        profile["found"],
        "the sandbox ended the process in it: it was killed by signal 31, so its limits or its \
         filter leave no room for any command"
    );
    assert_eq!(
        profile["fixes"][0]["title"],
        "look at `[limits]` and at the policy of `[seccomp]`: signal 31 is that of a filter"
    );
}

#[test]
fn profiles_are_named_as_they_were_given() {
    crate::require!(crate::support::Feature::Userns);
    let jail = Jail::new().file("odd\u{1b}[31m.toml", "");
    let odd = examine(&jail, &["-P", "default", "-P", "./odd\u{1b}[31m.toml"]);
    odd.succeeds().output_lacks("\u{1b}").output_has("runs `default` with `./odd");
    let jail = jail.env("JAIL_PROFILE", "strict");
    examine(&jail, &[]).output_has("jail: this machine runs `strict`\n");
}

#[test]
fn colours_are_for_terminals() {
    crate::require!(crate::support::Feature::Userns);
    let jail = Jail::new().env("TERM", "xterm");
    let shown = Pty::start(&jail, line(&[])).finish().1;
    assert!(shown.contains("\u{1b}[1;32mok"), "{shown:?}");
    let plain = Pty::start(&jail.env("NO_COLOR", "1"), line(&[])).finish().1;
    assert!(!plain.contains("\u{1b}[1;"), "{plain:?}");
}

#[test]
fn findings_are_as_the_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(&jail::doctor::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let jail = Jail::new();
    for options in [&[][..], &["--read", "./missing"], &["-m", "1G", "--network", "nat"]] {
        let (found, _) = findings(&jail, options);
        let mistakes: Vec<String> =
            validator.iter_errors(&found).map(|it| it.to_string()).collect();
        assert!(mistakes.is_empty(), "{mistakes:?}\n{found:#}");
    }
}
