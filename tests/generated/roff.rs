//! A page of the documentation as a manual page.

use jail::cli::help::{Block, blocks};

/// The page `name` of section 5, from Markdown whose first block is its title.
pub fn page(name: &str, about: &str, text: &str) -> String {
    let mut out = format!(".TH {name} 5\n.SH NAME\n{name} \\- {}\n.SH DESCRIPTION\n", words(about));
    for block in blocks(text).iter().skip(1) {
        set(&mut out, block);
    }
    out
}

fn set(out: &mut String, block: &Block) {
    match block {
        Block::Heading { level, text } => {
            let request = if *level > 2 { "SS" } else { "SH" };
            out.push_str(&format!(".{request} {}\n", words(text)));
        }
        Block::Paragraph(text) => out.push_str(&format!(".PP\n{}\n", words(text))),
        Block::Item { marker, text } => {
            let marker = if marker == "-" { "\\(bu" } else { marker };
            out.push_str(&format!(".IP {marker} 3\n{}\n", words(text)));
        }
        Block::Code(lines) => {
            out.push_str(".PP\n.RS 4\n.nf\n");
            lines.iter().for_each(|line| out.push_str(&format!("{}\n", plain(line))));
            out.push_str(".fi\n.RE\n");
        }
        Block::Table(rows) => table(out, rows),
    }
}

/// Each row is a term, with what the head calls its cells.
fn table(out: &mut String, rows: &[Vec<String>]) {
    let Some((head, body)) = rows.split_first() else { return };
    for row in body {
        let Some((term, cells)) = row.split_first() else { continue };
        out.push_str(&format!(".TP\n{}\n", words(term)));
        let named = cells.iter().zip(&head[1..]).filter(|(cell, _)| !cell.is_empty());
        let lines: Vec<String> = named
            .map(|(cell, name)| match cells.len() {
                1 => words(cell),
                _ => format!("{}: {}", words(name), words(cell)),
            })
            .collect();
        out.push_str(&lines.join("\n.br\n"));
        out.push('\n');
    }
}

/// Code in bold, as manual pages have it.
fn words(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(number, part)| match number % 2 {
            0 => plain(part),
            _ => format!("\\fB{}\\fR", plain(part)),
        })
        .collect()
}

fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    let text = text.replace('"', "\\(dq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}
