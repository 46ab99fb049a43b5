//! The command tries to get at the report, or through it at something else.

use std::fs;

use serde_json::json;

use crate::report::{checked, read, summary};
use crate::support::Jail;

/// A jail that may write where its report goes, `out/r.json`.
fn jail() -> Jail {
    Jail::new().directory("out").args(["--report", "out/r.json"])
}

#[test]
fn no_descriptor_of_the_report_is_inside() {
    jail().probe("list-fd").answers("0 1 2");
    let jail = Jail::new().through(["sh", "-c", "exec 3>&2 9>&2; exec \"$@\"", "sh"]);
    let jail = jail.args(["--report", "fd:3"]);
    jail.outside("list-fd").output_has(" 3 9");
    jail.probe("list-fd").answers("0 1 2");
}

#[test]
fn a_report_on_a_descriptor_that_the_command_keeps_is_refused() {
    let jail = Jail::new().through(["sh", "-c", "exec 3>&1 >/dev/null; exec \"$@\"", "sh"]);
    let jail = jail.args(["--report", "fd:3", "--preserve-fd", "3"]);
    let finished = jail.run(["touch", "ran"]);
    finished.exits(125).says("it is for the report, and the command could write there");
    assert_eq!(checked(&finished.stdout_text())["phase"], "profile");
    assert!(!jail.project().join("ran").exists());
}

/// Nobody has opened 3 to 9, but jail opens some of them for itself.
#[test]
fn the_numbers_of_our_own_descriptors_cannot_be_preserved() {
    for number in 3..10 {
        let number = number.to_string();
        let finished = jail().args(["--preserve-fd", &number]).run(["true"]);
        finished.exits(125).says(&format!("cannot preserve descriptor {number}"));
        finished.says("it is not open [EBADF]");
    }
    let jail = Jail::new().through(["sh", "-c", "exec 3>/dev/null; exec \"$@\"", "sh"]);
    let jail = jail.args(["--report", "fd:3", "--preserve-fd", "4"]);
    jail.run(["true"]).exits(125).says("it is not open [EBADF]");
}

#[test]
fn a_link_in_place_of_the_report_is_not_followed() {
    let jail = jail();
    let precious = jail.elsewhere().join("precious");
    let jail = jail.file(&precious, "precious");
    let link = format!("symlink {} out/r.json -- readlink out/r.json", precious.display());
    jail.probe(&link).succeeds();
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
    let report = jail.project().join("out/r.json");
    assert!(fs::symlink_metadata(&report).expect("it is there").is_file());
    assert_eq!(summary(&read(&report)), json!(["run", 0, 0, null, []]));
}

#[test]
fn a_link_that_an_earlier_run_left_is_refused() {
    let jail = jail();
    let precious = jail.elsewhere().join("precious");
    let jail = jail.file(&precious, "precious").link("out/r.json", &precious);
    let finished = jail.run(["touch", "ran"]);
    finished.exits(125).says("`out/r.json` is a symbolic link");
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
    assert!(!jail.project().join("ran").exists());
}

#[test]
fn a_fifo_in_place_of_the_report_is_replaced_and_waits_for_nobody() {
    let jail = jail();
    jail.run(["mkfifo", "out/r.json"]).succeeds();
    assert_eq!(read(&jail.project().join("out/r.json"))["status"], 0);
}

#[test]
fn a_directory_in_place_of_the_report_is_an_error() {
    let jail = jail();
    let finished = jail.run(["mkdir", "-p", "out/r.json/x"]);
    finished.exits(125).says("cannot write the report to `out/r.json`");
    finished.says("the command itself exited with 0").says("a directory is in its place now");
    assert_eq!(fs::read_dir(jail.project().join("out/r.json/x")).expect("left alone").count(), 0);
}

/// What lies behind the name by then was not made by jail.
#[test]
fn a_link_in_place_of_the_directory_is_an_error() {
    let jail = jail();
    let elsewhere = jail.elsewhere();
    let script = format!("mv out moved; ln -s {} out", elsewhere.display());
    let finished = jail.run(["sh", "-c", &script]);
    finished.exits(125).says("its directory was moved away or replaced meanwhile");
    assert_eq!(fs::read_dir(&elsewhere).expect("it is there").count(), 0);
    assert_eq!(fs::read_dir(jail.project().join("moved")).expect("it is there").count(), 0);
}

#[test]
fn a_forged_directory_with_a_forged_report_is_an_error() {
    let jail = jail();
    let forge = "mv out moved; mkdir out; echo '{}' >out/r.json";
    jail.run(["sh", "-c", forge]).exits(125).says("moved away or replaced");
}

/// Nothing runs any more that could change the report when it gets its name.
#[test]
fn a_process_that_stays_behind_cannot_change_the_report() {
    let jail = jail();
    let stay = "(trap '' TERM HUP; while :; do echo forged >out/r.json; done) & until [ -s out/r.json ]; do :; done; exit 3";
    jail.run(["sh", "-c", stay]).exits(3);
    let report = jail.project().join("out/r.json");
    assert_eq!(summary(&read(&report)), json!(["run", 3, 3, null, []]));
}

/// The sandbox's own view of the directory must not show the file that is to be.
#[test]
fn the_report_has_no_name_before_the_end() {
    let jail = jail();
    jail.probe("list out").answers("");
    assert_eq!(read(&jail.project().join("out/r.json"))["exit_code"], 0);
}
