//! Other processes: those of the host, and the jail's own init.

use super::refused;
use crate::require;
use crate::support::{Feature, Jail, Running};

/// Init is not even visible; a /proc that shows it must not let it be looked into.
const OUT_OF_SIGHT: &[&str] = &["ENOENT", "EACCES"];

/// A sleeping process of the same user, outside.
fn bystander(jail: &Jail) -> Running {
    let mut running = jail.start_outside("pause");
    running.wait_for("paused");
    running
}

/// Outside, the attempt succeeds on a process of the same user; inside it is refused on init.
#[track_caller]
fn refused_on_init(jail: &Jail, attempt: impl Fn(u32) -> String, errnos: &[&str]) {
    let bystander = bystander(jail);
    jail.outside(&attempt(bystander.pid())).succeeds();
    jail.probe(&attempt(1)).refused_with_any(errnos);
}

/// The environment of bubblewrap's init is the caller's, despite `--clearenv`.
#[test]
fn the_environment_of_init_cannot_be_read() {
    refused_on_init(&Jail::new(), |pid| format!("read /proc/{pid}/environ"), OUT_OF_SIGHT);
}

/// Its command line tells where profiles and grants are.
#[test]
fn the_command_line_of_init_tells_nothing() {
    let jail = Jail::new();
    let bystander = bystander(&jail);
    jail.outside(&format!("read /proc/{}/cmdline", bystander.pid())).output_has("pause");
    jail.probe("read /proc/1/cmdline").refused_with_any(OUT_OF_SIGHT);
}

#[test]
fn no_process_inside_has_the_callers_secrets() {
    let jail = Jail::new().env("TOKEN", "s3cr3t-of-the-caller");
    let _bystander = bystander(&jail);
    jail.outside("search-processes s3cr3t-of-the-caller").answers("environ");
    jail.probe("search-processes s3cr3t-of-the-caller").refused("ENOENT");
}

#[test]
fn the_memory_of_init_cannot_be_opened() {
    require!(Feature::Tracing);
    let jail = Jail::new();
    refused_on_init(&jail, |pid| format!("open-write /proc/{pid}/mem"), OUT_OF_SIGHT);
    refused_on_init(&jail, |pid| format!("read /proc/{pid}/maps"), OUT_OF_SIGHT);
}

/// CVE-2019-5736: /proc/PID/exe of a process that came from outside is a file outside.
#[test]
fn the_program_of_init_cannot_be_found() {
    refused_on_init(&Jail::new(), |pid| format!("readlink /proc/{pid}/exe"), OUT_OF_SIGHT);
}

#[test]
fn the_root_of_init_is_no_way_out() {
    let jail = Jail::new();
    refused_on_init(&jail, |pid| format!("list /proc/{pid}/root/"), OUT_OF_SIGHT);
    refused_on_init(&jail, |pid| format!("list /proc/{pid}/cwd/"), OUT_OF_SIGHT);
}

#[test]
fn the_descriptors_of_init_cannot_be_seen() {
    refused_on_init(&Jail::new(), |pid| format!("list /proc/{pid}/fd"), OUT_OF_SIGHT);
}

#[test]
fn the_descriptors_of_init_cannot_be_taken() {
    require!(Feature::Tracing);
    refused_on_init(&Jail::new(), |pid| format!("pidfd-getfd {pid} 0"), &["EPERM"]);
}

#[test]
fn init_cannot_be_traced() {
    require!(Feature::Tracing);
    refused_on_init(&Jail::new(), |pid| format!("trace {pid}"), &["EPERM"]);
}

#[test]
fn init_cannot_be_traced_without_a_filter() {
    require!(Feature::Tracing);
    let jail = Jail::new().args(["--seccomp", "off"]);
    refused_on_init(&jail, |pid| format!("trace {pid}"), &["EPERM"]);
    refused_on_init(&jail, |pid| format!("read-memory {pid}"), &["EPERM"]);
    refused_on_init(&jail, |pid| format!("pidfd-getfd {pid} 0"), &["EPERM"]);
}

#[test]
fn the_memory_of_init_cannot_be_read() {
    require!(Feature::Tracing);
    refused_on_init(&Jail::new(), |pid| format!("read-memory {pid}"), &["EPERM"]);
}

