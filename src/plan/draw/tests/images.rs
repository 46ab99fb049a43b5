//! Plans of images.

use super::*;
use crate::host::{AccountFile, Accounts};
use crate::image::document::Config;
use crate::image::{Form, Image, Kept};
use crate::profile::Cap;
use crate::units::Span;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/srv/www:/bin/sh\n";

impl Case {
    /// An image of three layers, with a merged file system of a few directories.
    fn image(config: Config) -> Self {
        let layers = ["/store/0", "/store/1", "/store/2"].map(PathBuf::from).to_vec();
        let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let record = "/store/small.json".into();
        let image = Image { name: "small:1".into(), digest, config, layers, record };
        let mut case = Self::new()
            .inside(&["/bin", "/etc", "/proc", "/dev", "/run", "/root", "/srv/www", "/tmp"])
            .with(|profile, host| {
                profile.filesystem.root = Some(flag(Root::Image("small:1".parse().unwrap())));
                host.accounts = Some(Accounts {
                    passwd: AccountFile::Text(PASSWD.into()),
                    group: AccountFile::Text("root:x:0:\nwww:x:34:\n".into()),
                });
            });
        case.rootfs = Some(Rootfs { image, kept: None, copy: None });
        case
    }

    fn inside_link(mut self, at: &str, target: &str, canonical: &str, kind: FileKind) -> Self {
        let links = vec![Link { path: path(at), target: target.into() }];
        let fact = FileFact { kind, canonical: path(canonical), links };
        self.host.rootfs.insert(path(at), fact);
        self
    }

    /// The title and the cause of the only error.
    pub(super) fn error(&self) -> String {
        let (title, because) = self.refused();
        if because.is_empty() { title } else { format!("{title}; {because}") }
    }

    pub(super) fn mounts(&self) -> Vec<String> {
        let steps = self.plan().steps.into_iter();
        let mounts = steps.filter_map(|step| match step.action {
            Action::Mount { path, mount, .. } => Some(match mount {
                Mount::Bind { from, .. } => format!("{path} from {from}"),
                Mount::File { .. } => format!("{path} made"),
                Mount::Mask { .. } => format!("{path} masked"),
                _ => path.to_string(),
            }),
            _ => None,
        });
        mounts.collect()
    }

    fn generated(&self, at: &str) -> Option<String> {
        self.plan().steps.into_iter().find_map(|step| match step.action {
            Action::Mount { path: place, mount: Mount::File { content, .. }, .. }
                if place == path(at) =>
            {
                Some(String::from_utf8(content).unwrap())
            }
            _ => None,
        })
    }

    fn argv(&self, argv: &[&str]) -> Result<Vec<OsString>, String> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        match draw(&self.profile, self.rootfs.as_ref(), &self.host, &argv) {
            Ok(plan) => match plan.steps.last().map(|step| step.action.clone()) {
                Some(Action::Exec { argv, .. }) => Ok(argv),
                other => panic!("{other:?}"),
            },
            Err(errors) => Err(errors[0].title.clone()),
        }
    }

    fn workdir(&self) -> (String, bool) {
        let plan = self.plan();
        let made = plan.steps.iter().any(|step| matches!(step.action, Action::Directory { .. }));
        let start = plan.steps.iter().find_map(|step| match &step.action {
            Action::Workdir(path) => Some(path.to_string()),
            _ => None,
        });
        (start.unwrap(), made)
    }

    fn ids(&self) -> (u32, u32) {
        let ids = self.plan().steps.into_iter().find_map(|step| match step.action {
            Action::Ids(map) => Some((map.uid, map.gid)),
            _ => None,
        });
        ids.unwrap()
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let variables = self.plan().steps.into_iter().find_map(|step| match step.action {
            Action::Environment(variables) => Some(variables),
            _ => None,
        });
        let text = |text: OsString| text.into_string().unwrap();
        variables.unwrap().into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }
}

fn configured(change: impl FnOnce(&mut Config)) -> Case {
    let mut config = Config::default();
    change(&mut config);
    Case::image(config)
}

pub(super) fn plain() -> Case {
    Case::image(Config::default())
}

