//! Rules about paths: what is granted, where it leads, and which of two counts.

use super::*;

#[test]
fn a_home_as_the_working_directory_is_not_granted_by_a_profile() {
    for (directory, reason) in [
        ("/home/u", "your home"),
        ("/home", "above your home"),
        ("/", "above your home"),
        ("/tmp", "at or above a directory that jail provides"),
        ("/var", "at or above a directory that jail provides"),
        ("/usr", "at or above a directory that jail provides"),
        ("/etc", "at or above a directory that jail provides"),
        ("/proc/1", "part of the kernel's interface"),
    ] {
        let case = here().directories(&[directory]).with(|_, host| host.workdir = path(directory));
        let plan = case.plan();
        let how = if directory == "/" { "" } else { "; `--write .` grants it" };
        let expected = format!(
            "`{directory}` is {reason}, so it is not granted and the command starts in a private home{how}"
        );
        assert_eq!(plan.notes.iter().map(|n| n.title.clone()).collect::<Vec<_>>(), [expected]);
        case.shows("workdir /home/u built-in");
        assert!(!case.writes(directory));
    }
}

#[test]
fn a_flag_grants_the_home() {
    let case = Case::new().rule(".", Grant::Write).with(|_, host| host.workdir = path("/home/u"));
    case.shows("write /home/u --flag").lacks("private /home/u").shows("workdir /home/u");
}

#[test]
fn a_flag_about_the_same_place_is_not_contradicted() {
    for place in ["/home/u", "/usr"] {
        let case = here().directories(&[place]).rule(".", Grant::Read);
        let case = case.with(|_, host| host.workdir = path(place));
        assert_eq!(case.plan().notes, []);
        case.shows(&format!("workdir {place}")).lacks(&format!("write {place}"));
    }
}

#[test]
fn a_project_that_is_the_home_is_not_granted_either() {
    let case = Case::new()
        .rule_in_file("$PROJECT", Grant::Write)
        .with(|_, host| host.project = path("/home/u"));
    let case = case.with(|profile, _| profile.process.workdir = Some(flag(text("/tmp"))));
    assert!(!case.writes("/home/u"));
}

#[test]
fn what_is_jails_own_cannot_be_granted() {
    for (at, because) in [
        ("/", "that is all of the file system"),
        ("/dev/dri", "each run has a `/dev` of its own"),
        ("/dev/shm", "each run has a `/dev/shm` of its own"),
        ("/proc/self", "each run has a `/proc` of its own"),
    ] {
        let case = here().directories(&[at]).rule(at, Grant::Read);
        assert_eq!(case.refused(), (format!("cannot read `{at}`"), because.to_owned()));
    }
    let case = here().directories(&["/sys"]).rule("/sys", Grant::Write);
    assert_eq!(case.refused().1, "`/sys` can be shown for reading only");
}

#[test]
fn who_stands_in_shared_memory_is_told_to_go_elsewhere() {
    let case = here()
        .directories(&["/dev/shm/x"])
        .with(|_, host| host.workdir = path("/dev/shm/x"))
        .rule("./hooks", Grant::Read);
    let errors = case.errors();
    assert_eq!(errors[0].help, ["start jail in a directory elsewhere"]);
    let named = here().directories(&["/dev/shm"]).rule("/dev/shm", Grant::Read).errors();
    assert_eq!(named[0].help, ["remove the rule"]);
}

#[test]
fn a_link_does_not_lead_to_what_is_jails_own() {
    let case = here()
        .link("/srv/x", "/proc/1/root", "/proc/1/root", FileKind::Directory)
        .rule("/srv/x", Grant::Read);
    assert_eq!(case.refused().1, "each run has a `/proc` of its own");
    let bind = Grant::Bind { from: text("/srv/x"), write: false };
    let case = here().link("/srv/x", "/", "/", FileKind::Directory).rule("/data", bind);
    assert_eq!(case.refused().1, "that is all of the file system");
}

#[test]
fn a_planted_link_is_refused() {
    let case = here()
        .link("/home/u/p/cache", "../.ssh", "/home/u/.ssh", FileKind::Directory)
        .rule("./cache", Grant::Read);
    let (title, because) = case.refused();
    assert_eq!(
        title,
        "cannot read `./cache`: it leads through a symbolic link that the command may change"
    );
    assert_eq!(
        because,
        "`/home/u/p/cache` points to `../.ssh`, and `/home/u/p` is writable for the command"
    );
}

