use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::tighten::{Here, tightened};
use crate::diagnostic::{Located, Origin};
use crate::profile::listing::{Effect, compare, lines};
use crate::profile::parse::tests::parsed;
use crate::profile::{Profile, load};

fn default() -> Profile {
    load(&[Located::new("default".into(), Origin::BuiltIn)]).expect("it loads")
}

/// The lines that `text` changes in `base`, with their effect; and what was left out.
fn over(base: &Profile, text: &str) -> (Vec<String>, Vec<String>) {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("sub")).unwrap();
    symlink("/etc", place.path().join("link")).unwrap();
    let here = Here { workdir: place.path(), project: place.path() };
    let untrusted = parsed(text);
    assert_eq!(untrusted.errors, [], "{text}");
    let (profile, left_out) = tightened(base.clone(), &untrusted, &here);
    let lines = |profile: &Profile| lines(profile, Path::new("/")).unwrap();
    let differences = compare(&lines(base), &lines(&profile));
    for one in &differences {
        assert_ne!(one.effect, Effect::Grants, "{text}: {one:?}");
    }
    let told = differences.iter().map(|one| format!("{} {}", one.key, one.about));
    (told.map(|told| told.trim_end().to_owned()).collect(), left_out)
}

#[track_caller]
fn taken(text: &str, expected: &str) {
    assert_eq!(over(&default(), text), (vec![expected.to_owned()], vec![]), "{text}");
}

#[track_caller]
fn left_out(text: &str, expected: &[&str]) {
    let (changed, left_out) = over(&default(), text);
    assert_eq!(changed, [""; 0], "{text}");
    assert_eq!(left_out, expected, "{text}");
}

#[test]
fn what_takes_away_is_used() {
    for (text, expected) in [
        ("filesystem.mask = ['.env']", "filesystem.mask ./.env"),
        ("filesystem.mask = ['./sub/x']", "filesystem.mask ./sub/x"),
        ("filesystem.mask = ['$PROJECT/.env']", "filesystem.mask $PROJECT/.env"),
        ("filesystem.mask = ['${PROJECT}/.env']", "filesystem.mask ${PROJECT}/.env"),
        ("limits.memory = '1G'", "limits.memory"),
        ("limits.cpus = 1", "limits.cpus"),
        ("limits.pids = 100", "limits.pids"),
        ("limits.time = '1m'", "limits.time"),
        ("limits.swap = '0B'", "limits.swap"),
        ("limits.hugepages = false", "limits.hugepages"),
        ("limits.nproc = 100", "limits.nproc"),
        ("limits.nofile = 64", "limits.nofile"),
        ("seccomp.policy = 'strict'", "seccomp.policy"),
        ("seccomp.deny = ['socket']", "seccomp.deny socket"),
        ("process.tty = 'none'", "process.tty"),
    ] {
        taken(text, expected);
    }
}

/// Each of these would grant something, or could.
const GREEDY: [&str; 38] = [
    "degrade = ['landlock']",
    "filesystem.root = 'empty'",
    "filesystem.root = 'image:x'",
    "filesystem.root-mode = 'overlay'",
    "filesystem.read = ['~']",
    "filesystem.read = ['.']",
    "filesystem.overlay = ['.']",
    "filesystem.tmpfs = ['./sub']",
    "filesystem.bind = [{ from = '~', to = '/x' }]",
    "filesystem.devices = ['/dev/kvm']",
    "network.mode = 'host'",
    "network.allow = ['example.org']",
    "network.publish = ['1:1']",
    "network.dns = ['192.0.2.1']",
    "network.hosts.a = '192.0.2.1'",
    "limits.memory = 'unlimited'",
    "limits.core = '1G'",
    "limits.nproc = 5000",
    "limits.nofile = 'unlimited'",
    "limits.io = [{ path = '$HOME', read = '1M' }]",
    "limits.cpuset = '0'",
    "limits.nice = 19",
    "env.pass = ['SECRET']",
    "env.set.LD_PRELOAD = './x.so'",
    "process.workdir = '/'",
    "process.user = 'root'",
    "process.entrypoint = ['./x']",
    "process.ids = 'auto'",
    "process.hostname = 'x'",
    "process.tty = 'inherit'",
    "process.umask = '000'",
    "process.nesting = true",
    "process.preserve-fds = [3]",
    "seccomp.policy = 'off'",
    "seccomp.policy = './x.json'",
    "seccomp.allow = ['@debug']",
    "landlock.enabled = false",
    "capabilities.keep = ['CHOWN']",
];

