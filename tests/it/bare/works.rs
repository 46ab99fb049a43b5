//! What still works, with real programs.

use std::path::Path;

use super::{bare, in_container};
use crate::support::Jail;

#[test]
fn the_command_runs_and_the_user_is_told_how() {
    let jail = bare();
    let finished = jail.run(["sh", "-c", "pwd; echo $HOME; echo $TMPDIR; exit 7"]);
    let shown = finished.stdout_text();
    let [pwd, home, temporary] = shown.lines().collect::<Vec<_>>()[..] else { panic!("{shown}") };
    assert_eq!(jail.project(), Path::new(pwd));
    let said = format!(
        "jail: warning: this machine refuses namespaces; continuing with Landlock, a system call \
         filter and limits alone\n\
         because: function not implemented [ENOSYS]\n\
         help: the command's home is `{home}`, and its TMPDIR `{temporary}`\n\
         help: it reaches no /tmp, no unix socket and little of /proc; names, sizes and times of files \
         it can see\n"
    );
    finished.exits(7);
    assert_eq!(String::from_utf8_lossy(&finished.stderr), said);
    let jail = jail.args(["--report", "fd:1"]);
    jail.run(["true"]).succeeds().reports("/degraded", serde_json::json!(["namespaces"]));
}

#[test]
fn where_namespaces_can_be_had_they_are() {
    let jail = Jail::new().args(["--degrade", "namespaces", "--report", "fd:1"]);
    jail.probe("host-name").is_silent().output_has("ok jail");
    jail.run(["true"]).is_silent().reports("/degraded", serde_json::json!([]));
}

#[test]
fn without_leave_it_is_not_done() {
    in_container().run(["true"]).exits(125).outputs("").says(
        "to run without namespaces: --degrade namespaces, in a profile degrade = [\"namespaces\"]",
    );
}

#[test]
fn exit_statuses_are_as_always() {
    let jail = bare().script("broken", "#!/nowhere/sh\n").file("plain", "x");
    jail.run(["sh", "-c", "kill -9 $$"]).exits(137);
    jail.run(["no-such-command"]).exits(127).says("command `no-such-command` not found");
    jail.run(["./plain"]).exits(126);
    jail.run(["./broken"]).exits(127);
}

#[test]
fn home_and_temporary_directory_are_private_and_empty() {
    let jail = bare();
    jail.run([
        "sh",
        "-c",
        "ls -A \"$HOME\" \"$TMPDIR\" | grep -v : | grep . ; mktemp; \
                           python3 -c 'import tempfile; tempfile.mkdtemp()'; cd; touch x; ls",
    ])
    .succeeds()
    .output_has("/tmp/tmp.")
    .output_has("x\n");
    jail.run(["sh", "-c", "echo > /tmp/x"]).fails().says("Permission denied");
}

/// Where programs look for it, and with no more right than outside of it.
#[test]
fn what_is_granted_of_the_home_is_found_in_the_private_one() {
    let jail = bare().home_file(".gitconfig", "[user]\nname = somebody\n");
    let jail = jail.home_file(".config/tool/settings", "x").home_file(".config/secret", "y");
    let jail = jail.args(["--read", "~/.gitconfig", "--read", "~/.config/tool"]);
    jail.run(["git", "config", "--global", "user.name"]).succeeds().outputs("somebody\n");
    jail.run([
        "sh",
        "-c",
        "cat ~/.config/tool/settings; ls ~/.config; cat ~/.config/tool/../secret",
    ])
    .fails()
    .outputs("xtool\n")
    .says("Permission denied");
    jail.run(["sh", "-c", "echo > ~/.gitconfig"]).fails();
}

/// ld(1) makes its output executable by chmod(2), make(1) reads times, ar and install set both.
#[test]
fn a_c_program_is_built_and_tested() {
    let makefile = "test: prog\n\t./prog\n\tinstall -m 755 prog installed\n\tar rc lib.a prog.o\n\
                    prog: prog.o\n\tcc -o $@ $^\nprog.o: prog.c\n\tcc -c $<\n";
    let jail = bare()
        .file("Makefile", makefile)
        .file("prog.c", "#include <stdio.h>\nint main(void) { puts(\"works\"); return 0; }\n");
    jail.run(["make", "test"]).succeeds().output_has("works\n");
    jail.run(["make", "test"]).succeeds();
}

#[test]
fn git_works_in_a_repository() {
    let jail =
        bare().args(["--env", "GIT_AUTHOR_NAME=a", "--env", "GIT_AUTHOR_EMAIL=a@example.org"]);
    let jail =
        jail.args(["--env", "GIT_COMMITTER_NAME=a", "--env", "GIT_COMMITTER_EMAIL=a@example.org"]);
    let script = "git init -q . && echo x > file && git add file && git commit -qm x && \
                  git clone -q . \"$TMPDIR/copy\" && git -C \"$TMPDIR/copy\" log --oneline | wc -l";
    jail.run(["sh", "-c", script]).succeeds().outputs("1\n");
}

#[test]
fn interpreters_work() {
    let jail = bare();
    jail.run(["python3", "-c", "import subprocess; print(subprocess.check_output(['echo', 'x']))"])
        .succeeds()
        .outputs("b'x\\n'\n");
    jail.run(["perl", "-e", "print `echo x`"]).succeeds().outputs("x\n");
    jail.run(["bash", "-c", "cat <(echo x) /dev/fd/0 </dev/null"]).succeeds().outputs("x\n");
    jail.run(["sh", "-c", "echo x > f; tar cf t.tar f; rm f; tar xpf t.tar; cp -a f g; cat g"])
        .succeeds()
        .outputs("x\n");
}

#[test]
fn the_plan_is_what_happens() {
    let jail = bare();
    let line = vec![
        crate::support::jail_binary().into(),
        "plan".into(),
        "--degrade".into(),
        "namespaces".into(),
        "true".into(),
    ];
    let finished = jail.start_line(line).finish();
    finished
        .succeeds()
        .output_has("no namespaces")
        .output_has("a Landlock domain instead")
        .output_has("--degrade")
        .output_has("init is asked for 12 calls")
        .output_lacks("mount");
}
