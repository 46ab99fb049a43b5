//! Plans of hand-written hosts: one test for each rule of drawing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

mod allow;
mod bare;
mod copies;
mod images;
mod network;
mod rules;
mod told;

use super::draw;
use crate::diagnostic::{Diagnostic, Located, Origin, Palette, Source, render};
use crate::host::{
    BlockDevice, Descriptor, FileFact, FileKind, Host, Identity, Kernel, Link, NetworkFacts, SubIds,
};
use crate::image::Rootfs;
use crate::plan::{
    Access, Action, LandlockRule, Mount, Plan, RootSource, Ruleset, Subject, to_text,
};
use crate::profile::{
    Base, Grant, Ids, IoLimit, NetworkMode, PathText, Profile, Protection, Root, RootMode, Rule,
    SeccompPolicy, Tty, User,
};
use crate::units::{AbsolutePath, Size};

/// A caller in `/home/u/p`, on a machine with a merged /usr and little else.
struct Case {
    rootfs: Option<Rootfs>,
    host: Host,
    profile: Profile,
}

fn path(text: &str) -> AbsolutePath {
    AbsolutePath::new(text).unwrap()
}

fn text(text: &str) -> PathText {
    PathText { text: text.into(), base: Base::WorkingDirectory }
}

fn flag<T>(value: T) -> Located<T> {
    Located::new(value, Origin::Flag("--flag".into()))
}

fn in_file<T>(value: T) -> Located<T> {
    let source = Source { name: "x.toml".into(), text: "a = 1\n".into() };
    Located::new(value, Origin::File { source: source.into(), span: 0..1 })
}

impl Case {
    fn new() -> Self {
        let terminal = Descriptor {
            kind: FileKind::CharacterDevice,
            readable: true,
            writable: true,
            terminal: true,
        };
        let host = Host {
            identity: Identity {
                is_global_root: false,
                uid: 1001,
                gid: 1002,
                name: "u".into(),
                group: "g".into(),
                shell: path("/bin/sh"),
                home: Some(path("/home/u")),
                account_home: Some(path("/home/u")),
            },
            workdir: path("/home/u/p"),
            project: path("/home/u/p"),
            environment: BTreeMap::new(),
            cgroups: None,
            rlimits: BTreeMap::new(),
            kernel: Kernel { release: (6, 18), landlock_abi: 7 },
            subids: None,
            network: NetworkFacts::default(),
            descriptors: (0..3).map(|fd| (fd, terminal)).collect(),
            seccomp: None,
            block_devices: BTreeMap::new(),
            files: BTreeMap::new(),
            interfaces: Vec::new(),
            rootfs: BTreeMap::new(),
            accounts: None,
            no_overlay: None,
            stores: Vec::new(),
            unmade_stores: Vec::new(),
            bare: None,
        };
        Self { rootfs: None, host, profile: Profile::default() }
            .directories(&["/usr", "/tmp", "/run", "/var/tmp", "/home/u", "/home/u/p"])
            .link("/bin", "usr/bin", "/usr/bin", FileKind::Directory)
    }

    fn file(mut self, at: &str, kind: FileKind) -> Self {
        let fact = FileFact { kind, ..FileFact::missing(&path(at)) };
        self.host.files.insert(path(at), fact);
        self
    }

    fn directories(self, paths: &[&str]) -> Self {
        paths.iter().fold(self, |case, path| case.file(path, FileKind::Directory))
    }

    fn link(mut self, at: &str, target: &str, canonical: &str, kind: FileKind) -> Self {
        let links = vec![Link { path: path(at), target: target.into() }];
        let fact = FileFact { kind, canonical: path(canonical), links };
        self.host.files.insert(path(at), fact);
        self
    }

    fn inside(mut self, paths: &[&str]) -> Self {
        for at in paths {
            let fact = FileFact { kind: FileKind::Directory, ..FileFact::missing(&path(at)) };
            self.host.rootfs.insert(path(at), fact);
        }
        self
    }

    fn rule(self, at: &str, grant: Grant) -> Self {
        self.located(flag(Rule { path: text(at), grant, optional: false }))
    }

    fn rule_in_file(self, at: &str, grant: Grant) -> Self {
        self.located(in_file(Rule { path: text(at), grant, optional: false }))
    }

    fn optional(self, at: &str, grant: Grant) -> Self {
        self.located(flag(Rule { path: text(at), grant, optional: true }))
    }

