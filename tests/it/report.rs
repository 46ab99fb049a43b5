//! `--report`, `--stats`: what is written about a run, and where.

mod places;

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::Jail;

/// Reads a report and holds it against the published schema.
#[track_caller]
pub fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    checked(&text)
}

#[track_caller]
pub fn checked(text: &str) -> Value {
    let schema = serde_json::from_str(include_str!("../../docs/report.schema.json"));
    let validator = jsonschema::validator_for(&schema.expect("JSON")).expect("a schema");
    assert!(text.ends_with("}\n"), "{text}");
    let report = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    if let Err(error) = validator.validate(&report) {
        panic!("{error}: {report:#}");
    }
    report
}

/// Runs a command inside, with its report in `r.json`, and returns status and report.
#[track_caller]
fn of(jail: Jail, command: &[&str]) -> Value {
    let jail = jail.args(["--report", "r.json"]);
    let finished = jail.run(command);
    let report = read(&jail.project().join("r.json"));
    finished.exits(i32::try_from(report["status"].as_u64().expect("a number")).expect("small"));
    report
}

/// The phase, the status of jail, how the command ended, and the errors.
pub fn summary(report: &Value) -> Value {
    let errors = report["errors"].as_array().expect("a list");
    let titles: Vec<&Value> = errors.iter().map(|error| &error["title"]).collect();
    json!([report["phase"], report["status"], report["exit_code"], report["signal"], titles])
}

#[test]
fn a_command_that_succeeds() {
    let report = of(Jail::new(), &["sh", "-c", "exit 0", "a b"]);
    assert_eq!(summary(&report), json!(["run", 0, 0, null, []]));
    assert_eq!(report["command"], json!(["sh", "-c", "exit 0", "a b"]));
    assert_eq!(report["jail"], env!("CARGO_PKG_VERSION"));
    let usage = &report["usage"];
    assert!(usage["wall"]["value"].as_f64() > Some(0.0), "{usage}");
    assert!(usage["peak_memory"]["value"].as_u64() > Some(4096), "{usage}");
    let started = report["started_at"].as_f64().expect("a number");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ago = now.expect("after 1970").as_secs_f64() - started;
    assert!((0.0..60.0).contains(&ago), "{ago} seconds ago");
    let nproc = &report["limits"][1];
    assert_eq!((&nproc["name"], &nproc["enforced_by"]), (&json!("nproc"), &json!("rlimit")));
}

#[test]
fn statuses_that_jail_uses_too_are_told_apart() {
    for status in [3, 124, 125, 126, 127] {
        let report = of(Jail::new(), &["sh", "-c", &format!("exit {status}")]);
        assert_eq!(summary(&report), json!(["run", status, status, null, []]));
        assert_eq!(report["timed_out"], false);
    }
    let report = of(Jail::new(), &["sh", "-c", "kill -9 $$"]);
    assert_eq!(summary(&report), json!(["run", 137, null, 9, []]));
    assert_eq!(report["oom_killed"], false);
}

#[test]
fn a_command_that_cannot_be_executed() {
    let report = of(Jail::new(), &["no-such-program"]);
    assert_eq!(report["phase"], "start");
    assert_eq!((&report["status"], &report["exit_code"]), (&json!(127), &json!(null)));
    assert_eq!(report["usage"], json!(null));
    assert!(report["errors"][0]["title"].to_string().contains("no-such-program"));
    let jail = Jail::new().file("not-a-program", "x");
    assert_eq!(of(jail, &["./not-a-program"])["status"], 126);
}

#[test]
fn a_bad_profile() {
    let report = of(Jail::new().profile("[filesystem]\nraed = []\n"), &["true"]);
    assert_eq!((&report["phase"], &report["status"]), (&json!("profile"), &json!(125)));
    let error = &report["errors"][0];
    assert_eq!(error["origin"]["kind"], "file");
    assert_eq!(error["origin"]["line"], 2);
    assert_eq!(report["limits"], json!([]));
    let report = of(Jail::new().args(["--umask", "9"]), &["true"]);
    assert_eq!(summary(&report), json!(["profile", 125, null, null, ["`9` is not a umask"]]));
    assert_eq!(report["errors"][0]["origin"], json!({"kind": "flag", "flag": "--umask"}));
}