#[test]
fn layers_are_an_overlay_that_is_writable_unless_said() {
    let plan = plain().plan();
    let root = plan.steps.iter().find_map(|step| match &step.action {
        Action::Root(RootSource::Layers { image, lowers, owned: false, kept: None }) => {
            Some((image, lowers))
        }
        _ => None,
    });
    let (image, lowers) = root.unwrap();
    assert_eq!(image, "small:1");
    assert_eq!(*lowers, [path("/store/2"), path("/store/1"), path("/store/0")]);
    assert!(!plan.steps.iter().any(|step| step.action == Action::SealRoot));

    let sealed = plain().root(Root::Image("small:1".parse().unwrap()), RootMode::ReadOnly);
    assert!(sealed.plan().steps.iter().any(|step| step.action == Action::SealRoot));
    let written = plain().root(Root::Image("small:1".parse().unwrap()), RootMode::Write);
    assert_eq!(
        written.told(),
        "jail: error: an image is never written to\n --> --flag\n\
         help: set `root-mode = \"overlay\"`, and `--keep NAME` to keep what is written\n"
    );
}

#[test]
fn what_an_image_cannot_have_is_refused() {
    let read_only = plain()
        .root(Root::Image("small:1".parse().unwrap()), RootMode::ReadOnly)
        .with(|profile, _| profile.filesystem.keep = Some(flag("x".into())));
    assert_eq!(
        read_only.told(),
        "jail: error: nothing can be kept of a root that is read-only\n --> --flag\n\
         help: leave out `--keep`, or set `root-mode = \"overlay\"`\n"
    );
    let layers = |count: usize| {
        let mut case = plain();
        case.rootfs.as_mut().unwrap().image.layers = vec!["/store/0".into(); count];
        case.error()
    };
    let refused = "cannot use the image `small:1`; ";
    assert_eq!(layers(0), format!("{refused}it has no layers, so there are no files in it"));
    assert_eq!(layers(501), format!("{refused}it has 501 layers; the kernel takes 500 at most"));
    let host = Case::new()
        .rule(".", Grant::Write)
        .with(|profile, _| profile.filesystem.keep = Some(flag("x".into())));
    assert_eq!(
        host.told(),
        "jail: error: only what a command changes in an image can be kept\n --> --flag\n\
         help: name the image: `--image NAME`, or `root = \"image:NAME\"`\n"
    );
    let mut relative = plain();
    relative.rootfs.as_mut().unwrap().image.layers = vec!["store/0".into()];
    assert_eq!(relative.error(), format!("{refused}a directory of its layers is not absolute"));
}

/// All of it may be written by a stranger.
#[test]
fn what_execve_would_not_take_of_an_image_is_refused() {
    let long = "a".repeat(131_072);
    let deep = format!("/{}", "a/".repeat(2048));
    let wide = format!("/{}", "a".repeat(256));
    let shown = |text: &str| configured(|config| config.working_dir = Some(text.into())).error();
    let refused = "cannot use the image `small:1`; ";
    let word = configured(|config| config.cmd = vec!["a\0b".into()]);
    assert_eq!(word.error(), format!("{refused}a word of its command, `a\0b`, holds a NUL byte"));
    let word = configured(|config| config.entrypoint = vec![long.clone()]);
    let told = word.error();
    assert!(told.starts_with(&format!("{refused}a word of its command, `aaa")), "{told}");
    assert!(told.ends_with("`, is longer than 131071 bytes"), "{told}");
    let variable = configured(|config| config.env = vec![format!("A={long}")]);
    let told = variable.error();
    assert!(told.starts_with(&format!("{refused}a variable of its environment, `A=aaa")), "{told}");
    assert!(told.ends_with("`, is longer than 131071 bytes"), "{told}");
    let told = shown(&deep);
    assert!(told.starts_with(&format!("{refused}its working directory, `/a/a")), "{told}");
    assert!(told.ends_with("`, is longer than 4095 bytes"), "{told}");
    let told = shown(&wide);
    assert!(told.starts_with(&format!("{refused}its working directory `/aaa")), "{told}");
    assert!(told.ends_with("` has a name of more than 255 bytes in it"), "{told}");
    assert_eq!(shown("app"), format!("{refused}its working directory `app` is not absolute"));
}

pub(super) fn with_ids(case: Case, ids: Ids) -> Case {
    case.with(|profile, host| {
        profile.process.ids = Some(flag(ids));
        host.subids = (ids != Ids::Single).then(|| SubIds {
            uid: (100_000, 65_536),
            gid: (200_000, 65_536),
            newuidmap: "/usr/bin/newuidmap".into(),
            newgidmap: "/usr/bin/newgidmap".into(),
        });
    })
}

pub(super) fn in_a_store() -> Case {
    let mut case = plain();
    case.rootfs.as_mut().unwrap().image.layers = vec!["/store/layers/sha256/ab/tree".into()];
    case
}