#[test]
fn a_planted_link_is_refused_as_the_source_of_a_bind_and_when_optional() {
    let planted = here().link("/home/u/p/k", "/home/u/.ssh", "/home/u/.ssh", FileKind::Directory);
    let bind = Grant::Bind { from: text("./k"), write: false };
    assert_eq!(planted.rule("/data", bind).errors().len(), 1);
    let planted = here().link("/home/u/p/k", "/home/u/.ssh", "/home/u/.ssh", FileKind::Directory);
    assert_eq!(planted.optional("./k", Grant::Overlay).errors().len(), 1);
}

#[test]
fn a_link_of_the_project_leads_no_grant_out() {
    let linked = || {
        Case::new().rule_in_file(".", Grant::Read).link(
            "/home/u/p/out",
            "../.ssh",
            "/home/u/.ssh",
            FileKind::Directory,
        )
    };
    let (title, because) = linked().rule("./out", Grant::Write).refused();
    assert_eq!(
        title,
        "cannot write `./out`: it leads elsewhere through a symbolic link of the project"
    );
    assert_eq!(
        because,
        "`/home/u/p/out` points to `../.ssh`, and whoever wrote what is in `/home/u/p` may have made it"
    );
    // Also where nothing else of the project is granted.
    let alone = Case::new().link("/home/u/p/out", "../.ssh", "/home/u/.ssh", FileKind::Directory);
    let errors = alone.rule("/home/u/p/out", Grant::Read).errors();
    assert!(errors.iter().any(|error| error.title.contains("a symbolic link of the project")));
    // A mask takes away.
    linked().rule("./out", Grant::Mask).plan();
    // In a home links are the caller's own.
    let at_home = Case::new()
        .with(|_, host| (host.workdir, host.project) = (path("/home/u"), path("/home/u")))
        .link("/home/u/tools", "/srv/tools", "/srv/tools", FileKind::Directory);
    at_home.rule("./tools", Grant::Read).shows("read /srv/tools");
}

#[test]
fn a_planted_link_becomes_no_root() {
    let linked = |grant| {
        Case::new()
            .rule_in_file(".", grant)
            .link("/home/u/p/root", "..", "/home/u", FileKind::Directory)
            .root(Root::Directory(text("./root")), RootMode::Overlay)
    };
    let title = |case: Case| case.errors().remove(0).title;
    assert_eq!(
        title(linked(Grant::Write)),
        "cannot make `./root` the root: it leads through a symbolic link that the command may change"
    );
    assert_eq!(
        title(linked(Grant::Read)),
        "cannot make `./root` the root: it leads elsewhere through a symbolic link of the project"
    );
}

#[test]
fn a_link_that_stays_inside_or_lies_outside_is_followed() {
    here()
        .link("/home/u/p/a", "b", "/home/u/p/b", FileKind::Directory)
        .rule("./a", Grant::Read)
        .shows("read /home/u/p/b");
    here()
        .link("/home/u/tools", "/srv/tools", "/srv/tools", FileKind::Directory)
        .rule("~/tools", Grant::Read)
        .shows("read /srv/tools")
        .shows("symlink /home/u/tools -> /srv/tools");
}

#[test]
fn a_link_on_a_private_directory_is_made_after_the_directory() {
    let case =
        here().link("/home/u/t", "/srv/t", "/srv/t", FileKind::File).rule("~/t", Grant::Read);
    let lines = case.lines();
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    assert!(at("private /home/u ") < at("symlink /home/u/t"));
}

#[test]
fn the_longest_path_wins_whatever_the_order() {
    let inner = ["/home/u/p/a", "/home/u/p/a/b"];
    for flipped in [false, true] {
        let mut case = here().directories(&inner);
        let rules = [("./a", Grant::Read), ("./a/b", Grant::Write)];
        let order: Vec<_> =
            if flipped { rules.iter().rev().collect() } else { rules.iter().collect() };
        for (at, grant) in order {
            case = case.rule(at, grant.clone());
        }
        case.shows("read /home/u/p/a ").shows("write /home/u/p/a/b ");
    }
}

#[test]
fn of_two_rules_for_one_path_the_later_counts() {
    let case = here().directories(&["/srv"]);
    case.rule("/srv", Grant::Write)
        .rule("/srv", Grant::Read)
        .shows("read /srv")
        .lacks("write /srv");
}

