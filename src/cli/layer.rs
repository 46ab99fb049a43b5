//! Flags to a [`Profile`]: the layer that is merged over the profiles of the run.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile::{
    BadValue, Base, Capabilities, Capability, Env, Filesystem, Landlock, Process, Profile, Root,
    RootMode, Seccomp, SeccompPolicy, check_variable_name, parse_call, parse_hostname, parse_image,
    parse_keep, parse_platform, parse_root, parse_seccomp_policy, parse_umask,
    parse_variable_pattern,
};

use super::flags::{
    EnvironmentFlags, FilesystemFlags, ProcessFlags, ProtectionFlags, SandboxFlags,
};
use super::{env_file, limits, network, rules};

/// The layer that the flags make, or every mistake in them.
pub fn layer(flags: &SandboxFlags) -> Result<Profile, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let protection = &flags.protection;
    let layer = Profile {
        description: None,
        degrade: list("--degrade", &protection.degrade, &mut mistakes, value),
        filesystem: filesystem(&flags.filesystem, &mut mistakes),
        network: network::network(&flags.network, &mut mistakes),
        limits: limits::limits(&flags.limits, &mut mistakes),
        env: environment(&flags.environment, &mut mistakes),
        process: process(&flags.process, protection, &mut mistakes),
        seccomp: seccomp(protection, &mut mistakes),
        landlock: Landlock {
            enabled: one("--landlock", protection.landlock.as_ref(), &mut mistakes, switch),
        },
        capabilities: Capabilities {
            keep: list("--cap-add", &protection.cap_add, &mut mistakes, value::<Capability>),
        },
        files: Vec::new(),
    };
    if mistakes.is_empty() { Ok(layer) } else { Err(mistakes) }
}

fn filesystem(flags: &FilesystemFlags, mistakes: &mut Vec<Diagnostic>) -> Filesystem {
    let root_mode = one("--root-mode", flags.root_mode.as_ref(), mistakes, value);
    let read_only = flags.read_only.then(|| Located::new(RootMode::ReadOnly, flag("--read-only")));
    let root = one("--root", flags.root.as_ref(), mistakes, root);
    Filesystem {
        root: root.or(one("--image", flags.image.as_ref(), mistakes, image)),
        root_mode: root_mode.or(read_only),
        pull: one("--pull", flags.pull.as_ref(), mistakes, value),
        platform: one("--platform", flags.platform.as_ref(), mistakes, |text| {
            Ok(parse_platform(utf8(text)?)?)
        }),
        keep: one("--keep", flags.keep.as_ref(), mistakes, |text| Ok(parse_keep(utf8(text)?)?)),
        rules: flags.rules.rules(mistakes),
        devices: list("--device", &flags.device, mistakes, |text| Ok(rules::path(text))),
    }
}

fn environment(flags: &EnvironmentFlags, mistakes: &mut Vec<Diagnostic>) -> Env {
    let mut env = Env::default();
    for file in &flags.env_file {
        match env_file::read(file) {
            Ok(lines) => lines.into_iter().for_each(|line| assign(&mut env, line)),
            Err(found) => mistakes.extend(found),
        }
    }
    let assignments = list("--env", &flags.env, mistakes, assignment);
    assignments.into_iter().for_each(|assignment| assign(&mut env, assignment));
    env
}

fn process(
    flags: &ProcessFlags,
    protection: &ProtectionFlags,
    mistakes: &mut Vec<Diagnostic>,
) -> Process {
    Process {
        workdir: one("--workdir", flags.workdir.as_ref(), mistakes, |text| Ok(rules::path(text))),
        user: one("--user", flags.user.as_ref(), mistakes, value),
        entrypoint: one("--entrypoint", flags.entrypoint.as_ref(), mistakes, |text| {
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()).into_iter().collect())
        }),
        ids: one("--ids", flags.ids.as_ref(), mistakes, value),
        hostname: one("--hostname", flags.hostname.as_ref(), mistakes, hostname),
        tty: one("--tty", flags.tty.as_ref(), mistakes, value),
        umask: one("--umask", flags.umask.as_ref(), mistakes, umask),
        nesting: one("--nesting", protection.nesting.as_ref(), mistakes, switch),
        preserve_fds: list("--preserve-fd", &flags.preserve_fd, mistakes, descriptor),
    }
}

