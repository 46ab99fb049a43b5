//! The findings for a person: a table, what to do, and one line with the answer.

use std::fmt::Write as _;

use crate::diagnostic::{Palette, visible};

use super::types::{Check, Findings, Fix, State};

/// As text. With `all`, what the profile does not need is listed as well.
pub fn to_text(findings: &Findings, all: bool, palette: Palette) -> String {
    let mut text = String::new();
    let shown = |check: &&Check| all || check.state != State::NotNeeded;
    let checks: Vec<&Check> = findings.checks.iter().filter(shown).collect();
    let width = checks.iter().map(|check| check.name.title().len()).max().unwrap_or(0);
    for check in &checks {
        row(&mut text, check, width, palette);
    }
    let to_fix: Vec<&&Check> = checks.iter().filter(|check| !check.fixes.is_empty()).collect();
    if !to_fix.is_empty() {
        text.push_str("\nwhat to do:\n");
    }
    for check in to_fix {
        let _ = writeln!(text, "  {}", check.name.title());
        check.fixes.iter().for_each(|fix| remedy(&mut text, fix));
    }
    let names: Vec<String> =
        findings.profiles.iter().map(|name| format!("`{}`", visible(name))).collect();
    let answer = if findings.runs { "runs" } else { "cannot run" };
    let separator = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{separator}jail: this machine {answer} {}", names.join(" with "));
    text
}

/// Name, state, what was seen; and below what that means.
fn row(text: &mut String, check: &Check, width: usize, palette: Palette) {
    let state = word(check.state);
    let coloured = palette.paint(colour(check.state), state);
    let padding = " ".repeat(STATES - state.len());
    let name = check.name.title();
    let _ = writeln!(text, "{name:width$}  {coloured}{padding}  {}", visible(&check.found));
    if let Some(means) = &check.means {
        let _ = writeln!(text, "{:width$}  {:STATES$}  {}", "", "", visible(means));
    }
}

fn remedy(text: &mut String, fix: &Fix) {
    let _ = writeln!(text, "    {}", visible(&fix.title));
    for line in &fix.lines {
        let _ = writeln!(text, "        {}", visible(line));
    }
}

/// The longest word of a state.
const STATES: usize = "not needed".len();

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Degraded => "degraded",
        State::Missing => "missing",
        State::NotTried => "not tried",
        State::NotNeeded => "not needed",
    }
}

fn colour(state: State) -> crate::diagnostic::Colour {
    use crate::diagnostic::Colour;
    match state {
        State::Ok => Colour::Green,
        State::Degraded => Colour::Yellow,
        State::Missing => Colour::Red,
        State::NotTried | State::NotNeeded => Colour::None,
    }
}
