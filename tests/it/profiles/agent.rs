//! `agent`: a coding assistant works, and takes and plants nothing.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

/// What runs outside without being called by name; each is there before the assistant is.
const PROTECTED: [&str; 12] = [
    ".git/hooks/pre-commit",
    ".git/config",
    ".git/modules/sub/config",
    ".husky/pre-commit",
    ".githooks/pre-commit",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".vscode/tasks.json",
    ".idea/workspace.xml",
    ".devcontainer/devcontainer.json",
    ".nvim.lua",
    ".mcp.json",
];

const MASKED: [&str; 4] = [".env", ".env.local", ".env.production", ".envrc"];

fn repository() -> Jail {
    let mut jail = project("agent")
        .home_file(".gitconfig", "[user]\nname = Ada\nemail = ada@example.org\n")
        .file("main.c", "int main(void) { return 0; }\n")
        .file("Makefile", "check: main\n\t./main\n");
    outside(&jail, "git init -q -b main && git add . && git commit -q -m first").succeeds();
    for file in PROTECTED.iter().filter(|file| **file != ".git/config") {
        jail = jail.file(file, "harmless\n");
    }
    for file in MASKED {
        jail = jail.file(file, "s3cr3t\n");
    }
    jail
}

#[test]
fn it_edits_builds_tests_and_commits() {
    require!(Feature::Program("git"));
    require!(Feature::Program("make"));
    let jail = repository().file(".env.example", "KEY=\n");
    sh(&jail, "git switch -q -c work && sed -i 's/0/1-1/' main.c && make check").succeeds();
    sh(&jail, "printf 'main\\n' > .gitignore && mkdir -p .github/workflows src && mv main.c src/")
        .succeeds();
    sh(&jail, "cat .env.example && git add src main.c .gitignore && git commit -q -m 'by machine'")
        .succeeds();
    sh(&jail, "git rebase -q main -- && git stash list && git diff --stat main --")
        .output_has("src/main.c");
    outside(&jail, "git log -1 --format='%an %s' work").outputs("Ada by machine\n");
    outside(&jail, "git fsck --strict --no-dangling").succeeds();
}

/// Not by writing, nor by putting something else in its place.
#[test]
fn it_cannot_change_what_runs_outside_by_itself() {
    require!(Feature::Program("git"));
    let jail = repository();
    for file in PROTECTED {
        let first = file.split('/').next().expect("a path has a beginning");
        jail.probe(&format!("write {file} evil")).refused("EROFS");
        jail.probe(&format!("unlink {file}")).refused_with_any(&["EROFS", "EBUSY"]);
        jail.probe(&format!("create new -- rename new {file}"))
            .refused_with_any(&["EXDEV", "EBUSY", "EROFS"]);
        jail.probe(&format!("rename {first} moved")).refused("EBUSY");
        jail.outside(&format!("unlink new -- write {file} harmless")).succeeds();
    }
    jail.probe("create .git/hooks/post-checkout").refused("EROFS");
    jail.probe("create .vscode/settings.json").refused("EROFS");
    jail.run(["git", "config", "core.fsmonitor", "./evil"]).fails();
    jail.run(["git", "config", "core.hooksPath", "evil"]).fails();
}

#[test]
fn it_cannot_read_the_secrets_of_the_project() {
    let jail = repository();
    for file in MASKED {
        jail.outside(&format!("read {file}")).succeeds();
        jail.probe(&format!("read {file}")).refused("EACCES");
        jail.probe(&format!("rename {file} moved")).refused("EBUSY");
    }
}

/// Nobody is named, so nobody is reached; the end says what was tried, and what to add where.
#[test]
fn it_reaches_nobody_until_somebody_is_named() {
    require!(Feature::Program("curl"));
    let jail = repository();
    jail.run(["true"]).is_silent();
    let refused = jail.run(["curl", "-sS", "https://api.example.test/"]);
    refused.exits(6).says(
        "jail: note: refused api.example.test (once): not in `[network] allow`; \
         add --allow api.example.test, or \"api.example.test\" in a profile of your own that \
         extends `agent`\n",
    );
    // An address that nobody looked up is refused by the kernel, as nothing is behind it.
    jail.run(["curl", "-sS", "https://192.0.2.1/"]).exits(7);
}

/// As the header of the profile says it.
#[test]
fn it_is_given_settings_a_key_and_a_host_by_a_profile_of_its_users() {
    require!(Feature::Program("curl"));
    let own = "extends = [\"agent\"]\n\
        [network]\nallow = [\"api.example.org:443\"]\n\
        [filesystem]\nwrite = [\"~/.config/helper\"]\n\
        [env]\npass = [\"HELPER_API_KEY\"]\n";
    let jail = Jail::new()
        .home_file(".config/jail/profiles/helper.toml", own)
        .home_file(".config/helper/settings", "mine\n")
        .home_file(".config/other/settings", "not mine\n")
        .env("HELPER_API_KEY", "key")
        .args(["--profile", "helper"]);
    let work = "cat ~/.config/helper/settings && echo state > ~/.config/helper/state \
                && echo $HELPER_API_KEY && ls ~/.config";
    sh(&jail, work).outputs("mine\nkey\nhelper\n");
    outside(&jail, "cat ~/.config/helper/state").outputs("state\n");
    let refused = jail.run(["curl", "-sS", "https://other.example.test/"]);
    refused.fails().says("add \"other.example.test\" in ~/.config/jail/profiles/helper.toml:3\n");
}
