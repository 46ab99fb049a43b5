//! `jail profile diff`.

use std::ffi::OsStr;
use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, visible};
use crate::profile::listing::{Difference, Effect, Line, Value, compare};

use super::super::image::print_json;
use super::super::voice::answer;
use super::arguments::DiffArguments;
use super::{loaded, taken_apart};

/// Executes `jail profile diff`.
pub fn diff(arguments: &DiffArguments) -> Result<u8, Vec<Diagnostic>> {
    let (first, second) = (loaded(&arguments.first, "diff"), loaded(&arguments.second, "diff"));
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (taken_apart(&first)?, taken_apart(&second)?),
        (first, second) => {
            let mistakes = first.err().into_iter().chain(second.err());
            return Err(mistakes.flatten().collect());
        }
    };
    let differences = compare(&first, &second);
    if arguments.json {
        print_json(&differences.iter().map(object).collect::<Vec<_>>())?;
    } else {
        answer(words(&arguments.first, &arguments.second, &differences).as_bytes())?;
    }
    Ok(u8::from(!differences.is_empty()))
}

/// What the second profile grants beyond the first, takes away, and does otherwise; a line for each.
pub fn beyond(first: &OsStr, second: &OsStr, differences: &[Difference]) -> String {
    let (a, b) = (shown(first), shown(second));
    let mut text = String::new();
    for (effect, title) in [
        (Effect::Grants, format!("{b} grants more than {a}:")),
        (Effect::TakesAway, format!("{b} grants less than {a}:")),
        (Effect::Other, format!("{b} differs from {a}, and neither grants more:")),
    ] {
        let mut of_kind = differences.iter().filter(|one| one.effect == effect).peekable();
        if of_kind.peek().is_some() {
            text.push_str(&title);
            text.push('\n');
        }
        for one in of_kind {
            writeln!(text, "  {}", sentence(one)).expect("a String takes all text");
        }
    }
    text
}

fn words(first: &OsStr, second: &OsStr, differences: &[Difference]) -> String {
    if differences.is_empty() {
        return format!("{} and {} grant the same\n", shown(first), shown(second));
    }
    beyond(first, second, differences)
}

fn shown(name: &OsStr) -> String {
    format!("`{}`", visible(&name.to_string_lossy()))
}

/// `network.mode: reach what the host reaches (x.toml:3), instead of: ...`
fn sentence(one: &Difference) -> String {
    let side = |line: &Option<Line>| match line {
        Some(line) => {
            format!("{} ({})", said(line, &one.about), visible(&line.origin.to_string()))
        }
        None => "not said".to_owned(),
    };
    let instead = match &one.first {
        Some(_) => format!(", instead of: {}", side(&one.first)),
        None => String::new(),
    };
    format!("{}: {}{instead}", one.key, side(&one.second))
}

/// What a line means for what the difference is about.
fn said(line: &Line, about: &str) -> String {
    let value = visible(&line.value.plain());
    let about = visible(about);
    match (line.section, line.key) {
        ("", "degrade") => format!("run without {value}"),
        ("filesystem", "read") => format!("read {about}"),
        ("filesystem", "write") => format!("read and write {about}"),
        ("filesystem", "overlay") => format!("write to {about}, and throw it away"),
        ("filesystem", "mask") => format!("hide {about}"),
        ("filesystem", "tmpfs") => match &line.value {
            Value::Table(_) => format!("an empty directory at {about}: {value}"),
            _ => format!("an empty directory at {about}"),
        },
        ("filesystem", "bind") => format!("show {value}"),
        ("filesystem", "devices") => format!("use the device {value}"),
        ("network", "allow") => format!("reach {value}"),
        ("network", "publish") => format!("publish the port {value}"),
        ("network", "hosts") => format!("{about} is {value}"),
        ("network", "dns") => format!("ask {value} for names"),
        ("env", "pass") => format!("keep the variable {value}"),
        ("env", "set") => format!("the variable {about} is {value}"),
        ("process", "preserve-fds") => format!("keep the descriptor {value}"),
        ("seccomp", "allow") => format!("call {value}"),
        ("seccomp", "deny") => format!("never call {value}"),
        ("capabilities", "keep") => format!("keep {value}"),
        _ => value,
    }
}

fn object(one: &Difference) -> Json {
    let effect = match one.effect {
        Effect::Grants => "grants",
        Effect::TakesAway => "takes-away",
        Effect::Other => "other",
    };
    let side = |line: &Option<Line>| {
        line.as_ref().map(|line| {
            json!({
                "key": line.name(),
                "value": line.value.to_json(),
                "origin": line.origin.to_string(),
            })
        })
    };
    json!({
        "effect": effect,
        "key": one.key,
        "about": one.about,
        "first": side(&one.first),
        "second": side(&one.second),
    })
}
