//! Single values by their words, the same in a profile and in a flag.

use std::fmt;
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, nearest};
use crate::units::{BadSize, Size};

use super::{Ids, Protection, Pull, RootMode, Tty, User};

/// Why a text is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// As the title of a diagnostic.
    pub title: String,
    pub because: Option<String>,
    pub help: Option<String>,
}

impl BadValue {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), because: None, help: None }
    }

    pub(super) fn because(mut self, because: impl Into<String>) -> Self {
        self.because = Some(because.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `word` is none of `known`: the nearest of them, or all.
    pub(super) fn unknown_word(kind: &str, word: &str, known: &[&str]) -> Self {
        let help = match nearest(word, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => one_of(known),
        };
        Self::new(format!("unknown {kind} `{word}`")).help(help)
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        for more in [&self.because, &self.help].into_iter().flatten() {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadValue {}

impl From<BadValue> for Diagnostic {
    fn from(bad: BadValue) -> Self {
        let mut diagnostic = Self::error(bad.title);
        diagnostic.because = bad.because;
        diagnostic.help.extend(bad.help);
        diagnostic
    }
}

impl From<BadSize> for BadValue {
    fn from(bad: BadSize) -> Self {
        Self::new(bad.to_string()).help(bad.help())
    }
}

impl FromStr for RootMode {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let known =
            [("read-only", Self::ReadOnly), ("overlay", Self::Overlay), ("write", Self::Write)];
        word("root mode", text, &known)
    }
}

impl FromStr for Pull {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let known = [("missing", Self::Missing), ("always", Self::Always), ("never", Self::Never)];
        word("value for pull", text, &known)
    }
}

impl FromStr for Ids {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let known = [("single", Self::Single), ("subuid", Self::Subuid), ("auto", Self::Auto)];
        word("value for ids", text, &known)
    }
}

impl FromStr for Tty {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let known = [("auto", Self::Auto), ("inherit", Self::Inherit), ("none", Self::None)];
        word("value for tty", text, &known)
    }
}

impl FromStr for Protection {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let known = [
            ("landlock", Self::Landlock),
            ("limits", Self::Limits),
            ("overlay", Self::Overlay),
            ("namespaces", Self::Namespaces),
            ("nested-rules", Self::NestedRules),
        ];
        let only =
            "only `landlock`, `limits`, `overlay`, `namespaces` and `nested-rules` may be missing";
        match text {
            "seccomp" | "capabilities" | "no-new-privileges" => {
                Err(BadValue::new(format!("`{text}` cannot be degraded")).help(only))
            }
            "cgroup" | "cgroups" => Err(BadValue::new(format!("unknown protection `{text}`"))
                .help("write `limits` for those that need a cgroup")),
            _ => word("protection", text, &known),
        }
    }
}

impl FromStr for User {
    type Err = BadValue;

    /// Reads `keep`, `root` or `UID:GID`.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text {
            "keep" => return Ok(Self::Keep),
            "root" => return Ok(Self::Root),
            _ => {}
        }
        if let Some((uid, gid)) = text.split_once(':')
            && let (Some(uid), Some(gid)) = (id(uid), id(gid))
        {
            return Ok(Self::Ids { uid, gid });
        }
        Err(match id(text) {
            Some(uid) => BadValue::new(format!("user `{text}` has no group"))
                .help(format!("write `{uid}:{uid}`")),
            None => BadValue::unknown_word("user", text, &["keep", "root", "UID:GID"]),
        })
    }
}

/// A file mode creation mask: `022`, `0077`.
pub fn parse_umask(text: &str) -> Result<u32, BadValue> {
    let octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| octal && text.len() <= 4 && *mask <= 0o777)
        .ok_or_else(|| {
            BadValue::new(format!("`{text}` is not a umask"))
                .help("write three octal digits, such as `022`")
        })
}

/// A host name: labels of RFC 1123 with dots between them, up to the kernel's 64 bytes.
pub fn parse_hostname(text: &str) -> Result<String, BadValue> {
    let bad = |because: &str| {
        Err(BadValue::new(format!("`{text}` is not a host name")).because(because.to_owned()))
    };
    if text.is_empty() {
        return bad("it is empty");
    }
    if text.len() > 64 {
        return bad("it is longer than 64 bytes");
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.'))
    {
        return bad(&format!("letters, digits, `-` and `.` are allowed, `{odd}` is not"));
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return bad("between dots, 1 to 63 characters must stand");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return bad("no part may begin or end with `-`");
        }
    }
    Ok(text.to_owned())
}

/// The size of a tmpfs. Zero is refused, because the kernel reads it as "no limit".
pub fn parse_tmpfs_size(text: &str) -> Result<Size, BadValue> {
    let size: Size = text.parse()?;
    if size.0 == 0 {
        return Err(BadValue::new("a tmpfs of no size can hold nothing")
            .help("leave `size` out to share the sandbox's scratch space"));
    }
    Ok(size)
}

