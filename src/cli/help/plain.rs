//! A page as plain text, for a terminal of 80 columns and for every pager.

use unicode_width::UnicodeWidthStr;

use super::markdown::Block;

const COLUMNS: usize = 80;

/// Sets a page.
pub fn set(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut after_item = false;
    for block in blocks {
        let is_item = matches!(block, Block::Item { .. });
        let is_close = is_item && after_item;
        if !is_close && !out.is_empty() {
            out.push('\n');
        }
        after_item = is_item;
        match block {
            Block::Heading { level, text } => heading(&mut out, *level, text),
            Block::Paragraph(text) => fill(&mut out, "", "", text),
            Block::Item { marker, text } => {
                let indent = " ".repeat(marker.len() + 1);
                fill(&mut out, &format!("{marker} "), &indent, text);
            }
            Block::Code(lines) => lines.iter().for_each(|line| {
                out.push_str(format!("    {line}").trim_end());
                out.push('\n');
            }),
            Block::Table(rows) => table(&mut out, rows),
        }
    }
    out
}

fn heading(out: &mut String, level: usize, text: &str) {
    let underline = match level {
        1 => "=",
        2 => "-",
        _ => "",
    };
    out.push_str(text);
    out.push('\n');
    if !underline.is_empty() {
        out.push_str(&underline.repeat(text.width()));
        out.push('\n');
    }
}

/// Breaks lines between words.
fn fill(out: &mut String, first: &str, others: &str, text: &str) {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.width() + 1 + word.width() > COLUMNS {
            out.push_str(&line);
            out.push('\n');
            line = others.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    out.push_str(&line);
    out.push('\n');
}

/// In columns where they fit; else each row is a list of what its head calls the cells.
fn table(out: &mut String, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width_of = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let fixed: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
    let last = widths.last().copied().unwrap_or_default();
    let fits = fixed + last <= COLUMNS - 2 || (columns == 2 && fixed <= COLUMNS / 2);
    let Some((head, body)) = rows.split_first() else { return };
    if fits {
        let shown = if head.iter().all(String::is_empty) { body } else { rows };
        shown.iter().for_each(|row| in_columns(out, row, &widths));
    } else {
        body.iter().for_each(|row| as_list(out, head, row));
    }
}

fn in_columns(out: &mut String, row: &[String], widths: &[usize]) {
    let Some((last, before)) = row.split_last() else { return };
    let mut line = "  ".to_owned();
    for (cell, width) in before.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width + 2 - cell.width()));
    }
    let indent = " ".repeat(line.width());
    fill(out, &line, &indent, last);
}

fn as_list(out: &mut String, head: &[String], row: &[String]) {
    let Some((first, rest)) = row.split_first() else { return };
    fill(out, "  ", "  ", first);
    for (at, cell) in rest.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        match head.get(at + 1).filter(|name| !name.is_empty()) {
            Some(name) => fill(out, &format!("      {name}: "), "        ", cell),
            None => fill(out, "      ", "      ", cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::markdown::blocks;
    use super::*;

    #[test]
    fn a_page_is_set_for_a_terminal() {
        let page = "# Title\n\nSome words.\n\n- one\n- two\n\n```sh\nls -l\n```\n\n| a | b |\n|---|---|\n| 1 | x |\n";
        let expected =
            "Title\n=====\n\nSome words.\n\n- one\n- two\n\n    ls -l\n\n  a  b\n  1  x\n";
        assert_eq!(set(&blocks(page)), expected);
    }

    #[test]
    fn long_lines_are_broken_and_wide_tables_become_lists() {
        let long = "word ".repeat(40);
        let shown = set(&blocks(&format!("- {long}\n")));
        assert!(shown.lines().all(|line| line.len() <= COLUMNS), "{shown}");
        assert!(shown.lines().skip(1).all(|line| line.starts_with("  word")), "{shown}");
        let wide = format!("| key | type | flag |\n|---|---|---|\n| `x` | {long} | `--x` |\n");
        let shown = set(&blocks(&wide));
        assert!(shown.starts_with("  `x`\n      type: word"), "{shown}");
        assert!(shown.ends_with("\n      flag: `--x`\n"), "{shown}");
    }
}
