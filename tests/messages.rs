//! Every message of the program stands whole in some test.
//!
//! The words of a message are the literals that a `Diagnostic` is made of in `src`. Those that no test
//! has are in `tests/messages/untested.txt`: the list may become shorter, and `JAIL_BLESS=1` writes it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAKERS: [&str; 5] =
    ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::note(", ".because(", ".help("];

/// Shorter pieces between two values stand in every text.
const SHORTEST: usize = 4;

#[test]
fn every_message_stands_in_a_test() {
    let (mut program, mut tests) = (Vec::new(), String::new());
    for path in files(&tree().join("src"), "rs") {
        let text = fs::read_to_string(&path).expect("source is text");
        let is_test = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
        let (code, own_tests) = match text.split_once("#[cfg(test)]\nmod tests {") {
            _ if is_test => ("", text.as_str()),
            Some((code, own_tests)) => (code, own_tests),
            None => (text.as_str(), ""),
        };
        tests.push_str(own_tests);
        program.extend(messages(code));
    }
    for (folder, ending) in [("tests", "rs"), ("tests/cli", "md")] {
        for path in files(&tree().join(folder), ending) {
            tests.push_str(&fs::read_to_string(path).expect("a test is text"));
        }
    }
    let tests = plain(&tests);
    assert!(program.len() > 500, "{}", program.len());
    let is_tested = |message: &String| pieces(message).iter().all(|piece| tests.contains(piece));
    let untested: BTreeSet<String> =
        program.into_iter().filter(|message| !is_tested(message)).collect();
    compare(&untested);
}

fn compare(untested: &BTreeSet<String>) {
    let path = tree().join("tests/messages/untested.txt");
    if std::env::var_os("JAIL_BLESS").is_some() {
        let lines: String = untested.iter().map(|message| format!("{message}\n")).collect();
        fs::write(path, lines).expect("the tree is writable");
        return;
    }
    let kept = fs::read_to_string(path).expect("the list is there");
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let new: Vec<_> = untested.difference(&kept).collect();
    assert!(new.is_empty(), "no test has these messages: {new:#?}");
    let now: Vec<_> = kept.difference(untested).collect();
    assert!(
        now.is_empty(),
        "a test has these by now: JAIL_BLESS=1 takes them off the list: {now:#?}"
    );
}

/// The literals behind the functions that messages are made by, each in one line.
fn messages(code: &str) -> Vec<String> {
    let starts = MAKERS.iter().flat_map(|maker| code.match_indices(maker));
    let literals = starts.filter_map(|(at, maker)| {
        let rest = code[at + maker.len()..].trim_start();
        let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
        literal(rest.strip_prefix('"')?)
    });
    literals.map(plain).collect()
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

/// Without the ends of lines, which a literal may have anywhere, and without escapes.
fn plain(text: &str) -> String {
    let joined = text.split("\\\n").map(str::trim_start).collect::<String>();
    let words = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace("\\\"", "\"").replace("\\\\", "\\")
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
        } else if path.extension().is_some_and(|extension| extension == ending) {
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
    assert_eq!(pieces("no `{name}` here: {{{1}}}"), ["no `", "` here: {"]);
}
