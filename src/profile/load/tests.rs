use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::diagnostic::{Origin, Palette, render};
use crate::profile::built_in::BUILT_IN;
use crate::profile::{Grant, SeccompPolicy};

/// A home with profiles, and a directory for those of the machine.
struct World {
    directory: TempDir,
    places: Places,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let user = home.join("profiles");
        let system = directory.path().join("etc");
        fs::create_dir_all(&user).unwrap();
        fs::create_dir_all(&system).unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        Self { directory, places: Places { user: Some(user), system, home: Some(home) } }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self, names: &[impl AsRef<std::ffi::OsStr>]) -> Result<Profile, Vec<Diagnostic>> {
        let flag = |name: &_| {
            let name: &std::ffi::OsStr = AsRef::as_ref(name);
            Located::new(name.to_owned(), Origin::Flag("--profile".to_owned()))
        };
        load_from(&self.places, &names.iter().map(flag).collect::<Vec<_>>())
    }

    /// All errors as printed, with the temporary directory left out.
    fn errors(&self, names: &[impl AsRef<std::ffi::OsStr>]) -> String {
        let errors = self.load(names).unwrap_err();
        let text: String = errors.iter().map(|error| render(error, Palette::Plain)).collect();
        text.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// What `description` says, as the mark of the profile that was read last.
fn description(profile: &Profile) -> &str {
    profile.description.as_ref().map_or("", |description| &description.value)
}

fn rules(profile: &Profile) -> Vec<(String, &Grant)> {
    let rules = profile.filesystem.rules.iter();
    rules.map(|rule| (rule.value.path.text.display().to_string(), &rule.value.grant)).collect()
}

#[test]
fn every_built_in_profile_loads_and_describes_itself() {
    let world = World::new(&[]);
    for (name, _) in BUILT_IN {
        let profile = world.load(&[name]).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        assert!(!description(&profile).is_empty(), "{name}");
    }
}

/// Of `default`: what git outside would run is not for the command to write.
fn default_rules() -> [(String, &'static Grant); 2] {
    [(".".to_owned(), &Grant::Write), ("./.git/hooks".to_owned(), &Grant::Read)]
}

#[test]
fn the_default_profile_grants_the_working_directory_and_nothing_else() {
    let profile = World::new(&[]).load(&["default"]).unwrap();
    assert_eq!(rules(&profile), default_rules());
    assert_eq!(profile.network.mode.unwrap().value, crate::profile::NetworkMode::None);
    assert_eq!(profile.seccomp.policy.unwrap().value, SeccompPolicy::Default);
    assert!(profile.landlock.enabled.unwrap().value);
    assert!(profile.capabilities.keep.is_empty());
}

#[test]
fn no_built_in_profile_grants_what_holds_secrets() {
    let world = World::new(&[]);
    let secrets = [
        "~/.cargo/credentials.toml",
        "~/.cargo/config.toml",
        "${CARGO_HOME:-~/.cargo}/credentials.toml",
        "~/.npmrc",
        "~/.npm/_logs/debug-0.log",
        "~/.yarnrc.yml",
        "~/.pypirc",
        "~/.local/share/uv/credentials/credentials.toml",
        "~/.config/go/env",
        "~/.config/pnpm/rc",
        "~/.config/uv/uv.toml",
        "~/.config/ccache/ccache.conf",
        "~/.ccache/ccache.conf",
        "~/.m2/settings.xml",
        "~/.m2/settings-security.xml",
        "~/.gradle/gradle.properties",
        "~/.gradle/init.d/login.gradle",
        "${GRADLE_USER_HOME:-~/.gradle}/gradle.properties",
        "/etc/maven/settings.xml",
        "/etc/gitconfig",
        "/etc/npmrc",
        "/etc/pip.conf",
        "~/.bash_history",
        "~/.git-credentials",
        "~/.config/git/credentials",
        "~/.config/pip/pip.conf",
        "~/.netrc",
        "~/.ssh/id_ed25519",
        "~/.aws/credentials",
    ];
    for (name, _) in BUILT_IN {
        let profile = world.load(&[name]).unwrap();
        for secret in secrets {
            for (path, _) in rules(&profile) {
                assert!(!Path::new(secret).starts_with(&path), "{name} grants {secret} by {path}");
            }
        }
        for variable in &profile.env.pass {
            let variable = variable.value.display().to_string();
            for word in ["TOKEN", "SECRET", "PASSWORD", "URL_WITH", "CI_REPOSITORY", "KEY"] {
                assert!(!variable.contains(word), "{name} passes {variable}");
            }
            assert!(!matches!(variable.as_str(), "*" | "GITHUB_*" | "CI_*"), "{name}: {variable}");
        }
    }
}

#[test]
fn what_a_home_may_lack_is_optional() {
    for (name, _) in BUILT_IN {
        let profile = World::new(&[]).load(&[name]).unwrap();
        for rule in &profile.filesystem.rules {
            let path = rule.value.path.text.display().to_string();
            let certain = [".", "/tmp"].contains(&path.as_str());
            assert_eq!(rule.value.optional, !certain, "{name}: {path}");
        }
    }
}

#[test]
fn a_name_is_looked_for_at_home_then_in_etc_then_built_in() {
    let home = ("home/profiles/dev.toml", "description = 'home'");
    let etc = ("etc/dev.toml", "description = 'etc'");
    assert_eq!(description(&World::new(&[home, etc]).load(&["dev"]).unwrap()), "home");
    assert_eq!(description(&World::new(&[etc]).load(&["dev"]).unwrap()), "etc");
    let built_in = World::new(&[]).load(&["dev"]).unwrap();
    assert!(description(&built_in).starts_with("Build"));
}

#[test]
fn a_profile_that_extends_its_own_name_extends_the_one_behind_it() {
    let world = World::new(&[
        ("home/profiles/default.toml", "extends = ['default']\nprocess.hostname = 'mine'"),
        ("etc/default.toml", "extends = ['default']\nprocess.tty = 'none'"),
    ]);
    let profile = world.load(&["default"]).unwrap();
    assert_eq!(profile.process.hostname.as_ref().unwrap().value, "mine");
    assert!(profile.process.tty.is_some());
    assert_eq!(rules(&profile), default_rules());
}

#[test]
fn built_in_profiles_are_not_changed_by_a_file_with_the_name_of_their_base() {
    let world = World::new(&[("home/profiles/base.toml", "filesystem.write = ['~']")]);
    let profile = world.load(&["default"]).unwrap();
    assert_eq!(rules(&profile), default_rules());
}

#[test]
fn bases_come_first_and_each_only_once() {
    let world = World::new(&[
        ("top.toml", "extends = ['./left.toml', 'right.toml']\nenv.set.WHO = 'top'"),
        ("left.toml", "extends = ['./root.toml']\nenv.set.WHO = 'left'\nenv.pass = ['L']"),
        ("right.toml", "extends = ['././root.toml']\nenv.pass = ['R']"),
        ("root.toml", "env.set.WHO = 'root'\nenv.pass = ['ROOT']\ndescription = 'root'"),
    ]);
    let profile = world.load(&[world.path("top.toml"), world.path("right.toml")]).unwrap();
    let pass: Vec<_> =
        profile.env.pass.iter().map(|name| name.value.display().to_string()).collect();
    assert_eq!(pass, ["ROOT", "L", "R"]);
    let set: Vec<_> = profile.env.set.values().map(|value| value.value.clone()).collect();
    assert_eq!(set, ["top"]);
    assert_eq!(description(&profile), "root");
}

#[test]
fn later_names_win() {
    let world = World::new(&[
        ("a.toml", "process.hostname = 'a'\nprocess.umask = '027'"),
        ("b.toml", "process.hostname = 'b'"),
    ]);
    let process = world.load(&[world.path("a.toml"), world.path("b.toml")]).unwrap().process;
    assert_eq!(process.hostname.unwrap().value, "b");
    assert_eq!(process.umask.unwrap().value, 0o027);
}

#[test]
fn names_that_are_not_utf_8_work() {
    let world = World::new(&[]);
    let name = OsString::from_vec(b"caf\xe9.toml".to_vec());
    let path = world.path(name);
    fs::write(&path, "description = 'odd'").unwrap();
    assert_eq!(description(&world.load(&[path]).unwrap()), "odd");
}

#[test]
fn a_cycle_is_named() {
    let world = World::new(&[
        ("a.toml", "extends = ['./b.toml']"),
        ("b.toml", "extends = [\n  './c.toml',\n]"),
        ("c.toml", "extends = ['base', './b.toml']"),
    ]);
    assert_eq!(
        world.errors(&[world.path("a.toml")]),
        "\
jail: error: profile `b.toml` extends itself
 --> c.toml:1:20
  |
1 | extends = ['base', './b.toml']
  |                    ^^^^^^^^^^
because: `b.toml` extends `c.toml` extends `b.toml`
help: remove one of these from `extends`
"
    );
}

#[test]
fn a_missing_profile_is_told_with_a_hint() {
    let world = World::new(&[
        ("home/profiles/mine.toml", ""),
        ("x.toml", "extends = ['bsae', './gone.toml', 'mien']"),
    ]);
    assert_eq!(
        world.errors(&["stritc"]),
        "jail: error: there is no profile `stritc`\n --> --profile\nhelp: did you mean `strict`?\n"
    );
    assert_eq!(
        world.errors(&["zzz"]),
        "jail: error: there is no profile `zzz`\n --> --profile\nhelp: the profiles are `agent`, \
         `base`, `c`, `ci`, `default`, `dev`, `git`, `go`, `java`, `mine`, `node`, `packages`, \
         `python`, `rust`, `shell`, `strict`, `untrusted`\n"
    );
    // The pieces of these are no profiles to run, but others may name them.
    for (name, meant) in
        [("env_file", "env-files"), ("settings", "git-settings"), ("unt", "untrusted")]
    {
        let words = format!("help: did you mean `{meant}`?\n");
        assert!(world.errors(&[name]).ends_with(&words), "{}", world.errors(&[name]));
    }
    assert_eq!(
        world.errors(&["dev.toml"]),
        "jail: error: cannot read profile `dev.toml`\n --> --profile\n\
         because: no such file or directory [ENOENT]\n\
         help: the profile of that name is `dev`, without `.toml`\n"
    );
    assert_eq!(
        world.errors(&[world.path("x.toml")]),
        "\
jail: error: there is no profile `bsae`
 --> x.toml:1:12
  |
1 | extends = ['bsae', './gone.toml', 'mien']
  |            ^^^^^^
help: did you mean `base`?
jail: error: cannot read profile `gone.toml`
 --> x.toml:1:20
  |
1 | extends = ['bsae', './gone.toml', 'mien']
  |                    ^^^^^^^^^^^^^
because: no such file or directory [ENOENT]
jail: error: there is no profile `mien`
 --> x.toml:1:35
  |
1 | extends = ['bsae', './gone.toml', 'mien']
  |                                   ^^^^^^
help: did you mean `mine`?
"
    );
}

#[test]
fn errors_of_all_files_are_told_at_once() {
    let world = World::new(&[
        ("a.toml", "extends = ['./b.toml']\nnetwork.mode = 3\n"),
        ("b.toml", "[filesytem]\nwrite = ['.']\n"),
    ]);
    assert_eq!(
        world.errors(&[world.path("a.toml"), PathBuf::from("./no.toml")]),
        "\
jail: error: `mode` must be a string, not an integer
 --> a.toml:2:16
  |
2 | network.mode = 3
  |                ^
help: write it in quotes: `\"3\"`
jail: error: unknown key `filesytem`
 --> b.toml:1:2
  |
1 | [filesytem]
  |  ^^^^^^^^^
help: did you mean `filesystem`?
jail: error: cannot read profile `./no.toml`
 --> --profile
because: no such file or directory [ENOENT]
"
    );
}

#[test]
fn what_is_no_profile_is_refused() {
    let world = World::new(&[("big.toml", &"#".repeat((1 << 20) + 1))]);
    fs::write(world.path("latin.toml"), b"# ok\n# caf\xe9\n").unwrap();
    nix::unistd::mkfifo(&world.path("fifo.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let check = |name: &str, because: &str| {
        let expected = format!(
            "jail: error: cannot read profile `{name}`\n --> --profile\nbecause: {because}\n"
        );
        assert_eq!(world.errors(&[world.path(name)]), expected);
    };
    check("big.toml", "it is larger than 1 MiB");
    check("latin.toml", "line 2 is not UTF-8");
    check("fifo.toml", "it is not a regular file");
    check("etc", "it is a directory\nhelp: name a file in it");
    check("big.toml/x", "not a directory [ENOTDIR]");
    assert_eq!(
        world.errors(&["/dev/null"]),
        "jail: error: cannot read profile `/dev/null`\n --> --profile\n\
         because: it is not a regular file\n"
    );
}

#[test]
fn a_chain_without_end_is_refused() {
    let world = World::new(&[]);
    for number in 0..70 {
        let text = format!("extends = ['./{}.toml']", number + 1);
        fs::write(world.path(format!("{number}.toml")), text).unwrap();
    }
    let errors = world.errors(&[world.path("0.toml")]);
    assert!(errors.starts_with("jail: error: profile `64.toml` is too far down\n"), "{errors}");
}
