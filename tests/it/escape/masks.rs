//! Around what is masked or read-only below a writable directory.

use crate::support::Jail;

/// A project whose `.env` and `keys` are masked.
fn masked() -> Jail {
    Jail::new()
        .file(".env", "s3cr3t")
        .file("keys/id", "s3cr3t")
        .file("decoy", "decoy")
        .profile("[filesystem]\nmask = [\"./.env\", \"./keys\"]\n")
}

#[test]
fn a_masked_file_cannot_be_read() {
    let jail = masked();
    for attempt in ["read .env", "read-beneath .env", "reopen-path .env"] {
        jail.outside(attempt).answers("s3cr3t");
        jail.probe(attempt).refused("EACCES");
    }
}

#[test]
fn a_masked_directory_cannot_be_entered() {
    let jail = masked();
    for attempt in ["list keys", "read keys/id", "chdir keys", "stat keys/id"] {
        jail.outside(attempt).succeeds();
        jail.probe(attempt).refused("EACCES");
    }
}

/// Not even the size of a masked file shows.
#[test]
fn a_masked_file_can_be_seen_but_tells_nothing() {
    let jail = masked();
    jail.outside("stat .env").output_has("size=6");
    jail.probe("stat .env").succeeds().output_has("mode=100000").output_has("size=0");
}

/// The owner of a file may change its mode, so the mode alone protects nothing.
#[test]
fn a_mask_cannot_be_lifted_by_its_mode() {
    let jail = masked();
    jail.probe("chmod 0o644 .env").refused("EROFS");
    jail.probe("chmod 0o755 keys").refused("EROFS");
    jail.outside("chmod 0o644 .env").answers("");
    jail.outside("chmod 0o755 keys").answers("");
}

#[test]
fn a_masked_file_cannot_be_moved_away() {
    let jail = masked();
    jail.probe("rename .env moved").refused("EBUSY");
    jail.probe("rename decoy .env").refused("EBUSY");
    jail.probe("exchange .env decoy").refused("EBUSY");
    jail.probe("rename keys moved").refused("EBUSY");
    jail.outside("exchange .env decoy -- rename .env moved -- rename decoy .env").succeeds();
    jail.outside("rename keys moved-keys").answers("");
}

#[test]
fn a_masked_file_cannot_be_removed() {
    let jail = masked();
    jail.probe("unlink .env").refused("EBUSY");
    jail.outside("unlink .env").answers("");
}

#[test]
fn a_masked_file_gets_no_other_name() {
    let jail = masked();
    jail.probe("link .env linked").refused("EXDEV");
    jail.probe("symlink .env named -- read named").refused("EACCES");
    jail.outside("link .env linked -- read linked").answers("s3cr3t");
}

/// The mask would go with the directory, and the next run find nothing to mask at the old place.
#[test]
fn a_directory_above_a_mask_cannot_be_moved() {
    let jail = Jail::new().file("sub/.env", "s3cr3t").args(["--mask", "./sub/.env"]);
    let moved = "rename sub moved -- read moved/.env";
    jail.probe(moved).refused("EBUSY");
    jail.probe("read sub/.env -- read moved/.env").output_lacks("s3cr3t").exits(1);
    let fresh = Jail::new().file("sub/.env", "s3cr3t");
    fresh.outside(moved).answers("s3cr3t");
}

#[test]
fn what_is_read_only_below_a_writable_directory_stays_so() {
    let jail = Jail::new().file("lib/a", "a").args(["--read", "./lib"]);
    for attempt in ["write lib/a b", "create lib/b", "unlink lib/a", "truncate lib/a"] {
        jail.probe(attempt).refused("EROFS");
    }
    jail.probe("chmod 0o777 lib/a").refused("EROFS");
    jail.probe("rename lib other").refused("EBUSY");
    jail.probe("link lib/a a").refused("EXDEV");
    jail.probe("rename lib/a a").refused_with_any(&["EXDEV", "EROFS"]);
    for attempt in
        ["write lib/a b", "create lib/b", "truncate lib/a", "chmod 0o777 lib/a", "link lib/a a"]
    {
        jail.outside(attempt).answers("");
    }
    jail.outside("unlink lib/a -- rename lib other").succeeds();
}

/// Outside git would run what stands there, at the next commit.
#[test]
fn hooks_of_git_are_read_only() {
    for profile in ["default", "dev", "ci"] {
        let jail = Jail::new().directory(".git/hooks").args(["--profile", profile]);
        jail.probe("create .git/hooks/pre-commit").refused("EROFS");
        jail.probe("rename .git/hooks .git/other").refused("EBUSY");
        jail.outside("create .git/hooks/pre-commit -- rename .git/hooks .git/other").succeeds();
    }
}

