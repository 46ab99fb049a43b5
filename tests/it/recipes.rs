//! What docs/recipes.md shows, done as it stands there by the tools that it is for.

use std::fs;
use std::path::Path;

use crate::support::{Feature, Finished, Jail, jail_binary};

/// The blocks of a section in one language, with the end of the page's own indentation.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let heading = format!("\n## {section}\n");
    let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("no section {section}"));
    let text = rest.split("\n## ").next().unwrap_or(rest);
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or(block).to_owned()).collect()
}

fn block<const N: usize>(section: &str, language: &str) -> [String; N] {
    let found = blocks(section, language);
    let count = found.len();
    found.try_into().unwrap_or_else(|_| panic!("{section} has {count} blocks of {language}"))
}

/// A project, and a `jail` in PATH.
fn project() -> Jail {
    let jail = Jail::new();
    let bin = jail.home().join(".local/bin");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let jail = jail.file("Makefile", "test:\n\t@echo tested by $$(hostname)\n");
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", jail_binary().display());
    let program = bin.join("jail");
    jail.script(program.to_str().expect("a path in UTF-8"), script).env("PATH", path)
}

fn sh(jail: &Jail, lines: &str) -> Finished {
    jail.run_outside(["sh", "-ec", lines])
}

#[test]
fn a_script_names_its_sandbox_in_the_first_line() {
    let [own, elsewhere, quoting, stream] = block("Scripts", "sh");
    let jail = project().script("own", own).script("quoting", quoting);
    jail.run_outside(["./own"]).succeeds().outputs("tested by jail\n");

    let bin = jail.home().join("bin/elsewhere");
    let jail = jail.script(bin.to_str().expect("a path in UTF-8"), elsewhere);
    let expected = format!("in {}\n", jail.project().display());
    jail.run_outside([&bin]).succeeds().outputs(&expected);

    let jail = jail.file("-r", "2\n1\n");
    jail.run_outside(["./quoting", "-r"]).succeeds();
    let sorted = fs::read_to_string(jail.project().join("sorted.txt"));
    assert_eq!(sorted.expect("it was written"), "1\n2\n");
    sh(&jail, "jail run $COMMAND").exits(125).says("no command given");

    sh(&jail, "echo streamed | gzip >../download.gz").succeeds();
    sh(&jail, &stream).succeeds();
    let unpacked = fs::read_to_string(jail.project().join("unpacked.txt"));
    assert_eq!(unpacked.expect("it was written"), "streamed\n");
}

#[test]
fn a_script_that_lies_elsewhere_is_told_how_to_be_seen() {
    let [own, ..] = block::<4>("Scripts", "sh");
    let jail = project();
    let script = jail.home().join("tools/own");
    let jail = jail.script(script.to_str().expect("a path in UTF-8"), own);
    let note = format!(
        "jail: note: `{0}` exists, but is not visible inside\n\
         help: if the command needs it: `--read {0}`\n",
        script.display()
    );
    jail.run_outside([&script]).exits(2).says(&note);
}

#[test]
fn make_runs_its_recipes_inside() {
    crate::require!(Feature::Program("make"));
    let [makefile] = block("Makefiles", "make");
    let jail = project().file("Makefile", makefile);
    jail.run_outside(["make"]).succeeds();
    let built = fs::read_to_string(jail.project().join("message.txt"));
    assert_eq!(built.expect("it was made"), "built by jail\n");
    // A recipe that fails, and what is not granted.
    let jail = jail
        .file("Makefile", "SHELL = jail\n.SHELLFLAGS = run -- sh -ec\nall:\n\techo x >/usr/x\n");
    jail.run_outside(["make"]).exits(2).says("Error 2");
    let jail = jail.env("JAIL_PROFILE", "strict");
    jail.run_outside(["make"]).exits(2).says("Read-only file system");
}

#[test]
fn a_git_hook_runs_the_check_of_the_repository() {
    crate::require!(Feature::Program("git"));
    let [hook] = block("Git hooks", "sh");
    let check = "#!/bin/sh\n\
                 if grep -q bad ./*.txt || echo x 2>/dev/null >.git/HEAD; then exit 1; fi\n\
                 echo checked by $(hostname)\n";
    let jail = project().script("check.sh", check).file("a.txt", "good\n");
    sh(
        &jail,
        "git init -q; git config user.name x; git config user.email x@example.org; git add .",
    )
    .succeeds();
    let jail = jail.script(".git/hooks/pre-commit", hook);
    sh(&jail, "git commit -qm good").succeeds().says("checked by jail");
    let jail = jail.file("a.txt", "bad\n");
    sh(&jail, "git commit -qam bad").fails();
    sh(&jail, "git log --format=%s").succeeds().outputs("good\n");
}

