//! Typed values out of a TOML table, with every mistake on the way collected.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reserved::reserved;
use crate::diagnostic::{Diagnostic, Located, Origin, Source, did_you_mean};
use crate::profile::{BadValue, keys};

/// A key and its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub key: &'a str,
    pub key_span: (usize, usize),
    pub value: &'a Spanned<DeValue<'a>>,
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = table
        .iter()
        .map(|(key, value)| {
            let span = key.span();
            Entry { key: key.get_ref(), key_span: (span.start, span.end), value }
        })
        .collect();
    entries.sort_unstable_by_key(|entry| entry.key_span);
    entries
}

/// A mount for each entry of a longer list would take longer than any command; and looking
/// for equal entries compares each with each.
const LONGEST_LIST: usize = 4096;

/// Reads one file and remembers what is wrong with it.
pub(super) struct Reader {
    pub source: Arc<Source>,
    pub errors: Vec<Diagnostic>,
}

impl Reader {
    pub fn origin(&self, span: Range<usize>) -> Origin {
        Origin::File { source: Arc::clone(&self.source), span }
    }

    pub fn refuse(&mut self, span: Range<usize>, diagnostic: impl Into<Diagnostic>) {
        let diagnostic = diagnostic.into().at(&self.origin(span));
        self.errors.push(diagnostic);
    }

    pub fn located<T>(&self, entry: Entry<'_>, value: T) -> Located<T> {
        Located::new(value, self.origin(entry.value.span()))
    }

    pub fn string<'a>(&mut self, entry: Entry<'a>) -> Option<&'a str> {
        match entry.value.get_ref() {
            DeValue::String(text) if text.contains('\0') => {
                let bad = Diagnostic::error(format!("`{}` holds a NUL byte", entry.key));
                self.refuse(entry.value.span(), bad.because("the kernel would end the text there"));
                None
            }
            DeValue::String(text) => Some(text),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => self.wrong_type(entry, "a string"),
        }
    }

    pub fn boolean(&mut self, entry: Entry<'_>) -> Option<Located<bool>> {
        match entry.value.get_ref().as_bool() {
            Some(value) => Some(self.located(entry, value)),
            None => self.wrong_type(entry, "`true` or `false`"),
        }
    }

    pub fn integer(&mut self, entry: Entry<'_>) -> Option<i64> {
        let Some(integer) = entry.value.get_ref().as_integer() else {
            return self.wrong_type(entry, "an integer");
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if number.is_none() {
            let bad = Diagnostic::error(format!("`{}` is out of range", entry.key));
            self.refuse(entry.value.span(), bad);
        }
        number
    }

    pub fn table<'a>(&mut self, entry: Entry<'a>) -> Option<&'a DeTable<'a>> {
        match entry.value.get_ref().as_table() {
            Some(table) => Some(table),
            None => self.wrong_type(entry, "a table"),
        }
    }

    /// A string that `parse` turns into a value.
    pub fn parsed<T>(
        &mut self,
        entry: Entry<'_>,
        parse: impl FnOnce(&str) -> Result<T, BadValue>,
    ) -> Option<Located<T>> {
        match parse(self.string(entry)?) {
            Ok(value) => Some(self.located(entry, value)),
            Err(bad) => {
                self.refuse(entry.value.span(), bad);
                None
            }
        }
    }

    /// An array whose elements `each` reads. What stands in it twice is refused.
    pub fn list<T: PartialEq>(
        &mut self,
        entry: Entry<'_>,
        mut each: impl FnMut(&mut Self, Entry<'_>) -> Option<Located<T>>,
    ) -> Vec<Located<T>> {
        let Some(array) = entry.value.get_ref().as_array() else {
            self.wrong_type::<()>(entry, "an array");
            return Vec::new();
        };
        if array.len() > LONGEST_LIST {
            let bad = Diagnostic::error(format!("`{}` is too long", entry.key))
                .because(format!("a list may have {LONGEST_LIST} entries"));
            self.refuse(entry.value.span(), bad);
            return Vec::new();
        }
        let mut list: Vec<Located<T>> = Vec::with_capacity(array.len());
        for value in array.iter() {
            let Some(new) = each(self, Entry { value, ..entry }) else { continue };
            match list.iter().find(|old| old.value == new.value) {
                Some(old) => {
                    let title = format!("`{}` names the same thing twice", entry.key);
                    let bad = Diagnostic::error(title).because(first_place(&old.origin));
                    self.errors.push(bad.at(&new.origin));
                }
                None => list.push(new),
            }
        }
        list
    }

    pub fn wrong_type<T>(&mut self, entry: Entry<'_>, wanted: &str) -> Option<T> {
        let is = match entry.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let mut bad = Diagnostic::error(format!("`{}` must be {wanted}, not {is}", entry.key));
        let span = entry.value.span();
        let text = self.source.text.get(span.clone()).unwrap_or_default();
        match entry.value.get_ref() {
            DeValue::String(_) if wanted == "an array" => {
                bad = bad.help(format!("write `{} = [{text}]`", entry.key));
            }
            DeValue::Integer(_) | DeValue::Boolean(_) | DeValue::Float(_)
                if wanted == "a string" =>
            {
                bad = bad.help(format!("write it in quotes: `\"{text}\"`"));
            }
            _ => {}
        }
        self.refuse(span, bad);
        None
    }

    /// The entries of a section in the order of the file; what it does not have is told.
    pub fn section<'a>(&mut self, table: &'a DeTable<'a>, section: &str) -> Vec<Entry<'a>> {
        let known = keys::names(section);
        let (good, unknown): (Vec<_>, Vec<_>) =
            entries(table).into_iter().partition(|entry| known.contains(&entry.key));
        unknown.into_iter().for_each(|entry| self.unknown(entry, section));
        good
    }

    /// A key that this section does not have; of the top level, it may belong into a section.
    pub fn unknown(&mut self, entry: Entry<'_>, section: &str) {
        match keys::home_of(entry.key).filter(|_| section.is_empty()) {
            Some(home) => {
                let (start, end) = entry.key_span;
                let bad = Diagnostic::error(format!("unknown key `{}`", entry.key))
                    .help(format!("put it below `[{home}]`"));
                self.refuse(start..end, bad);
            }
            None => self.unknown_key(entry, section, &keys::names(section)),
        }
    }

    /// A key that is none of `known`; an empty `section` is the top level.
    pub fn unknown_key(&mut self, entry: Entry<'_>, section: &str, known: &[&str]) {
        let (start, end) = entry.key_span;
        if let Some(because) = reserved(section, entry.key) {
            let bad = Diagnostic::error(format!("`{}` is not supported yet", entry.key));
            return self.refuse(start..end, bad.because(because).help("remove it"));
        }
        let title = match section {
            "" => format!("unknown key `{}`", entry.key),
            _ => format!("unknown key `{}` in `{section}`", entry.key),
        };
        let help = match did_you_mean(entry.key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys are `{}`", known.join("`, `")),
        };
        self.refuse(start..end, Diagnostic::error(title).help(help));
    }
}

/// Words for the place in the same file where something was said before.
pub(super) fn first_place(origin: &Origin) -> String {
    let line = origin.line().expect("the reader gives every value a place in its file");
    format!("it stands in line {line} already")
}
