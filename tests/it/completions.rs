//! Completion in real shells: names of profiles and images, and the command inside.

use crate::support::{Feature, Jail, Pty, jail_binary};

/// A project with targets of make, images in the store, and a `jail` in PATH.
fn project() -> Jail {
    let jail = Jail::new()
        .file("Makefile", "chair:\ncupboard:\n")
        .home_file(".config/jail/profiles/chosen.toml", "extends = [\"default\"]\n")
        .home_file(".config/jail/profiles/two words.toml", "extends = [\"default\"]\n")
        .file("rootfs/etc/hostname", "image\n");
    let names = "jail image import -q tar:rootfs.tar chest:12 && jail image import -q tar:rootfs.tar chest:13";
    // For a program that has no `jail profile` yet.
    let listed = "if [ \"$*\" = 'profile list --names' ]; then \"$JAIL\" \"$@\" 2>/dev/null \
                  || printf 'chosen\\ndefault\\ntwo words\\n'; exit; fi";
    let jail = with_jail(jail, &format!("{listed}\nexec \"$JAIL\" \"$@\""));
    jail.run_outside(["sh", "-ec", &format!("tar -cf rootfs.tar -C rootfs . && {names}")])
        .succeeds();
    jail
}

/// A directory of PATH whose `jail` is this script.
fn with_jail(jail: Jail, script: &str) -> Jail {
    let bin = jail.home().join("bin");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let script = format!("#!/bin/sh\n{script}\n");
    let jail = jail.script(bin.join("jail").to_str().expect("a path in UTF-8"), script);
    jail.env("JAIL", jail_binary()).env("PATH", path).env("TERM", "xterm").env("PS1", "> ")
}

fn bash(jail: &Jail) -> Pty {
    let line = ["bash", "--norc", "--noprofile", "-i"].map(Into::into).to_vec();
    let mut shell = Pty::start(jail, line);
    shell.send(
        "source /usr/share/bash-completion/bash_completion; source <(\"$JAIL\" completions bash); \
         bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'; echo rea''dy\n",
    );
    shell.wait_for("ready");
    shell
}

fn zsh(jail: &Jail) -> Pty {
    let mut shell = Pty::start(jail, ["zsh", "-f", "-i"].map(Into::into).to_vec());
    shell.send(
        "unsetopt beep; LISTMAX=1000; mkdir -p ~/functions; $JAIL completions zsh >~/functions/_jail; \
         fpath=(~/functions $fpath); autoload -U compinit; compinit -u -D; print rea''dy\n",
    );
    shell.wait_for("ready");
    shell
}

/// What stands on the screen after the key is pressed: these words, in the shell's own order.
#[track_caller]
fn offers(shell: &mut Pty, line: &str, words: &[&str]) {
    shell.send(line);
    shell.send("\t\t");
    shell.wait_for_all(words);
    give_up(shell);
}

/// Where one thing is offered, the rest of it is typed.
#[track_caller]
fn completes(shell: &mut Pty, line: &str, rest: &str) {
    shell.send(line);
    shell.send("\t");
    shell.wait_for(rest);
    give_up(shell);
}

/// Empties the line.
#[track_caller]
fn give_up(shell: &mut Pty) {
    shell.send("\x15echo do''ne\n");
    shell.wait_for("done");
}

/// What fish offers, one in each line.
fn fish(jail: &Jail, line: &str) -> String {
    let script = "$JAIL completions fish | source; complete -C $argv[1]";
    let finished = jail.run_outside(["fish", "-c", script, line]);
    finished.succeeds().is_silent();
    let lines = finished.stdout_text();
    let words = lines.lines().map(|line| line.split('\t').next().unwrap_or(line));
    words.collect::<Vec<_>>().join("\n")
}

#[test]
fn bash_offers_names_and_files() {
    crate::require!(Feature::Program("bash"));
    crate::require!(Feature::Path("/usr/share/bash-completion/bash_completion"));
    let jail = project();
    let mut shell = bash(&jail);
    offers(&mut shell, "jail run --profile ", &["Makefile", "chosen", "default", "two words"]);
    completes(&mut shell, "jail run --profile=cho", "sen");
    completes(&mut shell, "jail plan -P two", "\\ words");
    completes(&mut shell, "jail check cho", "sen");
    completes(&mut shell, "jail profile show cho", "sen");
    completes(&mut shell, "jail profile diff dev cho", "sen");
    offers(&mut shell, "jail run --image chest:", &["12", "13"]);
    offers(&mut shell, "jail run --image=che", &["st:12", "st:13"]);
    offers(&mut shell, "jail image remove ches", &["chest:12", "chest:13"]);
    completes(&mut shell, "jail run --read Make", "file");
    completes(&mut shell, "jail comp", "letions");
    offers(&mut shell, "jail help ", &["image", "exit-status"]);
}