#[test]
fn a_mask_below_a_grant_hides_and_elsewhere_it_is_left_out() {
    let case = here()
        .file("/home/u/p/.env", FileKind::File)
        .directories(&["/home/u/.ssh"])
        .rule("./.env", Grant::Mask)
        .rule("~/.ssh", Grant::Mask)
        .rule("./gone", Grant::Mask);
    let mask = Mount::Mask { directory: false };
    assert_eq!(case.mount("/home/u/p/.env"), Some((false, mask)));
    case.lacks("mask /home/u/.ssh").lacks("mask /home/u/p/gone");
    let notes: Vec<String> = case.plan().notes.into_iter().map(|note| note.title).collect();
    assert_eq!(notes, ["`/home/u/p/gone` does not exist, so there is nothing to mask"]);
}

#[test]
fn a_grant_below_a_mask_is_reachable() {
    let case = here()
        .directories(&["/home/u/p/s", "/home/u/p/s/pub"])
        .rule("./s", Grant::Mask)
        .rule("./s/pub", Grant::Read);
    assert_eq!(case.mount("/home/u/p/s"), Some((false, Mount::Private { mode: 0o555 })));
    assert!(case.mount("/home/u/p/s/pub").is_some_and(|(create, _)| create));
}

#[test]
fn a_mask_that_cannot_be_looked_at_is_an_error() {
    let case = here().file("/srv/x", FileKind::Unreachable(13)).rule("/srv/x", Grant::Mask);
    assert_eq!(
        case.refused(),
        ("cannot mask `/srv/x`".into(), "permission denied [EACCES]".into())
    );
}

#[test]
fn a_missing_path_is_an_error_unless_optional() {
    let case = here().rule("~/gone", Grant::Read);
    let errors = case.errors();
    assert_eq!(errors[0].title, "cannot read `~/gone`");
    assert_eq!(errors[0].because.as_deref(), Some("no such file or directory [ENOENT]"));
    assert_eq!(errors[0].help, ["create it, or correct the path"]);
    let in_file = here().rule_in_file("~/gone", Grant::Read).errors();
    assert_eq!(in_file[0].help, ["create it, or set `optional = true`"]);
    here().optional("~/gone", Grant::Read).lacks("read /home/u/gone");
}

#[test]
fn all_errors_come_at_once() {
    let case = here().rule("~/a", Grant::Read).rule("/dev/x", Grant::Read).with(|profile, host| {
        profile.process.preserve_fds.push(flag(7));
        host.kernel.landlock_abi = 0;
    });
    assert_eq!(case.errors().len(), 4);
}

#[test]
fn nothing_is_created_on_a_directory_of_the_host() {
    let tmpfs = Grant::Tmpfs { size: None };
    let case = here().rule("./new", tmpfs.clone());
    assert_eq!(case.refused().0, "cannot mount on `/home/u/p/new`");
    let case = here().directories(&["/home/u/p/t"]).rule("./t", tmpfs.clone());
    assert_eq!(case.mount("/home/u/p/t"), Some((false, Mount::Private { mode: 0o755 })));
    let case = here().rule("/scratch", Grant::Tmpfs { size: Some(Size(4096)) });
    assert_eq!(case.mount("/scratch"), Some((true, Mount::Tmpfs { size: Size(4096) })));
    // An overlay is ours.
    let case = here().directories(&["/srv"]).rule("/srv", Grant::Overlay).rule("/srv/new", tmpfs);
    assert!(case.mount("/srv/new").is_some_and(|(create, _)| create));
}

#[test]
fn a_mount_point_below_a_bind_is_looked_for_in_its_source() {
    let bind = Grant::Bind { from: text("/srv/d"), write: false };
    let case = || here().directories(&["/srv/d"]).rule("/data", bind.clone());
    let mask = || case().rule("/data/.env", Grant::Mask);
    mask().lacks("mask /data/.env");
    for (kind, directory) in [(FileKind::File, false), (FileKind::Directory, true)] {
        let found = mask().file("/srv/d/.env", kind).mount("/data/.env");
        assert_eq!(found, Some((false, Mount::Mask { directory })));
    }
    let link = mask().link("/srv/d/.env", "/etc/x", "/etc/x", FileKind::File);
    assert_eq!(link.refused().0, "cannot mount on `/data/.env`");
}