#[test]
fn what_this_machine_cannot_do() {
    let report = of(Jail::new().args(["--read", "./missing"]), &["true"]);
    assert_eq!((&report["phase"], &report["status"]), (&json!("plan"), &json!(125)));
}

#[test]
fn a_command_line_that_is_not_understood() {
    for (mistake, title) in [
        (&["--wrte", ".", "--", "true"][..], "unknown option `--wrte`"),
        (&["--quiet=x", "--", "true"], "`--quiet` takes no value `x`"),
        (&["--quiet", "--verbose", "--", "true"], "`--quiet` cannot be used with `--verbose`"),
    ] {
        let jail = Jail::new().file("r.json", "an old one").args(["--report", "r.json"]);
        let jail = jail.args(mistake);
        jail.run(["true"]).exits(125).says(title);
        let report = read(&jail.project().join("r.json"));
        assert_eq!(summary(&report), json!(["arguments", 125, null, null, [title]]));
        assert_eq!(report["command"], json!([]));
    }
    let jail = Jail::new().args(["--report", "r.json"]);
    jail.run([""; 0]).exits(125);
    assert_eq!(read(&jail.project().join("r.json"))["phase"], "arguments");
}

/// What stands behind a mistake could be the command's own word, and the file its own as well.
#[test]
fn a_report_behind_a_mistake_is_not_touched() {
    let jail = Jail::new().file("r.json", "precious");
    let jail = jail.args(["--wrte", "make", "--report", "r.json"]);
    jail.run(["true"]).exits(125).says("unknown option `--wrte`");
    assert_eq!(fs::read_to_string(jail.project().join("r.json")).expect("there"), "precious");
}

#[test]
fn both_mistakes_are_told() {
    let jail = Jail::new().args(["--report", "missing/r.json", "--wrte"]);
    let finished = jail.run(["true"]);
    finished.exits(125).says("unknown option `--wrte`");
    finished.says("cannot write a report to `missing/r.json`");
}

#[test]
fn words_that_are_not_utf8_keep_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let jail = Jail::new().args(["--report", "r.json"]);
    jail.run([std::ffi::OsStr::new("true"), std::ffi::OsStr::from_bytes(b"x\xff")]).succeeds();
    let report = read(&jail.project().join("r.json"));
    assert_eq!(report["command"][1], json!({"lossy": "x\u{fffd}", "bytes": [120, 255]}));
}

#[test]
fn a_run_that_is_ended_by_a_signal_to_the_supervisor_has_a_report() {
    let jail = Jail::new().args(["--report", "r.json"]);
    let mut running = jail.start(["sh", "-c", "echo ready; exec sleep 300"]);
    running.wait_for("ready");
    running.signal(Signal::SIGTERM);
    running.finish().exits(128 + 15);
    let report = read(&jail.project().join("r.json"));
    assert_eq!(summary(&report), json!(["run", 143, null, 15, []]));
}

#[test]
fn the_table_goes_to_standard_error() {
    let jail = Jail::new().args(["--quiet", "--stats"]);
    let finished = jail.run(["echo", "out"]);
    finished.succeeds().outputs("out\n").says("jail: used by the command:\n  time    0.");
    finished.says("\n  memory  ");
    let stderr = String::from_utf8_lossy(&finished.stderr);
    assert_eq!(stderr.lines().count(), 5, "{stderr}");
}

#[test]
fn a_run_that_did_not_come_about_has_no_table() {
    let finished = Jail::new().args(["--stats"]).run(["no-such-program"]);
    finished.exits(127);
    assert!(!String::from_utf8_lossy(&finished.stderr).contains("used by the command"));
}