#[test]
fn bash_completes_the_command_inside_as_without_jail() {
    crate::require!(Feature::Program("bash"));
    crate::require!(Feature::Path("/usr/share/bash-completion/bash_completion"));
    let jail = project();
    let mut shell = bash(&jail);
    offers(&mut shell, "jail run make c", &["chair", "cupboard"]);
    completes(&mut shell, "jail run -q -v ./a:/b:ro -m 2G -- make cu", "pboard");
    completes(&mut shell, "jail plan --read . git --versi", "on");
    completes(&mut shell, "jail run --read . base3", "2");
}

#[test]
fn zsh_offers_names_and_the_commands_own_completion() {
    crate::require!(Feature::Program("zsh"));
    let jail = project();
    let mut shell = zsh(&jail);
    offers(&mut shell, "jail run --profile ", &["Makefile", "chosen", "default", "two\\ words"]);
    completes(&mut shell, "jail run --profile=cho", "sen");
    completes(&mut shell, "jail check cho", "sen");
    completes(&mut shell, "jail profile show cho", "sen");
    completes(&mut shell, "jail profile diff dev cho", "sen");
    offers(&mut shell, "jail image remove ", &["chest:12", "chest:13"]);
    offers(&mut shell, "jail run --image ", &["chest:12", "chest:13"]);
    offers(&mut shell, "jail run -- make ", &["chair", "cupboard"]);
    completes(&mut shell, "jail run -q make cu", "pboard");
    completes(&mut shell, "jail plan --read . git --versi", "on");
}

#[test]
fn fish_offers_names_and_the_commands_own_completion() {
    crate::require!(Feature::Program("fish"));
    let jail = project();
    let names = fish(&jail, "jail run --profile ");
    for name in ["chosen", "default", "two words", "Makefile"] {
        assert!(names.lines().any(|line| line == name), "no {name}: {names}");
    }
    assert_eq!(fish(&jail, "jail plan --profile=cho"), "--profile=chosen");
    assert_eq!(fish(&jail, "jail check cho"), "chosen");
    assert_eq!(fish(&jail, "jail profile show cho"), "chosen");
    assert!(fish(&jail, "jail run --image chest:").starts_with("chest:12\nchest:13\n"));
    assert_eq!(fish(&jail, "jail image remove chest:13"), "chest:13");
    assert_eq!(fish(&jail, "jail run make c"), "chair\ncupboard");
    assert_eq!(fish(&jail, "jail run -q -m 2G -- make cu"), "cupboard");
    assert_eq!(fish(&jail, "jail run --read . git --versi"), "--version");
    assert_eq!(fish(&jail, "jail run --netw"), "--network");
    // Behind the command's name no option is ours.
    assert_eq!(fish(&jail, "jail run make --netw"), "");
    assert_eq!(fish(&jail, "jail help exit"), "exit-status");
}

#[test]
fn a_jail_that_knows_no_names_is_passed_over_in_silence() {
    crate::require!(Feature::Program("fish"));
    crate::require!(Feature::Program("zsh"));
    crate::require!(Feature::Path("/usr/share/bash-completion/bash_completion"));
    let older = with_jail(project(), "echo 'unknown command' >&2; exit 125");
    let none = project().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for jail in [older, none] {
        assert_eq!(fish(&jail, "jail run --profile Make"), "Makefile");
        for mut shell in [bash(&jail), zsh(&jail)] {
            shell.send("jail run --profile Make\t");
            let shown = shell.wait_for("file");
            assert!(!shown.contains("unknown") && !shown.contains("not found"), "{shown}");
        }
    }
}

#[test]
fn a_program_of_the_directory_is_not_run_for_names() {
    crate::require!(Feature::Program("fish"));
    crate::require!(Feature::Program("zsh"));
    crate::require!(Feature::Path("/usr/share/bash-completion/bash_completion"));
    let jail = project().script("jail", "#!/bin/sh\necho >ran\n");
    fish(&jail, "./jail run --profile cho");
    for mut shell in [bash(&jail), zsh(&jail)] {
        completes(&mut shell, "./jail run --profile cho", "sen");
    }
    assert!(!jail.project().join("ran").exists());
}