#[test]
fn limits_hold_for_the_command() {
    let [limited, of_a_cgroup] = block("Limits", "sh");
    let jail = project().file("Makefile", "test:\n\t@ulimit -n; nice\n");
    sh(&jail, &limited).succeeds().outputs("256\n10\n");
    // There may be no cgroup here: it is understood, and either run or refused for that reason.
    let finished = sh(&jail, &of_a_cgroup);
    let refused = String::from_utf8_lossy(&finished.stderr).contains("cgroup");
    assert!(finished.status.success() || refused, "{finished:?}");
}

#[test]
fn a_build_without_network_is_planned_as_it_stands() {
    let [lines] = block("Builds without network", "sh");
    let jail = project().directory("../.cargo/registry");
    // What is built is in tools::cargo; here nobody has the registry.
    let planned = lines.replace("jail run", "jail plan -q");
    sh(&jail, &planned)
        .succeeds()
        .output_has("*.example.org:443")
        .output_has("cargo build --offline");
}

#[test]
fn what_nobody_has_read_leaves_nothing() {
    let [install, solve] = block("Code that nobody has read", "sh");
    let jail = project()
        .script("install.sh", "#!/bin/sh\necho evil >>Makefile; echo new >new; cat new\n")
        .script("solve", "#!/bin/sh\ntr a-z A-Z; echo x >left || :\n")
        .file("task.txt", "question\n");
    sh(&jail, &install).succeeds().outputs("new\n");
    assert!(!jail.project().join("new").exists());
    sh(&jail, "! grep evil Makefile").succeeds();
    sh(&jail, &solve).succeeds();
    let answer = fs::read_to_string(jail.project().join("answer.txt"));
    assert_eq!(answer.expect("it was written"), "QUESTION\n");
    assert!(!jail.project().join("left").exists());
}

#[test]
fn an_image_is_made_used_and_kept() {
    crate::require!(Feature::Program("busybox"));
    let [lines] = block("Images", "sh");
    let jail = project().file("root/etc/motd", "hello\n");
    let make = "mkdir root/bin; cp /bin/busybox root/bin/; \
                for name in sh cat; do ln -s busybox root/bin/$name; done; tar -cf rootfs.tar -C root .";
    sh(&jail, make).succeeds();
    sh(&jail, &lines).succeeds().output_has("hello\nhello\nmore\n");
}

#[test]
fn commands_of_ci_services_run() {
    let [github, gitlab] = block("CI services", "yaml");
    for file in [github, gitlab] {
        let lines = file.lines().filter_map(|line| line.split_once("- "));
        let commands: Vec<&str> = lines
            .map(|(_, command)| command.trim_start_matches("run: "))
            .filter(|command| command.starts_with("jail "))
            .collect();
        assert_eq!(commands.len(), 1, "{file}");
        sh(&project(), commands[0]).succeeds().output_has("tested by jail");
    }
}

/// A block that no test takes would rot.
#[test]
fn every_block_is_one_of_these() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let known = [
        ("Scripts", "sh"),
        ("Makefiles", "make"),
        // In tools::cargo.
        ("Cargo", "ini"),
        ("Git hooks", "sh"),
        ("Limits", "sh"),
        ("Builds without network", "sh"),
        ("Code that nobody has read", "sh"),
        ("Images", "sh"),
        ("CI services", "yaml"),
    ];
    let (mut section, mut fenced) = ("", false);
    for line in page.lines() {
        if let (false, Some(title)) = (fenced, line.strip_prefix("## ")) {
            section = title;
        } else if let Some(language) = line.strip_prefix("```") {
            fenced = !fenced;
            // Sections that other tests have.
            let others = ["First build in each language", "When it does not run"];
            let taken = known.contains(&(section, language)) || others.contains(&section);
            assert!(!fenced || taken, "no test runs the {language} of {section}");
        }
    }
}