    fn located(mut self, rule: Located<Rule>) -> Self {
        self.profile.filesystem.rules.push(rule);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Profile, &mut Host)) -> Self {
        change(&mut self.profile, &mut self.host);
        self
    }

    fn root(self, root: Root, mode: RootMode) -> Self {
        self.with(|profile, _| {
            profile.filesystem.root = Some(flag(root));
            profile.filesystem.root_mode = Some(flag(mode));
        })
    }

    fn errors(&self) -> Vec<Diagnostic> {
        match draw(&self.profile, self.rootfs.as_ref(), &self.host, &["true".into()]) {
            Ok(plan) => panic!("no error:\n{}", to_text(&plan)),
            Err(errors) => errors,
        }
    }

    /// The title and the cause of the only error.
    fn refused(&self) -> (String, String) {
        let errors = self.errors();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        (errors[0].title.clone(), errors[0].because.clone().unwrap_or_default())
    }

    /// All errors, as a person reads them.
    fn told(&self) -> String {
        self.errors().iter().map(|error| render(error, Palette::Plain)).collect()
    }

    /// What is told beside a plan, as a person reads it.
    fn noted(&self) -> String {
        self.plan().notes.iter().map(|note| render(note, Palette::Plain)).collect()
    }

    fn plan(&self) -> Plan {
        draw(&self.profile, self.rootfs.as_ref(), &self.host, &["true".into()])
            .unwrap_or_else(|e| panic!("{e:#?}"))
    }

    fn lines(&self) -> Vec<String> {
        // One by one: steps that nobody asked for share a line otherwise.
        let plans = self.plan().steps.into_iter().map(|step| Plan {
            steps: vec![step],
            notes: vec![],
            degraded: vec![],
        });
        let text: String = plans.map(|plan| to_text(&plan)).collect();
        let words = |line: &str| {
            let line = line.trim_start();
            let step = line.trim_start_matches(|c: char| c.is_ascii_digit());
            step.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        text.lines().map(words).collect()
    }

    #[track_caller]
    fn shows(&self, line: &str) -> &Self {
        let lines = self.lines();
        assert!(lines.iter().any(|l| l.starts_with(line)), "no `{line}` in {lines:#?}");
        self
    }

    #[track_caller]
    fn lacks(&self, line: &str) -> &Self {
        let lines = self.lines();
        assert!(!lines.iter().any(|l| l.starts_with(line)), "`{line}` in {lines:#?}");
        self
    }

    fn writes(&self, at: &str) -> bool {
        matches!(self.mount(at), Some((_, Mount::Bind { write: true, .. })))
    }

    fn mount(&self, at: &str) -> Option<(bool, Mount)> {
        self.plan().steps.into_iter().find_map(|step| match step.action {
            Action::Mount { path: there, create, mount } if there == path(at) => {
                Some((create, mount))
            }
            _ => None,
        })
    }
}

fn here() -> Case {
    Case::new().rule_in_file(".", Grant::Write)
}

#[test]
fn the_working_directory_is_granted_and_nothing_else_of_the_home() {
    here()
        .shows("private /home/u (0700)")
        .shows("write /home/u/p x.toml:1")
        .shows("read /usr built-in")
        .shows("symlink /bin -> usr/bin")
        .lacks("read /usr/bin")
        .shows("workdir /home/u/p");
}

