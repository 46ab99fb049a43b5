//! What a person at the command line may expect: a shell without a command, variables, hints.

use crate::support::{Jail, Pty, jail_binary};

/// `jail` with these words, without a command behind them.
fn words(words: &[&str]) -> Vec<std::ffi::OsString> {
    let jail = jail_binary().as_os_str().to_owned();
    std::iter::once(jail).chain(words.iter().map(Into::into)).collect()
}

#[test]
fn without_a_command_somebody_at_a_terminal_gets_their_shell() {
    let jail = Jail::new().file("here", "").env("SHELL", "/bin/bash");
    let mut shell = Pty::start(&jail, words(&["run"]));
    shell.wait_for("$ ");
    shell.send("echo \"$0 in $(hostname) with $(echo *)\"; exit 3\n");
    shell.wait_for("/bin/bash in jail with here");
    let (status, shown) = shell.finish();
    assert_eq!(status.code(), Some(3), "{shown}");
}

#[test]
fn a_shell_that_is_not_visible_inside_is_replaced() {
    let jail = Jail::new().env("PS1", "inside> ").home_file("bin/mysh", "#!/bin/sh\n");
    let own = jail.home().join("bin/mysh");
    let jail = jail.env("SHELL", &own);
    let mut shell = Pty::start(&jail, words(&["run", "--env", "PS1"]));
    let said =
        format!("jail: note: your shell `{}` is not visible inside; using /bin/sh", own.display());
    shell.wait_for(&said);
    shell.wait_for("inside> ");
    shell.send("echo $0\n");
    shell.wait_for("/bin/sh");
}

#[test]
fn the_plan_of_a_shell_is_shown_at_a_terminal() {
    let jail = Jail::new().env("SHELL", "/bin/bash");
    let mut plan = Pty::start(&jail, words(&["plan"]));
    plan.wait_for("exec          /bin/bash");
    assert_eq!(plan.finish().0.code(), Some(0));
}

/// A script with an empty variable in `jail run $COMMAND` must not wait for somebody who types.
#[test]
fn without_a_terminal_there_is_no_shell() {
    let expected = "jail: error: no command given\n\
                    because: a shell is only opened for somebody at a terminal\n\
                    help: write it after the options, as in `jail run make test`\n";
    let jail = Jail::new().env("SHELL", "/bin/bash").stdin("touch ran\n");
    jail.run_outside(words(&["run"])).exits(125).says(expected);
    jail.run_outside(words(&["plan"])).exits(125).says(expected);
    assert!(!jail.project().join("ran").exists());
}

/// Standard error of a script is often a log.
#[test]
fn a_terminal_to_type_at_alone_is_not_enough() {
    let jail = Jail::new().env("SHELL", "/bin/bash");
    let line = ["sh", "-c", "\"$@\" 2>log; echo $?; cat log", "sh"].map(Into::into);
    let mut run = Pty::start(&jail, line.into_iter().chain(words(&["run"])).collect());
    run.wait_for("125");
    run.wait_for("a shell is only opened for somebody at a terminal");
}

#[test]
fn variables_name_profiles_and_say_how_much_is_said() {
    let jail = Jail::new().file("more.toml", "[env]\nset = { MORE = \"yes\" }\n");
    let shows = "echo ${MORE-no}; test -w . && echo writable";
    let run = |jail: &Jail| jail.run(["sh", "-c", shows]);
    let both = jail.env("JAIL_PROFILE", "default:./more.toml");
    run(&both).succeeds().outputs("yes\nwritable\n");
    // A flag is stronger.
    run(&both.args(["--profile", "default"])).succeeds().outputs("no\nwritable\n");

    let noted = || Jail::new().cwd("..");
    noted().run(["true"]).succeeds().says("jail: note: ");
    noted().env("JAIL_QUIET", "1").run(["true"]).succeeds().is_silent();
    noted().env("JAIL_QUIET", "0").run(["true"]).succeeds().says("jail: note: ");
    noted().env("JAIL_QUIET", "1").flag("--verbose").run(["true"]).says("no_new_privs");
    noted().env("JAIL_VERBOSE", "1").run(["true"]).succeeds().says("no_new_privs");
    noted().env("JAIL_VERBOSE", "1").flag("--quiet").run(["true"]).succeeds().is_silent();
}

#[test]
fn a_mistyped_variable_is_told() {
    let jail = Jail::new().env("JAIL_PROFLE", "strict").env("JAIL_TEST_USER", "somebody");
    jail.run(["true"]).succeeds().says(
        "jail: warning: jail knows no variable `JAIL_PROFLE`; continuing without it\n\
         help: did you mean `JAIL_PROFILE`?\n",
    );
}

#[test]
fn no_variable_of_jail_is_passed_inside() {
    for profile in ["default", "dev", "ci", "strict"] {
        let jail = Jail::new().env("JAIL_PROFILE", profile).env("JAIL_QUIET", "1");
        let jail = jail.env("JAIL_VERBOSE", "0").env("JAIL_SECRET", "x");
        jail.run(["env"]).succeeds().output_lacks("JAIL_");
    }
}

#[test]
fn a_file_that_the_command_does_not_see_is_named() {
    let jail = Jail::new();
    let script = jail.home().join("tools/deploy.sh");
    let jail = jail.home_file("tools/deploy.sh", "echo ran\n");
    let path = script.to_str().expect("a path in UTF-8");
    let note = format!(
        "jail: note: `{path}` exists, but is not visible inside\n\
         help: if the command needs it: `--read {path}`\n"
    );
    jail.run(["sh", path]).exits(2).says(&note);
    jail.run(["python3", "-B", path, "x"]).exits(2).says(&note);
    jail.run(["sh", "-c", "exit 1", path]).exits(1).says_nothing_of("jail:");
    // What is there, what is nowhere, and what went well.
    jail.run(["ls", "/usr/missing"]).exits(2).says_nothing_of("jail:");
    jail.run(["cat", "/etc/shadow", "/dev/missing"]).exits(1).says_nothing_of("jail:");
    jail.run(["echo", path]).succeeds().is_silent();
    jail.args(["--read", path]).run(["sh", path]).succeeds().outputs("ran\n");
}

#[test]
fn a_forgotten_run_is_answered_with_the_whole_line() {
    let jail = Jail::new();
    jail.run_outside(words(&["make", "-j2", "CC=clang 19"])).exits(125).says(
        "jail: error: `jail` has no command `make`\n\
         help: to run a program, write `jail run make -j2 'CC=clang 19'`\n",
    );
    jail.run_outside(words(&["--profile", "dev", "run", "ls"])).exits(125).says(
        "jail: error: unknown option `--profile`\n\
         help: options stand after the command of jail: `jail run --profile ...`\n",
    );
    jail.run_outside(words(&["help", "netwrok"])).exits(125).says(
        "jail: error: there is no help about `netwrok`\n\
         help: did you mean `jail help network`?\n",
    );
}

#[test]
fn help_is_text_without_colours_that_a_pager_can_stop_reading() {
    let jail = Jail::new().env("TERM", "xterm");
    for subject in [&["help"][..], &["help", "run"], &["help", "limits"], &["run", "--help"]] {
        let shown = jail.run_outside(words(subject)).succeeds().stdout_text();
        assert!(!shown.contains('\x1b') && shown.len() > 500, "{subject:?}: {shown}");
    }
    let line = ["sh", "-c", "\"$@\" | head -n 1", "sh"].map(Into::into);
    let line: Vec<_> = line.into_iter().chain(words(&["help", "profile-format"])).collect();
    jail.run_outside(line).succeeds().outputs("Profiles\n").is_silent();
}
