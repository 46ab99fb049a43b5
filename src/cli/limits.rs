//! The flags of limits to [`Limits`]: the spellings of podman and docker beside our own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::{Diagnostic, Located, did_you_mean};
use crate::profile::{
    BadValue, Bounds, Cap, IoLimit, Limits, Rlimit, RlimitUnit, Swap, parse_bounds, parse_cpus,
    parse_memory, parse_nice, parse_operations, parse_pids, parse_rate, parse_swap, parse_time,
    parse_time_grace,
};
use crate::units::{Size, Span};

use super::flags::LimitFlags;
use super::layer::{flag, list, one, switch, utf8};
use super::rules;

/// What the flags say about limits; mistakes go to `mistakes`.
pub fn limits(flags: &LimitFlags, mistakes: &mut Vec<Diagnostic>) -> Limits {
    let swap = one("--swap", flags.swap.as_ref(), mistakes, with(parse_swap));
    let both = one("--memory-swap", flags.memory_swap.as_ref(), mistakes, memory_swap);
    Limits {
        memory: one("--memory", flags.memory.as_ref(), mistakes, memory),
        swap: swap.or(both),
        cpus: one("--cpus", flags.cpus.as_ref(), mistakes, with(parse_cpus)),
        cpuset: one("--cpuset", flags.cpuset.as_ref(), mistakes, with(str::parse)),
        pids: one("--pids", flags.pids.as_ref(), mistakes, pids),
        io: io_limits(flags, mistakes),
        hugepages: one("--hugepages", flags.hugepages.as_ref(), mistakes, switch),
        time: one("--time", flags.time.as_ref(), mistakes, time),
        time_grace: one("--time-grace", flags.time_grace.as_ref(), mistakes, time_grace),
        nice: one("--nice", flags.nice.as_ref(), mistakes, with(parse_nice)),
        rlimits: rlimits(flags, mistakes),
    }
}

/// A parser of profiles as one of flags.
fn with<T>(
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> impl Fn(&OsStr) -> Result<T, Diagnostic> {
    move |text| Ok(parse(utf8(text)?)?)
}

/// podman's 0 would lift the limit; nobody who reads it expects that.
fn memory(text: &OsStr) -> Result<Cap<Size>, Diagnostic> {
    match utf8(text)? {
        "0" => {
            Err(Diagnostic::error("nothing can run in 0B of memory")
                .help("write more, or `unlimited`"))
        }
        text => Ok(parse_memory(text)?),
    }
}

/// Memory and swap together, as podman counts.
fn memory_swap(text: &OsStr) -> Result<Swap, Diagnostic> {
    match utf8(text)? {
        "-1" => Ok(Swap::Unlimited),
        text => match parse_swap(text)? {
            Swap::At(Size(0)) => Err(Diagnostic::error("nothing can run in 0B of memory and swap")
                .help("write at least what `--memory` has; for no swap, write `--swap 0B`")),
            Swap::At(size) => Ok(Swap::WithMemory(size)),
            swap @ (Swap::Unlimited | Swap::WithMemory(_)) => Ok(swap),
        },
    }
}

fn pids(text: &OsStr) -> Result<Cap<u32>, Diagnostic> {
    match utf8(text)? {
        "-1" | "0" => Ok(Cap::Unlimited),
        text => Ok(parse_pids(text)?),
    }
}

fn time(text: &OsStr) -> Result<Cap<Span>, Diagnostic> {
    Ok(parse_time(&or_with_unit(utf8(text)?, "s"))?)
}

fn time_grace(text: &OsStr) -> Result<Span, Diagnostic> {
    Ok(parse_time_grace(&or_with_unit(utf8(text)?, "s"))?)
}

/// A bare number gets `unit`.
fn or_with_unit<'a>(text: &'a str, unit: &str) -> Cow<'a, str> {
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if bare { Cow::Owned(format!("{text}{unit}")) } else { Cow::Borrowed(text) }
}

