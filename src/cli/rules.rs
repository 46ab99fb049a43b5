//! The flags that say what is at a path inside, in the order in which they were given.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile::{Base, Grant, PathText, Rule, parse_tmpfs_size};
use crate::units::Size;

/// The rules of the command line; of two for the same path the later one counts, so
/// their order must survive parsing, which it does not in one list per flag.
#[derive(Debug, Default)]
pub struct RuleFlags {
    given: Vec<(&'static RuleFlag, OsString)>,
}

impl RuleFlags {
    /// Understands every rule; mistakes go to `mistakes`.
    pub fn rules(&self, mistakes: &mut Vec<Diagnostic>) -> Vec<Located<Rule>> {
        let mut rules = Vec::new();
        for (flag, value) in &self.given {
            let origin = Origin::Flag(format!("--{}", flag.name));
            match (flag.understand)(value) {
                Ok(rule) => rules.push(Located::new(rule, origin)),
                Err(mistake) => mistakes.push(mistake.at(&origin)),
            }
        }
        rules
    }
}

impl FromArgMatches for RuleFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given: Vec<(usize, &'static RuleFlag, OsString)> = Vec::new();
        for flag in RULE_FLAGS {
            let indices = matches.indices_of(flag.name).into_iter().flatten();
            let values = matches.get_many::<OsString>(flag.name).into_iter().flatten();
            given.extend(indices.zip(values).map(|(index, value)| (index, flag, value.clone())));
        }
        given.sort_by_key(|(index, ..)| *index);
        Ok(Self { given: given.into_iter().map(|(_, flag, value)| (flag, value)).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RuleFlags {
    fn augment_args(command: Command) -> Command {
        RULE_FLAGS.iter().fold(command, |command, flag| command.arg(flag.argument()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// One of these flags.
#[derive(Debug)]
struct RuleFlag {
    name: &'static str,
    short: Option<char>,
    /// Without a colon, which would end the word in zsh's completions.
    value: &'static str,
    help: &'static str,
    more: &'static str,
    understand: fn(&OsStr) -> Result<Rule, Diagnostic>,
}

impl RuleFlag {
    fn argument(&self) -> Arg {
        let argument = Arg::new(self.name)
            .long(self.name)
            .value_name(self.value)
            .value_hint(ValueHint::AnyPath)
            .value_parser(clap::value_parser!(OsString))
            .action(ArgAction::Append)
            .help(self.help);
        let argument = match self.short {
            Some(short) => argument.short(short),
            None => argument,
        };
        if self.more.is_empty() {
            argument
        } else {
            argument.long_help(format!("{}\n\n{}", self.help, self.more))
        }
    }
}

static RULE_FLAGS: &[RuleFlag] = &[
    RuleFlag {
        name: "read",
        short: None,
        value: "PATH",
        help: "Grant a file or directory for reading and executing",
        more: "",
        understand: |value| simple(value, Grant::Read),
    },
    RuleFlag {
        name: "write",
        short: None,
        value: "PATH",
        help: "Grant a file or directory for reading and writing",
        more: "",
        understand: |value| simple(value, Grant::Write),
    },
    RuleFlag {
        name: "overlay",
        short: None,
        value: "PATH",
        help: "Let the command write to a directory, and throw the writes away",
        more: "They go to memory; the host never sees them.",
        understand: |value| simple(value, Grant::Overlay),
    },
    RuleFlag {
        name: "mask",
        short: None,
        value: "PATH",
        help: "Make a file or directory unreadable, also below a granted one",
        more: "",
        understand: |value| simple(value, Grant::Mask),
    },
    RuleFlag {
        name: "tmpfs",
        short: None,
        value: "PATH",
        help: "Put an empty file system in memory at PATH[:size=SIZE]",
        more: "SIZE is written as 512M or 1.5G, where M is 2^20 bytes. Without it the file \
               system shares the sandbox's scratch space. A `:` in the path is written `\\:`.",
        understand: tmpfs,
    },
    RuleFlag {
        name: "bind",
        short: None,
        value: "BIND",
        help: "Show FROM of the host at TO inside, as FROM:TO[:ro|rw]; read-only unless said",
        more: "A `:` in a path is written `\\:`.",
        understand: |value| bind(value, false),
    },
    RuleFlag {
        name: "volume",
        short: Some('v'),
        value: "BIND",
        help: "The same with podman's meaning, as FROM:TO[:ro|rw]; writable unless said",
        more: "A `:` in a path is written `\\:`.",
        understand: |value| bind(value, true),
    },
];

/// A path as a flag gives it.
pub fn path(text: impl Into<OsString>) -> PathText {
    PathText { text: text.into(), base: Base::WorkingDirectory }
}

fn simple(value: &OsStr, grant: Grant) -> Result<Rule, Diagnostic> {
    Ok(Rule { path: path(not_empty(value, value)?), grant, optional: false })
}

fn tmpfs(value: &OsStr) -> Result<Rule, Diagnostic> {
    let parts = split(value);
    let (at, size) = match parts.as_slice() {
        [at] => (at, None),
        [at, option] => (at, Some(tmpfs_size(option)?)),
        _ => return Err(malformed(value, "PATH[:size=SIZE]")),
    };
    let at = path(not_empty(at, value)?);
    Ok(Rule { path: at, grant: Grant::Tmpfs { size }, optional: false })
}

fn tmpfs_size(option: &OsStr) -> Result<Size, Diagnostic> {
    let option = option.to_string_lossy();
    let Some(size) = option.strip_prefix("size=") else {
        return Err(Diagnostic::error(format!("unknown option `{option}` of a tmpfs"))
            .help("`size=` is the only one, as in `/tmp:size=512M`"));
    };
    Ok(parse_tmpfs_size(size)?)
}

fn bind(value: &OsStr, write_unless_said: bool) -> Result<Rule, Diagnostic> {
    let parts = split(value);
    let (from, to, write) = match parts.as_slice() {
        [from, to] => (from, to, write_unless_said),
        [from, to, mode] => (from, to, bind_mode(mode)?),
        _ => return Err(malformed(value, "FROM:TO[:ro|rw]")),
    };
    let from = path(not_empty(from, value)?);
    let to = path(not_empty(to, value)?);
    Ok(Rule { path: to, grant: Grant::Bind { from, write }, optional: false })
}

fn bind_mode(mode: &OsStr) -> Result<bool, Diagnostic> {
    if mode == "rw" {
        Ok(true)
    } else if mode == "ro" {
        Ok(false)
    } else {
        let mode = mode.to_string_lossy();
        Err(Diagnostic::error(format!("unknown option `{mode}` of a bind"))
            .help("use `ro` or `rw`; a `:` that belongs to a path is written `\\:`"))
    }
}

fn malformed(value: &OsStr, form: &str) -> Diagnostic {
    Diagnostic::error(format!("cannot read `{}` as {form}", value.to_string_lossy()))
        .help("a `:` that belongs to a path is written `\\:`")
}

fn not_empty(part: &OsStr, value: &OsStr) -> Result<OsString, Diagnostic> {
    if part.is_empty() {
        return Err(Diagnostic::error(format!("empty path in `{}`", value.to_string_lossy()))
            .help("for the working directory, write `.`"));
    }
    Ok(part.to_owned())
}

/// The parts between colons; `\:` is a colon that does not separate.
fn split(value: &OsStr) -> Vec<OsString> {
    let mut parts = vec![Vec::new()];
    let mut bytes = value.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = byte == b'\\' && bytes.next_if_eq(&b':').is_some();
        let last = parts.last_mut().expect("there is always a part");
        match (escaped, byte) {
            (true, _) => last.push(b':'),
            (false, b':') => parts.push(Vec::new()),
            (false, _) => last.push(byte),
        }
    }
    parts.into_iter().map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &str) -> Vec<String> {
        split(OsStr::new(value)).iter().map(|part| part.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_escaped_colon_does_not_separate() {
        assert_eq!(parts("a:b:ro"), ["a", "b", "ro"]);
        assert_eq!(parts(r"a\:b:c"), ["a:b", "c"]);
        assert_eq!(parts(r"a\b:c\"), [r"a\b", r"c\"]);
        assert_eq!(parts(":"), ["", ""]);
    }

    #[test]
    fn a_bind_is_read_only_and_a_volume_writable_unless_said() {
        let write = |value: &str, default| match bind(OsStr::new(value), default).unwrap().grant {
            Grant::Bind { write, .. } => write,
            other => panic!("not a bind: {other:?}"),
        };
        assert!(!write("a:b", false));
        assert!(write("a:b", true));
        assert!(write("a:b:rw", false));
        assert!(!write("a:b:ro", true));
    }

    #[test]
    fn a_bind_has_two_paths_and_at_most_one_option() {
        let title = |value: &str| bind(OsStr::new(value), false).unwrap_err().title;
        assert_eq!(title("a"), "cannot read `a` as FROM:TO[:ro|rw]");
        assert_eq!(title("a:b:ro:x"), "cannot read `a:b:ro:x` as FROM:TO[:ro|rw]");
        assert_eq!(title("a:b:z"), "unknown option `z` of a bind");
        assert_eq!(title(":b"), "empty path in `:b`");
    }

    #[test]
    fn a_tmpfs_takes_a_size_and_nothing_else() {
        let grant = |value: &str| tmpfs(OsStr::new(value)).map(|rule| rule.grant);
        assert_eq!(grant("/x"), Ok(Grant::Tmpfs { size: None }));
        assert_eq!(grant("/x:size=2M"), Ok(Grant::Tmpfs { size: Some(Size(2 << 20)) }));
        assert_eq!(
            grant("/x:mode=1777").unwrap_err().title,
            "unknown option `mode=1777` of a tmpfs"
        );
    }
}
