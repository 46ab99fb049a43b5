//! Reports, words and tables of outcomes made by hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Origin, Palette, Source, render};
use crate::plan::{Action, Limit, Mount, Plan, Step};
use crate::profile::{Bounds, CpuSet, Protection, Rlimit};
use crate::run::{Counter, Figure, Full, Hits, OutOfMemory, Usage};
use crate::units::{AbsolutePath, Cpus, Size, Span};

use super::*;

const MIB: u64 = 1 << 20;

fn flag(flag: &str) -> Origin {
    Origin::Flag(flag.to_owned())
}

fn line_of_a_file() -> Origin {
    let text = "[limits]\nmemory = \"512M\"\n".to_owned();
    Origin::File { source: Arc::new(Source { name: "dev.toml".to_owned(), text }), span: 18..24 }
}

fn plan(steps: Vec<(Action, Origin)>) -> Plan {
    let steps = steps.into_iter().map(|(action, origin)| Step { action, origin }).collect();
    Plan { steps, notes: vec![], degraded: vec![] }
}

fn memory(limit: u64, origin: Origin) -> (Action, Origin) {
    (Action::Limit(Limit::Memory(Size(limit))), origin)
}

fn rlimit(resource: Rlimit, limit: u64) -> (Action, Origin) {
    (Action::Rlimit { resource, bounds: Bounds::both(limit) }, flag("--ulimit"))
}

fn time(seconds: u64) -> (Action, Origin) {
    let span = |seconds| Span(Duration::from_secs(seconds));
    (Action::TimeLimit { limit: span(seconds), grace: span(5), signal: 15 }, flag("--timeout"))
}

/// A run that went well, as rusage counts it.
fn outcome(end: End) -> Outcome {
    let counted = |milliseconds| Figure {
        value: Duration::from_millis(milliseconds),
        source: Counter::Rusage,
    };
    Outcome {
        id: "0badcafe".into(),
        notes: Vec::new(),
        end,
        timed_out: false,
        hits: Hits::default(),
        usage: Usage {
            wall: Duration::from_millis(1520),
            user: counted(1300),
            system: counted(200),
            peak_memory: Figure { value: 12 * MIB, source: Counter::Rusage },
            peak_pids: None,
            io_read: None,
            io_written: None,
            throttled: None,
        },
        network: None,
        cgroup: None,
    }
}

/// The same with all that a cgroup counts.
fn outcome_of_cgroup(end: End) -> Outcome {
    let outcome = outcome(end);
    let usage = Usage {
        peak_memory: Figure { value: 412 * MIB, source: Counter::Cgroup },
        peak_pids: Some(12),
        io_read: Some(3 * MIB / 2),
        io_written: Some(0),
        throttled: Some(Duration::from_millis(250)),
        ..outcome.usage
    };
    Outcome { usage, cgroup: Some("/sys/fs/cgroup/jail-1".into()), ..outcome }
}

fn killed(own_limit: bool, victim: Option<&str>) -> Outcome {
    let oom = OutOfMemory { own_limit, victim: victim.map(str::to_owned) };
    let outcome = outcome_of_cgroup(End::Signaled(9));
    Outcome { hits: Hits { oom: Some(oom), ..Hits::default() }, ..outcome }
}

/// What a person reads at the end, and the exit status.
fn said(plan: &Plan, outcome: Outcome) -> (String, u8) {
    let ending = Ending::ran(plan, outcome);
    let words = ending.messages.iter().map(|message| render(message, Palette::Plain)).collect();
    (words, ending.status)
}

fn reported(plan: &Plan, outcome: Outcome) -> Value {
    let argv = ["make".into(), "test".into()];
    serde_json::to_value(draw(&Asked::now(&argv), Some(plan), &Ending::ran(plan, outcome))).unwrap()
}

