//! Without namespaces: what Landlock can say, and what it cannot.

use super::*;
use crate::host::Bare;
use crate::plan::{Access, LandlockRule, Subject};

fn bare() -> Case {
    here().with(|profile, host| {
        profile.degrade.push(flag(Protection::Namespaces));
        host.kernel.landlock_abi = 6;
        host.bare = Some(Bare {
            errno: libc::EPERM,
            place: path("/run/user/1/jail/private-1"),
            memory_is_shut: false,
        });
    })
}

fn access(case: &Case, at: &str) -> Option<Access> {
    let ruleset = case.plan().steps.into_iter().find_map(|step| match step.action {
        Action::Landlock(ruleset) => Some(ruleset),
        _ => None,
    });
    let rules = ruleset.expect("there is a ruleset").rules.into_iter();
    let mut found = rules.filter_map(|LandlockRule { subject, access }| {
        (subject == Subject::Path(path(at))).then_some(access)
    });
    found.next()
}

#[test]
fn the_grants_and_the_private_directories_are_all_that_may_be_written() {
    let case = bare();
    assert_eq!(access(&case, "/home/u/p"), Some(Access::Write));
    assert_eq!(access(&case, "/run/user/1/jail/private-1/home"), Some(Access::Write));
    assert_eq!(access(&case, "/run/user/1/jail/private-1/tmp"), Some(Access::Write));
    assert_eq!(access(&case, "/usr"), Some(Access::Read));
    for closed in ["/", "/tmp", "/run", "/home/u", "/proc", "/dev"] {
        assert_eq!(access(&case, closed), None, "{closed}");
    }
    let plan = case.plan();
    assert_eq!(plan.degraded, [Protection::Namespaces]);
    let writable = plan.steps.iter().find_map(|step| match &step.action {
        Action::Attend { writable, .. } => Some(writable.clone()),
        _ => None,
    });
    let own = ["/run/user/1/jail/private-1/home", "/run/user/1/jail/private-1/tmp"];
    assert_eq!(writable, Some([&["/home/u/p"], &own[..]].concat().into_iter().map(path).collect()));
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Mount { .. })));
}

#[test]
fn what_is_below_a_grant_cannot_be_taken_away() {
    let case = bare().file("/home/u/p/x", FileKind::File).directories(&["/home/u/p/d"]);
    let hidden = case.rule_in_file("/home/u/p/x", Grant::Mask);
    let (title, because) = hidden.refused();
    assert_eq!(title, "cannot hide `/home/u/p/x` without namespaces");
    assert_eq!(because, "`/home/u/p` is granted, and Landlock takes nothing away below a grant");
    let case = bare().directories(&["/home/u/p/d"]).rule_in_file("/home/u/p/d", Grant::Read);
    let place = " --> x.toml:1:1\n  |\n1 | a = 1\n  | ^\n";
    let because =
        "because: `/home/u/p` is writable, and Landlock takes nothing away below a grant\n";
    assert_eq!(
        case.told(),
        format!(
            "jail: error: cannot keep `/home/u/p/d` read-only without namespaces\n{place}{because}\
             help: to go on with it writable: --degrade nested-rules, in a profile degrade = \
             [\"nested-rules\"]\n"
        )
    );
    let case = case.with(|profile, _| profile.degrade.push(flag(Protection::NestedRules)));
    assert_eq!(case.plan().degraded, [Protection::Namespaces, Protection::NestedRules]);
    let goes_on = "jail: warning: the command can write to `/home/u/p/d`; continuing without that \
                   protection\n";
    assert!(case.noted().ends_with(&format!("{goes_on}{place}{because}")), "{}", case.noted());
    assert_eq!(access(&case, "/home/u/p/d"), None);
}