fn seccomp(flags: &ProtectionFlags, mistakes: &mut Vec<Diagnostic>) -> Seccomp {
    let name = |text: &OsStr| Ok(parse_call(utf8(text)?)?);
    Seccomp {
        policy: one("--seccomp", flags.seccomp.as_ref(), mistakes, seccomp_policy),
        allow: list("--seccomp-allow", &flags.seccomp_allow, mistakes, name),
        deny: list("--seccomp-deny", &flags.seccomp_deny, mistakes, name),
    }
}

/// `NAME=VALUE`, or `NAME` to keep the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub name: OsString,
    pub value: Option<OsString>,
}

/// Reads `NAME[=VALUE]`.
pub fn assignment(text: &OsStr) -> Result<Assignment, Diagnostic> {
    let bytes = text.as_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=');
    let name = &bytes[..equals.unwrap_or(bytes.len())];
    if name.is_empty() {
        return Err(Diagnostic::error(format!("no variable name in `{}`", text.to_string_lossy()))
            .help("write NAME=VALUE, or NAME to keep the caller's variable"));
    }
    let name = OsStr::from_bytes(name);
    let value = equals.map(|at| OsString::from_vec(bytes[at + 1..].to_vec()));
    match value {
        Some(_) => check_variable_name(name)?,
        None => drop(parse_variable_pattern(name)?),
    }
    Ok(Assignment { name: name.to_owned(), value })
}

/// The later of two assignments to one name counts, also when one of them keeps and one sets.
fn assign(env: &mut Env, assignment: Located<Assignment>) {
    let Located { value: Assignment { name, value }, origin } = assignment;
    env.pass.retain(|passed| passed.value != name);
    match value {
        Some(value) => {
            env.set.insert(name, Located::new(value, origin));
        }
        None => {
            env.set.remove(&name);
            env.pass.push(Located::new(name, origin));
        }
    }
}

fn root(text: &OsStr) -> Result<Root, Diagnostic> {
    Ok(parse_root(text, &Base::WorkingDirectory)?)
}

fn image(text: &OsStr) -> Result<Root, Diagnostic> {
    Ok(Root::Image(parse_image(text, &Base::WorkingDirectory)?))
}

fn seccomp_policy(text: &OsStr) -> Result<SeccompPolicy, Diagnostic> {
    Ok(parse_seccomp_policy(text, &Base::WorkingDirectory)?)
}

pub(super) fn switch(text: &OsStr) -> Result<bool, Diagnostic> {
    match text.as_bytes() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(Diagnostic::error(format!("unknown switch `{}`", text.to_string_lossy()))
            .help("use `on` or `off`")),
    }
}

fn hostname(text: &OsStr) -> Result<String, Diagnostic> {
    Ok(parse_hostname(utf8(text)?)?)
}

fn umask(text: &OsStr) -> Result<u32, Diagnostic> {
    Ok(parse_umask(utf8(text)?)?)
}

fn descriptor(text: &OsStr) -> Result<i32, Diagnostic> {
    let digits = text.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse::<i32>().ok());
    number.filter(|number| *number > 2).ok_or_else(|| {
        Diagnostic::error(format!("cannot preserve descriptor `{}`", text.to_string_lossy()))
            .help("name a number above 2; the command always has 0, 1 and 2")
    })
}

pub(super) fn utf8(text: &OsStr) -> Result<&str, Diagnostic> {
    text.to_str().ok_or_else(|| {
        Diagnostic::error(format!("`{}` is not valid UTF-8", text.to_string_lossy()))
    })
}

/// Understands a word as a profile does.
pub(super) fn value<T: FromStr<Err = BadValue>>(text: &OsStr) -> Result<T, Diagnostic> {
    Ok(utf8(text)?.parse()?)
}

pub(super) fn flag(name: &str) -> Origin {
    Origin::Flag(name.to_owned())
}

pub(super) fn one<T>(
    name: &str,
    text: Option<&OsString>,
    mistakes: &mut Vec<Diagnostic>,
    understand: impl Fn(&OsStr) -> Result<T, Diagnostic>,
) -> Option<Located<T>> {
    list(name, text, mistakes, understand).pop()
}

