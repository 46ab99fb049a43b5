//! Diagnostics as text, in the form that cargo made familiar.
//!
//! Names of files, their text and the words of a message may come from someone hostile:
//! everything passes through [`push_visible`], so that nothing can steer the terminal.

use std::io::IsTerminal;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::{Diagnostic, Origin, Severity, Source};

/// Colours or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    Plain,
    Ansi,
}

/// One that a word is painted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Red,
    Yellow,
    Green,
    None,
}

impl Palette {
    /// Colours if standard error is a terminal that has them and the user does not refuse them.
    pub fn for_stderr() -> Self {
        Self::for_stream(&std::io::stderr())
    }

    /// The same for standard output.
    pub fn for_stdout() -> Self {
        Self::for_stream(&std::io::stdout())
    }

    /// `words` in a colour, which come from nobody but us.
    pub fn paint(self, colour: Colour, words: &str) -> String {
        let style = match colour {
            Colour::Red => RED,
            Colour::Yellow => YELLOW,
            Colour::Green => GREEN,
            Colour::None => return words.to_owned(),
        };
        match self {
            Self::Plain => words.to_owned(),
            Self::Ansi => format!("{style}{words}{RESET}"),
        }
    }

    fn for_stream(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        if refused || dumb || !stream.is_terminal() { Self::Plain } else { Self::Ansi }
    }
}

/// The message as it is printed, with a newline at the end.
pub fn render(diagnostic: &Diagnostic, palette: Palette) -> String {
    let mut text = Text { out: String::with_capacity(256), palette };
    text.plain("jail: ");
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error:", RED),
        Severity::Warning => ("warning:", YELLOW),
        Severity::Note => ("note:", GREEN),
    };
    text.styled(style, word);
    text.plain(" ");
    text.styled(BOLD, &diagnostic.title);
    text.plain("\n");
    if let Some(origin) = &diagnostic.origin {
        place(&mut text, origin, style);
    }
    if let Some(cause) = &diagnostic.because {
        text.footer("because:", cause);
    }
    for help in &diagnostic.help {
        text.footer("help:", help);
    }
    text.out
}

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[1;34m";
const CYAN: &str = "\x1b[1;36m";
const RESET: &str = "\x1b[0m";

/// A tab is this wide, wherever it stands.
const TAB: &str = "    ";

/// Columns of a source line that are shown at most, and how many of them before the carets.
const SHOWN: usize = 160;
const SHOWN_BEFORE: usize = 60;

struct Text {
    out: String,
    palette: Palette,
}

impl Text {
    fn plain(&mut self, words: &str) {
        self.out.push_str(words);
    }

    fn styled(&mut self, style: &str, words: &str) {
        if self.palette == Palette::Ansi {
            self.out.push_str(style);
        }
        words.chars().for_each(|character| push_visible(&mut self.out, character));
        if self.palette == Palette::Ansi {
            self.out.push_str(RESET);
        }
    }

    fn footer(&mut self, word: &str, words: &str) {
        self.styled(CYAN, word);
        self.plain(" ");
        words.chars().for_each(|character| push_visible(&mut self.out, character));
        self.plain("\n");
    }
}

/// The arrow with the place, and the line of the file if there is one.
fn place(text: &mut Text, origin: &Origin, style: &str) {
    match origin {
        Origin::File { source, span } => excerpt(text, source, span, style),
        Origin::BuiltIn | Origin::Flag(_) | Origin::Variable(_) => {
            text.styled(BLUE, " -->");
            text.plain(" ");
            origin.to_string().chars().for_each(|character| push_visible(&mut text.out, character));
            text.plain("\n");
        }
    }
}

/// Name, line and column, then the first line of the span with carets under it.
fn excerpt(text: &mut Text, source: &Source, span: &Range<usize>, style: &str) {
    let spot = Spot::of(&source.text, span);
    let number = spot.number.to_string();
    let margin = " ".repeat(number.len());
    text.styled(BLUE, &format!("{margin}-->"));
    text.plain(" ");
    let place = format!("{}:{number}:{}", source.name, spot.before.chars().count() + 1);
    place.chars().for_each(|character| push_visible(&mut text.out, character));
    text.plain("\n");
    text.styled(BLUE, &format!("{margin} |"));
    text.plain("\n");
    let shown = spot.shown();
    text.styled(BLUE, &format!("{number} |"));
    text.plain(format!(" {}", shown.line).trim_end());
    text.plain("\n");
    text.styled(BLUE, &format!("{margin} |"));
    text.plain(&" ".repeat(1 + shown.indent));
    text.styled(style, &"^".repeat(shown.carets));
    text.plain("\n");
}

/// The first line of a span, in three parts.
struct Spot<'a> {
    /// Counted from 1.
    number: usize,
    before: &'a str,
    marked: &'a str,
    after: &'a str,
}

