//! `jail trust`, and the profile of a project in use. What an attacker would try is in `escape/project.rs`.

use std::fs;

use serde_json::Value;
use snapbox::str;

use crate::support::{Finished, Jail, Pty, jail_binary};
use crate::words::{says, told};

fn jail_command(jail: &Jail, words: &str) -> Finished {
    let program = jail_binary().to_str().expect("UTF-8");
    jail.run_outside(std::iter::once(program).chain(words.split_whitespace()))
}

const MINE: &str =
    "extends = ['default']\n[process]\nhostname = 'mine'\n[env]\nset = { CI = '1' }\n";

fn project() -> Jail {
    Jail::new().file(".jail.toml", MINE)
}

#[test]
fn what_is_trusted_is_told_and_then_used() {
    let jail = project();
    jail.run(["hostname"]).succeeds().outputs("jail\n");
    let trusted = jail_command(&jail, "trust");
    let path = jail.project().join(".jail.toml").display().to_string();
    trusted.succeeds().outputs(&format!(
        "\
`{path}` grants more than `default`:
  env.set: the variable CI is 1 (./.jail.toml:5)
`{path}` differs from `default`, and neither grants more:
  process.hostname: mine (./.jail.toml:3)
"
    ));
    assert_eq!(
        String::from_utf8_lossy(&trusted.stderr),
        format!("jail: note: `{path}` is trusted as it is now\n")
    );
    jail.run(["sh", "-c", "hostname; echo $CI"]).succeeds().outputs("mine\n1\n").is_silent();
    let plan = jail_command(&jail, "plan -- true");
    plan.succeeds().output_has("./.jail.toml:3");
}

#[test]
fn flags_and_the_variable_do_without_it() {
    let jail = project();
    jail_command(&jail, "trust").succeeds();
    jail_command(&jail, "run --profile default -- hostname").outputs("jail\n").is_silent();
    jail_command(&jail, "run --hostname flag -- hostname").outputs("flag\n").is_silent();
    let jail = jail.env("JAIL_PROFILE", "default");
    jail.run(["hostname"]).outputs("jail\n").is_silent();
}

#[test]
fn it_holds_below_its_directory_and_nowhere_else() {
    let jail = project().directory("deep/down");
    jail_command(&jail, "trust").succeeds();
    let below = jail.cwd("deep/down");
    below.run(["hostname"]).outputs("mine\n").is_silent();
    // The same content at another place was not trusted.
    let other = below.file("other/.jail.toml", MINE);
    fs::rename(other.project().join(".jail.toml"), other.project().join("moved"))
        .expect("it is there");
    jail_command(&other, "trust --remove ../..").succeeds();
    let other = other.cwd("other");
    other.run(["hostname"]).outputs("jail\n").says("is not trusted");
}

/// What leads out by `..` is not below the working directory, whatever it begins with.
#[test]
fn what_leads_out_of_the_project_is_told() {
    let jail = Jail::new().file(
        ".jail.toml",
        "extends = ['default']\n[filesystem]\nwrite = ['../x']\nread = ['./a/../../y']\n\
         bind = [{ from = '~/z', to = './docs' }]\n",
    );
    let path = jail.project().join(".jail.toml").display().to_string();
    let told = jail_command(&jail, "trust");
    told.succeeds()
        .output_has(&format!("`{path}` grants more than `default`:"))
        .output_has("  filesystem.write: read and write ../x (./.jail.toml:3)")
        .output_has("  filesystem.read: read ./a/../../y (./.jail.toml:4)")
        .output_has("  filesystem.bind: show { from = \"~/z\", to = \"./docs\" }")
        .output_lacks("grants less");
}

#[test]
fn trust_is_taken_back_from_a_directory_below() {
    let jail = project().directory("deep/down");
    jail_command(&jail, "trust").succeeds();
    let jail = jail.cwd("deep/down");
    jail_command(&jail, "trust --remove").succeeds();
    jail_command(&jail, "trust --list").succeeds().outputs("");
}

/// The name of a directory that was unpacked is somebody else's.
#[test]
fn a_command_that_is_proposed_can_be_pasted() {
    let jail = project().file("a $(id)'b/.jail.toml", "[process]\nhostname = 'x'\n");
    let jail = jail.directory("a $(id)'b/c").cwd("a $(id)'b/c");
    let place = jail.project().display().to_string();
    let typed = format!(r"read it (`jail profile show '{place}/a $(id)'\''b/.jail.toml'`), then");
    jail.run(["true"]).succeeds().says(&typed);
    jail_command(&jail, "trust ../..").succeeds();
    jail.run(["true"]).succeeds().says(&typed).says("`), then `jail trust` uses it instead");
}

