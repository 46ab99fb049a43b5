use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::diagnostic::Located;
use crate::profile::built_in::BUILT_IN;
use crate::profile::parse::tests::parsed;
use crate::profile::{Profile, load};

fn built_in(name: &str) -> Profile {
    load(&[Located::new(OsString::from(name), Origin::BuiltIn)]).expect("it loads")
}

/// Lines without what is only about their place.
fn said(profile: &Profile) -> Vec<(String, Place, Value)> {
    let lines = lines(profile, Path::new("/work")).expect("it can be written");
    let mut said: Vec<_> =
        lines.into_iter().map(|line| (line.name(), line.place, line.value)).collect();
    said.sort_by_key(|(name, place, value)| format!("{name} {place:?} {value:?}"));
    said
}

fn of(text: &str) -> Vec<Line> {
    let parsed = parsed(text);
    assert_eq!(parsed.errors, [], "{text}");
    lines(&parsed.profile, Path::new("/work")).expect("it can be written")
}

/// All keys of the documentation, and what is easily lost.
const EVERYTHING: &str = r#"
description = "all \"of\" it\n\u009b \u202e"
degrade = ["landlock", "limits"]
[filesystem]
root = "./root$fs"
root-mode = "overlay"
pull = "always"
platform = "linux/arm/v6"
keep = "name"
read = ["~/.rustup", { path = "$X/y", optional = true }]
write = ["."]
overlay = ["${CARGO_HOME:-~/.cargo}/registry"]
mask = ["./.env"]
tmpfs = ["/scratch", { path = "/tmp", size = "2G" }]
bind = [{ from = "~/data", to = "/data" }, { from = "a", to = "/b", write = true, optional = true }]
devices = ["/dev/dri"]
[network]
mode = "allow"
allow = ["example.org:443", "*.example.org", "10.1.2.0/24:5432", "[2001:db8::7]:22"]
publish = ["8080:80", "192.0.2.1:5353:5353/udp", "[::1]:1:1"]
host-loopback = false
hosts = { db = "127.0.0.1", "a.example" = "2001:db8::7" }
dns = ["192.0.2.53"]
[limits]
memory = "2G"
swap = "0B"
cpus = 1.5
cpuset = "0-3,5"
pids = 512
io = [{ path = ".", read = "50M", write-ops = 5 }, { path = "/x", read = "unlimited" }]
hugepages = false
time = "1h30m"
time-grace = "0s"
nice = 10
core = "0B"
cpu-time = "90s"
data = "1G:unlimited"
fsize = "unlimited"
memlock = "64K"
nofile = "1024:4096"
nproc = 256
stack = "8M"
[env]
pass = ["EDITOR", "LC_*"]
set = { CI = "1", "odd name" = "\t" }
[process]
workdir = "/tmp"
user = "1000:100"
entrypoint = ["env", "LANG=C"]
ids = "auto"
hostname = "build"
tty = "none"
umask = "022"
nesting = false
preserve-fds = [3]
[seccomp]
policy = "./docker.json"
allow = ["@debug"]
deny = ["socket"]
[landlock]
enabled = true
[capabilities]
keep = ["NET_BIND_SERVICE"]
"#;

#[track_caller]
fn written_and_read_again(profile: &Profile) {
    let written = lines(profile, Path::new("/work")).expect("it can be written");
    for shown in [Shown::Plain, Shown::WithOrigins] {
        let text = to_toml(&written, shown);
        let again = parsed(&text);
        assert_eq!(again.errors, [], "{text}");
        assert_eq!(said(&again.profile), said(profile), "{text}");
        let odd = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(odd, None, "{text:?}");
    }
}

#[test]
fn every_built_in_profile_can_be_written_and_read_again() {
    for (name, _) in BUILT_IN {
        written_and_read_again(&built_in(name));
    }
}

#[test]
fn every_key_can_be_written_and_read_again() {
    let parsed = parsed(EVERYTHING);
    assert_eq!(parsed.errors, []);
    written_and_read_again(&parsed.profile);
    let written: Vec<String> = of(EVERYTHING).iter().map(Line::name).collect();
    for section in crate::profile::keys::SECTIONS {
        for key in section.keys.iter().filter(|key| key.name != "extends") {
            let name = format!("{}.{}", section.name, key.name);
            let name = name.trim_start_matches('.');
            assert!(written.iter().any(|written| written == name), "{name}");
        }
    }
}