/// The value of `text` in a table of words.
fn word<T: Copy>(kind: &str, text: &str, known: &[(&str, T)]) -> Result<T, BadValue> {
    known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        BadValue::unknown_word(kind, text, &words)
    })
}

/// A uid or gid. The largest number is refused: to the kernel it means "leave as is".
fn id(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}

/// `use a, b or c`
fn one_of(known: &[&str]) -> String {
    let quoted: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("use {} or {last}", rest.join(", ")),
        Some(_) | None => format!("use {}", quoted.concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: FromStr<Err = BadValue> + fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn users() {
        assert_eq!("keep".parse(), Ok(User::Keep));
        assert_eq!("root".parse(), Ok(User::Root));
        assert_eq!("1000:100".parse(), Ok(User::Ids { uid: 1000, gid: 100 }));
        assert_eq!(refused::<User>("1000"), "user `1000` has no group; write `1000:1000`");
        assert_eq!(refused::<User>("rot"), "unknown user `rot`; did you mean `root`?");
        for text in ["", ":", "1:", "+1:1", "4294967295:1", "1:4294967296", "1:1:1", "nobody"] {
            assert_eq!(
                refused::<User>(text),
                format!("unknown user `{text}`; use `keep`, `root` or `UID:GID`")
            );
        }
    }

    #[test]
    fn words() {
        assert_eq!("write".parse(), Ok(RootMode::Write));
        assert_eq!("subuid".parse(), Ok(Ids::Subuid));
        assert_eq!("inherit".parse(), Ok(Tty::Inherit));
        assert_eq!(
            refused::<RootMode>("readonly"),
            "unknown root mode `readonly`; did you mean `read-only`?"
        );
        assert_eq!(
            refused::<Tty>("new"),
            "unknown value for tty `new`; use `auto`, `inherit` or `none`"
        );
    }

    #[test]
    fn protections() {
        let only =
            "only `landlock`, `limits`, `overlay`, `namespaces` and `nested-rules` may be missing";
        assert_eq!("namespaces".parse(), Ok(Protection::Namespaces));
        assert_eq!("nested-rules".parse(), Ok(Protection::NestedRules));
        assert_eq!("landlock".parse(), Ok(Protection::Landlock));
        assert_eq!("limits".parse(), Ok(Protection::Limits));
        assert_eq!("overlay".parse(), Ok(Protection::Overlay));
        assert_eq!(
            refused::<Protection>("cgroup"),
            "unknown protection `cgroup`; write `limits` for those that need a cgroup"
        );
        assert_eq!(
            refused::<Protection>("everything"),
            "unknown protection `everything`; use `landlock`, `limits`, `overlay`, \
             `namespaces` or `nested-rules`"
        );
        assert_eq!(
            refused::<Protection>("seccomp"),
            format!("`seccomp` cannot be degraded; {only}")
        );
        assert_eq!(
            refused::<Protection>("landlok"),
            "unknown protection `landlok`; did you mean `landlock`?"
        );
    }

    #[test]
    fn umasks() {
        assert_eq!(parse_umask("022"), Ok(0o022));
        assert_eq!(parse_umask("0777"), Ok(0o777));
        assert_eq!(parse_umask("0"), Ok(0));
        for text in ["", "8", "+22", "1000", "00022", "0o22", "u=rwx", "-1"] {
            let bad = parse_umask(text).unwrap_err();
            assert_eq!(bad.title, format!("`{text}` is not a umask"));
        }
    }

    #[test]
    fn hostnames() {
        for good in ["jail", "a", "Build-1.example.org", &"x".repeat(63)] {
            assert_eq!(parse_hostname(good).as_deref(), Ok(good));
        }
        let long = format!("{}.y", "x".repeat(63));
        for (bad, because) in [
            ("", "it is empty"),
            (long.as_str(), "it is longer than 64 bytes"),
            ("a_b", "letters, digits, `-` and `.` are allowed, `_` is not"),
            ("a\nb", "letters, digits, `-` and `.` are allowed, `\n` is not"),
            ("-a", "no part may begin or end with `-`"),
            ("a-.b", "no part may begin or end with `-`"),
            ("a..b", "between dots, 1 to 63 characters must stand"),
            (&"x".repeat(64), "between dots, 1 to 63 characters must stand"),
        ] {
            assert_eq!(parse_hostname(bad).unwrap_err().because.as_deref(), Some(because), "{bad}");
        }
    }

    #[test]
    fn a_tmpfs_has_a_size() {
        assert_eq!(parse_tmpfs_size("4G"), Ok(Size(4 << 30)));
        assert_eq!(parse_tmpfs_size("512").unwrap_err().title, "a size needs a unit");
        let zero = parse_tmpfs_size("0B").unwrap_err();
        assert_eq!(zero.title, "a tmpfs of no size can hold nothing");
    }
}
