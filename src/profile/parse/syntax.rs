//! What is not even TOML.

use super::reader::Reader;
use crate::diagnostic::{Diagnostic, Origin};

/// All errors of a file by their place, those of `syntax` among them.
///
/// The parser goes on after a syntax error by guessing. What it guessed is no mistake of the
/// user: of a line with such an error nothing else is told, and nothing at all after a
/// bracket that is never closed.
pub(super) fn with_syntax_errors(reader: Reader, syntax: &[toml::de::Error]) -> Vec<Diagnostic> {
    let told = &syntax[..sound_errors(syntax)];
    let broken: Vec<Diagnostic> = told.iter().map(|error| explain(&reader, error)).collect();
    let end = match told.last() {
        Some(last) if told.len() < syntax.len() => start_of(last),
        Some(_) | None => usize::MAX,
    };
    let line = |error: &Diagnostic| error.origin.as_ref().and_then(Origin::line);
    let mut errors = reader.errors;
    errors.retain(|error| {
        place(error) < end && broken.iter().all(|broken| line(broken) != line(error))
    });
    errors.extend(broken);
    errors.sort_by_key(place);
    errors
}

/// How many errors there are up to the first that comes of an open bracket.
fn sound_errors(syntax: &[toml::de::Error]) -> usize {
    let says = |error: &toml::de::Error, words: &str| error.message().starts_with(words);
    if !syntax.iter().any(|error| says(error, "unclosed array")) {
        return syntax.len();
    }
    let opened = |error: &toml::de::Error| says(error, "missing comma") || says(error, "unclosed");
    syntax.iter().position(opened).map_or(syntax.len(), |at| at + 1)
}

fn explain(reader: &Reader, error: &toml::de::Error) -> Diagnostic {
    let words = error.message().trim().replace('\n', ", ");
    let words = words.strip_suffix(", expected nothing").unwrap_or(&words);
    let span = error.span().unwrap_or(0..0);
    let bad = Diagnostic::error(format!("this is not TOML: {words}")).at(&reader.origin(span));
    if words.contains("leading zero") {
        return bad.help("write an octal number in quotes, such as `\"022\"`");
    }
    if words.starts_with("missing comma") {
        return bad.help("put a comma, or the `]` that closes the array, before this");
    }
    bad
}

fn start_of(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn place(error: &Diagnostic) -> usize {
    match &error.origin {
        Some(Origin::File { span, .. }) => span.start,
        Some(Origin::BuiltIn | Origin::Flag(_) | Origin::Variable(_)) | None => 0,
    }
}
