//! `git`: work on a repository that somebody else may have changed.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

const SETTINGS: &str = "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n\
    [credential]\nhelper = store\n";

fn repository() -> Jail {
    let jail = project("git").home_file(".gitconfig", SETTINGS).file("a", "one\n");
    outside(&jail, "git init -q && git add . && git commit -q -m first").succeeds();
    jail
}

#[test]
fn git_commits_branches_rebases_stashes_and_keeps_worktrees() {
    require!(Feature::Program("git"));
    let jail = repository();
    sh(&jail, "git switch -q -c side && echo b > b && git add b && git commit -q -m second")
        .succeeds();
    sh(&jail, "git switch -q main && echo two >> a && git commit -q -a -m third").succeeds();
    sh(&jail, "git rebase -q main side && git diff --stat main").output_has("b | 1 +");
    sh(&jail, "echo three >> a && git stash -q && git status --short").outputs("");
    sh(&jail, "git stash pop -q && git diff").output_has("+three");
    sh(
        &jail,
        "git checkout -q a && git worktree add -q tree main && git -C tree log -1 --format=%s",
    )
    .outputs("third\n");
    sh(&jail, "git worktree remove tree && git branch -m side renamed && git config core.x y")
        .succeeds();
    outside(&jail, "git log --format='%an %s' renamed")
        .outputs("Ada second\nAda third\nAda first\n");
    outside(&jail, "git fsck --strict --no-dangling && git status --short && git stash list")
        .outputs("");
}

/// Hooks, filters and the monitor of files run, but inside: with no key and no home.
#[test]
fn what_a_repository_runs_stays_inside() {
    require!(Feature::Program("git"));
    let steal =
        "#!/bin/sh\ncat ~/.ssh/id ~/.git-credentials; echo planted >> ~/.bashrc; echo ran >&2\n";
    let jail = repository()
        .home_file(".ssh/id", "s3cr3t")
        .home_file(".git-credentials", "https://ada:s3cr3t@example.org")
        .home_file(".bashrc", "")
        .script(".git/hooks/post-commit", steal)
        .script("monitor", steal);
    outside(&jail, "git config core.fsmonitor \"$PWD/monitor\"").succeeds();
    let commit = "git commit -q --allow-empty -m hooked";
    jail.run(["sh", "-c", commit])
        .succeeds()
        .output_lacks("s3cr3t")
        .says("ran")
        .says_nothing_of("s3cr3t");
    jail.run(["git", "status"]).says("ran").says_nothing_of("s3cr3t");
    outside(&jail, "cat ~/.bashrc").outputs("");
    jail.run_outside(["sh", "-c", commit]).says("s3cr3t");
    outside(&jail, "sort -u ~/.bashrc").outputs("planted\n");
}

#[test]
fn git_has_no_password_and_no_network() {
    require!(Feature::Program("git"));
    let jail = repository().home_file(".git-credentials", "https://ada:s3cr3t@example.org");
    let ask = "printf 'protocol=https\\nhost=example.org\\n\\n' \
               | GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true git credential fill";
    outside(&jail, ask).output_has("s3cr3t");
    jail.run(["sh", "-c", ask]).output_lacks("s3cr3t").succeeds();
    jail.run(["git", "ls-remote", "https://192.0.2.1/x.git"]).fails().says("192.0.2.1");
}

/// What an assistant may leave in .git that no rule can keep out: a name that was free.
#[test]
fn a_repository_that_leads_git_elsewhere_stays_inside() {
    require!(Feature::Program("git"));
    let jail = repository()
        .script("steal", "#!/bin/sh\nid >> ~/stolen; echo ran >&2\n")
        .directory("evil/objects")
        .directory("evil/refs");
    let plant = "echo ../evil > .git/commondir && git config -f evil/config core.repositoryformatversion 0 \
                 && git config -f evil/config core.fsmonitor \"$PWD/steal\"";
    let agent = Jail::run_line(&jail, ["sh", "-c", plant]);
    let agent = agent.into_iter().map(|word| if word == "git" { "agent".into() } else { word });
    jail.run_outside(agent).succeeds();
    jail.run(["git", "status"]).says("ran");
    assert!(!jail.home().join("stolen").exists(), "nothing outside was reached");
    outside(&jail, "git status; test -s ~/stolen").succeeds();
}
