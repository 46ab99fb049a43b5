use std::sync::Arc;

use proptest::prelude::*;

use super::document::Parsed;
use super::*;
use crate::diagnostic::{Located, Palette, Source, render};
use crate::profile::find::{Found, Identity};
use crate::profile::*;
use crate::units::Size;

mod limits;
mod network;

pub(in crate::profile) fn parsed(text: &str) -> Parsed {
    let source = Source { name: "x.toml".to_owned(), text: text.to_owned() };
    let identity = Identity::File { device: 0, inode: 0 };
    parse(&Found {
        identity,
        source: Arc::new(source),
        directory: Some("/profiles".into()),
        file: None,
    })
}

#[track_caller]
fn profile(text: &str) -> Profile {
    let parsed = parsed(text);
    assert_eq!(parsed.errors, []);
    parsed.profile
}

fn errors(text: &str) -> String {
    parsed(text).errors.iter().map(|error| render(error, Palette::Plain)).collect()
}

/// Title, cause and help of the only error in `text`.
#[track_caller]
pub(in crate::profile) fn error(text: &str) -> String {
    let errors = parsed(text).errors;
    assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    let words = std::iter::once(&errors[0].title).chain(&errors[0].because).chain(&errors[0].help);
    words.map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn path(text: &str) -> PathText {
    PathText { text: text.into(), base: Base::WorkingDirectory }
}

#[test]
fn every_key_is_read() {
    let profile = profile(
        r#"
        description = "All of it"
        degrade = ["landlock"]
        [filesystem]
        root = "./rootfs"
        root-mode = "write"
        write = ["."]
        read = ["~/.rustup", { path = "$X/y", optional = true }]
        overlay = ["cache"]
        mask = ["./.env"]
        tmpfs = ["/tmp", { path = "/scratch", size = "512M" }]
        bind = [{ from = "~/data", to = "/data", write = true, optional = true }]
        devices = ["/dev/dri"]
        [network]
        mode = "host"
        [env]
        pass = ["TERM", "LC_*", "*"]
        set = { CI = "1", EMPTY = "" }
        [process]
        workdir = "/src"
        user = "1000:100"
        ids = "auto"
        hostname = "box"
        tty = "inherit"
        umask = "027"
        nesting = true
        preserve-fds = [3, 0x10]
        [seccomp]
        policy = "./docker.json"
        allow = ["@debug", "io_uring_setup"]
        deny = ["socket"]
        [landlock]
        enabled = false
        [capabilities]
        keep = ["CAP_NET_RAW", "chown"]
        "#,
    );
    let beside =
        |text: &str| PathText { text: text.into(), base: Base::Directory("/profiles".into()) };
    let rules: Vec<_> = profile.filesystem.rules.into_iter().map(|rule| rule.value).collect();
    let rule = |text, grant, optional| Rule { path: path(text), grant, optional };
    let expected = [
        rule(".", Grant::Write, false),
        rule("~/.rustup", Grant::Read, false),
        rule("$X/y", Grant::Read, true),
        rule("cache", Grant::Overlay, false),
        rule("./.env", Grant::Mask, false),
        rule("/tmp", Grant::Tmpfs { size: None }, false),
        rule("/scratch", Grant::Tmpfs { size: Some(Size(512 << 20)) }, false),
        rule("/data", Grant::Bind { from: path("~/data"), write: true }, true),
    ];
    assert_eq!(rules, expected);
    assert_eq!(profile.description.unwrap().value, "All of it");
    assert_eq!(profile.degrade[0].value, Protection::Landlock);
    assert_eq!(profile.filesystem.root.unwrap().value, Root::Directory(beside("./rootfs")));
    assert_eq!(profile.filesystem.root_mode.unwrap().value, RootMode::Write);
    assert_eq!(profile.filesystem.devices[0].value, path("/dev/dri"));
    assert_eq!(profile.network.mode.unwrap().value, NetworkMode::Host);
    let pass: Vec<_> = profile.env.pass.into_iter().map(|name| name.value).collect();
    assert_eq!(pass, ["TERM", "LC_*", "*"]);
    let set: Vec<_> = profile.env.set.into_iter().map(|(key, value)| (key, value.value)).collect();
    assert_eq!(set, [("CI".into(), "1".into()), ("EMPTY".into(), "".into())]);
    let process = profile.process;
    assert_eq!(process.workdir.unwrap().value, path("/src"));
    assert_eq!(process.user.unwrap().value, User::Ids { uid: 1000, gid: 100 });
    assert_eq!(process.ids.unwrap().value, Ids::Auto);
    assert_eq!(process.hostname.unwrap().value, "box");
    assert_eq!(process.tty.unwrap().value, Tty::Inherit);
    assert_eq!(process.umask.unwrap().value, 0o027);
    assert!(process.nesting.unwrap().value);
    let fds: Vec<_> = process.preserve_fds.into_iter().map(|fd| fd.value).collect();
    assert_eq!(fds, [3, 16]);
    let policy = profile.seccomp.policy.unwrap().value;
    assert_eq!(policy, SeccompPolicy::File(beside("./docker.json")));
    let calls = |list: Vec<Located<String>>| -> Vec<String> {
        list.into_iter().map(|call| call.value).collect()
    };
    assert_eq!(calls(profile.seccomp.allow), ["@debug", "io_uring_setup"]);
    assert_eq!(calls(profile.seccomp.deny), ["socket"]);
    assert!(!profile.landlock.enabled.unwrap().value);
    let keep: Vec<_> =
        profile.capabilities.keep.iter().map(|kept| kept.value.to_string()).collect();
    assert_eq!(keep, ["CAP_NET_RAW", "CAP_CHOWN"]);
}

/// The lists that hints are made of, and the keys that are read, are the same.
#[test]
fn every_listed_key_is_known() {
    let odd = "1979-05-27";
    let check = |name: &str, text: &str| {
        let words = error(text);
        assert!(words.starts_with(&format!("`{name}` must be ")), "{text}: {words}");
    };
    for section in keys::SECTIONS {
        let heading = match section.name {
            "" => String::new(),
            name => format!("[{name}]\n"),
        };
        for name in keys::names(section.name) {
            check(name, &format!("{heading}{name} = {odd}"));
        }
    }
}

#[test]
fn several_mistakes_are_told_in_the_order_of_the_file() {
    let text = "\
desription = \"x\"

[filesystem]
wirte = [\".\"]
read = \".\"
root-mode = \"readonly\"
tmpfs = [{ path = \"/tmp\", size = \"512\" }]
mask = [\"a\", 3]

[process]
umask = 22
";
    assert_eq!(
        errors(text),
        "\
jail: error: unknown key `desription`
 --> x.toml:1:1
  |
1 | desription = \"x\"
  | ^^^^^^^^^^
help: did you mean `description`?
jail: error: unknown key `wirte` in `filesystem`
 --> x.toml:4:1
  |
4 | wirte = [\".\"]
  | ^^^^^
help: did you mean `write`?
jail: error: `read` must be an array, not a string
 --> x.toml:5:8
  |
5 | read = \".\"
  |        ^^^
help: write `read = [\".\"]`
jail: error: unknown root mode `readonly`
 --> x.toml:6:13
  |
6 | root-mode = \"readonly\"
  |             ^^^^^^^^^^
help: did you mean `read-only`?
jail: error: a size needs a unit
 --> x.toml:7:34
  |
7 | tmpfs = [{ path = \"/tmp\", size = \"512\" }]
  |                                  ^^^^^
help: write `512M`, or `512B` for bytes
jail: error: `mask` must be a list of paths or tables, not an integer
 --> x.toml:8:14
  |
8 | mask = [\"a\", 3]
  |              ^
jail: error: `umask` must be a string, not an integer
  --> x.toml:11:9
   |
11 | umask = 22
   |         ^^
help: write it in quotes: `\"22\"`
"
    );
}

#[test]
fn an_open_bracket_is_told_once() {
    let text = "\
[filesytem]
read = [\".\"

[network]
mode = \"none\"
nett = 1
";
    assert_eq!(
        errors(text),
        "\
jail: error: unknown key `filesytem`
 --> x.toml:1:2
  |
1 | [filesytem]
  |  ^^^^^^^^^
help: did you mean `filesystem`?
jail: error: this is not TOML: missing comma between array elements, expected `,`
 --> x.toml:4:1
  |
4 | [network]
  | ^
help: put a comma, or the `]` that closes the array, before this
"
    );
    let last = error("[filesystem]\nread = ['a'");
    assert_eq!(last, "this is not TOML: unclosed array, expected `]`");
}

#[test]
fn a_list_has_an_end() {
    let list = |length: usize| {
        let paths: Vec<String> = (0..length).map(|number| format!("'{number}'")).collect();
        format!("filesystem.read = [{}]", paths.join(","))
    };
    assert_eq!(profile(&list(4096)).filesystem.rules.len(), 4096);
    assert_eq!(error(&list(4097)), "`read` is too long; a list may have 4096 entries");
}

#[test]
fn an_octal_number_belongs_in_quotes() {
    assert_eq!(
        error("process.umask = 022"),
        "this is not TOML: unexpected leading zero; \
         write an octal number in quotes, such as `\"022\"`"
    );
}

#[test]
fn a_syntax_error_does_not_hide_the_others() {
    let shown = errors("[network]\nmode = \"none\"\nmode = \"host\"\nnode = 1\n");
    assert_eq!(
        shown,
        "\
jail: error: this is not TOML: duplicate key
 --> x.toml:3:1
  |
3 | mode = \"host\"
  | ^^^^
jail: error: unknown key `node` in `network`
 --> x.toml:4:1
  |
4 | node = 1
  | ^^^^
help: did you mean `mode`?
"
    );
}

#[test]
fn planned_keys_are_refused_in_their_own_words() {
    let words = "`init` is not supported yet; this version of jail always runs an init of its own; \
                 remove it";
    assert_eq!(error("process.init = true"), words);
}

#[test]
fn an_image_is_named_with_what_goes_with_it() {
    let profile = profile(
        r#"
        [filesystem]
        root = "image:debian:12"
        pull = "always"
        platform = "linux/arm/v6"
        keep = "work-1.x_y"
        [process]
        entrypoint = ["env", "-i"]
        "#,
    );
    let root = profile.filesystem.root.unwrap().value;
    assert_eq!(root, Root::Image("debian:12".parse().unwrap()));
    assert_eq!(profile.filesystem.pull.unwrap().value, Pull::Always);
    let platform = profile.filesystem.platform.unwrap().value;
    assert_eq!((platform.os.as_str(), platform.architecture.as_str()), ("linux", "arm"));
    assert_eq!(platform.variant.as_deref(), Some("v6"));
    assert_eq!(profile.filesystem.keep.unwrap().value, "work-1.x_y");
    assert_eq!(profile.process.entrypoint.unwrap().value, ["env", "-i"]);
}

#[test]
fn an_image_in_a_directory_is_beside_the_profile() {
    for (text, place) in [
        ("oci:./layout:dev", "oci:/profiles/./layout:dev"),
        ("image:oci:layout", "oci:/profiles/layout"),
        ("tar:/srv/x.tar", "tar:/srv/x.tar"),
        ("dir:x", "dir:/profiles/x"),
    ] {
        let root = profile(&format!("filesystem.root = '{text}'")).filesystem.root.unwrap().value;
        assert_eq!(root, Root::Image(place.parse().unwrap()), "{text}");
    }
}

/// Profiles that nobody can mean, each with what is told. The schema is tried on them as well.
pub(in crate::profile) const REFUSED: &[(&str, &str)] = &[
    ("write = ['.']", "unknown key `write`; put it below `[filesystem]`"),
    (
        "xyz = 1",
        "unknown key `xyz`; the keys are `description`, `extends`, `degrade`, \
      `filesystem`, `network`, `limits`, `env`, `process`, `seccomp`, `landlock`, `capabilities`",
    ),
    (
        "filesystem.keep = '../x'",
        "`../x` is no name to keep changes under; write 1 to 64 of the letters a to z, digits, \
         `.`, `_` and `-`, and no `.` at the start",
    ),
    (
        "filesystem.platform = 'amd64'",
        "`amd64` names no platform; a platform is an operating system, a slash and an \
         architecture; write it as `linux/amd64`, or with a variant as `linux/arm/v6`",
    ),
    (
        "[filesystem]\nroot = 'image:x'\nroot-mode = 'write'",
        "`root-mode = \"write\"` needs a directory as `root`; the layers of an image are shared \
         by all that use it; use `overlay`: what is written is thrown away",
    ),
    ("extends = ['']", "the name of a profile is empty"),
    ("filesystem.root = 'hots'", "unknown root `hots`; did you mean `host`?"),
    (
        "filesystem.root = 'rootfs'",
        "unknown root `rootfs`; use `host`, `empty`, `image:NAME` or `./DIRECTORY`",
    ),
    (
        "[filesystem]\nroot = 'host'\nroot-mode = 'write'",
        "`root-mode = \"write\"` needs a directory as `root`; the system directories of this \
      machine are never written to; use `overlay`: what is written is thrown away",
    ),
    (
        "[filesystem]\nroot-mode = 'write'\nroot = 'empty'",
        "`root-mode = \"write\"` needs a directory as `root`; an empty root has no directory \
      behind it; use `overlay`: what is written is thrown away",
    ),
    ("filesystem.read = ['']", "the path is empty; write `.` for the working directory"),
    (
        "filesystem.read = [\"a\\u0000\"]",
        "`read` holds a NUL byte; the kernel would end the text there",
    ),
    ("filesystem.read = [{ optional = true }]", "`read` needs the key `path`"),
    (
        "filesystem.read = [{ path = 'a', optionl = true }]",
        "unknown key `optionl` in `read`; did you mean `optional`?",
    ),
    (
        "filesystem.read = [{ path = 'a', size = '1M' }]",
        "unknown key `size` in `read`; the keys are `path`, `optional`",
    ),
    (
        "filesystem.read = [{ path = 'a', optional = 1 }]",
        "`optional` must be `true` or `false`, not an integer",
    ),
    (
        "filesystem.read = ['a', 'a']",
        "`read` names the same thing twice; it stands in line 1 already",
    ),
    (
        "[filesystem]\nread = ['a']\nwrite = ['a']",
        "`a` has two rules; it stands in line 2 already; keep one of them",
    ),
    ("filesystem.bind = ['/a:/b']", "`bind` must be a list of tables, not a string"),
    ("filesystem.bind = [{ from = 'a' }]", "`bind` needs the key `to`"),
    (
        "filesystem.tmpfs = [{ path = '/t', size = '0B' }]",
        "a tmpfs of no size can hold nothing; leave `size` out to share the sandbox's scratch space",
    ),
    (
        "filesystem.tmpfs = [{ path = '/t', size = 512 }]",
        "`size` must be a string, not an integer; write it in quotes: `\"512\"`",
    ),
    ("env.pass = ['']", "the name of a variable is empty"),
    ("env.pass = ['A=B']", "`A=B` is no name of a variable; a name has neither `=` nor NUL in it"),
    ("env.pass = ['*_X']", "`*_X` is no pattern for variables; `*` may stand at the end only"),
    (
        "env.set = { 'A=' = '1' }",
        "`A=` is no name of a variable; a name has neither `=` nor NUL in it",
    ),
    ("env.set = { '' = '1' }", "the name of a variable is empty"),
    ("env.set.A = 1", "`A` must be a string, not an integer; write it in quotes: `\"1\"`"),
    ("process.umask = '999'", "`999` is not a umask; write three octal digits, such as `022`"),
    (
        "process.hostname = 'a_b'",
        "`a_b` is not a host name; letters, digits, `-` and `.` are allowed, `_` is not",
    ),
    ("process.user = '1000'", "user `1000` has no group; write `1000:1000`"),
    ("process.tty = 'new'", "unknown value for tty `new`; use `auto`, `inherit` or `none`"),
    (
        "process.preserve-fds = [2]",
        "descriptor 2 need not be named; the command always keeps 0, 1 and 2; remove it",
    ),
    ("process.preserve-fds = [-1]", "`-1` is no descriptor; write a number from 3 on"),
    (
        "process.preserve-fds = [2147483648]",
        "`2147483648` is no descriptor; write a number from 3 on",
    ),
    ("process.preserve-fds = [99999999999999999999]", "`preserve-fds` is out of range"),
    (
        "seccomp.policy = 'lax'",
        "unknown policy `lax`; use `default`, `strict`, `off` or `./FILE.json`",
    ),
    (
        "seccomp.allow = ['rm -rf']",
        "`rm -rf` is no name of a system call; write a name such as `ptrace`, or a group such as `@debug`",
    ),
    (
        "capabilities.keep = ['CAP_SYS_ADMN']",
        "unknown capability `CAP_SYS_ADMN`; did you mean `CAP_SYS_ADMIN`?",
    ),
    (
        "capabilities.keep = ['all']",
        "unknown capability `all`; capabilities(7) has their names, such as `CAP_CHOWN`",
    ),
    (
        "capabilities.keep = ['KILL', 'cap_kill']",
        "`keep` names the same thing twice; it stands in line 1 already",
    ),
    (
        "degrade = ['everything']",
        "unknown protection `everything`; use `landlock`, `limits`, `overlay`, `namespaces` or `nested-rules`",
    ),
    ("landlock = true", "`landlock` must be a table, not a boolean"),
];

#[test]
fn what_cannot_be_meant_is_refused() {
    for (text, words) in REFUSED {
        assert_eq!(error(text), *words);
    }
}

proptest! {
    /// Whatever stands in a file, it is read or refused in words that can be printed.
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,80}") {
        let _printed = errors(&text);
    }

    #[test]
    fn any_damage_is_parsed_or_refused(at in any::<prop::sample::Index>(), new in "\\PC|[\"\n#=]") {
        let mut text = include_str!("../../../profiles/dev.toml").to_owned();
        let at = at.index(text.len());
        text.replace_range(at..=at, &new);
        let printed = errors(&text);
        prop_assert_eq!(printed.is_empty(), parsed(&text).errors.is_empty());
    }
}
