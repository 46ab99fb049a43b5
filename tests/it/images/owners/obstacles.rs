//! What stands against work on files that were given away.

use super::super::commands::{entries, image, verifies};
use super::{PROGRAM, RANGES, copies, owned, sh, system, with_image};
use crate::require;
use crate::support::{Feature, Jail};

#[test]
fn changes_are_not_kept_where_no_user_namespace_is_to_be_had() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = with_image(&[system(), owned()]);
    sh(&jail, "true").succeeds();
    // Not that of the sandbox, which is made by another call.
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unshare:error=EPERM"];
    let jail = jail.args(["--root-mode", "overlay", "--keep", "mine"]).through(strace);
    let refused = sh(&jail, "echo ran");
    assert_eq!(
        String::from_utf8_lossy(&refused.exits(125).outputs("").stderr),
        "jail: error: cannot work on files of subordinate ids\n\
         because: no user namespace can be made: operation not permitted [EPERM]\n"
    );
    let jail = jail.through([""; 0]);
    sh(&jail, "echo ran").succeeds().outputs("ran\n");
}

#[test]
fn without_a_range_or_its_program_nothing_that_was_given_away_is_removed() {
    require!(PROGRAM);
    require!(RANGES);
    require!(Feature::Userns);
    let jail = with_image(&[owned(), system()]);
    sh(&jail, "true").succeeds();
    image(&jail, &["remove", "own"]).succeeds();
    let ranges = "echo root:100000:65536 > ranges; mount --bind ranges /etc/subuid; \
                  mount --bind ranges /etc/subgid; mount --bind /dev/null /usr/bin/newuidmap";
    let jail = refused(
        jail,
        ranges,
        "there is no program `newuidmap`\nhelp: install the package `uidmap`",
    );
    let jail = refused(
        jail,
        "mount --bind /dev/null /etc/subuid",
        "you have no range in `/etc/subuid`\n\
         help: run `sudo usermod --add-subuids 100000-165535 root`",
    );
    let jail = jail.through([""; 0]);
    image(&jail, &["prune"]).succeeds();
    assert_eq!(copies(&jail).len(), 0);
    verifies(&jail);
}

/// Prunes as root of a namespace in which the machine lacks something.
#[track_caller]
fn refused(jail: Jail, obstacles: &str, words: &str) -> Jail {
    let script = format!("{obstacles}; exec \"$@\"");
    let jail = jail.through(["unshare", "-Urm", "sh", "-ec", script.as_str(), "sh"]);
    let refused = image(&jail, &["prune"]);
    let [left] = &entries(&jail, "tmp")[..] else { panic!("{refused:?}") };
    let left = left.display();
    assert_eq!(
        String::from_utf8_lossy(&refused.exits(125).stderr),
        format!(
            "jail: error: cannot remove `{left}` of the image store\n\
             because: files in it belong to subordinate ids, and {words}\n\
             help: what belongs to ids of another range goes by `sudo rm -rf {left}`\n"
        )
    );
    jail
}