impl<'a> Spot<'a> {
    fn of(text: &'a str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &text[line_start..];
        let line = rest.split('\n').next().unwrap_or(rest);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line_end = line_start + line.len();
        let start = start.min(line_end);
        let end = floor(text, span.end).clamp(start, line_end);
        Self {
            number: text[..line_start].matches('\n').count() + 1,
            before: &text[line_start..start],
            marked: &text[start..end],
            after: &text[end..line_end],
        }
    }

    /// As much of the line as fits, always with the start of what is marked.
    fn shown(&self) -> Shown {
        let mut line = String::new();
        let before = visible(self.before);
        let cut = width(&before).saturating_sub(SHOWN_BEFORE);
        if cut == 0 || width(&before) + width(&visible(self.marked)) <= SHOWN {
            line.push_str(&before);
        } else {
            line.push_str("...");
            line.push_str(tail(&before, SHOWN_BEFORE));
        }
        let indent = width(&line);
        let marked = visible(self.marked);
        let marked_shown = head(&marked, SHOWN.saturating_sub(indent));
        line.push_str(marked_shown);
        let carets = width(&line).saturating_sub(indent).max(1);
        let after = visible(self.after);
        let after_shown = head(&after, SHOWN.saturating_sub(indent + carets));
        line.push_str(after_shown);
        if marked_shown.len() < marked.len() || after_shown.len() < after.len() {
            line.push_str("...");
        }
        Shown { line, indent, carets }
    }
}

/// A line as printed, and where its carets stand.
struct Shown {
    line: String,
    indent: usize,
    carets: usize,
}

/// A text that cannot steer a terminal, for what others wrote.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\t' {
            out.push_str(TAB);
        } else {
            push_visible(&mut out, character);
        }
    }
    out
}

/// What could steer a terminal, or turn the order of what is read, becomes an escape.
pub(super) fn push_visible(out: &mut String, character: char) {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    if character.is_control() || turns {
        out.extend(character.escape_default());
    } else {
        out.push(character);
    }
}

fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// The longest beginning that fits into `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end that fits into `columns`.
fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[at + character.len_utf8()..];
        }
    }
    text
}