/// An earlier run plants a link where the next one has a grant: the agent's trick of 2026,
/// CVE-2021-30465 before that.
#[test]
fn a_grant_does_not_follow_a_link_that_the_command_could_plant() {
    let jail = Jail::new().home_file(".ssh/id", "s3cr3t").args(["--read", "./sub"]);
    let plant = format!("symlink {} sub", jail.home().join(".ssh").display());
    jail.outside(&plant).answers("");
    jail.outside("read sub/id").answers("s3cr3t");
    let run = jail.probe("read sub/id");
    run.exits(125).output_lacks("s3cr3t").says("sub");
}

/// The same for a link further up the path.
#[test]
fn a_grant_does_not_follow_a_planted_link_on_its_way() {
    let jail = Jail::new().home_file(".ssh/keys/id", "s3cr3t").args(["--write", "./sub/keys"]);
    let plant = format!("symlink {} sub", jail.home().join(".ssh").display());
    jail.outside(&plant).answers("");
    jail.outside("read sub/keys/id").answers("s3cr3t");
    jail.probe("read sub/keys/id").exits(125).output_lacks("s3cr3t");
}

/// And for a mask: masking what the link points to would leave the link itself to be replaced.
#[test]
fn a_mask_on_a_planted_link_does_not_uncover() {
    let jail = Jail::new().file("real", "s3cr3t").link(".env", "real").args(["--mask", "./.env"]);
    jail.outside("read .env").answers("s3cr3t");
    // Refused, or what the link leads to is masked: but never read.
    let run = jail.probe("read .env");
    run.output_lacks("s3cr3t");
    assert!(matches!(run.status.code(), Some(1 | 125)), "{run:?}");
}

/// A mask is found by its path, so the path must not change: a directory above that could be
/// renamed would hand the secret to the next run.
#[test]
fn a_mask_cannot_be_left_behind_for_the_next_run() {
    let jail = Jail::new().file("a/b/.env", "s3cr3t").directory("other");
    let jail = jail.directory("a/other").args(["--mask", "./a/b/.env"]);
    for attempt in
        ["rename a moved", "exchange a other", "rename a/b a/moved", "exchange a/b a/other"]
    {
        jail.probe(attempt).refused("EBUSY");
    }
    jail.probe("rename a/b moved").refused("EXDEV");
    jail.probe("read a/b/.env").refused("EACCES");
    jail.outside("rename a/b moved -- read moved/.env").answers("s3cr3t");
}

/// The same for what is read-only: git outside would run the hooks in a new `.git`.
#[test]
fn what_is_read_only_cannot_be_replaced_from_above() {
    let jail = Jail::new().file(".git/hooks/sample", "");
    jail.probe("create .git/hooks/evil").refused("EROFS");
    jail.probe("rename .git moved").refused("EBUSY");
    jail.probe("create .git/index -- rename .git/index .git/other").succeeds();
    jail.outside("rename .git moved").answers("");
}

/// A mask is about a file, not about one of the paths that lead to it.
#[test]
fn a_masked_file_is_masked_wherever_it_shows() {
    let jail = Jail::new()
        .file(".env", "s3cr3t")
        .file("keys/id", "s3cr3t")
        .args(["--mask", "./.env", "--mask", "./keys"]);
    let jail = jail.args(["--bind", ".:/src", "--volume", ".:/again:ro"]);
    for attempt in ["read /src/.env", "read /src/keys/id", "list /again/keys", "read /again/.env"] {
        jail.probe(attempt).refused("EACCES");
    }
    jail.outside("read .env").answers("s3cr3t");
}

/// A profile in the project is what the next run is made from.
#[test]
fn a_profile_cannot_be_changed_by_what_it_confines() {
    let jail = Jail::new()
        .file("ci/jail.toml", "extends = [\"default\", \"./base.toml\"]\n")
        .file("ci/base.toml", "[seccomp]\npolicy = \"./policy.json\"\n")
        .file("ci/policy.json", r#"{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [] }"#)
        .args(["--profile", "./ci/jail.toml", "--volume", ".:/again"]);
    for file in ["ci/jail.toml", "ci/base.toml", "ci/policy.json", "/again/ci/jail.toml"] {
        jail.probe(&format!("write {file} x")).refused("EROFS");
        jail.probe(&format!("unlink {file}")).refused("EBUSY");
    }
    jail.probe("rename ci moved").refused("EBUSY");
    jail.probe("create ci/new").answers("");
    jail.outside("write ci/jail.toml x -- rename ci moved").succeeds();
}