pub(super) fn list<'a, T>(
    name: &str,
    texts: impl IntoIterator<Item = &'a OsString>,
    mistakes: &mut Vec<Diagnostic>,
    understand: impl Fn(&OsStr) -> Result<T, Diagnostic>,
) -> Vec<Located<T>> {
    let mut understood = Vec::new();
    for text in texts {
        match understand(text) {
            Ok(value) => understood.push(Located::new(value, flag(name))),
            Err(mistake) => mistakes.push(mistake.at(&flag(name))),
        }
    }
    understood
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::profile::{Cap, Grant, Ids, NetworkMode, Protection, Pull, Tty, User};

    use super::super::arguments::{Arguments, Command};
    use super::*;

    fn flags(words: &[&str]) -> SandboxFlags {
        let words = ["jail", "run"].iter().chain(words).chain(&["true"]);
        match Arguments::try_parse_from(words).unwrap().command {
            Command::Run(run) => run.sandbox,
            other => panic!("not a run: {other:?}"),
        }
    }

    fn made(words: &[&str]) -> Profile {
        layer(&flags(words)).unwrap()
    }

    fn titles(words: &[&str]) -> Vec<String> {
        layer(&flags(words)).unwrap_err().into_iter().map(|mistake| mistake.title).collect()
    }

    #[test]
    fn no_flag_makes_an_empty_layer() {
        assert_eq!(made(&[]), Profile::default());
    }

    #[test]
    fn an_image_is_a_root_and_its_flags_stand_beside_it() {
        let image = made(&[
            "--image=debian:12",
            "--pull=never",
            "--platform=linux/arm64",
            "--keep=work",
            "--entrypoint=env",
        ]);
        let from = |flag: &str| Origin::Flag(flag.to_owned());
        let root = Root::Image("debian:12".parse().unwrap());
        assert_eq!(image.filesystem.root, Some(Located::new(root, from("--image"))));
        assert_eq!(image.filesystem.pull, Some(Located::new(Pull::Never, from("--pull"))));
        assert_eq!(image.filesystem.platform.unwrap().value.architecture, "arm64");
        assert_eq!(image.filesystem.keep, Some(Located::new("work".into(), from("--keep"))));
        let entrypoint = Located::new(vec!["env".into()], from("--entrypoint"));
        assert_eq!(image.process.entrypoint, Some(entrypoint));
        assert_eq!(made(&["--entrypoint="]).process.entrypoint.unwrap().value, [""; 0]);
        let root = made(&["--root=image:debian:12"]).filesystem.root.unwrap();
        assert_eq!(root.value, Root::Image("debian:12".parse().unwrap()));
    }

    #[test]
    fn every_flag_lands_in_its_field() {
        let made = made(&[
            "--root=./r",
            "--root-mode=overlay",
            "--device=/dev/dri",
            "--network=host",
            "--allow=:443",
            "-p8080:80",
            "--host-loopback=off",
            "--add-host=db:::1",
            "--dns=192.0.2.1",
            "-w/w",
            "-u1:2",
            "--ids=auto",
            "--hostname=h",
            "--tty=none",
            "--umask=027",
            "--preserve-fd=3,4",
            "--preserve-fd=9",
            "--seccomp=./p.json",
            "--seccomp-allow=@debug",
            "--seccomp-deny=socket",
            "--landlock=off",
            "--nesting=on",
            "--cap-add=net_admin",
            "--degrade=landlock",
            "--degrade=limits",
            "--pids=64",
        ]);
        let from = |flag: &str| Origin::Flag(flag.to_owned());
        assert_eq!(
            made.filesystem.root,
            Some(Located::new(Root::Directory(rules::path("./r")), from("--root")))
        );
        assert_eq!(
            made.filesystem.root_mode,
            Some(Located::new(RootMode::Overlay, from("--root-mode")))
        );
        assert_eq!(
            made.filesystem.devices,
            [Located::new(rules::path("/dev/dri"), from("--device"))]
        );
        assert_eq!(made.network.mode, Some(Located::new(NetworkMode::Host, from("--network"))));
        assert_eq!(made.network.allow, [Located::new(":443".parse().unwrap(), from("--allow"))]);
        assert_eq!(
            made.network.publish,
            [Located::new("8080:80".parse().unwrap(), from("--publish"))]
        );
        assert_eq!(made.network.host_loopback, Some(Located::new(false, from("--host-loopback"))));
        let named = Located::new("::1".parse().unwrap(), from("--add-host"));
        assert_eq!(made.network.hosts, [("db".to_owned(), named)].into());
        assert_eq!(made.network.dns, [Located::new("192.0.2.1".parse().unwrap(), from("--dns"))]);
        assert_eq!(made.process.workdir, Some(Located::new(rules::path("/w"), from("--workdir"))));
        assert_eq!(
            made.process.user,
            Some(Located::new(User::Ids { uid: 1, gid: 2 }, from("--user")))
        );
        assert_eq!(made.process.ids, Some(Located::new(Ids::Auto, from("--ids"))));
        assert_eq!(made.process.hostname, Some(Located::new("h".to_owned(), from("--hostname"))));
        assert_eq!(made.process.tty, Some(Located::new(Tty::None, from("--tty"))));
        assert_eq!(made.process.umask, Some(Located::new(0o027, from("--umask"))));
        assert_eq!(made.process.nesting, Some(Located::new(true, from("--nesting"))));
        assert_eq!(
            made.process.preserve_fds,
            [3, 4, 9].map(|number| Located::new(number, from("--preserve-fd")))
        );
        assert_eq!(
            made.seccomp.policy,
            Some(Located::new(SeccompPolicy::File(rules::path("./p.json")), from("--seccomp")))
        );
        assert_eq!(
            made.seccomp.allow,
            [Located::new("@debug".to_owned(), from("--seccomp-allow"))]
        );
        assert_eq!(made.seccomp.deny, [Located::new("socket".to_owned(), from("--seccomp-deny"))]);
        assert_eq!(made.landlock.enabled, Some(Located::new(false, from("--landlock"))));
        assert_eq!(made.capabilities.keep, [Located::new(Capability(12), from("--cap-add"))]);
        let degraded = [Protection::Landlock, Protection::Limits];
        assert_eq!(made.degrade, degraded.map(|name| Located::new(name, from("--degrade"))));
        assert_eq!(made.limits.pids, Some(Located::new(Cap::At(64), from("--pids"))));
    }

    #[test]
    fn read_only_is_a_root_mode() {
        let expected = Located::new(RootMode::ReadOnly, flag("--read-only"));
        assert_eq!(made(&["--read-only"]).filesystem.root_mode, Some(expected));
    }

    #[test]
    fn rules_keep_the_order_in_which_they_were_given() {
        let made =
            made(&["--write=a", "-v", "b:c", "--mask=d", "--write", "e", "--tmpfs=f", "--read=g"]);
        let told: Vec<(String, String)> = made
            .filesystem
            .rules
            .iter()
            .map(|rule| {
                let path = rule.value.path.text.to_string_lossy().into_owned();
                (rule.origin.to_string(), path)
            })
            .collect();
        let expected = [
            ("--write", "a"),
            ("--volume", "c"),
            ("--mask", "d"),
            ("--write", "e"),
            ("--tmpfs", "f"),
            ("--read", "g"),
        ];
        assert_eq!(told, expected.map(|(flag, path)| (flag.to_owned(), path.to_owned())));
        assert!(made.filesystem.rules.iter().all(|rule| !rule.value.optional));
        assert_eq!(made.filesystem.rules[2].value.grant, Grant::Mask);
    }

    #[test]
    fn the_later_assignment_counts() {
        let env = made(&["-eA=1", "-eA", "-eB", "-eB=x=y", "-eC="]).env;
        let passed: Vec<&OsString> = env.pass.iter().map(|name| &name.value).collect();
        assert_eq!(passed, ["A"]);
        let set: Vec<(&OsString, &OsString)> =
            env.set.iter().map(|(name, value)| (name, &value.value)).collect();
        assert_eq!(
            set,
            [
                (&OsString::from("B"), &OsString::from("x=y")),
                (&OsString::from("C"), &OsString::new()),
            ]
        );
    }

    #[test]
    fn a_single_value_that_is_said_twice_counts_as_said_last() {
        assert_eq!(made(&["--umask=000", "--umask=077"]).process.umask.unwrap().value, 0o077);
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
        let found = titles(&[
            "--network=hots",
            "--bind=a",
            "--umask=9",
            "--preserve-fd=2",
            "--cap-add=FLY",
            "--env==x",
            "--landlock=yes",
            "--root=rootfs",
            "--seccomp=lax",
            "--degrade=seccomp",
            "--memory=512",
        ]);
        assert_eq!(
            found,
            [
                "`seccomp` cannot be degraded",
                "unknown root `rootfs`",
                "cannot read `a` as FROM:TO[:ro|rw]",
                "unknown network mode `hots`",
                "a size needs a unit",
                "no variable name in `=x`",
                "`9` is not a umask",
                "cannot preserve descriptor `2`",
                "unknown policy `lax`",
                "unknown switch `yes`",
                "unknown capability `FLY`",
            ]
        );
    }

    #[test]
    fn a_mistake_names_its_flag() {
        let mistakes = layer(&flags(&["--network=hots"])).unwrap_err();
        assert_eq!(mistakes[0].origin, Some(flag("--network")));
        assert_eq!(mistakes[0].help, ["did you mean `host`?"]);
    }
}
