//! A plan as a numbered list.
//!
//! Made for the eye: what belongs together stands below one heading, and steps that nobody asked
//! for are gathered on one line, so that the user's own rules are seen.

use std::ffi::OsStr;

use crate::diagnostic::{Origin, escaped};
use crate::plan::{Action, Mount, Plan, Step};

use super::words::{details, headline};

/// The longest text of a step that the column of origins waits for; lists are wrapped here.
const WIDEST: usize = 52;

/// Prints one step per line: number, kind, what it does, who asked for it. What a step
/// consists of follows on indented lines.
pub fn to_text(plan: &Plan) -> String {
    let rows = rows(&plan.steps);
    let widest = |width: fn(&Row) -> usize| rows.iter().map(width).max().unwrap_or(0);
    let columns = Columns {
        number: widest(|row| row.number().len()),
        kind: widest(|row| row.kind.len()),
        what: widest(|row| {
            row.lines().iter().map(|line| width(line)).filter(fits).max().unwrap_or(0)
        }),
    };
    let mut text = String::new();
    let mut section = None;
    for row in &rows {
        if section != Some(row.section) {
            if section.is_some() {
                text.push('\n');
            }
            text.push_str(row.section);
            text.push('\n');
            section = Some(row.section);
        }
        write_row(&mut text, row, &columns);
    }
    text
}

struct Columns {
    number: usize,
    kind: usize,
    what: usize,
}

/// One step, or several of one kind that nobody asked for.
struct Row {
    section: &'static str,
    /// Numbers of the first step and the last, from 1.
    first: usize,
    last: usize,
    kind: &'static str,
    items: Vec<String>,
    origin: String,
    details: Vec<Vec<String>>,
}

impl Row {
    fn number(&self) -> String {
        let Self { first, last, .. } = self;
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    }

    fn lines(&self) -> Vec<String> {
        wrapped(&self.items, ", ", ",")
    }
}

fn rows(steps: &[Step]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        let (kind, what) = headline(&step.action);
        let joins = index > 0 && may_join(&steps[index - 1]) && may_join(step);
        if let Some(row) = rows.last_mut()
            && joins
            && row.kind == kind
        {
            row.last = number;
            row.items.push(what);
            continue;
        }
        rows.push(Row {
            section: section(&step.action),
            first: number,
            last: number,
            kind,
            items: vec![what],
            origin: escaped(OsStr::new(&step.origin.to_string())),
            details: details(&step.action),
        });
    }
    rows
}

/// Whether a step may share its line: it is the same for everybody.
fn may_join(step: &Step) -> bool {
    let alike = matches!(
        step.action,
        Action::Symlink { .. }
            | Action::File { .. }
            | Action::Rlimit { .. }
            | Action::Mount {
                mount: Mount::Bind { .. } | Mount::Private { .. } | Mount::File { .. },
                ..
            }
    );
    alike && step.origin == Origin::BuiltIn
}

/// The heading above a step; steps below one heading follow each other.
fn section(action: &Action) -> &'static str {
    match action {
        Action::Cgroup(_) | Action::Limit(_) => "Limits",
        Action::Namespaces { .. } | Action::Domain { .. } | Action::Ids(_) => "Namespaces",
        Action::Scratch { .. }
        | Action::Root(_)
        | Action::Place { .. }
        | Action::Symlink { .. }
        | Action::Directory { .. }
        | Action::File { .. }
        | Action::Mount { .. }
        | Action::Proc { .. }
        | Action::Dev { .. }
        | Action::SealRoot
        | Action::Pivot => "Files",
        Action::Loopback
        | Action::Nat(_)
        | Action::Publish(_)
        | Action::Forward { .. }
        | Action::Allow(_) => "Network",
        Action::Hostname(_)
        | Action::Keyring { .. }
        | Action::RefuseNesting
        | Action::Rlimit { .. }
        | Action::Nice(_)
        | Action::Capabilities { .. }
        | Action::NoNewPrivileges
        | Action::NewSession
        | Action::Umask(_) => "Process",
        Action::Environment(_)
        | Action::Workdir(_)
        | Action::TimeLimit { .. }
        | Action::Landlock(_)
        | Action::Attend { .. }
        | Action::Seccomp(_)
        | Action::Descriptors { .. }
        | Action::Exec { .. } => "Command",
    }
}