#[test]
fn all_else_is_left_out_and_told() {
    left_out(
        "extends = ['dev']\n[filesystem]\nwrite = [\n'~/x',\n'.']",
        &["extends (line 1)", "filesystem.write (line 4)"],
    );
    for text in GREEDY {
        let key = text.split(" = ").next().unwrap();
        let key = key.strip_suffix(".a").or(key.strip_suffix(".LD_PRELOAD")).unwrap_or(key);
        left_out(text, &[&format!("{key} (line 1)")]);
    }
}

/// The name of a mask shows inside: it must not be that of a variable, nor of what is elsewhere.
#[test]
fn masks_lead_nowhere_else() {
    for path in [
        "$SECRET",
        "./$SECRET",
        "${SECRET}",
        "$PROJECT/$SECRET",
        "$PROJECTS/x",
        "$$x",
        "~/x",
        "~",
        "/etc",
        "/tmp/x",
        "..",
        "../x",
        "sub/../../x",
        "link",
        "link/passwd",
        "$PROJECT/link/passwd",
        ".",
        "./",
        "$PROJECT/.",
        "$PROJECT",
    ] {
        left_out(&format!("filesystem.mask = ['{path}']"), &["filesystem.mask (line 1)"]);
    }
    // Not an error where there is nothing.
    let place = tempfile::tempdir().unwrap();
    let here = Here { workdir: place.path(), project: place.path() };
    let (profile, _) = tightened(default(), &parsed("filesystem.mask = ['nothing']"), &here);
    assert!(profile.filesystem.rules.last().unwrap().value.optional);
}

#[test]
fn what_is_so_anyway_is_not_told() {
    for text in [
        "extends = ['default']",
        "extends = ['base']\ndescription = 'x'",
        "filesystem.write = ['.']",
        "network.mode = 'none'",
        "seccomp.policy = 'default'",
        "landlock.enabled = true",
        "env.pass = ['PATH']",
    ] {
        left_out(text, &[]);
    }
}

/// Those that grant, and those that take away.
fn statements() -> Vec<&'static str> {
    let others = [
        "filesystem.mask = ['./sub/x', '$PROJECT/y', '.git/hooks', '/tmp']",
        "limits.memory = '1G'",
        "limits.memory = '100M'",
        "limits.swap = '2G'",
        "limits.pids = 100",
        "limits.nproc = 4096",
        "limits.nofile = '1:1000000'",
        "seccomp.policy = 'strict'",
        "seccomp.deny = ['socket', '@debug']",
        "process.tty = 'none'",
        "network.mode = 'none'",
    ];
    GREEDY.into_iter().chain(others).collect()
}

proptest::proptest! {
    /// Whatever is said together, nothing is granted.
    #[test]
    fn nothing_untrusted_grants_anything(
        chosen in proptest::collection::vec(proptest::sample::select(statements()), 1..6),
        with_own_default: bool,
    ) {
        let mut said: Vec<&str> = chosen;
        said.sort_unstable_by_key(|text| text.split(" = ").next().unwrap_or_default());
        said.dedup_by_key(|text| text.split(" = ").next().unwrap_or_default());
        let text = said.join("\n");
        let own = parsed("[limits]\nmemory = '1G'\npids = 10\n[network]\nmode = 'nat'\npublish = ['1:1']\n");
        let base = if with_own_default { default().merge(own.profile) } else { default() };
        if parsed(&text).errors.is_empty() {
            // It asserts that no difference grants more.
            let _ = over(&base, &text);
        }
    }
}

/// The user may have a `default` of their own.
#[test]
fn a_default_that_limits_more_stays() {
    let mine = parsed(
        "[limits]\nmemory = '1G'\npids = 10\nnofile = '10:20'\nswap = '1G'\n[seccomp]\npolicy = './x.json'\n",
    );
    let base = default().merge(mine.profile);
    for text in [
        "limits.memory = '2G'",
        "limits.pids = 11",
        "limits.nofile = '10:21'",
        "limits.nofile = '11:20'",
        "limits.swap = '2G'",
        "seccomp.policy = 'strict'",
    ] {
        let (changed, left) = over(&base, text);
        assert_eq!((changed.len(), left.len()), (0, 1), "{text}");
    }
    let (changed, _) = over(&base, "limits.memory = '512M'");
    assert_eq!(changed, ["limits.memory"]);
    // Without a word about swap there is none, and then none is granted.
    let memory = default().merge(parsed("limits.memory = '1G'").profile);
    assert_eq!(over(&memory, "limits.swap = '1G'").0, [""; 0]);
    let open = parsed("[network]\nmode = 'allow'\nallow = ['example.org']\npublish = ['1:1']");
    let base = default().merge(open.profile);
    let (changed, _) = over(&base, "network.mode = 'none'");
    assert_eq!(
        changed,
        ["network.mode", "network.allow example.org", "network.publish 127.0.0.1:1:1"]
    );
}
