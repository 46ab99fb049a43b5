//! Every message of the program stands whole in some test.
//!
//! The words of a message are the literals in `src` that a `Diagnostic` is made of, and all that are as long
//! as a sentence. They stand in a test, in a session of tests/cli, or in a generated page, which a test
//! compares.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAKERS: [&str; 5] =
    ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::note(", ".because(", ".help("];

/// What nobody reads but who builds the program, or has found a bug in it.
const NO_MESSAGES: [&str; 6] =
    ["expect(", "panic!(", "unreachable!(", "assert!(", "reason =", "compile_error!("];

/// Shorter pieces between two values stand in every text.
const SHORTEST: usize = 4;

/// So many blanks make a sentence.
const SENTENCE: usize = 3;

/// Longer ones are no values.
const LONGEST_VALUE: usize = 400;

#[test]
fn every_message_stands_in_a_test() {
    let (mut program, mut tests) = (BTreeSet::new(), String::new());
    for path in files(&tree().join("src"), "rs") {
        let text = fs::read_to_string(&path).expect("source is text");
        let is_test = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
        let start = ["mod tests {", "pub(super) mod tests {"]
            .iter()
            .find_map(|module| text.find(&format!("#[cfg(test)]\n{module}")));
        let (code, own_tests) = match start {
            _ if is_test => ("", text.as_str()),
            Some(start) => text.split_at(start),
            None => (text.as_str(), ""),
        };
        tests.push_str(own_tests);
        // Why a call is in a group is for who reads the table.
        if !path.ends_with("filter/groups.rs") {
            program.extend(messages(code));
        }
    }
    for (folder, ending) in TESTED {
        for path in files(&tree().join(folder), ending) {
            let text = fs::read_to_string(path).expect("a test is text");
            tests.push_str(&if folder == "docs/man" { without_roff(&text) } else { text });
        }
    }
    // The rows about keys, which `docs` compares.
    let page = fs::read_to_string(tree().join("docs/profile.md")).expect("the page is there");
    tests.extend(page.lines().filter(|line| line.starts_with("| `")));
    let tests = plain(&tests);
    assert!(program.len() > 1500, "{}", program.len());
    program.retain(|message| !stands_in(&tests, &pieces(message)));
    assert!(program.is_empty(), "no test has these messages: {program:#?}");
}

/// Pages, schemas and completions are generated, and compared by `generated`.
const TESTED: [(&str, &str); 6] = [
    ("tests", "rs"),
    ("tests/cli", "md"),
    ("docs/man", "1"),
    ("docs/man", "5"),
    ("docs", "json"),
    ("completions", ""),
];

/// One after the other, with a value in between.
fn stands_in(tests: &str, pieces: &[String]) -> bool {
    let Some((first, others)) = pieces.split_first() else { return true };
    tests.match_indices(first.as_str()).any(|(at, _)| {
        let mut rest = &tests[at + first.len()..];
        others.iter().all(|piece| {
            let end = (piece.len() + LONGEST_VALUE).min(rest.len());
            let end = (end..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(end);
            let found = rest[..end].find(piece.as_str());
            rest = &rest[found.map_or(0, |found| found + piece.len())..];
            found.is_some()
        })
    })
}

/// The literals that somebody reads, each in one line.
fn messages(code: &str) -> Vec<String> {
    let code: Vec<&str> =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some((before, literal, after)) = next_literal(rest) {
        let message = plain(literal);
        let before = before.trim_end().trim_end_matches("format!(").trim_end();
        let is_made = MAKERS.iter().any(|maker| before.ends_with(maker));
        let is_sentence = message.matches(' ').count() >= SENTENCE;
        let is_read = !NO_MESSAGES.iter().any(|call| before.ends_with(call));
        if is_read && (is_made || is_sentence) {
            found.push(message);
        }
        rest = after;
    }
    found
}

/// What is before the next literal, the literal, and what is behind it.
fn next_literal(code: &str) -> Option<(&str, &str, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'r', b'#', b'"', ..] => at += 3 + code[at + 3..].find("\"#")? + 2,
            [b'r', b'"', ..] => at += 2 + code[at + 2..].find('"')? + 1,
            [b'\'', b'\\', _, ref rest @ ..] => {
                at += 3 + rest.iter().position(|byte| *byte == b'\'')? + 1;
            }
            [b'\'', _, b'\'', ..] => at += 3,
            [b'"', ..] => {
                let literal = literal(&code[at + 1..])?;
                return Some((&code[..at], literal, &code[at + 2 + literal.len()..]));
            }
            _ => at += 1,
        }
    }
    None
}

/// Up to the quote that ends it.
fn literal(rest: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(&rest[..at]),
            _ => {}
        }
    }
    None
}

/// In one line, wherever a literal has the ends of lines, and without escapes.
fn plain(text: &str) -> String {
    let joined = text.split("\\\n").map(str::trim_start).collect::<String>();
    let words = joined.replace("\\n", " ").replace("\\\"", "\"").replace("\\\\", "\\");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a page.
fn without_roff(page: &str) -> String {
    let escapes = [
        ("\\fB", ""),
        ("\\fI", ""),
        ("\\fR", ""),
        ("\\&", ""),
        ("\\-", "-"),
        ("\\(dq", "\""),
        ("\\*(Aq", "'"),
        ("\\(aq", "'"),
        ("\\e", "\\"),
    ];
    let words = page.lines().filter(|line| !line.starts_with('.')).collect::<Vec<_>>().join("\n");
    escapes.iter().fold(words, |words, (escape, plain)| words.replace(escape, plain))
}

/// What stands between the values of a format.
fn pieces(message: &str) -> Vec<String> {
    let message = message.replace("{{", "\0").replace("}}", "\x01");
    let mut found = Vec::new();
    for part in message.split('{') {
        let piece = part.split_once('}').map_or(part, |(_, piece)| piece);
        let piece = piece.replace('\0', "{").replace('\x01', "}");
        if piece.trim().len() >= SHORTEST {
            found.push(piece.trim().to_owned());
        }
    }
    found
}

fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().unwrap_or_default() == ending {
            found.push(path);
        }
    }
    found
}

fn tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn literals_are_found_and_taken_apart() {
    let code = "Diagnostic::error(format!(\n    \"no `{name}` \\\n     here\"\n)).help(\"say \\\"x\\\"\").help(words)";
    assert_eq!(messages(code), ["no `{name}` here", "say \"x\""]);
    let code = "'\"' => \"short one\", '\\'' => \"as long as a sentence\", // \"not this\"\n\
                // \"nor is a comment this\"\nr\"nor what is not escaped\".expect(\"nor a bug that is found\")";
    assert_eq!(messages(code), ["as long as a sentence"]);
    assert_eq!(pieces("no `{name}` here: {{{1}}}"), ["no `", "` here: {"]);
}

#[test]
fn pieces_stand_in_their_order() {
    let pieces = |message: &str| pieces(message);
    assert!(stands_in("cannot limit io of `x`", &pieces("cannot limit io of `{}`")));
    assert!(!stands_in("` here, no `", &pieces("no `{name}` here")));
    assert!(stands_in("no `` no `x` here", &pieces("no `{name}` here")));
    let far = format!("cannot {} read", "x".repeat(LONGEST_VALUE + 9));
    assert!(!stands_in(&far, &pieces("cannot {} read")));
}