/// To the group of root `hidepid` hides nothing, so that nothing else may let root look either.
#[test]
fn init_cannot_be_looked_into_by_root() {
    require!(Feature::Root);
    let jail = Jail::as_root().env("TOKEN", "s3cr3t-of-the-caller");
    for attempt in ["read", "list"] {
        let files: &[&str] = match attempt {
            "read" => &["environ", "maps", "auxv", "syscall"],
            _ => &["root/", "cwd/", "map_files"],
        };
        for file in files {
            let attempt = |pid| format!("{attempt} /proc/{pid}/{file}");
            refused_on_init(&jail, attempt, &["ENOENT", "EACCES", "EPERM"]);
        }
    }
    refused_on_init(&jail, |pid| format!("readlink /proc/{pid}/exe"), OUT_OF_SIGHT);
    refused_on_init(&jail, |pid| format!("open-write /proc/{pid}/mem"), OUT_OF_SIGHT);
    refused_on_init(&jail, |pid| format!("trace {pid}"), &["EPERM"]);
    refused_on_init(&jail, |pid| format!("kill {pid} 15"), &["EPERM"]);
    // What is visible of it must not tell how the jail was made.
    let jail = jail.args(["--hostname", "told-to-the-launcher"]);
    let run = jail.probe("read /proc/1/cmdline");
    run.output_lacks("told-to-the-launcher");
    assert!(matches!(run.status.code(), Some(0 | 1)), "{run:?}");
}

/// Signal 0 asks only whether one could be sent. Init forwards signals, so it has handlers, and
/// the kernel's protection of pid 1 does not hold for those.
#[test]
fn init_cannot_be_signalled() {
    let jail = Jail::new();
    refused_on_init(&jail, |pid| format!("kill {pid} 0"), &["EPERM"]);
    refused_on_init(&jail, |pid| format!("pidfd-signal {pid} 0"), &["EPERM"]);
    refused_on_init(&jail, |pid| format!("kill {pid} 15"), &["EPERM"]);
}

#[test]
fn processes_of_the_host_cannot_be_signalled() {
    let jail = Jail::new();
    let bystander = bystander(&jail);
    let attempt = format!("kill {} 0", bystander.pid());
    jail.outside(&attempt).answers("");
    jail.probe(&attempt).refused("ESRCH");
    let attempt = format!("pidfd-open {}", bystander.pid());
    jail.outside(&attempt).answers("");
    jail.probe(&attempt).refused("ESRCH");
}

/// Everything that the caller could signal, in one call: it must only be what is inside.
#[test]
fn signalling_everybody_reaches_nobody_outside() {
    let jail = Jail::new();
    let mut bystander = jail.start_outside("say ready -- wait-line -- say survived");
    bystander.wait_for("ready");
    let ended = jail.probe("kill -1 9");
    assert_ne!(ended.status.code(), Some(125), "{ended:?}");
    bystander.say("go");
    bystander.finish().answers("survived");
}

#[test]
fn processes_of_the_host_are_invisible() {
    let jail = Jail::new();
    let bystander = bystander(&jail);
    let attempt = format!("stat /proc/{}", bystander.pid());
    jail.outside(&attempt).succeeds();
    jail.probe(&attempt).refused("ENOENT");
    let shown = jail.probe("pids").detail();
    assert!(shown.split(' ').count() <= 2, "{shown}");
}

/// Memory of other processes, be they one's own, is what credentials are stolen from.
#[test]
fn the_default_traces_nothing() {
    require!(Feature::Works("trace-child"));
    refused("trace-child", "EPERM");
    refused("read-memory-child", "EPERM");
}

/// A debugger is what a developer's profile is for, and it reaches children only.
#[test]
fn the_developers_profile_traces_its_children_alone() {
    require!(Feature::Tracing);
    let jail = Jail::new().args(["--profile", "dev"]);
    jail.probe("trace-child").answers("");
    refused_on_init(&jail, |pid| format!("trace {pid}"), &["EPERM"]);
}

/// All five sets: CVE-2022-24769 and its brothers left the inheritable one full.
#[test]
fn there_is_no_capability_to_use_or_to_gain() {
    let wanted = "status CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp";
    let none = "0000000000000000";
    let promised = format!(
        "CapInh={none} CapPrm={none} CapEff={none} CapBnd={none} CapAmb={none} \
         NoNewPrivs=1 Seccomp=2"
    );
    let jail = Jail::new();
    jail.outside(wanted).output_lacks(&format!("CapBnd={none}")).output_has("NoNewPrivs=0");
    jail.probe(wanted).answers(&promised);
    jail.args(["--user", "root"]).probe(wanted).answers(&promised);
}

/// The same where the caller has every capability.
#[test]
fn there_is_no_capability_for_root_either() {
    require!(Feature::Root);
    let wanted = "status CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp";
    let none = "0000000000000000";
    let jail = Jail::as_root();
    jail.outside(wanted).output_lacks(&format!("CapEff={none}"));
    jail.probe(wanted).answers(&format!(
        "CapInh={none} CapPrm={none} CapEff={none} CapBnd={none} CapAmb={none} \
         NoNewPrivs=1 Seccomp=2"
    ));
}
