//! One thing to do.

/// What to do, and the lines to type for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub title: String,
    /// What to type in a shell, or to write into the file that the title names.
    pub lines: Vec<String>,
}

impl Fix {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// As one line of a message: what to type with it, where that is short.
    pub fn in_one_line(&self) -> String {
        match self.lines.as_slice() {
            [] | [_, _, _, ..] => self.title.clone(),
            lines => format!("{}: {}", self.title, lines.join(" && ")),
        }
    }
}
