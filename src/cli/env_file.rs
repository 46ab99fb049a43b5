//! `--env-file`: docker's format, lines of `NAME=VALUE`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Located, Origin, Source, cause};

use super::layer::{Assignment, assignment};

/// The assignments of a file, or every mistake in it.
pub fn read(file: &OsStr) -> Result<Vec<Located<Assignment>>, Vec<Diagnostic>> {
    let name = file.to_string_lossy().into_owned();
    let text = fs::read(expand_home(file)).map_err(|error| vec![unreadable(&name, &error)])?;
    parse(name, text)
}

/// A shell leaves the `~` of `--env-file=~/x` alone.
fn expand_home(file: &OsStr) -> PathBuf {
    let below = Path::new(file).strip_prefix("~").ok();
    match (below, dirs::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        (Some(_) | None, _) => PathBuf::from(file),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot read `{name}`"))
        .at(&Origin::Flag("--env-file".to_owned()))
        .because(cause(error))
}

fn parse(name: String, text: Vec<u8>) -> Result<Vec<Located<Assignment>>, Vec<Diagnostic>> {
    let text = String::from_utf8(text).map_err(|error| {
        // What is valid up to here has all the lines before the one to name.
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        vec![
            Diagnostic::error(format!("line {line} of `{name}` is not valid UTF-8"))
                .at(&Origin::Flag("--env-file".to_owned())),
        ]
    })?;
    let source = Arc::new(Source { name, text });
    let (mut assignments, mut mistakes) = (Vec::new(), Vec::new());
    for (start, line) in lines(&source.text) {
        let span = start..start + line.len();
        let origin = Origin::File { source: Arc::clone(&source), span };
        match parse_line(line) {
            Ok(assignment) => assignments.push(Located::new(assignment, origin)),
            Err(mistake) => mistakes.push(mistake.at(&origin)),
        }
    }
    if mistakes.is_empty() { Ok(assignments) } else { Err(mistakes) }
}

/// Lines that say something, without the blanks before them, and where they start.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    let numbered = text.split('\n').map(move |line| {
        let start = next;
        next += line.len() + 1;
        (start, line)
    });
    numbered
        .map(|(start, line)| {
            // Some editors begin a file with a byte order mark.
            let begins = |c: char| c.is_whitespace() || (start == 0 && c == '\u{feff}');
            let trimmed = line.trim_start_matches(begins);
            (start + line.len() - trimmed.len(), trimmed.strip_suffix('\r').unwrap_or(trimmed))
        })
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn parse_line(line: &str) -> Result<Assignment, Diagnostic> {
    let assignment = assignment(OsStr::new(line))?;
    if line.contains('\0') {
        return Err(Diagnostic::error("a NUL byte in an environment variable"));
    }
    let name = assignment.name.to_string_lossy();
    if name.contains(char::is_whitespace) {
        return Err(Diagnostic::error(format!("a blank in the variable name `{name}`"))
            .help("write NAME=VALUE, without blanks around the `=`, and without `export`"));
    }
    Ok(assignment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, Option<String>, usize)> {
        let owned = |value: &OsStr| value.to_str().unwrap().to_owned();
        parse("x.env".to_owned(), text.as_bytes().to_vec())
            .unwrap()
            .iter()
            .map(|line| {
                let Assignment { name, value } = &line.value;
                (owned(name), value.as_deref().map(owned), line.origin.line().unwrap())
            })
            .collect()
    }

    fn mistakes(text: &[u8]) -> Vec<(String, Option<usize>)> {
        parse("x.env".to_owned(), text.to_vec())
            .unwrap_err()
            .into_iter()
            .map(|mistake| (mistake.title, mistake.origin.and_then(|origin| origin.line())))
            .collect()
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        let some = |value: &str| Some(value.to_owned());
        assert_eq!(
            parsed("\u{feff}A=1\n\n  # no\n \tB=\r\nC\nD=\"x y\" # z"),
            [
                ("A".to_owned(), some("1"), 1),
                ("B".to_owned(), some(""), 4),
                ("C".to_owned(), None, 5),
                ("D".to_owned(), some("\"x y\" # z"), 6),
            ]
        );
    }

    #[test]
    fn bad_lines_are_named_all_at_once() {
        assert_eq!(
            mistakes(b"A=1\n=2\nexport B=3\nC=\0"),
            [
                ("no variable name in `=2`".to_owned(), Some(2)),
                ("a blank in the variable name `export B`".to_owned(), Some(3)),
                ("a NUL byte in an environment variable".to_owned(), Some(4)),
            ]
        );
        assert_eq!(
            mistakes(b"A=1\nB=\xff\n"),
            [("line 2 of `x.env` is not valid UTF-8".to_owned(), None)]
        );
    }

    #[test]
    fn a_missing_file_is_an_error_of_the_flag() {
        let mistakes = read(OsStr::new("/nowhere/x.env")).unwrap_err();
        assert_eq!(mistakes[0].title, "cannot read `/nowhere/x.env`");
        assert_eq!(mistakes[0].because.as_deref(), Some("no such file or directory [ENOENT]"));
    }
}
