//! How two profiles differ.
//!
//! Rules are compared by what becomes of a path, not by their text: where one profile makes a directory
//! of a writable one read-only and the other says nothing about it, the other grants more.

use std::cmp::Ordering;

use super::rank::{Weight, order, weight};
use super::{Line, Place, Value};

/// What only one of two profiles says, or both say in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub effect: Effect,
    /// `filesystem.write`
    pub key: String,
    /// What it is about: a path, a name; empty where the key says it.
    pub about: String,
    /// What counts in the first profile, and in the second. For a path that is the rule above it, if
    /// none names it.
    pub first: Option<Line>,
    pub second: Option<Line>,
}

/// What the second profile does, seen from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Grants,
    TakesAway,
    Other,
}

/// All differences but that of the description, in the order of keys.
pub fn compare(first: &[Line], second: &[Line]) -> Vec<Difference> {
    let mut differences = Vec::new();
    rules(first, second, &mut differences);
    let of =
        |lines: &[Line], other: &Line| lines.iter().find(|line| same_place(line, other)).cloned();
    for line in first.iter().filter(|line| !is_rule(line)) {
        differences.extend(difference(Some(line.clone()), of(second, line)));
    }
    for line in second.iter().filter(|line| !is_rule(line) && of(first, line).is_none()) {
        differences.extend(difference(None, Some(line.clone())));
    }
    differences
}

fn is_rule(line: &Line) -> bool {
    let keys = ["read", "write", "overlay", "mask", "tmpfs", "bind"];
    line.section == "filesystem" && keys.contains(&line.key)
}

/// Whether both say the same thing, perhaps with another value.
fn same_place(a: &Line, b: &Line) -> bool {
    let key = a.section == b.section && a.key == b.key && a.place == b.place;
    key && (a.place != Place::Item || a.value == b.value)
}

fn difference(first: Option<Line>, second: Option<Line>) -> Option<Difference> {
    let line = second.as_ref().or(first.as_ref())?;
    if line.key == "description" || values(&first) == values(&second) {
        return None;
    }
    let effect = match (&line.place, &first, &second) {
        (Place::One, _, _) => {
            let order = order(line.section, line.key, values(&first), values(&second));
            match order {
                // The default, in words.
                Some(Ordering::Equal) => return None,
                Some(Ordering::Less) => Effect::Grants,
                Some(Ordering::Greater) => Effect::TakesAway,
                None => Effect::Other,
            }
        }
        (Place::Item | Place::Named(_), Some(_), Some(_)) => Effect::Other,
        (Place::Item | Place::Named(_), None, _) => added(line),
        (Place::Item | Place::Named(_), Some(_), None) => match added(line) {
            Effect::Grants => Effect::TakesAway,
            Effect::TakesAway => Effect::Grants,
            Effect::Other => Effect::Other,
        },
    };
    let about = match &line.place {
        Place::One => String::new(),
        Place::Item => line.value.plain(),
        Place::Named(name) => name.clone(),
    };
    Some(Difference { effect, key: line.name(), about, first, second })
}

fn added(line: &Line) -> Effect {
    match weight(line) {
        Weight::Grants => Effect::Grants,
        Weight::TakesAway => Effect::TakesAway,
        Weight::Neutral => Effect::Other,
    }
}

fn values(line: &Option<Line>) -> Option<&Value> {
    line.as_ref().map(|line| &line.value)
}

fn rules(first: &[Line], second: &[Line], differences: &mut Vec<Difference>) {
    let mut paths: Vec<Vec<String>> =
        first.iter().chain(second).filter(|line| is_rule(line)).map(path_of).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let (a, b) = (in_force(first, &path), in_force(second, &path));
        let effect = match (how_much(a), how_much(b)) {
            _ if says_the_same(a, b, &path) => continue,
            _ if shows_another(a, b, &path) => Effect::Grants,
            (less, more) if less < more => Effect::Grants,
            (more, less) if less < more => Effect::TakesAway,
            // From elsewhere, or of another size.
            _ => Effect::Other,
        };
        let named =
            b.filter(|line| path_of(line) == path).or(a.filter(|line| path_of(line) == path));
        let Some(key) = named.map(Line::name) else { continue };
        differences.push(Difference {
            effect,
            key,
            about: path.join("/").replacen("//", "/", 1),
            first: a.cloned(),
            second: b.cloned(),
        });
    }
}