#[test]
fn steps_come_in_their_order() {
    let kinds: Vec<String> =
        here().lines().iter().filter_map(|l| l.split(' ').next().map(str::to_owned)).collect();
    let at = |kind: &str| kinds.iter().position(|k| k == kind).unwrap_or_else(|| panic!("{kind}"));
    let order = [
        "namespaces",
        "ids",
        "scratch",
        "root",
        "symlink",
        "file",
        "private",
        "proc",
        "dev",
        "seal",
        "pivot",
        "loopback",
        "hostname",
        "keyring",
        "nesting",
        "rlimit",
        "capabilities",
        "privileges",
        "environment",
        "workdir",
        "landlock",
        "seccomp",
        "descriptors",
        "exec",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{kinds:?}");
}

#[test]
fn devices_are_granted_as_devices_only() {
    let case = here().file("/srv/null", FileKind::CharacterDevice).rule("/srv/null", Grant::Read);
    assert_eq!(
        case.told(),
        "jail: error: cannot read `/srv/null`\n --> --flag\n\
         because: it is a device\n\
         help: only devices below `/dev` are granted: under `devices`, or with `--device`\n"
    );
    let device = |at: &str| {
        let at = text(at);
        here()
            .file("/dev/kvm", FileKind::CharacterDevice)
            .directories(&["/dev/dri"])
            .file("/dev/dri/card0", FileKind::CharacterDevice)
            .with(|profile, _| profile.filesystem.devices.push(flag(at)))
    };
    device("/dev/kvm").shows("dev /dev: null zero full random urandom tty kvm --flag");
    device("/dev/dri").shows("dev /dev: null zero full random urandom tty dri/card0");
    assert_eq!(device("/srv/x").refused().1, "it is not below `/dev`");
    assert_eq!(device("/dev/gone").refused().1, "no such file or directory [ENOENT]");
    let refused = |case: Case| {
        case.with(|profile, _| profile.filesystem.devices.push(flag(text("/dev/x")))).refused().1
    };
    assert_eq!(refused(here().directories(&["/dev/x"])), "there is no device in it");
    let socket = here().file("/dev/x", FileKind::Socket);
    assert_eq!(refused(socket), "it is not a device [ENODEV]");
    let closed = here().file("/dev/x", FileKind::Unreachable(libc::EACCES));
    assert_eq!(refused(closed), "permission denied [EACCES]");
}

#[test]
fn what_is_sensitive_below_sys_stays_hidden() {
    let case = || {
        here()
            .directories(&["/sys", "/sys/firmware", "/sys/fs/cgroup", "/sys/class/net"])
            .rule("/sys", Grant::Read)
    };
    case().shows("read /sys").shows("mask /sys/firmware").shows("mask /sys/class/net");
    case()
        .rule("/sys/fs/cgroup", Grant::Read)
        .shows("mask /sys/firmware")
        .lacks("mask /sys/fs/cgroup");
    case()
        .with(|profile, _| profile.network.mode = Some(flag(NetworkMode::Host)))
        .lacks("mask /sys/class/net");
}

#[test]
fn a_working_directory_that_is_not_visible_is_an_error() {
    let errors = Case::new().errors();
    assert_eq!(errors[0].title, "the working directory `/home/u/p` is not visible inside");
    assert_eq!(errors[0].help[0], "grant it with `--read .`");
    Case::new()
        .with(|profile, _| profile.process.workdir = Some(flag(text("/tmp"))))
        .shows("workdir /tmp --flag");
}

#[test]
fn a_home_in_a_system_directory_does_not_hide_the_system() {
    for home in ["/usr/bin", "/", "/dev"] {
        let case = here().directories(&[home]).with(|_, host| {
            host.identity.home = Some(path(home));
        });
        case.lacks(&format!("private {home} ")).shows("read /usr ");
    }
    let below = here().directories(&["/opt", "/opt/ci"]).with(|_, host| {
        host.identity.home = Some(path("/opt/ci"));
    });
    assert_eq!(below.mount("/opt/ci"), Some((false, Mount::Private { mode: 0o700 })));
}

#[test]
fn without_a_home_only_a_rule_that_needs_it_fails() {
    let case = here().with(|_, host| host.identity.home = None);
    case.shows("HOME=/tmp");
    let case = case.optional("~/x", Grant::Read);
    case.shows("HOME=/tmp");
    assert!(case.rule("~/y", Grant::Read).refused().1.contains("no home"));
}

#[test]
fn ids_are_mapped_as_asked() {
    here().shows("ids 1001:1002, the same as outside");
    let root = |profile: &mut Profile, _: &mut Host| profile.process.user = Some(flag(User::Root));
    here().with(root).shows("ids 0:0 inside; uid 0=1001, gid 0=1002").shows("USER=root");
    let subids = SubIds {
        uid: (100_000, 65_536),
        gid: (200_000, 65_536),
        newuidmap: PathBuf::from("/usr/bin/newuidmap"),
        newgidmap: PathBuf::from("/usr/bin/newgidmap"),
    };
    here()
        .with(root)
        .with(|profile, host| {
            profile.process.ids = Some(flag(Ids::Auto));
            host.subids = Some(subids);
        })
        .shows(
            "ids 0:0 inside; uid 0=1001 1=100000+65536, gid 0=1002 1=200000+65536, by newuidmap",
        );
}

#[test]
fn a_directory_root_is_an_overlay_unless_it_is_written() {
    let root = || Root::Directory(text("/srv/r"));
    let case = here().directories(&["/srv/r"]).inside(&["/proc", "/dev", "/tmp"]);
    let case = case.root(root(), RootMode::ReadOnly);
    case.shows("root overlay of /srv/r").shows("seal").lacks("read /usr").lacks("file /etc/passwd");
    assert!(case.mount("/tmp").is_some_and(|(create, _)| !create));
    let written = Case::new()
        .directories(&["/srv/r"])
        .inside(&["/proc", "/tmp"])
        .root(root(), RootMode::Write)
        .with(|profile, _| profile.process.workdir = Some(flag(text("/tmp"))));
    assert_eq!(written.refused().0, "cannot mount `/dev`: no directory `/srv/r/dev`");
    let named = Case::new()
        .directories(&["/srv/$(reboot)"])
        .inside(&["/proc", "/tmp"])
        .root(Root::Directory(text("/srv/$$(reboot)")), RootMode::Write);
    let help = "run `mkdir '/srv/$(reboot)/dev'`, or set `root-mode = \"overlay\"`";
    assert_eq!(named.errors()[0].help, [help]);
    let written = written.inside(&["/dev"]);
    written.shows("root /srv/r, writable").lacks("seal").lacks("private /run").shows("HOME=/tmp");
    let host = Root::Directory(text("/"));
    let case = here().directories(&["/"]).root(host, RootMode::ReadOnly);
    assert_eq!(case.errors()[0].title, "cannot use `/` as the root");
}

#[test]
fn an_overlaid_host_is_not_sealed() {
    let case = here().file("/etc/ld.so.cache", FileKind::File).root(Root::Host, RootMode::Overlay);
    case.shows("overlay /usr").shows("read /etc/ld.so.cache").lacks("seal");
    assert!(matches!(case.plan().steps[3].action, Action::Root(RootSource::Empty)));
    let case = here().root(Root::Host, RootMode::Write);
    assert_eq!(
        case.told(),
        "jail: error: only a root that is a directory can be writable\n --> --flag\n\
         help: set `root-mode = \"overlay\"`: writes are then thrown away\n"
    );
    let gone = here().root(Root::Directory(text("/srv/gone")), RootMode::Overlay);
    assert_eq!(
        gone.told().lines().take(4).collect::<Vec<_>>().join("\n"),
        "jail: error: cannot use `/srv/gone` as the root\n --> --flag\n\
         because: no such directory [ENOENT]\nhelp: create it, or correct the path"
    );
}

#[test]
fn a_directory_among_the_descriptors_is_a_way_out() {
    let case = here().with(|_, host| {
        let terminal = host.descriptors[&0];
        host.descriptors.insert(0, Descriptor { kind: FileKind::Directory, ..terminal });
    });
    assert_eq!(case.refused().0, "descriptor 0 is a directory");
    let closed = here().with(|profile, _| profile.process.preserve_fds.push(flag(9)));
    assert_eq!(closed.refused().0, "cannot preserve descriptor 9");
}

fn ruleset(case: &Case) -> Ruleset {
    let landlock = case.plan().steps.into_iter().find_map(|step| match step.action {
        Action::Landlock(ruleset) => Some(ruleset),
        _ => None,
    });
    landlock.unwrap()
}

#[test]
fn landlock_repeats_the_mounts() {
    let case = here().with(|_, host| {
        let file =
            Descriptor { kind: FileKind::File, readable: true, writable: false, terminal: false };
        host.descriptors.insert(0, file);
    });
    let Ruleset { rules, scoped, .. } = ruleset(&case);
    assert!(scoped);
    let has = |subject, access| rules.contains(&LandlockRule { subject, access });
    assert!(has(Subject::Path(path("/")), Access::List));
    assert!(has(Subject::Path(path("/usr")), Access::Read));
    assert!(has(Subject::Path(path("/home/u")), Access::Write));
    assert!(has(Subject::Path(path("/proc")), Access::ReadWrite));
    assert!(has(Subject::Descriptor(0), Access::ReadFile));
    assert!(has(Subject::Descriptor(1), Access::ReadWriteFile));
}

#[test]
fn without_a_filter_the_terminal_is_not_shared() {
    let off = || here().with(|p, _| p.seccomp.policy = Some(flag(SeccompPolicy::Off)));
    here().lacks("session");
    off().shows("session a new one");
    let shared = off().with(|profile, _| profile.process.tty = Some(flag(Tty::Inherit)));
    shared.lacks("session");
    assert_eq!(
        shared.noted(),
        "jail: warning: the command can type into your terminal, because the seccomp policy does not \
         refuse it; continuing without that protection\n --> --flag\n"
    );
}

#[test]
fn a_rule_replaces_what_jail_would_show_below_it() {
    let case = here().directories(&["/etc", "/etc/ssl", "/home"]);
    let case = case.rule("/etc", Grant::Read).rule("/home", Grant::Read);
    case.shows("read /etc ").lacks("read /etc/ssl").lacks("file /etc/passwd");
    // What is private stays private.
    case.shows("private /home/u");
}

#[test]
fn the_environment_holds_what_was_passed_and_set() {
    let case = here().with(|profile, host| {
        for (name, value) in [("LC_ALL", "C"), ("TOKEN", "x"), ("PATH", "/x"), ("HOME", "/y")] {
            host.environment.insert(name.into(), value.into());
        }
        profile.env.pass = ["LC_*", "HOME"].map(|name| flag(name.into())).to_vec();
        profile.env.set.insert("CI".into(), flag("1".into()));
    });
    case.shows("LC_ALL=C").shows("CI=1").shows("HOME=/home/u").lacks("TOKEN").shows("USER=u");
    case.shows("PATH=/usr/local/sbin:");
}
