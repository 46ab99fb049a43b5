//! `[filesystem]`

use std::ffi::OsString;

use toml::de::{DeTable, DeValue};

use super::reader::{Entry, Reader, entries, first_place};
use crate::diagnostic::{Diagnostic, Located};
use crate::profile::{
    BadValue, Base, Filesystem, Grant, PathText, Root, RootMode, Rule, parse_keep, parse_platform,
    parse_root, parse_tmpfs_size,
};
use crate::units::Size;

pub(super) fn filesystem(reader: &mut Reader, table: &DeTable<'_>, base: &Base) -> Filesystem {
    let mut read = Filesystem::default();
    for entry in reader.section(table, "filesystem") {
        let simple = match entry.key {
            "read" => Some(Grant::Read),
            "write" => Some(Grant::Write),
            "overlay" => Some(Grant::Overlay),
            "mask" => Some(Grant::Mask),
            _ => None,
        };
        if let Some(grant) = simple {
            let rules = reader.list(entry, |reader, item| {
                let fields = fields(reader, item, &["path", "optional"])?;
                rule(reader, item, fields.path, grant.clone(), fields.optional)
            });
            add_rules(reader, &mut read.rules, rules);
            continue;
        }
        match entry.key {
            "root" => read.root = reader.parsed(entry, |text| parse_root(text.as_ref(), base)),
            "root-mode" => read.root_mode = reader.parsed(entry, str::parse),
            "pull" => read.pull = reader.parsed(entry, str::parse),
            "platform" => read.platform = reader.parsed(entry, parse_platform),
            "keep" => read.keep = reader.parsed(entry, parse_keep),
            "tmpfs" => {
                let rules = reader.list(entry, tmpfs);
                add_rules(reader, &mut read.rules, rules);
            }
            "bind" => {
                let rules = reader.list(entry, bind);
                add_rules(reader, &mut read.rules, rules);
            }
            "devices" => {
                read.devices = reader.list(entry, |reader, item| reader.parsed(item, working_path));
            }
            _ => reader.unknown(entry, "filesystem"),
        }
    }
    refuse_written_host(reader, &read);
    read
}

/// A path that is relative to the caller's working directory.
pub(super) fn working_path(text: &str) -> Result<PathText, BadValue> {
    if text.is_empty() {
        return Err(BadValue::new("the path is empty").help("write `.` for the working directory"));
    }
    Ok(PathText { text: OsString::from(text), base: Base::WorkingDirectory })
}

/// What the table of a rule may hold.
#[derive(Default)]
struct Fields<'a> {
    path: Option<&'a str>,
    size: Option<Located<Size>>,
    from: Option<Located<PathText>>,
    to: Option<&'a str>,
    write: bool,
    optional: bool,
}

/// Reads a path, or a table with the keys `known`. `None` if a value is no good.
fn fields<'a>(reader: &mut Reader, item: Entry<'a>, known: &[&str]) -> Option<Fields<'a>> {
    let mut fields = Fields::default();
    let table = match item.value.get_ref() {
        DeValue::String(_) if known.contains(&"path") => {
            fields.path = Some(reader.string(item)?);
            return Some(fields);
        }
        DeValue::Table(table) => table,
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => {
            let wanted = if known.contains(&"path") {
                "a list of paths or tables"
            } else {
                "a list of tables"
            };
            return reader.wrong_type(item, wanted);
        }
    };
    let errors = reader.errors.len();
    for entry in entries(table) {
        match entry.key {
            key if !known.contains(&key) => reader.unknown_key(entry, item.key, known),
            "path" => fields.path = reader.string(entry),
            "size" => fields.size = reader.parsed(entry, parse_tmpfs_size),
            "from" => fields.from = reader.parsed(entry, working_path),
            "to" => fields.to = reader.string(entry),
            "write" => fields.write = reader.boolean(entry).is_some_and(|write| write.value),
            "optional" => fields.optional = reader.boolean(entry).is_some_and(|is| is.value),
            _ => reader.unknown_key(entry, item.key, known),
        }
    }
    let required = known.iter().filter(|key| matches!(**key, "path" | "from" | "to"));
    for key in required.filter(|key| !table.contains_key(**key)) {
        let bad = Diagnostic::error(format!("`{}` needs the key `{key}`", item.key));
        reader.refuse(item.value.span(), bad);
    }
    (reader.errors.len() == errors).then_some(fields)
}

fn rule(
    reader: &mut Reader,
    item: Entry<'_>,
    path: Option<&str>,
    grant: Grant,
    optional: bool,
) -> Option<Located<Rule>> {
    match working_path(path?) {
        Ok(path) => Some(reader.located(item, Rule { path, grant, optional })),
        Err(bad) => {
            reader.refuse(item.value.span(), bad);
            None
        }
    }
}

fn tmpfs(reader: &mut Reader, item: Entry<'_>) -> Option<Located<Rule>> {
    let fields = fields(reader, item, &["path", "size"])?;
    let size = fields.size.map(|size| size.value);
    rule(reader, item, fields.path, Grant::Tmpfs { size }, false)
}

fn bind(reader: &mut Reader, item: Entry<'_>) -> Option<Located<Rule>> {
    let fields = fields(reader, item, &["from", "to", "write", "optional"])?;
    let grant = Grant::Bind { from: fields.from?.value, write: fields.write };
    rule(reader, item, fields.to, grant, fields.optional)
}

/// In one file, two rules for one path are a slip: only the later one could count.
fn add_rules(reader: &mut Reader, rules: &mut Vec<Located<Rule>>, more: Vec<Located<Rule>>) {
    for new in more {
        if let Some(old) = rules.iter().find(|old| old.value.path == new.value.path) {
            let path = new.value.path.text.display();
            let bad = Diagnostic::error(format!("`{path}` has two rules"))
                .because(first_place(&old.origin))
                .help("keep one of them");
            reader.errors.push(bad.at(&new.origin));
        }
        rules.push(new);
    }
}

/// The system of this machine and images are never written to, and an empty root is memory anyway.
fn refuse_written_host(reader: &mut Reader, read: &Filesystem) {
    let (Some(root), Some(mode)) = (&read.root, &read.root_mode) else { return };
    let because = match root.value {
        Root::Host => "the system directories of this machine are never written to",
        Root::Empty => "an empty root has no directory behind it",
        Root::Image(_) => "the layers of an image are shared by all that use it",
        Root::Directory(_) => return,
    };
    if mode.value == RootMode::Write {
        let bad = Diagnostic::error("`root-mode = \"write\"` needs a directory as `root`")
            .because(because)
            .help("use `overlay`: what is written is thrown away");
        reader.errors.push(bad.at(&mode.origin));
    }
}