#[test]
fn with_many_ids_copies_of_the_layers_are_mounted() {
    let root = |case: Case| {
        let steps = case.plan().steps.into_iter();
        let root = steps.filter_map(|step| match step.action {
            Action::Root(RootSource::Layers { lowers, owned, .. }) => {
                Some((lowers[0].to_string(), owned))
            }
            _ => None,
        });
        root.last().unwrap()
    };
    let (first, owned) = root(with_ids(in_a_store(), Ids::Subuid));
    assert!(owned && first.starts_with("/store/owned/") && first.ends_with("/sha256/ab/tree"));
    assert_eq!(root(with_ids(in_a_store(), Ids::Auto)), (first.clone(), true));
    let single = ("/store/layers/sha256/ab/tree".to_owned(), false);
    assert_eq!(root(with_ids(in_a_store(), Ids::Single)), single);
    // Nothing was found of what it takes.
    let auto = in_a_store().with(|profile, _| profile.process.ids = Some(flag(Ids::Auto)));
    assert_eq!(root(auto), single);
    // Other ids inside, other owners outside.
    let www = with_ids(in_a_store(), Ids::Subuid)
        .with(|profile, _| profile.process.user = Some(flag(User::Ids { uid: 33, gid: 34 })));
    let (other, owned) = root(www);
    assert!(owned && other != first);
}

#[test]
fn changes_can_be_kept() {
    let mut case = plain().with(|profile, _| profile.filesystem.keep = Some(flag("x".into())));
    let part = |part: &str| path(&format!("/k/{part}"));
    let kept = Kept {
        name: "x".into(),
        upper: part("upper"),
        work: part("work"),
        copy: part("copy"),
        form: Form::Nothing,
    };
    case.rootfs.as_mut().unwrap().kept = Some(kept.clone());
    let plan = case.plan();
    assert!(plan.steps.iter().any(|step| matches!(
        &step.action,
        Action::Root(RootSource::Layers { kept: Some(found), .. }) if *found == kept
    )));
}

#[test]
fn the_words_of_the_user_follow_the_entrypoint_and_replace_the_rest() {
    let both = || {
        configured(|config| {
            config.entrypoint = vec!["init".into(), "--".into()];
            config.cmd = vec!["serve".into()];
        })
    };
    assert_eq!(both().argv(&[]).unwrap(), ["init", "--", "serve"]);
    assert_eq!(both().argv(&["sh", "-c"]).unwrap(), ["init", "--", "sh", "-c"]);
    let named = |words: &[&str]| {
        let words = words.iter().map(OsString::from).collect();
        both().with(|profile, _| profile.process.entrypoint = Some(flag(words)))
    };
    assert_eq!(named(&[]).argv(&["sh"]).unwrap(), ["sh"]);
    assert_eq!(named(&["env"]).argv(&[]).unwrap(), ["env"]);
    assert_eq!(named(&[]).argv(&[]).unwrap_err(), "no command given");
    assert_eq!(plain().argv(&[]).unwrap_err(), "no command given");
    let host = Case::new()
        .rule(".", Grant::Write)
        .with(|profile, _| profile.process.entrypoint = Some(flag(vec!["env".into()])));
    assert_eq!(host.argv(&["sh"]).unwrap(), ["env", "sh"]);
}

#[test]
fn the_user_of_an_image_is_root_unless_it_or_the_profile_says() {
    assert_eq!(plain().ids(), (0, 0));
    let www = || configured(|config| config.user = Some("www".into()));
    assert_eq!(www().ids(), (33, 34));
    assert_eq!(www().variables()["HOME"], "/srv/www");
    assert_eq!(www().variables()["USER"], "www");
    let keep = www().with(|profile, _| profile.process.user = Some(flag(User::Keep)));
    assert_eq!(keep.ids(), (1001, 1002));
    let nobody = configured(|config| config.user = Some("none".into()));
    let because = "its user `none` is not in its /etc/passwd";
    assert_eq!(nobody.error(), format!("cannot use the image `small:1`; {because}"));
}

#[test]
fn a_user_that_an_image_does_not_know_is_added() {
    let keep = || plain().with(|profile, _| profile.process.user = Some(flag(User::Keep)));
    let passwd = keep().generated("/etc/passwd").unwrap();
    assert_eq!(passwd, format!("{PASSWD}u:x:1001:1002::/home/u:/bin/sh\n"));
    assert!(keep().generated("/etc/group").unwrap().ends_with("\ng:x:1002:\n"));
    assert_eq!(plain().generated("/etc/passwd"), None);
    let unusable = keep().with(|_, host| {
        let accounts = host.accounts.as_mut().unwrap();
        accounts.passwd = AccountFile::Unusable("it is not a regular file".into());
    });
    assert_eq!(unusable.generated("/etc/passwd"), None);
}

