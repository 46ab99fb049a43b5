//! Directories whose changes are thrown away.

use std::fs;

use crate::support::Jail;

fn jail() -> Jail {
    Jail::new()
        .file("cache/kept", "old\n")
        .file("cache/deep/er/file", "deep\n")
        .file("cache/other/file", "other\n")
        .args(["--overlay", "./cache"])
}

#[test]
fn changes_are_seen_inside_and_never_reach_the_host() {
    let jail = jail();
    let changes = "set -e; cd cache\n\
        echo new > kept; echo fresh > added; mkdir -p made/deep\n\
        rm -r deep; mv other renamed; chmod 700 renamed; ln -s kept link; ln kept hard\n\
        [ ! -e deep ] && [ ! -e other ] && cat kept added renamed/file hard && ls";
    let listed = "new\nfresh\nother\nnew\nadded\nhard\nkept\nlink\nmade\nrenamed\n";
    jail.run(["sh", "-c", changes]).succeeds().outputs(listed);
    let again = "cat cache/kept cache/deep/er/file cache/other/file && ls cache";
    let untouched = "old\ndeep\nother\ndeep\nkept\nother\n";
    jail.run_outside(["sh", "-c", again]).succeeds().outputs(untouched);
    jail.run(["sh", "-c", again]).succeeds().outputs(untouched);
}

#[test]
fn directories_are_removed_made_again_and_moved_about() {
    let churn = "set -e; cd cache\n\
        for round in 1 2 3; do rm -r deep; mkdir deep; echo $round > deep/file; done\n\
        mv deep other/; mv other top; rm -r top/deep; mv top/file .; rmdir top; cat file; ls";
    jail().run(["sh", "-c", churn]).succeeds().outputs("other\nfile\nkept\n");
}

#[test]
fn a_program_written_there_can_be_executed() {
    let line = "cp /bin/echo cache/say && cache/say said";
    jail().run(["sh", "-c", line]).succeeds().outputs("said\n");
}

#[test]
fn a_granted_directory_below_is_still_the_host() {
    let jail = jail().args(["--write", "./cache/other"]);
    jail.run(["sh", "-c", "echo thrown > cache/kept; echo stays > cache/other/file"]).succeeds();
    let read = |path: &str| fs::read_to_string(jail.project().join(path)).expect("it is there");
    assert_eq!((read("cache/kept"), read("cache/other/file")), ("old\n".into(), "stays\n".into()));
}