#[test]
fn memory_that_is_used_up_is_told_with_the_place_of_the_limit() {
    let plan = plan(vec![memory(512 * MIB, line_of_a_file())]);
    let (words, status) = said(&plan, killed(true, Some("cc1plus")));
    assert_eq!(
        words,
        "jail: error: memory limit of 512 MiB reached (peak 412 MiB, killed `cc1plus`)\n\
         \u{20}--> dev.toml:2:10\n  |\n2 | memory = \"512M\"\n  |          ^^^^^^\n\
         help: raise it with `--memory`, or `[limits] memory` in dev.toml:2\n"
    );
    assert_eq!(status, 137);
    let report = reported(&plan, killed(true, None));
    assert_eq!(report["oom_killed"], true);
    assert_eq!(report["reached"], json!([{"limit": "memory", "path": null, "times": null}]));
    assert_eq!(
        report["errors"][0]["origin"],
        json!({"kind": "file", "file": "dev.toml", "line": 2})
    );
}

#[test]
fn a_limit_is_raised_where_it_was_set() {
    let help = |origin| {
        let plan = plan(vec![memory(MIB, origin)]);
        let ending = Ending::ran(&plan, killed(true, None));
        (ending.messages[0].help.concat(), ending.messages[0].origin.is_some())
    };
    assert_eq!(help(flag("-m")), ("raise it with `-m`".to_owned(), true));
    let built_in = "raise it with `--memory`, or `[limits] memory` in a profile".to_owned();
    assert_eq!(help(Origin::BuiltIn), (built_in, false));
}

#[test]
fn memory_that_the_machine_lacks_is_not_our_limit() {
    let expected = "jail: error: the machine, or a cgroup above, ran out of memory (killed `cc1`)\n\
                    help: see what else uses it: dmesg | grep -i kill\n";
    for plan in [plan(vec![memory(MIB, flag("-m"))]), plan(vec![])] {
        assert_eq!(said(&plan, killed(false, Some("cc1"))), (expected.to_owned(), 137));
    }
    let report = reported(&plan(vec![]), killed(false, None));
    assert_eq!(report["reached"][0]["limit"], "outer-memory");
}

#[test]
fn a_hostile_name_of_a_process_stays_in_its_place() {
    let name = format!("\x1b[2Jx\n{}", "y".repeat(100));
    let (words, _) = said(&plan(vec![]), killed(false, Some(&name)));
    let first = words.lines().next().unwrap();
    assert!(first.ends_with("(killed `\\u{1b}[2Jx\\nyyyyyyyyyyyyyyyyyyyyyyyyyy...`)"), "{first}");
}

#[test]
fn refused_processes_are_counted() {
    let plan = plan(vec![(Action::Limit(Limit::Pids(64)), flag("--pids-limit"))]);
    for (count, times) in [(1, "once"), (12, "12 times")] {
        let hits = Hits { pids_refused: count, ..Hits::default() };
        let outcome = Outcome { hits, ..outcome_of_cgroup(End::Exited(2)) };
        let (words, status) = said(&plan, outcome.clone());
        let title = format!("limit of 64 processes and threads reached {times}");
        let expected = format!(
            "jail: warning: {title}\n --> --pids-limit\nhelp: raise it with `--pids-limit`\n"
        );
        assert_eq!((words, status), (expected, 2));
        let report = reported(&plan, outcome);
        assert_eq!(report["reached"], json!([{"limit": "pids", "path": null, "times": count}]));
        assert_eq!(report["errors"], json!([]));
    }
}

#[test]
fn the_end_of_the_time_has_a_status_of_its_own() {
    let plan = plan(vec![time(600)]);
    let timed_out = Outcome { timed_out: true, ..outcome(End::Signaled(15)) };
    let (words, status) = said(&plan, timed_out.clone());
    let expected = "jail: error: time limit of 10m reached\n --> --timeout\n\
                    help: raise it with `--timeout`\n";
    assert_eq!((words.as_str(), status), (expected, 124));
    let report = reported(&plan, timed_out);
    assert_eq!((&report["timed_out"], &report["status"]), (&json!(true), &json!(124)));
    assert_eq!((&report["signal"], &report["exit_code"]), (&json!(15), &json!(null)));
}

