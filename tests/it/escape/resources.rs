//! Taking more than one's share.

use crate::require;
use crate::support::{Feature, Jail, mounts_now, processes_named, wait_until};

/// The limit counts the processes of this jail alone, so it needs no cgroup.
#[test]
fn a_fork_bomb_is_contained() {
    let jail = Jail::new();
    jail.outside("fork-many 4200").answers("4200");
    jail.probe("fork-many 4200").refused("EAGAIN");
}

/// A core file holds what was in memory, and core_pattern may be a program of the host.
#[test]
fn no_core_is_dumped() {
    const CORE: &str = "limit 4";
    let jail = Jail::new();
    jail.outside(CORE).output_lacks("hard=0");
    jail.probe(CORE).answers("soft=0 hard=0");
}

/// All of the private memory together has one size.
#[test]
fn memory_file_systems_cannot_be_filled_without_end() {
    let jail = Jail::new();
    jail.outside("fill ./large 600").answers("");
    for directory in ["/tmp", "/dev/shm"] {
        jail.probe(&format!("fill {directory}/large 600")).refused("ENOSPC");
    }
    let home = jail.home().join("large");
    jail.probe(&format!("fill {} 600", home.display())).refused("ENOSPC");
    jail.probe("fill /tmp/small 64").answers("");
}

/// What the command leaves running ends with it.
#[test]
fn nothing_runs_on_after_the_command() {
    require!(Feature::Program("setsid"));
    let marker = format!("jail-test-left-behind-{}", std::process::id());
    let jail = Jail::new().env("MARKER", &marker).args(["--env", &format!("MARKER={marker}")]);
    let leave = ["sh", "-c", "sleep 1000 & setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 0"];
    jail.run(leave).exits(0);
    wait_until("all of it is gone", || processes_named(&marker).is_empty());
    // Outside it would go on: the marker finds it.
    jail.run_outside(["sh", "-c", "exec setsid sleep 1000 >/dev/null 2>&1 &"]).exits(0);
    wait_until("it is there", || !processes_named(&marker).is_empty());
    for pid in processes_named(&marker) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid is an int"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    }
}

/// Mounts of a jail that showed on the host would be there for everybody, and stay.
#[test]
fn mounts_inside_do_not_show_outside() {
    let jail = Jail::new();
    let before = mounts_now();
    let mut running = jail.start(["sh", "-c", "echo ready; wc -l </proc/self/mountinfo; read go"]);
    running.wait_for("ready");
    assert_eq!(mounts_now(), before);
    running.say("go");
    running.finish().succeeds();
    assert_eq!(mounts_now(), before);
}

const NO_HUGE_PAGES: &str = "[limits]\nhugepages = false";

/// No memory limit counts them, so a command could empty the pool of the machine.
#[test]
fn huge_pages_are_refused_where_the_profile_says_so() {
    require!(Feature::Works("huge-file"));
    // The kernel lets the first in whatever is in its pool, and says EINVAL to the others, which
    // make no sense: ENOMEM is the filter's.
    let attempts = ["huge-file", "huge-map 63", "huge-segment 0"];
    let policy = r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#;
    let jail = Jail::new().profile(NO_HUGE_PAGES).file("open.json", policy);
    for attempt in attempts {
        for unlimited in [jail.outside(attempt), Jail::new().probe(attempt)] {
            match attempt {
                "huge-file" => unlimited.succeeds(),
                _ => unlimited.refused("EINVAL"),
            };
        }
        jail.probe(attempt).refused("ENOMEM");
    }
    let named = ["--seccomp-allow", "mmap", "--seccomp-allow", "memfd_create"];
    let named = Jail::new().profile(NO_HUGE_PAGES).args(named);
    named.probe("huge-file").refused("ENOMEM");
    named.probe("huge-map 63").refused("ENOMEM");
    let from_file = jail.args(["--seccomp", "./open.json"]);
    for attempt in attempts {
        from_file.probe(attempt).refused("ENOMEM");
    }
}

/// A mounted hugetlbfs needs no flag, and no filter sees it.
#[test]
fn mounted_huge_pages_are_refused_where_the_profile_says_so() {
    require!(Feature::Root);
    require!(Feature::Works("huge-file"));
    require!(Feature::Program("unshare"));
    let mounted = |input: &str| {
        let prepare = "mount -t hugetlbfs none pool && >pool/file && exec \"$@\"";
        let jail = Jail::as_root().directory("pool");
        jail.through(["unshare", "-m", "sh", "-c", &format!("{prepare} {input}"), "sh"])
    };
    let limited = mounted("</dev/null").profile(NO_HUGE_PAGES);
    mounted("</dev/null").probe("create pool/new").succeeds();
    limited.outside("create pool/new").succeeds();
    limited.probe("read pool/file").refused("EACCES");
    limited.probe("create pool/new").refused("EACCES");
    for verb in ["write", "read"] {
        let grant = [format!("--{verb}"), "./pool".to_owned()];
        let granted = mounted("</dev/null").profile(NO_HUGE_PAGES).args(grant);
        granted.run(["/bin/true"]).exits(125).says(&format!("cannot {verb} `./pool`"));
    }

    mounted("<pool/file").probe("create new").succeeds();
    let inherited = mounted("<pool/file").profile(NO_HUGE_PAGES);
    let refusal = "cannot refuse huge pages: descriptor 0 is made of them";
    inherited.probe("create new").exits(125).says(refusal);
}

#[test]
fn huge_pages_cannot_be_refused_without_a_filter() {
    let jail = Jail::new().profile(NO_HUGE_PAGES).args(["--seccomp", "off"]);
    jail.run(["/bin/true"]).exits(125).says("cannot refuse huge pages: there is no filter");
    let permitted = Jail::new().profile("[limits]\nhugepages = true").args(["--seccomp", "off"]);
    permitted.run(["/bin/true"]).succeeds();
}
