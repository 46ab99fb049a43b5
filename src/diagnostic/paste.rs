//! Paths in commands that a message proposes.

use std::path::Path;

/// A path as a shell takes it. Pasted with a bare blank in it, `rm -rf` would be about something else.
pub fn pasted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        let pasted = |text: &str| pasted(Path::new(text));
        assert_eq!(pasted("/home/dev/.local"), "/home/dev/.local");
        assert_eq!(pasted("/home/my data"), "'/home/my data'");
        assert_eq!(pasted("/it's;$(id)"), r"'/it'\''s;$(id)'");
        assert_eq!(pasted("~"), "'~'");
        assert_eq!(pasted(""), "''");
    }
}