/// Two flags for one path are refused: in the merging of profiles only the later one counts.
fn io_limits(flags: &LimitFlags, mistakes: &mut Vec<Diagnostic>) -> Vec<Located<IoLimit>> {
    let limits = list("--io", &flags.io, mistakes, io);
    for (index, limit) in limits.iter().enumerate() {
        if limits[..index].iter().any(|earlier| earlier.value.path == limit.value.path) {
            let path = limit.value.path.text.display();
            let help = format!("put both into one flag, as `--io {path}:read=10M,write=5M`");
            let mistake = Diagnostic::error(format!("`{path}` has two limits"));
            mistakes.push(mistake.at(&limit.origin).help(help));
        }
    }
    limits
}

const IO_KEYS: [&str; 4] = ["read", "write", "read-ops", "write-ops"];

/// `PATH:read=10M,write-ops=50`
fn io(text: &OsStr) -> Result<IoLimit, Diagnostic> {
    let Some((path, rates)) = split_io(text) else { return Err(no_rates(text)) };
    if path.is_empty() {
        return Err(Diagnostic::error(format!("empty path in `{}`", text.to_string_lossy()))
            .help("name a directory, or a block device"));
    }
    let path = rules::path(path);
    let mut limit = IoLimit { path, read: None, write: None, read_ops: None, write_ops: None };
    let mut said: Vec<&str> = Vec::new();
    for rate in utf8(rates)?.split(',') {
        let Some((key, value)) = rate.split_once('=') else { return Err(no_rates(text)) };
        if said.contains(&key) {
            return Err(Diagnostic::error(format!("`{key}` stands twice in one `--io`"))
                .help("keep one of them"));
        }
        said.push(key);
        match key {
            "read" => limit.read = parse_rate(value)?,
            "write" => limit.write = parse_rate(value)?,
            "read-ops" => limit.read_ops = parse_operations(value)?,
            "write-ops" => limit.write_ops = parse_operations(value)?,
            _ => return Err(unknown_rate(key)),
        }
    }
    Ok(limit)
}

/// Path and rates. A path may hold colons: the last one counts that has one of the keys after
/// it, and without such the last one, so that a mistyped key is told by its name.
fn split_io(text: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let bytes = text.as_bytes();
    let mut colons = bytes.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
    let starts_rates = |at: &usize| {
        let key = bytes[at + 1..].split(|byte| *byte == b'=').next();
        key.is_some_and(|key| IO_KEYS.iter().any(|known| known.as_bytes() == key))
    };
    let colon = colons.clone().rfind(starts_rates).or_else(|| colons.next_back())?;
    Some((OsStr::from_bytes(&bytes[..colon]), OsStr::from_bytes(&bytes[colon + 1..])))
}

fn no_rates(text: &OsStr) -> Diagnostic {
    let text = text.to_string_lossy();
    Diagnostic::error(format!("cannot read `{text}` as PATH:KEY=RATE[,KEY=RATE]..."))
        .help("write at least one rate, as in `/:read=10M,write-ops=50`")
}

fn unknown_rate(key: &str) -> Diagnostic {
    let help = match did_you_mean(key, IO_KEYS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the rates are `{}`", IO_KEYS.join("`, `")),
    };
    Diagnostic::error(format!("unknown rate `{key}` of io")).help(help)
}

