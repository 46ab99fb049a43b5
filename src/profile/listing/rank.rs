//! Which of two values of a key grants more.

use std::cmp::Ordering;

use super::{Line, Value};
use crate::profile::{parse_cpus, parse_memory, parse_pids, parse_time};
use crate::units::{Size, Span};

/// Whether more of a list means more that is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Each entry grants something.
    Grants,
    /// Each entry takes something away.
    TakesAway,
    /// Neither can be said.
    Neutral,
}

/// What an entry of a list or table means.
pub(super) fn weight(line: &Line) -> Weight {
    match (line.section, line.key) {
        ("", "degrade")
        | ("filesystem", "devices")
        | ("network", "allow" | "publish")
        | ("env", "pass" | "set")
        | ("process", "preserve-fds")
        | ("seccomp", "allow")
        | ("capabilities", "keep") => Weight::Grants,
        ("seccomp", "deny") | ("limits", "io") => Weight::TakesAway,
        _ => Weight::Neutral,
    }
}

/// Compares two values of a key that has one; `None` where neither grants more. A value that is not
/// said is the default.
pub(super) fn order(
    section: &str,
    key: &str,
    a: Option<&Value>,
    b: Option<&Value>,
) -> Option<Ordering> {
    if section == "limits" {
        return limit(key, a)?.partial_cmp(&limit(key, b)?);
    }
    let words = ranking(section, key)?;
    let place = |value: Option<&Value>| match value {
        Some(value) => words.iter().position(|word| *word == value.plain()),
        None => words.iter().position(|word| *word == default(section, key)),
    };
    match (place(a), place(b)) {
        // A network that is there already reaches more than none does. What else it reaches nobody knows here.
        (Some(0), None) if (section, key) == ("network", "mode") => Some(Ordering::Less),
        (None, Some(0)) if (section, key) == ("network", "mode") => Some(Ordering::Greater),
        (a, b) => a?.partial_cmp(&b?),
    }
}

impl Value {
    /// Without quotes, for words.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(_) | Self::Switch(_) | Self::List(_) | Self::Table(_) => self.to_toml(),
        }
    }
}

/// The words of a key, from the one that grants least.
fn ranking(section: &str, key: &str) -> Option<&'static [&'static str]> {
    Some(match (section, key) {
        ("filesystem", "root-mode") => &["read-only", "overlay", "write"],
        ("network", "mode") => &["none", "allow", "nat", "host"],
        ("process", "ids") => &["single", "auto", "subuid"],
        ("process", "tty") => &["none", "auto", "inherit"],
        ("seccomp", "policy") => &["strict", "default", "off"],
        ("landlock", "enabled") => &["true", "false"],
        ("process", "nesting") | ("network", "host-loopback") => &["false", "true"],
        _ => return None,
    })
}

fn default(section: &str, key: &str) -> &'static str {
    match (section, key) {
        ("filesystem", "root-mode") => "read-only",
        ("network", "mode") => "none",
        ("process", "ids") => "single",
        ("process", "tty") => "auto",
        ("seccomp", "policy") => "default",
        ("landlock", "enabled") => "true",
        _ => "false",
    }
}

/// How much a limit lets through: soft limit, hard limit. Without one it is everything.
fn limit(key: &str, value: Option<&Value>) -> Option<(u64, u64)> {
    const ALL: u64 = u64::MAX;
    let Some(value) = value.map(Value::plain) else {
        return Some(match key {
            "core" => (0, 0),
            "nproc" => (4096, 4096),
            "hugepages" => (1, 1),
            "time-grace" => (10_000, 10_000),
            // No number is less than these, and which processors there are is not known here.
            "nice" | "cpuset" | "io" | "swap" => return None,
            _ => (ALL, ALL),
        });
    };
    let both = |number: u64| Some((number, number));
    let milliseconds = |span: Span| u64::try_from(span.0.as_millis()).unwrap_or(ALL);
    match key {
        "memory" => both(parse_memory(&value).ok()?.at().map_or(ALL, |size| size.0)),
        "cpus" => both(parse_cpus(&value).ok()?.at().map_or(ALL, |cpus| u64::from(cpus.0))),
        "pids" => both(parse_pids(&value).ok()?.at().map_or(ALL, u64::from)),
        "time" => both(parse_time(&value).ok()?.at().map_or(ALL, milliseconds)),
        "time-grace" => both(value.parse().map(milliseconds).ok()?),
        "hugepages" => both(u64::from(value == "true")),
        "nice" | "cpuset" | "io" | "swap" => None,
        _ => {
            let (soft, hard) = value.split_once(':').unwrap_or((&value, &value));
            Some((amount(soft)?, amount(hard)?))
        }
    }
}

/// A limit of setrlimit(2), as [`lines`](super::lines) writes it.
fn amount(text: &str) -> Option<u64> {
    if text == "unlimited" {
        return Some(u64::MAX);
    }
    let size = text.parse::<Size>().map(|size| size.0).ok();
    let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    text.parse().ok().or(size).or(seconds)
}