/// The nearest place at or before `at` where a character starts.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn at(name: &str, text: &str, span: Range<usize>) -> Origin {
        let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
        Origin::File { source, span }
    }

    /// Renders an error `odd` at the first `marked` of `text`, without its first line.
    fn excerpt_of(text: &str, marked: &str) -> String {
        let start = text.find(marked).unwrap();
        let origin = at("x.toml", text, start..start + marked.len());
        let rendered = render(&Diagnostic::error("odd").at(&origin), Palette::Plain);
        rendered.strip_prefix("jail: error: odd\n").unwrap().to_owned()
    }

    #[test]
    fn a_value_of_a_file_is_shown_with_carets() {
        let text = "a = 1\n\n[[x]]\n\n\n\n\n\npath = \"~/code/api\"\n";
        let start = text.find("\"~").unwrap();
        let diagnostic = Diagnostic::error("cannot bind `~/code/api`")
            .at(&at("dev.toml", text, start..start + 12))
            .because("no such file or directory [ENOENT]")
            .help("create it, or set `optional = true`");
        assert_eq!(
            render(&diagnostic, Palette::Plain),
            "jail: error: cannot bind `~/code/api`\n --> dev.toml:9:8\n  |\n\
             9 | path = \"~/code/api\"\n  |        ^^^^^^^^^^^^\n\
             because: no such file or directory [ENOENT]\n\
             help: create it, or set `optional = true`\n"
        );
    }

    #[test]
    fn other_origins_are_named() {
        let render = |origin| render(&Diagnostic::warning("odd").at(&origin), Palette::Plain);
        assert_eq!(render(Origin::Flag("--bind".to_owned())), "jail: warning: odd\n --> --bind\n");
        assert_eq!(
            render(Origin::Variable("JAIL_PROFILE".to_owned())),
            "jail: warning: odd\n --> $JAIL_PROFILE\n"
        );
        assert_eq!(render(Origin::BuiltIn), "jail: warning: odd\n --> built-in\n");
    }

    #[test]
    fn the_margin_grows_with_the_line_number() {
        let text = format!("{}x = 1", "\n".repeat(99));
        assert_eq!(
            excerpt_of(&text, "1"),
            "   --> x.toml:100:5\n    |\n100 | x = 1\n    |     ^\n"
        );
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_carets_in_place() {
        assert_eq!(
            excerpt_of("\t日本 = 語x", "語x"),
            " --> x.toml:1:7\n  |\n1 |     日本 = 語x\n  |            ^^^\n"
        );
    }

    #[test]
    fn a_span_of_several_lines_shows_the_first() {
        assert_eq!(
            excerpt_of("a = [\r\n 1,\n]\n", "[\r\n 1,\n]"),
            " --> x.toml:1:5\n  |\n1 | a = [\n  |     ^\n"
        );
    }

    #[test]
    fn an_empty_span_and_one_outside_the_text_get_one_caret() {
        for span in [3..3, 99..120] {
            let rendered =
                render(&Diagnostic::note("odd").at(&at("x", "é =", span)), Palette::Plain);
            assert!(rendered.contains("1 | é =\n"), "{rendered}");
            assert_eq!(rendered.matches('^').count(), 1, "{rendered}");
        }
        let empty = render(&Diagnostic::note("odd").at(&at("x", "", 0..0)), Palette::Plain);
        assert_eq!(empty, "jail: note: odd\n --> x:1:1\n  |\n1 |\n  | ^\n");
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let origin = at("\x1b[2J.toml", "a = \"\x1b]0;owned\x07\u{9b}\"", 4..8);
        let diagnostic = Diagnostic::error("no `\x1b[31m\nhelp: run rm`")
            .at(&origin)
            .because("\r\u{202e}x")
            .help("\u{7f}");
        assert_eq!(
            render(&diagnostic, Palette::Plain),
            "jail: error: no `\\u{1b}[31m\\nhelp: run rm`\n --> \\u{1b}[2J.toml:1:5\n  |\n\
             1 | a = \"\\u{1b}]0;owned\\u{7}\\u{9b}\"\n  |     ^^^^^^^^^\n\
             because: \\r\\u{202e}x\nhelp: \\u{7f}\n"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_carets() {
        let text = format!("{}<here>{}", "x".repeat(5000), "y".repeat(5000));
        let shown = excerpt_of(&text, "<here>");
        assert!(shown.lines().all(|line| line.len() < 180), "{shown}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[2].find("<here>"), lines[3].find("^^^^^^"));
        assert!(lines[2].starts_with("1 | ...x") && lines[2].ends_with("y..."), "{shown}");
    }

    #[test]
    fn colours_only_when_asked() {
        let diagnostic = Diagnostic::error("odd").help("be even");
        assert_eq!(
            render(&diagnostic, Palette::Ansi),
            "jail: \x1b[1;31merror:\x1b[0m \x1b[1modd\x1b[0m\n\x1b[1;36mhelp:\x1b[0m be even\n"
        );
        assert_eq!(render(&diagnostic, Palette::Plain), "jail: error: odd\nhelp: be even\n");
    }

    proptest! {
        /// Whatever is rendered, wherever the span is: only newlines steer the terminal.
        #[test]
        fn any_text_is_rendered_visibly(
            name in any::<String>(),
            text in any::<String>(),
            start in 0..200_usize,
            length in 0..200_usize,
        ) {
            let origin = at(&name, &text, start..start + length);
            let diagnostic = Diagnostic::error(text.clone()).at(&origin).because(text.clone());
            let shown = render(&diagnostic, Palette::Plain);
            prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
            prop_assert_eq!(shown.lines().count(), 6);
            prop_assert!(shown.contains('^'));
        }
    }
}
