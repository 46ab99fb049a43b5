//! Limits of each process, and what else needs no cgroup: they hold on every machine.

use crate::require;
use crate::support::{Feature, Jail};

#[test]
fn an_rlimit_holds_and_cannot_be_raised() {
    let jail = Jail::new();
    jail.outside("limit 7").output_lacks("hard=64");
    let jail = jail.args(["--ulimit", "nofile=64"]);
    jail.probe("limit 7").answers("soft=64 hard=64");
    jail.probe("set-limit 7 65 65").refused("EPERM");
}

#[test]
fn a_soft_limit_can_be_raised_to_the_hard_one() {
    let jail = Jail::new().args(["--ulimit", "nofile=64:128"]);
    jail.probe("limit 7 -- set-limit 7 128 128").succeeds().output_has("soft=64 hard=128");
    jail.probe("set-limit 7 129 129").refused("EPERM");
}

#[test]
fn a_file_that_grows_too_large_ends_its_writer_with_words() {
    let jail = Jail::new();
    jail.outside("write-file ./large 2").answers("");
    let jail = jail.args(["--ulimit", "fsize=1M"]);
    jail.probe("write-file ./small 1").answers("");
    jail.probe("write-file ./large 2")
        .killed_by(libc::SIGXFSZ)
        .says("file size limit of 1 MiB reached")
        .says("--ulimit");
}

#[test]
fn processor_time_ends_with_words() {
    let jail = Jail::new();
    jail.outside("spin 1 1500").succeeds();
    let jail = jail.args(["--ulimit", "cpu-time=1"]);
    let finished = jail.probe("spin 1 20000");
    let signal = finished.status.code().map(|status| status - 128);
    assert!([Some(libc::SIGXCPU), Some(libc::SIGKILL)].contains(&signal), "{finished:?}");
    finished.says("processor time limit of").says("--ulimit");
}

#[test]
fn niceness_is_set_and_cannot_be_taken_back() {
    let jail = Jail::new();
    jail.outside("niceness").answers("0");
    let jail = jail.args(["--nice", "10"]);
    jail.probe("niceness").answers("10");
    jail.probe("renice 5").refused_with_any(&["EACCES", "EPERM"]);
}

/// tests/it/escape/resources.rs has the attacks.
#[test]
fn huge_pages_are_refused_by_flag_too() {
    require!(Feature::Works("huge-file"));
    Jail::new().args(["--hugepages", "on"]).probe("huge-file").succeeds();
    Jail::new().args(["--hugepages", "off"]).probe("huge-file").refused("ENOMEM");
}