fn write_row(text: &mut String, row: &Row, columns: &Columns) {
    let mut line = |number: &str, kind: &str, what: &str, origin: &str| {
        let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(width(text)));
        let line = format!(
            "{}{number}  {kind}{}  {what}{}  {origin}",
            pad(number, columns.number),
            pad(kind, columns.kind),
            pad(what, columns.what)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let lines = row.lines();
    let mut lines = lines.iter();
    line(&row.number(), row.kind, lines.next().map_or("", String::as_str), &row.origin);
    for more in lines {
        line("", "", more, "");
    }
    for detail in &row.details {
        for (index, words) in wrapped(detail, " ", "").iter().enumerate() {
            let indent = if index == 0 { "  " } else { "    " };
            line("", "", &format!("{indent}{words}"), "");
        }
    }
}

/// Fills lines with items; an item is never broken.
fn wrapped(items: &[String], between: &str, at_end: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if width(line) + between.len() + width(item) + at_end.len() <= WIDEST => {
                line.push_str(between);
                line.push_str(item);
            }
            Some(line) => {
                line.push_str(at_end);
                lines.push(item.clone());
            }
            None => lines.push(item.clone()),
        }
    }
    lines
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

fn fits(width: &usize) -> bool {
    *width <= WIDEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::AbsolutePath;

    fn grant(path: &str, write: bool, origin: Origin) -> Step {
        let path = AbsolutePath::new(path).unwrap();
        let mount = Mount::Bind { from: path.clone(), write, directory: true };
        Step { action: Action::Mount { path, create: true, mount }, origin }
    }

    fn text(steps: Vec<Step>) -> String {
        to_text(&Plan { steps, notes: vec![], degraded: vec![] })
    }

    #[test]
    fn steps_are_numbered_and_aligned_with_their_origins() {
        let argv = vec!["sh".into(), "-c".into(), "a b".into()];
        let exec = Action::Exec { argv, search: vec![] };
        let plan = text(vec![
            grant("/srv/x", true, Origin::Flag("--write".into())),
            Step { action: Action::Umask(0o22), origin: Origin::BuiltIn },
            Step { action: exec, origin: Origin::BuiltIn },
        ]);
        let expected = "\
Files
1  write  /srv/x       --write

Process
2  umask  022          built-in

Command
3  exec   sh -c 'a b'  built-in
";
        assert_eq!(plan, expected);
    }

    #[test]
    fn what_nobody_asked_for_shares_a_line_and_a_rule_stands_alone() {
        let built_in = |path: &str| grant(path, false, Origin::BuiltIn);
        let flag = |path: &str| grant(path, false, Origin::Flag("--read".into()));
        let plan = text(vec![
            built_in("/etc/a"),
            built_in("/etc/b"),
            flag("/home/u/a"),
            flag("/home/u/b"),
            built_in("/usr"),
        ]);
        let expected = "\
Files
1-2  read  /etc/a, /etc/b  built-in
  3  read  /home/u/a       --read
  4  read  /home/u/b       --read
  5  read  /usr            built-in
";
        assert_eq!(plan, expected);
    }

    #[test]
    fn lists_are_wrapped_and_a_long_path_is_not_broken() {
        let items = ["a".repeat(30), "b".repeat(19), "c".repeat(60), "d".to_owned()];
        let lines = wrapped(&items, ", ", ",");
        let expected =
            [format!("{}, {},", items[0], items[1]), format!("{},", items[2]), "d".to_owned()];
        assert_eq!(lines, expected);
    }
}