#[test]
fn full_file_systems_are_named() {
    let path = AbsolutePath::root().join("scratch/a b");
    let tmpfs = Action::Mount { path, create: true, mount: Mount::Tmpfs { size: Size(64 * MIB) } };
    let scratch = Action::Scratch { size: Size(512 * MIB), inodes: 262_144 };
    let plan = plan(vec![(scratch, Origin::BuiltIn), (tmpfs, flag("--tmpfs"))]);
    let full = |step, files| {
        let hits = Hits { full: vec![Full { step, files }], ..Hits::default() };
        let outcome = Outcome { hits, ..outcome(End::Exited(1)) };
        let report = reported(&plan, outcome.clone());
        let reached = &report["reached"][0];
        let name = format!("{} {}", reached["limit"].as_str().unwrap(), reached["path"]);
        (said(&plan, outcome).0, name)
    };
    let (words, name) = full(1, false);
    assert_eq!(
        words,
        "jail: warning: the tmpfs at `/scratch/a b` is full: its size is 64 MiB\n --> --tmpfs\n\
         help: give it more with `--tmpfs '/scratch/a b:size=SIZE'`\n"
    );
    assert_eq!(name, "tmpfs \"/scratch/a b\"");
    let (words, name) = full(0, true);
    assert_eq!(
        words,
        "jail: warning: the scratch space is full: it has room for 262144 files\n\
         because: overlays and private directories, such as /tmp and the home, share it\n\
         help: give a directory room of its own with `--tmpfs PATH:size=SIZE`, or grant one of \
         the host with `--write PATH`\n"
    );
    assert_eq!(name, "scratch-files \"/\"");
    assert!(full(0, false).0.contains("it has room for 512 MiB\n"));
    assert_eq!(
        full(1, true).0,
        "jail: warning: the tmpfs at `/scratch/a b` is full: it has as many files as this machine's \
         memory allows\n --> --tmpfs\n\
         help: keep fewer files in it, or grant a directory of the host with `--write PATH`\n"
    );
    assert_eq!(
        (full(0, false).1, full(1, true).1),
        ("scratch \"/\"".into(), "tmpfs-files \"/scratch/a b\"".into())
    );
}

#[test]
fn limits_that_end_by_a_signal_are_recognised() {
    let title = |steps, end| {
        let ending = Ending::ran(&plan(steps), outcome(end));
        ending.messages.iter().map(|message| message.title.clone()).collect::<Vec<_>>()
    };
    let fsize = || vec![rlimit(Rlimit::Fsize, MIB)];
    for end in [End::Signaled(25), End::Exited(153)] {
        assert_eq!(title(fsize(), end), ["file size limit of 1 MiB reached"]);
        assert_eq!(title(vec![], end), [""; 0]);
    }
    // It used 1.5 seconds.
    let cpu = |limit| vec![rlimit(Rlimit::CpuTime, limit)];
    for (limit, end) in [(9, End::Signaled(24)), (9, End::Exited(152)), (1, End::Signaled(9))] {
        let expected = format!("processor time limit of {limit}.000 s reached");
        assert_eq!(title(cpu(limit), end), [expected]);
    }
    for end in [End::Signaled(9), End::Exited(1), End::Signaled(25)] {
        assert_eq!(title(cpu(9), end), [""; 0]);
    }
    // Somebody else's SIGKILL.
    let steps = vec![time(1), rlimit(Rlimit::CpuTime, 1)];
    let timed_out = Outcome { timed_out: true, ..outcome(End::Signaled(9)) };
    assert_eq!(Ending::ran(&plan(steps), timed_out).messages.len(), 1);
}

#[test]
fn a_run_that_hit_nothing_says_nothing() {
    let steps = vec![memory(MIB, flag("-m")), time(1), rlimit(Rlimit::Fsize, 1)];
    assert_eq!(said(&plan(steps), outcome_of_cgroup(End::Exited(7))), (String::new(), 7));
}

#[test]
fn the_table_shows_what_was_counted() {
    assert_eq!(
        stats(&plan(vec![]), &outcome(End::Exited(0))),
        "jail: used by the command:\n\
         \u{20} time    1.520 s\n\
         \u{20} user    1.300 s\n\
         \u{20} system  0.200 s\n\
         \u{20} memory  12 MiB, the largest process\n"
    );
}