#[test]
fn trust_is_listed_and_taken_back() {
    let jail = project().file("b/.jail.toml", "").file("c/.jail.toml", "");
    jail_command(&jail, "trust --list").succeeds().outputs("").is_silent();
    for path in [".", "b/.jail.toml", "c"] {
        jail_command(&jail, &format!("trust {path}")).succeeds();
    }
    let jail = jail.file("b/.jail.toml", "# changed\n");
    fs::remove_file(jail.project().join("c/.jail.toml")).expect("it is there");
    let place = jail.project().display().to_string();
    jail_command(&jail, "trust --list").succeeds().outputs(&format!(
        "\
trusted  {place}/.jail.toml
changed  {place}/b/.jail.toml
gone     {place}/c/.jail.toml
"
    ));
    let json = jail_command(&jail, "trust --list --json");
    let json: Value = serde_json::from_slice(&json.succeeds().stdout).expect("JSON");
    assert_eq!(json[1]["state"], "changed");
    for path in ["", "b", "c/.jail.toml"] {
        jail_command(&jail, &format!("trust --remove {path}")).succeeds().is_silent();
    }
    jail_command(&jail, "trust --list").outputs("");
    jail.run(["hostname"]).outputs("jail\n");
    says(
        &jail,
        &jail_command(&jail, "trust --remove b"),
        125,
        str![[r#"
jail: error: `[PROJECT]/b/.jail.toml` is not trusted
help: `jail trust --list` tells what is

"#]],
    );
}

#[test]
fn on_a_terminal_it_asks() {
    for (answer, hostname) in [("n", "jail"), ("", "jail"), ("y", "mine")] {
        let jail = project();
        let line = vec![jail_binary().into(), "trust".into()];
        let mut pty = Pty::start(&jail, line);
        let asked = pty.wait_for("[y/N]");
        assert!(asked.contains("process.hostname: mine"), "{asked}");
        let file = jail.project().join(".jail.toml");
        let question = format!(
            "jail: use `{}` like this for all runs in its directory? [y/N]",
            file.display()
        );
        assert!(asked.contains(&question), "{asked}");
        pty.send(&format!("{answer}\n"));
        let (status, shown) = pty.finish();
        assert_eq!(status.code(), Some(i32::from(answer != "y")), "{shown}");
        assert_eq!(shown.contains("jail: nothing was changed"), answer != "y", "{shown}");
        jail.run(["hostname"]).outputs(&format!("{hostname}\n"));
    }
    let jail = project();
    let line = ["trust", "--yes"].map(Into::into);
    let line = std::iter::once(jail_binary().into()).chain(line).collect();
    assert!(Pty::start(&jail, line).finish().0.success());
    jail.run(["hostname"]).outputs("mine\n");
}

#[test]
fn what_cannot_be_trusted_is_told() {
    let jail = Jail::new();
    says(
        &jail,
        &jail_command(&jail, "trust"),
        125,
        str![[r#"
jail: error: there is no `.jail.toml` here, nor in a directory above
help: write a first one by `jail profile init`

"#]],
    );
    let jail = jail.file("ci.toml", "");
    says(
        &jail,
        &jail_command(&jail, "trust ci.toml"),
        125,
        str![[r#"
jail: error: cannot trust `ci.toml`
because: only a file `.jail.toml` is looked for by `jail run`
help: name any other profile for each run, by `--profile`

"#]],
    );
    let jail = jail.file(".jail.toml", "[seccomp]\npolicy = './p.json'\n").file("p.json", "{}");
    says(
        &jail,
        &jail_command(&jail, "trust"),
        125,
        str![[r#"
jail: error: cannot trust `./.jail.toml`
 --> ./.jail.toml:2:10
  |
2 | policy = './p.json'
  |          ^^^^^^^^^^
because: it names a file with a seccomp policy, which could change unnoticed
help: name the profile for each run: `--profile ./.jail.toml`

"#]],
    );
    let jail = jail.file(".jail.toml", "wirte = 1\n");
    jail_command(&jail, "trust").exits(125).says("unknown key `wirte`");
    jail_command(&jail, "trust --list --remove").exits(125);
}

#[test]
fn a_nearer_profile_that_is_not_trusted_is_passed_over_with_a_note() {
    let jail = project().file("deep/.jail.toml", "[process]\nhostname = 'deep'\n");
    jail_command(&jail, "trust").succeeds();
    let jail = jail.cwd("deep");
    let ran = jail.run(["hostname"]);
    ran.outputs("mine\n");
    told(
        &jail,
        &ran,
        0,
        str![[r#"
jail: note: `./.jail.toml` is not trusted; `~/project/.jail.toml` is used
help: read it (`jail profile show ./.jail.toml`), then `jail trust` uses it instead

"#]],
    );
}

#[test]
fn notes_and_refusals_say_what_to_do() {
    let jail = Jail::new().file(".jail.toml", "extends = ['dev']\n\n[network]\nmode = 'host'\n");
    told(
        &jail,
        &jail.run(["true"]),
        0,
        str![[r#"
jail: note: `./.jail.toml` is not trusted, so only what it takes away is used
because: left out: extends (line 1), network.mode (line 4)
help: read it (`jail profile show ./.jail.toml`), then `jail trust` uses all of it

"#]],
    );
    jail_command(&jail, "run -q -- true").succeeds().is_silent();
    let jail = jail.file(".jail.toml", "wirte = 1\n");
    told(
        &jail,
        &jail.run(["true"]),
        0,
        str![[r#"
jail: note: `./.jail.toml` is not trusted and has mistakes, so it is not used
help: `jail check ./.jail.toml` tells of them

"#]],
    );
    let jail = jail.file(".jail.toml", MINE);
    jail_command(&jail, "trust").succeeds();
    let jail = jail.file(".jail.toml", "# another\n");
    says(
        &jail,
        &jail.run(["touch", "ran"]),
        125,
        str![[r#"
jail: error: `./.jail.toml` is not what was trusted
because: it has changed since
help: read it (`jail profile show ./.jail.toml`), then say `jail trust` again
help: `jail trust --remove ./.jail.toml` forgets it, `--profile default` does without it

"#]],
    );
}