#[test]
fn names_of_machines_are_made_and_a_rule_is_stronger() {
    let made = plain();
    assert_eq!(made.generated("/etc/hostname").unwrap(), "jail\n");
    assert!(made.generated("/etc/hosts").unwrap().starts_with("127.0.0.1\tlocalhost jail\n"));
    assert_eq!(made.generated("/etc/resolv.conf").unwrap(), "# This sandbox has no network.\n");
    let linked = plain().inside_link(
        "/etc/resolv.conf",
        "../run/resolv.conf",
        "/run/resolv.conf",
        FileKind::Missing,
    );
    assert!(linked.generated("/run/resolv.conf").is_some());
    let ruled = plain().file("/etc/hosts", FileKind::File).rule("/etc/hosts", Grant::Read);
    assert_eq!(ruled.generated("/etc/hosts"), None);
    let network = plain()
        .file("/etc/resolv.conf", FileKind::File)
        .with(|profile, _| profile.network.mode = Some(flag(NetworkMode::Host)));
    assert!(network.mounts().contains(&"/etc/resolv.conf from /etc/resolv.conf".to_owned()));
}

#[test]
fn the_environment_of_an_image_is_below_flags_and_above_what_is_passed() {
    let case = configured(|config| {
        config.env = ["PATH=/opt/bin", "A=image", "B=image", "C=image"].map(str::to_owned).to_vec();
    })
    .with(|profile, host| {
        for name in ["PATH", "SHELL", "A", "B", "T"] {
            host.environment.insert(name.into(), "caller".into());
            profile.env.pass.push(in_file(name.into()));
        }
        profile.env.pass.push(flag("B".into()));
        profile.env.set.insert("C".into(), flag("set".into()));
    });
    let variables = case.variables();
    for (name, value) in
        [("PATH", "/opt/bin"), ("A", "image"), ("B", "caller"), ("C", "set"), ("T", "caller")]
    {
        assert_eq!(variables[name], value, "{name}");
    }
    assert!(!variables.contains_key("SHELL"));
    let search = case.plan().steps.into_iter().find_map(|step| match step.action {
        Action::Exec { search, .. } => Some(search),
        _ => None,
    });
    assert_eq!(search.unwrap(), [path("/opt/bin")]);
}

#[test]
fn a_command_starts_where_it_is_granted_or_where_the_image_says() {
    let www = || configured(|config| config.working_dir = Some("/srv/www".into()));
    assert_eq!(www().workdir(), ("/srv/www".into(), false));
    assert_eq!(www().rule(".", Grant::Write).workdir(), ("/home/u/p".into(), false));
    assert_eq!(plain().workdir(), ("/".into(), false));
    let missing = configured(|config| config.working_dir = Some("/app/x".into()));
    assert_eq!(missing.workdir(), ("/app/x".into(), true));
    let linked = configured(|config| config.working_dir = Some("/app".into()));
    let linked = linked.inside_link("/app", "/root", "/root", FileKind::Directory);
    assert_eq!(linked.workdir(), ("/root".into(), false));
    let proc = configured(|config| config.working_dir = Some("/proc/self/fd/8".into()));
    assert!(proc.error().contains("is in a directory that jail provides"));
    let file = configured(|config| config.working_dir = Some("/etc/x".into()));
    let file = file.inside_link("/etc/x", "y", "/etc/y", FileKind::File).with(|_, host| {
        let fact = FileFact { kind: FileKind::File, ..FileFact::missing(&path("/etc/y")) };
        host.rootfs.insert(path("/etc/y"), fact);
    });
    assert!(file.error().contains("is not a directory"), "{}", file.error());
    let hidden = configured(|config| config.working_dir = Some("/srv/f/x".into()));
    let hidden = hidden.file("/srv/f", FileKind::File).rule("/srv/f", Grant::Read);
    assert_eq!(
        hidden.error(),
        "cannot use the image `small:1`; its working directory `/srv/f/x` is hidden by what is \
         mounted there"
    );
}

/// Who stands in their home, and does not say that it may be granted.
#[test]
fn a_command_that_is_not_granted_where_it_stands_starts_where_the_image_says() {
    let home = plain().rule_in_file(".", Grant::Write).with(|_, host| {
        host.workdir = path("/home/u");
        host.project = path("/home/u");
    });
    assert_eq!(
        home.noted(),
        "jail: note: `/home/u` is your home, so it is not granted and the command starts where the \
         image says; `--write .` grants it\n"
    );
}