/// Of two flags for one limit the later one counts, as for docker.
fn rlimits(
    flags: &LimitFlags,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<Rlimit, Located<Bounds>> {
    let given = list("--ulimit", &flags.ulimit, mistakes, ulimit);
    let entry =
        |Located { value: (rlimit, bounds), .. }| (rlimit, Located::new(bounds, flag("--ulimit")));
    given.into_iter().map(entry).collect()
}

/// `NAME=SOFT[:HARD]`
fn ulimit(text: &OsStr) -> Result<(Rlimit, Bounds), Diagnostic> {
    let text = utf8(text)?;
    let Some((name, bounds)) = text.split_once('=') else {
        return Err(Diagnostic::error(format!("cannot read `{text}` as NAME=SOFT[:HARD]"))
            .help("write a name and a limit, as in `nofile=1024:4096`"));
    };
    let rlimit = rlimit(name)?;
    let unit = match rlimit.unit() {
        RlimitUnit::Bytes => "B",
        RlimitUnit::Seconds => "s",
        RlimitUnit::Count => "",
    };
    let ours: Vec<Cow<'_, str>> = bounds
        .split(':')
        .map(|bound| if bound == "-1" { "unlimited".into() } else { or_with_unit(bound, unit) })
        .collect();
    Ok((rlimit, parse_bounds(rlimit, &ours.join(":"))?))
}

/// A limit by our name or docker's.
fn rlimit(name: &str) -> Result<Rlimit, Diagnostic> {
    let ours = Rlimit::ALL.into_iter().find(|rlimit| rlimit.name() == name);
    if let Some(rlimit) = ours.or((name == "cpu").then_some(Rlimit::CpuTime)) {
        return Ok(rlimit);
    }
    let others = OTHER_ULIMITS.iter().find(|(other, ..)| *other == name);
    if let Some((_, because, help)) = others {
        return Err(Diagnostic::error(format!("jail does not set the limit `{name}`"))
            .because(*because)
            .help(*help));
    }
    let names = Rlimit::ALL.map(Rlimit::name);
    let help = match did_you_mean(name, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the limits are `{}`", names.join("`, `")),
    };
    Err(Diagnostic::error(format!("unknown limit `{name}`")).help(help))
}

/// Limits that docker sets and jail does not; why, and what to do. See getrlimit(2).
const OTHER_ULIMITS: [(&str, &str, &str); 9] = [
    ("as", "addresses that are not used cost nothing", "use `--memory`, or `--ulimit data=SIZE`"),
    ("locks", "the kernel has not heeded it since 2.4.25", "leave it out"),
    ("msgqueue", INHERITED, "leave it out"),
    ("nice", "it says how far niceness may be lowered again", "use `--nice` to set the niceness"),
    ("rss", "the kernel has not heeded it since 2.4.30", "use `--memory`"),
    ("rtprio", INHERITED, "leave it out"),
    ("rttime", INHERITED, "leave it out"),
    ("sigpending", INHERITED, "leave it out"),
    ("host", INHERITED, "leave it out"),
];

const INHERITED: &str = "the caller's own limit holds inside";

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStringExt;
    use std::time::Duration;

    use clap::Parser;
    use proptest::prelude::*;

    use super::super::arguments::{Arguments, Command};
    use super::*;
    use crate::diagnostic::Origin;
    use crate::profile::CpuSet;
    use crate::units::Cpus;

    fn read(words: &[&str]) -> Result<Limits, Vec<Diagnostic>> {
        let words = ["jail", "run"].iter().chain(words).chain(&["true"]);
        let flags = match Arguments::try_parse_from(words).unwrap().command {
            Command::Run(run) => run.sandbox.limits,
            other => panic!("not a run: {other:?}"),
        };
        let mut mistakes = Vec::new();
        let limits = limits(&flags, &mut mistakes);
        if mistakes.is_empty() { Ok(limits) } else { Err(mistakes) }
    }

    #[track_caller]
    fn made(words: &[&str]) -> Limits {
        read(words).unwrap()
    }

    /// Title, cause and help of the only mistake.
    #[track_caller]
    fn mistake(words: &[&str]) -> String {
        let mistakes = read(words).unwrap_err();
        let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
        let told = std::iter::once(&mistake.title).chain(&mistake.because).chain(&mistake.help);
        told.map(String::as_str).collect::<Vec<_>>().join("; ")
    }

    fn from<T>(flag: &str, value: T) -> Option<Located<T>> {
        Some(Located::new(value, Origin::Flag(flag.to_owned())))
    }

    #[test]
    fn every_flag_lands_in_its_field() {
        let made = made(&[
            "-m512m",
            "--swap=0B",
            "--cpus=1.5",
            "--cpuset=5,0-3",
            "--pids=64",
            "--io=/a:b:read=10M,write-ops=5",
            "--io=/c:write=unlimited",
            "--hugepages=off",
            "--time=1h30m",
            "--time-grace=0s",
            "--nice=19",
            "--ulimit=nofile=1024:4096",
            "--ulimit=core=0",
            "--ulimit=core=1M:-1",
            "--ulimit=cpu=90",
        ]);
        assert_eq!(made.memory, from("--memory", Cap::At(Size(512 << 20))));
        assert_eq!(made.swap, from("--swap", Swap::At(Size(0))));
        assert_eq!(made.cpus, from("--cpus", Cap::At(Cpus(1500))));
        assert_eq!(made.cpuset, from("--cpuset", CpuSet(vec![(0, 3), (5, 5)])));
        assert_eq!(made.pids, from("--pids", Cap::At(64)));
        let limit = |path, read, write_ops| {
            let path = rules::path(path);
            from("--io", IoLimit { path, read, write: None, read_ops: None, write_ops }).unwrap()
        };
        let a = limit("/a:b", Some(Size(10 << 20)), Some(5));
        assert_eq!(made.io, [a, limit("/c", None, None)]);
        assert_eq!(made.hugepages, from("--hugepages", false));
        assert_eq!(made.time, from("--time", Cap::At(Span(Duration::from_secs(5400)))));
        assert_eq!(made.time_grace, from("--time-grace", Span(Duration::ZERO)));
        assert_eq!(made.nice, from("--nice", 19));
        let ulimit = |soft, hard| from("--ulimit", Bounds { soft, hard }).unwrap();
        let expected = [
            (Rlimit::Core, ulimit(Cap::At(1 << 20), Cap::Unlimited)),
            (Rlimit::CpuTime, ulimit(Cap::At(90), Cap::At(91))),
            (Rlimit::Nofile, ulimit(Cap::At(1024), Cap::At(4096))),
        ];
        assert_eq!(made.rlimits, expected.into());
    }

    #[test]
    fn podmans_spellings_are_understood() {
        let swap = |words: &[&str]| made(words).swap.unwrap().value;
        assert_eq!(swap(&["--memory-swap=2g"]), Swap::WithMemory(Size(2 << 30)));
        assert_eq!(swap(&["--memory-swap", "-1"]), Swap::Unlimited);
        assert_eq!(swap(&["--memory-swap=unlimited"]), Swap::Unlimited);
        for pids in ["-1", "0", "unlimited"] {
            let read = made(&["--pids-limit", pids]).pids.unwrap().value;
            assert_eq!(read, Cap::Unlimited, "{pids}");
        }
        assert_eq!(made(&["--cpuset-cpus=1"]), made(&["--cpuset=1"]));
        assert_eq!(made(&["--timeout=90"]), made(&["--time=90s"]));
        assert_eq!(made(&["--time-grace=5"]), made(&["--time-grace=5s"]));
        for (docker, ours) in [
            ("cpu=60:120", "cpu-time=1m:2m"),
            ("memlock=-1:-1", "memlock=unlimited"),
            ("stack=8388608", "stack=8M"),
            ("fsize=1024:2048", "fsize=1K:2K"),
        ] {
            assert_eq!(made(&["--ulimit", docker]), made(&["--ulimit", ours]), "{docker}");
        }
    }

    #[test]
    fn unlimited_is_said_and_so_lifts_what_a_profile_says() {
        let made = made(&["-munlimited", "--cpus=unlimited", "--time=unlimited"]);
        assert_eq!(made.memory, from("--memory", Cap::Unlimited));
        assert_eq!(made.cpus, from("--cpus", Cap::Unlimited));
        assert_eq!(made.time, from("--time", Cap::Unlimited));
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_a_profile() {
        for (words, told) in [
            (&["-m512"][..], "a size needs a unit; write `512M`, or `512B` for bytes"),
            (&["-m0"], "nothing can run in 0B of memory; write more, or `unlimited`"),
            (&["-m", "-1"], "`-1` is no limit; write `unlimited`"),
            (&["--memory=1GB"], "the unit could be decimal or binary; write `1G`, which is binary"),
            (
                &["--memory-swap=0B"],
                "nothing can run in 0B of memory and swap; write at least what `--memory` has; \
                 for no swap, write `--swap 0B`",
            ),
            (
                &["--cpus=0"],
                "the share is less than a hundredth of a processor; write `0.01` or more",
            ),
            (&["--cpuset=3-1"], "the range `3-1` runs backwards; write `1-3`"),
            (&["--hugepages=no"], "unknown switch `no`; use `on` or `off`"),
            (&["--time=0"], "nothing can run in no time; write more, or `unlimited`"),
            (
                &["--nice", "-5"],
                "`-5` is no niceness that a command may get; only root may take more of the \
                 processor than others; write 0 to 19; 19 gives way to all others",
            ),
            (
                &["--io=/dev/sda"],
                "cannot read `/dev/sda` as PATH:KEY=RATE[,KEY=RATE]...; write at least one rate, \
                 as in `/:read=10M,write-ops=50`",
            ),
            (
                &["--io=/dev/sda:1mb"],
                "cannot read `/dev/sda:1mb` as PATH:KEY=RATE[,KEY=RATE]...; write at least one \
                 rate, as in `/:read=10M,write-ops=50`",
            ),
            (&["--io=/:raed=1M"], "unknown rate `raed` of io; did you mean `read`?"),
            (
                &["--io=/:read=1M,weight=5"],
                "unknown rate `weight` of io; the rates are `read`, `write`, `read-ops`, `write-ops`",
            ),
            (&["--io=/:read=1M,read=2M"], "`read` stands twice in one `--io`; keep one of them"),
            (&["--io=/:read=512"], "a size needs a unit; write `512M`, or `512B` for bytes"),
            (&["--io=:read=1M"], "empty path in `:read=1M`; name a directory, or a block device"),
            (
                &["--io=/:read=1M", "--io=/:write=1M"],
                "`/` has two limits; put both into one flag, as `--io /:read=10M,write=5M`",
            ),
            (
                &["--ulimit=nofile"],
                "cannot read `nofile` as NAME=SOFT[:HARD]; write a name and a limit, as in \
                 `nofile=1024:4096`",
            ),
            (
                &["--ulimit=nofile=2:1"],
                "the soft limit `2` is above the hard limit `1`; write `SOFT:HARD`, the lower one first",
            ),
            (&["--ulimit=nofiles=1"], "unknown limit `nofiles`; did you mean `nofile`?"),
            (
                &["--ulimit=rss=1"],
                "jail does not set the limit `rss`; the kernel has not heeded it since 2.4.30; \
                 use `--memory`",
            ),
            (
                &["--ulimit=rtprio=1"],
                "jail does not set the limit `rtprio`; the caller's own limit holds inside; \
                 leave it out",
            ),
        ] {
            assert_eq!(mistake(words), told, "{words:?}");
        }
    }

    #[test]
    fn a_mistake_names_its_flag() {
        for (words, flag) in
            [("--cpuset-cpus=x", "--cpuset"), ("--timeout=x", "--time"), ("-mx", "--memory")]
        {
            let mistakes = read(&[words]).unwrap_err();
            assert_eq!(mistakes[0].origin, Some(Origin::Flag(flag.to_owned())));
        }
    }

    #[test]
    fn a_device_may_have_any_name() {
        let text = OsString::from_vec(b"/mnt/\xff:read=1:x:write=1M".to_vec());
        let limit = io(&text).unwrap();
        assert_eq!(limit.path.text.as_bytes(), b"/mnt/\xff:read=1:x");
        assert_eq!(limit.write, Some(Size(1 << 20)));
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused_with_help(
            text in "(/:(read|write-ops)=|(core|nofile|cpu)=)?[0-9.:,KMsm=-]{0,9}|.*",
        ) {
            let text = OsStr::new(&text);
            let refused = [
                memory(text).err(),
                memory_swap(text).err(),
                pids(text).err(),
                time(text).err(),
                time_grace(text).err(),
                io(text).err(),
                ulimit(text).err(),
            ];
            for mistake in refused.into_iter().flatten() {
                prop_assert!(mistake.help.iter().any(|help| !help.is_empty()), "{:?}", mistake);
            }
        }
    }
}