/// A rule grants what is there; it puts nothing in its place.
#[test]
fn nothing_is_mounted() {
    let told = |at: &str, grant| {
        let case = bare().directories(&["/home/u/p/d", "/srv/d"]).rule(at, grant);
        case.told()
    };
    let bind = Grant::Bind { from: text("/srv/d"), write: false };
    for (at, grant, expected) in [
        (
            "/home/u/p/d",
            Grant::Tmpfs { size: None },
            "cannot mount a tmpfs on `/home/u/p/d` without namespaces\n --> --flag\n\
             help: leave it out: the command has a private directory in TMPDIR\n",
        ),
        (
            "/home/u/p/d",
            Grant::Overlay,
            "cannot mount an overlay over `/home/u/p/d` without namespaces\n --> --flag\n\
             help: leave it out, or grant a copy under `write`\n",
        ),
        (
            "/home/u/p/d",
            bind,
            "cannot show `/srv/d` at `/home/u/p/d` without namespaces\n --> --flag\n\
             help: grant it where it is, under `read` or `write`\n",
        ),
    ] {
        assert_eq!(told(at, grant), format!("jail: error: {expected}"));
    }
}

#[test]
fn who_cannot_change_modes_is_told_before() {
    let told = |case: &Case| case.plan().notes.into_iter().find(|it| it.title.contains("a mode"));
    let case = bare();
    assert_eq!(told(&case), None);
    let case = case.with(|_, host| {
        host.bare.as_mut().expect("it was set").memory_is_shut = true;
    });
    let expected = Diagnostic::warning("every change of a mode, an owner or a time will be refused")
        .because("kernel.yama.ptrace_scope is 2 or 3, so jail cannot look at what it is asked for")
        .help("compilers, tar and git change modes; root can set it to 1: sysctl kernel.yama.ptrace_scope=1");
    assert_eq!(told(&case), Some(expected));
}

#[test]
fn an_older_landlock_will_not_do() {
    let case = bare().with(|profile, host| {
        profile.degrade.push(flag(Protection::Landlock));
        host.kernel.landlock_abi = 5;
    });
    assert_eq!(
        case.told(),
        "jail: error: this kernel cannot hold a command without namespaces\n\
         because: its Landlock has ABI 5; only from ABI 6 on no signal leads out, to other processes \
         of yours\n\
         help: use Linux 6.12 or newer with Landlock, or a machine that allows user namespaces\n"
    );
    let none = case.with(|_, host| {
        host.kernel.landlock_abi = 0;
    });
    assert!(none.told().contains("\nbecause: it has no Landlock; only from ABI 6 on "));
}

#[test]
fn what_is_granted_of_the_home_is_linked_once() {
    let case = bare().directories(&["/home/u/.x", "/home/u/.x/y"]);
    let case = case.rule("/home/u/.x", Grant::Read).rule("/home/u/.x/y", Grant::Write);
    let links = case.plan().steps.into_iter().find_map(|step| match step.action {
        Action::Place { links, .. } => Some(links),
        _ => None,
    });
    let home = path("/run/user/1/jail/private-1/home");
    let expected = [".x", "p"].map(|name| (home.join(name), path("/home/u").join(name)));
    assert_eq!(links, Some(expected.to_vec()));
}

/// There is a private one in its place, which no tmpfs holds.
#[test]
fn the_size_of_a_temporary_directory_is_not_held() {
    let case = bare().rule("/tmp", Grant::Tmpfs { size: Some(Size(64 << 20)) });
    let told = "jail: warning: what the command writes to TMPDIR is not limited to 64M; continuing \
                without that\n --> --flag\n\
                because: only a tmpfs has a size, and none is mounted without namespaces\n";
    assert!(case.noted().ends_with(told), "{}", case.noted());
}

#[test]
fn ids_and_name_servers_of_its_own_cannot_be_had() {
    let told = |change: fn(&mut Profile)| bare().with(|profile, _| change(profile)).told();
    assert_eq!(
        told(|profile| profile.process.ids = Some(flag(Ids::Subuid))),
        "jail: error: more ids than one cannot be had without namespaces\n --> --flag\n\
         help: use `ids = \"single\"`\n"
    );
    let dns = told(|profile| {
        profile.network.mode = Some(flag(NetworkMode::Host));
        profile.network.dns = vec![flag("192.0.2.53".parse().unwrap())];
    });
    assert_eq!(
        dns,
        "jail: error: `dns` cannot be had without namespaces\n --> --flag\n\
         help: leave it out: the command sees the host's own files in /etc\n"
    );
    assert_eq!(
        told(|profile| profile.process.workdir = Some(flag(text("/proc/self")))),
        "jail: error: the working directory `/proc/self` is not visible inside\n --> --flag\n\
         because: without namespaces little of `/proc` is shown\n\
         help: start elsewhere with `--workdir DIR`\n"
    );
}
