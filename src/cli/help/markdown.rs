//! As much of Markdown as our own documentation is written in.

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Heading {
        level: usize,
        text: String,
    },
    Paragraph(String),
    /// With its dash or number.
    Item {
        marker: String,
        text: String,
    },
    Code(Vec<String>),
    /// The first row is the head; its cells may be empty.
    Table(Vec<Vec<String>>),
}

/// Takes a page apart. Links become their text, and emphasis goes away; code keeps its backticks.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = page.lines().peekable();
    // Whether the line before was text that the next one continues.
    let mut open = false;
    while let Some(line) = lines.next() {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        if line.trim_start().starts_with("```") {
            let code = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
            found.push(Block::Code(code.map(str::to_owned).collect()));
            open = false;
        } else if level > 0 {
            found.push(Block::Heading { level, text: words(line[level..].trim()) });
            open = false;
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            rows.retain(|row| !row.iter().all(|cell| is_rule(cell)));
            found.push(Block::Table(rows));
            open = false;
        } else if line.trim().is_empty() {
            open = false;
        } else if let Some((marker, text)) = item(line) {
            found.push(Block::Item { marker, text: text.to_owned() });
            open = true;
        } else if let (true, Some(Block::Paragraph(text) | Block::Item { text, .. })) =
            (open, found.last_mut())
        {
            text.push(' ');
            text.push_str(line.trim());
        } else {
            found.push(Block::Paragraph(line.trim().to_owned()));
            open = true;
        }
    }
    // Only now: a link may begin in one line and end in the next.
    for block in &mut found {
        if let Block::Paragraph(text) | Block::Item { text, .. } = block {
            *text = words(text);
        }
    }
    found
}

fn item(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    let (marker, text) = line.split_once(' ')?;
    let number = marker.strip_suffix('.').is_some_and(|digits| digits.parse::<u8>().is_ok());
    (marker == "-" || number).then(|| (marker.to_owned(), text.trim()))
}

/// The cells of a row; `\|` is no end of one.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|');
    let row = row.strip_suffix('|').unwrap_or(row).replace("\\|", "\0");
    row.split('|').map(|cell| words(&cell.trim().replace('\0', "|"))).collect()
}

fn is_rule(cell: &str) -> bool {
    cell.contains('-') && cell.chars().all(|letter| letter == '-' || letter == ':')
}

/// Text without the marks of links and emphasis, which mean nothing inside of backticks.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some((code, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            out.push('`');
            out.push_str(code);
            out.push('`');
            rest = after;
        } else if let Some((label, after)) = link(rest) {
            out.push_str(&words(label));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            rest = after;
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// `[label](place)` at the beginning.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (_, after) = rest.split_once(')')?;
    // As in `[[limits]](#limits)`; a bracket that ends before is that of other words.
    let mut depth = 0_i32;
    let closes_early = label.chars().any(|letter| {
        depth += i32::from(letter == '[') - i32::from(letter == ']');
        depth < 0
    });
    (!closes_early && depth == 0).then_some((label, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart() {
        let page = "# A `b`\n\nOne [link\nof](x.md#y) two\nlines.\n- an **item**\n  that goes on\n1. first\n\
                    ```sh\n# code\n```\n| a | b |\n|---|---:|\n| `x\\|y` | [[l]](#l) |\n";
        let text = str::to_owned;
        assert_eq!(
            blocks(page),
            [
                Block::Heading { level: 1, text: text("A `b`") },
                Block::Paragraph(text("One link of two lines.")),
                Block::Item { marker: text("-"), text: text("an item that goes on") },
                Block::Item { marker: text("1."), text: text("first") },
                Block::Code(vec![text("# code")]),
                Block::Table(vec![vec![text("a"), text("b")], vec![text("`x|y`"), text("[l]")],]),
            ]
        );
    }

    #[test]
    fn brackets_that_are_no_links_stay() {
        assert_eq!(words("below [filesystem] in `a[](b)`"), "below [filesystem] in `a[](b)`");
        assert_eq!(words("[a] and [b](c)."), "[a] and b.");
        assert_eq!(words("*.example.org and `**`"), "*.example.org and `**`");
    }
}