/// CVE-2025-31133 and CVE-2025-52565: links in the place of mount points.
#[test]
fn an_image_cannot_lead_mounts_elsewhere() {
    let link = |at: &str, to: &str| plain().inside_link(at, to, to, FileKind::Directory);
    let refused = "cannot use the image `small:1`; its `/proc` is a symbolic link to `/etc`";
    assert_eq!(link("/proc", "/etc").error(), refused);
    assert!(link("/dev", "/etc").error().contains("its `/dev` is a symbolic link"));
    assert!(link("/var/tmp", "/proc").error().contains("its `/var/tmp` leads through"));
    assert!(link("/tmp", "/").error().contains("its `/tmp` leads through"));
    let sys = link("/sys", "/srv").file("/sys", FileKind::Directory).rule("/sys", Grant::Read);
    let leads =
        |to: &str| format!("the root file system has a symbolic link there, which leads to `{to}`");
    assert_eq!(sys.error(), format!("cannot mount on `/sys`; {}", leads("/srv")));
    for to in ["/", "/proc/sys", "/dev"] {
        let case = link("/data", to).directories(&["/data"]).rule("/data", Grant::Read);
        assert_eq!(case.error(), format!("cannot mount on `/data`; {}", leads(to)));
    }
    let twice = link("/data", "/srv")
        .directories(&["/data", "/srv"])
        .rule("/data", Grant::Read)
        .rule("/srv", Grant::Read);
    assert_eq!(
        twice.error(),
        format!("cannot mount on `/srv`; {}, as one for `/data` does", leads("/srv"))
    );
}

/// A link of the image below a directory that is bound counts for nothing.
#[test]
fn an_image_cannot_lead_a_mask_away() {
    let bind = Grant::Bind { from: text("/home/u/p"), write: true };
    let case = || {
        plain()
            .file("/home/u/p/.env", FileKind::File)
            .directories(&["/src"])
            .file("/src/.env", FileKind::Missing)
            .rule("/src", bind.clone())
            .inside_link("/src/.env", "/decoy", "/decoy", FileKind::File)
            .inside_link("/home/u/p/.env", "/decoy", "/decoy", FileKind::File)
    };
    let direct = case().rule("/src/.env", Grant::Mask).mounts();
    assert!(direct.contains(&"/src/.env masked".to_owned()), "{direct:?}");
    // Where the home is a link of the image, the mask still shows wherever the file does.
    let moved = case()
        .inside_link("/home/u", "/h", "/h", FileKind::Directory)
        .rule("./.env", Grant::Mask)
        .mounts();
    assert!(moved.contains(&"/src/.env masked".to_owned()), "{moved:?}");
    let home = plain()
        .inside_link("/home/u/p", "/etc", "/etc", FileKind::Directory)
        .rule(".", Grant::Write)
        .mounts();
    assert!(home.contains(&"/home/u/p from /home/u/p".to_owned()), "{home:?}");
}

#[test]
fn the_store_is_never_writable() {
    let case = |at: &str, grant| {
        Case::new()
            .directories(&["/home/u/.local", "/home/u/.local/share/jail/x"])
            .directories(&["/home/u/.local/share/jail"])
            .rule(".", Grant::Write)
            .rule(at, grant)
            .with(|_, host| host.stores.push(path("/home/u/.local/share/jail")))
    };
    let error = case("~/.local/share/jail/x", Grant::Write).error();
    assert!(error.starts_with("cannot make `/home/u/.local/share/jail/x` writable"), "{error}");
    let above = case("~/.local", Grant::Write).mounts();
    assert!(above.contains(&"/home/u/.local/share/jail masked".to_owned()), "{above:?}");
}

#[test]
fn the_time_limit_begins_with_the_images_stop_signal() {
    let timed = |signal: &str| {
        configured(|config| config.stop_signal = Some(signal.into())).with(|profile, _| {
            profile.limits.time = Some(flag(Cap::At(Span(std::time::Duration::from_secs(1)))));
        })
    };
    let signal = timed("SIGQUIT").plan().steps.into_iter().find_map(|step| match step.action {
        Action::TimeLimit { signal, .. } => Some(signal),
        _ => None,
    });
    assert_eq!(signal, Some(3));
    assert!(timed("SIGNO").error().ends_with("its stop signal `SIGNO` is none"));
}

#[test]
fn run_is_the_images_own_while_writes_are_thrown_away() {
    assert!(!plain().mounts().contains(&"/run".to_owned()));
    let sealed = plain().root(Root::Image("small:1".parse().unwrap()), RootMode::ReadOnly);
    assert!(sealed.mounts().contains(&"/run".to_owned()));
}