#[test]
fn the_table_shows_limits_beside_what_was_used() {
    let pids = (Action::Limit(Limit::Pids(64)), Origin::BuiltIn);
    let plan = plan(vec![memory(512 * MIB, Origin::BuiltIn), pids, time(600)]);
    assert_eq!(
        stats(&plan, &outcome_of_cgroup(End::Exited(0))),
        "jail: used by the command:\n\
         \u{20} time       1.520 s of 10m\n\
         \u{20} user       1.300 s\n\
         \u{20} system     0.200 s\n\
         \u{20} memory     412 MiB of 512 MiB\n\
         \u{20} processes  12 of 64\n\
         \u{20} read       1.5 MiB\n\
         \u{20} written    0 B\n\
         \u{20} throttled  0.250 s\n"
    );
}

#[test]
fn every_kind_of_limit_is_reported() {
    let io = Limit::Io {
        device: (8, 0),
        read: Some(Size(MIB)),
        write: None,
        read_ops: None,
        write_ops: Some(100),
    };
    let held = [Limit::Cpus(Cpus(1500)), Limit::Cpuset(CpuSet(vec![(0, 3), (5, 5)])), io];
    let mut steps: Vec<_> =
        held.map(|limit| (Action::Limit(limit), Origin::BuiltIn)).into_iter().collect();
    steps.push(time(600));
    steps.push((Action::Nice(10), flag("--nice")));
    steps.push(rlimit(Rlimit::Nofile, 256));
    let mut plan = plan(steps);
    plan.degraded = vec![Protection::Landlock, Protection::Limits];
    let report = reported(&plan, outcome_of_cgroup(End::Exited(0)));
    let limits = report["limits"].as_array().unwrap().iter().map(|limit| {
        let words = ["name", "value", "unit", "enforced_by", "device"].map(|key| &limit[key]);
        words.map(Value::to_string).join(" ").replace('"', "")
    });
    assert_eq!(
        limits.collect::<Vec<_>>(),
        [
            "cpus 1.5 processors cgroup null",
            "cpuset 0-3,5 processor_numbers cgroup null",
            "io-read 1048576 bytes_per_second cgroup 8:0",
            "io-write-ops 100 operations_per_second cgroup 8:0",
            "time 600.0 seconds init null",
            "nice 10 niceness init null",
            "nofile 256 descriptors rlimit null",
        ]
    );
    assert_eq!(report["degraded"], json!(["landlock", "limits"]));
    assert_eq!(report["cgroup"], "/sys/fs/cgroup/jail-1");
    let usage = &report["usage"];
    let figure =
        |value: Value, unit, source| json!({"value": value, "unit": unit, "source": source});
    assert_eq!(usage["wall"], figure(json!(1.52), "seconds", "clock"));
    assert_eq!(usage["user"], figure(json!(1.3), "seconds", "rusage"));
    assert_eq!(usage["peak_memory"], figure(json!(412 * MIB), "bytes", "cgroup"));
    assert_eq!(usage["peak_pids"], figure(json!(12), "processes", "cgroup"));
    assert_eq!(usage["throttled"], figure(json!(0.25), "seconds", "cgroup"));
}

#[test]
fn every_report_fits_the_schema() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let steps = vec![
        memory(MIB, line_of_a_file()),
        rlimit(Rlimit::Fsize, 1),
        time(1),
        (Action::Nice(5), Origin::Variable("X".to_owned())),
    ];
    let plan = plan(steps);
    let full = Full { step: 0, files: true };
    let oom = Some(OutOfMemory { own_limit: true, victim: None });
    let hits = Hits { oom, pids_refused: 1, full: vec![full] };
    let everything = Outcome { hits, timed_out: true, ..outcome_of_cgroup(End::Signaled(64)) };
    for outcome in [everything, outcome(End::Exited(255)), outcome_of_cgroup(End::Exited(0))] {
        let report = reported(&plan, outcome);
        assert!(validator.is_valid(&report), "{report:#}");
        // A validator that takes everything would prove nothing.
        for key in report.as_object().unwrap().keys() {
            let mut without = report.clone();
            without.as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&without), "without {key}");
        }
        for (at, key) in [
            ("", "more"),
            ("/limits/0", "more"),
            ("/limits/0/origin", "more"),
            ("/usage/wall", "more"),
        ] {
            let mut with = report.clone();
            with.pointer_mut(at).unwrap()[key] = json!(1);
            assert!(!validator.is_valid(&with), "with {key} in {at}");
        }
    }
}