/// The rule with the longest path at or above this one.
fn in_force<'a>(lines: &'a [Line], path: &[String]) -> Option<&'a Line> {
    let above = lines.iter().filter(|line| is_rule(line) && path.starts_with(&path_of(line)));
    above.max_by_key(|line| path_of(line).len())
}

/// From nothing to everything; a mask is less than nothing, as it also hides what the system shows.
fn how_much(line: Option<&Line>) -> u8 {
    let Some(line) = line else { return 1 };
    let writable = match &line.value {
        Value::Table(fields) => fields.contains(&("write", Value::Switch(true))),
        _ => false,
    };
    match line.key {
        "mask" => 0,
        "tmpfs" => 1,
        "read" => 2,
        "overlay" => 3,
        "bind" if writable => 4,
        "bind" => 2,
        _ => 4,
    }
}

/// Above the path only what is granted counts, at the path all of the rule.
fn says_the_same(a: Option<&Line>, b: Option<&Line>, path: &[String]) -> bool {
    let (Some(one), Some(other)) = (a, b) else {
        let only = a.or(b);
        // Below a private directory there is as little as without a rule.
        return only.is_none_or(|line| how_much(Some(line)) == 1 && path_of(line) != path);
    };
    let at_the_path = [one, other].iter().all(|line| path_of(line) == path);
    if at_the_path {
        return one.key == other.key && apart_from_path(one) == apart_from_path(other);
    }
    let plain = [one, other].iter().all(|line| line.key != "bind");
    how_much(a) == how_much(b) && plain
}

/// Whether a bind shows at the path what was not shown there: less of another thing is no less.
fn shows_another(a: Option<&Line>, b: Option<&Line>, path: &[String]) -> bool {
    let source = |line: Option<&Line>| match line.map(|line| (&line.value, path_of(line))) {
        Some((Value::Table(fields), at)) if at == path => {
            fields.iter().find(|(key, _)| *key == "from").map(|(_, from)| from.plain())
        }
        _ => None,
    };
    source(b).is_some_and(|from| source(a) != Some(from))
}

/// All of a rule but its path, which is written in several ways.
fn apart_from_path(line: &Line) -> Vec<&(&'static str, Value)> {
    match &line.value {
        Value::Table(fields) => {
            fields.iter().filter(|(key, _)| !matches!(*key, "path" | "to")).collect()
        }
        Value::Text(_) | Value::Number(_) | Value::Switch(_) | Value::List(_) => Vec::new(),
    }
}

/// The components of a rule's path, so that `./x` is below `.`, and `/x` is not. Where `..` or a
/// variable may lead out of what stands before it, the path is below nothing but itself.
fn path_of(line: &Line) -> Vec<String> {
    let text = match &line.value {
        Value::Text(text) => text.as_str(),
        Value::Table(fields) => {
            let path = fields.iter().find(|(key, _)| matches!(*key, "path" | "to"));
            match path {
                Some((_, Value::Text(text))) => text.as_str(),
                _ => "",
            }
        }
        Value::Number(_) | Value::Switch(_) | Value::List(_) => "",
    };
    if text.split('/').any(|part| part == "..") || text.chars().skip(1).any(|c| c == '$') {
        return vec![text.to_owned()];
    }
    let first = match text.as_bytes().first() {
        Some(b'/') => Some("/"),
        Some(b'~' | b'$') => None,
        Some(_) | None => Some("."),
    };
    let rest = text.split('/').filter(|part| !part.is_empty() && *part != ".");
    first.into_iter().chain(rest).map(str::to_owned).collect()
}