#[test]
fn paths_beside_a_file_mean_the_same_elsewhere() {
    let written = of("filesystem.root = './r$x'\nseccomp.policy = '~/p.json'");
    // The directory of these tests is /profiles.
    assert_eq!(written[0].value.to_toml(), r#""/profiles/./r$x""#);
    assert_eq!(written[1].value.to_toml(), r#""~/p.json""#);
}

#[test]
fn of_two_rules_for_a_path_the_later_is_written() {
    let under = parsed("filesystem.write = ['.', './b']").profile;
    let over = parsed("filesystem.read = ['.']").profile;
    let text = to_toml(&lines(&under.merge(over), Path::new("/")).unwrap(), Shown::Plain);
    assert_eq!(text, "[filesystem]\nwrite = [\n    \"./b\",\n]\nread = [\n    \".\",\n]\n");
}

#[test]
fn lines_are_shown_with_their_origins() {
    let text = to_toml(&of("filesystem.write = ['.']\nenv.set.A = 'b'"), Shown::WithOrigins);
    let beside = |text: &str, line: usize| format!("{text:<56}  # x.toml:{line}\n");
    let (write, set) = (beside("    \".\",", 1), beside("A = \"b\"", 2));
    assert_eq!(text, format!("[filesystem]\nwrite = [\n{write}]\n\n[env.set]\n{set}"));
}

/// Effect, key, and what it is about.
fn differences(first: &str, second: &str) -> Vec<String> {
    let told = compare(&of(first), &of(second));
    told.iter().map(|one| format!("{:?} {} {}", one.effect, one.key, one.about)).collect()
}

#[test]
fn what_grants_more_is_told_by_meaning() {
    for (first, second, expected) in [
        ("", "filesystem.read = ['~/x']", "Grants filesystem.read ~/x"),
        ("filesystem.read = ['~/x']", "", "TakesAway filesystem.read ~/x"),
        ("filesystem.read = ['a']", "filesystem.write = ['./a']", "Grants filesystem.write ./a"),
        (
            "filesystem.write = ['.']",
            "[filesystem]\nwrite = ['.']\nmask = ['.env']",
            "TakesAway filesystem.mask ./.env",
        ),
        // What is not read-only any longer is granted for writing.
        (
            "[filesystem]\nwrite = ['.']\nread = ['./h']",
            "filesystem.write = ['.']",
            "Grants filesystem.read ./h",
        ),
        // What leads out of `.` is not below it.
        (
            "filesystem.write = ['.']",
            "filesystem.write = ['.', '../x']",
            "Grants filesystem.write ../x",
        ),
        (
            "filesystem.write = ['.']",
            "[filesystem]\nwrite = ['.']\nread = ['./a/../../x']",
            "Grants filesystem.read ./a/../../x",
        ),
        (
            "filesystem.write = ['.']",
            "filesystem.write = ['.', 'a/${X:-../..}/x']",
            "Grants filesystem.write a/${X:-../..}/x",
        ),
        (
            "filesystem.write = ['.']",
            "filesystem.write = ['.', 'a${X:-/..}/x']",
            "Grants filesystem.write a${X:-/..}/x",
        ),
        (
            "filesystem.write = ['.', '../x']",
            "filesystem.write = ['.']",
            "TakesAway filesystem.write ../x",
        ),
        // What is shown there from elsewhere was not to be seen before.
        (
            "filesystem.write = ['.']",
            "[filesystem]\nwrite = ['.']\nbind = [{ from = '~/x', to = './a' }]",
            "Grants filesystem.bind ./a",
        ),
        (
            "filesystem.bind = [{ from = '~/x', to = './a', write = true }]",
            "filesystem.bind = [{ from = '~/y', to = './a' }]",
            "Grants filesystem.bind ./a",
        ),
        ("", "network.mode = 'allow'", "Grants network.mode "),
        ("network.mode = 'host'", "network.mode = 'nat'", "TakesAway network.mode "),
        ("", "limits.memory = '1G'", "TakesAway limits.memory "),
        ("limits.time = '1m'", "limits.time = '1h'", "Grants limits.time "),
        ("limits.nofile = 5", "limits.nofile = '4:6'", "TakesAway limits.nofile "),
        ("", "limits.core = '1M'", "Grants limits.core "),
        ("", "seccomp.deny = ['socket']", "TakesAway seccomp.deny socket"),
        ("", "seccomp.policy = 'strict'", "TakesAway seccomp.policy "),
        ("", "seccomp.policy = 'off'", "Grants seccomp.policy "),
        ("", "env.pass = ['X']", "Grants env.pass X"),
        ("env.set.X = '1'", "env.set.X = '2'", "Other env.set X"),
        ("", "landlock.enabled = false", "Grants landlock.enabled "),
        ("", "process.hostname = 'x'", "Other process.hostname "),
        ("", "degrade = ['limits']", "Grants degrade limits"),
    ] {
        assert_eq!(differences(first, second), [expected], "{first} | {second}");
    }
}

#[test]
fn what_means_the_same_is_no_difference() {
    for (first, second) in [
        ("description = 'a'", "description = 'b'"),
        ("", "network.mode = 'none'"),
        ("", "landlock.enabled = true"),
        ("filesystem.read = ['a']", "filesystem.read = ['./a/']"),
        ("filesystem.write = ['.']", "filesystem.write = ['.', './sub']"),
        ("filesystem.tmpfs = ['/t']", "filesystem.tmpfs = ['/t']"),
    ] {
        assert_eq!(differences(first, second), [""; 0], "{first} | {second}");
    }
    for (name, _) in BUILT_IN {
        let lines = lines(&built_in(name), Path::new("/")).unwrap();
        assert_eq!(compare(&lines, &lines), []);
    }
}

#[test]
fn nothing_of_a_text_steers_a_terminal() {
    assert_eq!(quote("a\"\\\u{1b}[\u{9b}\u{202e}ü"), r#""a\"\\\U0000001B[\U0000009B\U0000202Eü""#);
}
