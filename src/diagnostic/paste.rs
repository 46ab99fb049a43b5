//! Names in commands that a message proposes, and in what is shown of a plan.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::render::push_visible;

/// A word as a shell takes it, or a path. Pasted with a bare blank in it, `rm -rf` would be about something else.
///
/// What has bytes or characters that a terminal must not see is shown with escapes, so that it leads nowhere.
pub fn pasted(word: impl AsRef<OsStr>) -> String {
    let text = escaped(word.as_ref());
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text without anything that a terminal would take as a command, or that would break a line or turn its
/// order around: such characters, and bytes that are not UTF-8, as `\x1b`.
pub fn escaped(text: &OsStr) -> String {
    let mut out = String::with_capacity(text.len());
    for chunk in text.as_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|character| push_visible(&mut out, character));
        for byte in chunk.invalid() {
            out.extend(std::ascii::escape_default(*byte).map(char::from));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        assert_eq!(pasted("/home/dev/.local"), "/home/dev/.local");
        assert_eq!(pasted("/home/my data"), "'/home/my data'");
        assert_eq!(pasted("/it's;$(id)"), r"'/it'\''s;$(id)'");
        assert_eq!(pasted("~"), "'~'");
        assert_eq!(pasted(""), "''");
        assert_eq!(pasted(r"back\slash"), r"'back\slash'");
        assert_eq!(pasted("caf\u{e9}"), "caf\u{e9}");
    }

    #[test]
    fn a_terminal_is_not_steered_and_a_reader_not_deceived() {
        let text = OsStr::from_bytes(b"a\x1b[2J\n\xff \xc3\xa9");
        assert_eq!(escaped(text), "a\\u{1b}[2J\\n\\xff \u{e9}");
        for turned in ['\u{202e}', '\u{61c}', '\u{2028}'] {
            let shown = format!("a\\u{{{:x}}}b", u32::from(turned));
            assert_eq!(escaped(OsStr::new(&format!("a{turned}b"))), shown);
        }
    }
}
