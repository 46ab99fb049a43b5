//! `[limits]`

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

use super::filesystem::working_path;
use super::reader::{Entry, Reader, entries, first_place};
use crate::diagnostic::{Diagnostic, Located};
use crate::profile::{
    BadValue, CpuSet, IoLimit, Limits, Rlimit, RlimitUnit, parse_bounds, parse_cpus, parse_memory,
    parse_nice, parse_operations, parse_pids, parse_rate, parse_swap, parse_time, parse_time_grace,
};

pub(super) fn limits(reader: &mut Reader, table: &DeTable<'_>) -> Limits {
    let mut limits = Limits::default();
    for entry in reader.section(table, "limits") {
        match entry.key {
            "memory" => limits.memory = limit(reader, entry, Kind::Size, parse_memory),
            "swap" => limits.swap = limit(reader, entry, Kind::Size, parse_swap),
            "cpus" => limits.cpus = limit(reader, entry, Kind::Number, parse_cpus),
            "cpuset" => limits.cpuset = cpuset(reader, entry),
            "pids" => limits.pids = limit(reader, entry, Kind::Number, parse_pids),
            "io" => limits.io = io(reader, entry),
            "hugepages" => limits.hugepages = reader.boolean(entry),
            "time" => limits.time = limit(reader, entry, Kind::Time, parse_time),
            "time-grace" => {
                limits.time_grace = limit(reader, entry, Kind::Time, parse_time_grace);
            }
            "nice" => limits.nice = limit(reader, entry, Kind::Number, parse_nice),
            key => match Rlimit::ALL.into_iter().find(|rlimit| rlimit.name() == key) {
                Some(rlimit) => {
                    let parse = |text: &str| parse_bounds(rlimit, text);
                    let bounds = limit(reader, entry, Kind::of(rlimit), parse);
                    limits.rlimits.extend(bounds.map(|bounds| (rlimit, bounds)));
                }
                None => reader.unknown(entry, "limits"),
            },
        }
    }
    limits
}

const IO_KEYS: [&str; 5] = ["path", "read", "write", "read-ops", "write-ops"];

/// What a value looks like in a file.
#[derive(Clone, Copy)]
enum Kind {
    /// `"512M"`
    Size,
    /// `"10m"`
    Time,
    /// `512`, also in quotes.
    Number,
}

impl Kind {
    fn of(rlimit: Rlimit) -> Self {
        match rlimit.unit() {
            RlimitUnit::Bytes => Self::Size,
            RlimitUnit::Seconds => Self::Time,
            RlimitUnit::Count => Self::Number,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Size => "a size such as `\"512M\"`",
            Self::Time => "a time such as `\"10m\"`",
            Self::Number => "a number",
        }
    }
}

/// Reads a single limit by its text, which a number has as well: so `memory = 512` is told what
/// is wrong with 512, and not only that it is no string.
fn limit<T>(
    reader: &mut Reader,
    entry: Entry<'_>,
    kind: Kind,
    parse: impl FnOnce(&str) -> Result<T, BadValue>,
) -> Option<Located<T>> {
    let text = text(reader, entry, kind.words())?;
    let mut bad = match parse(&text) {
        Ok(value) => return Some(reader.located(entry, value)),
        Err(bad) => bad,
    };
    let quoted = entry.value.get_ref().is_str();
    if matches!(kind, Kind::Size | Kind::Time) && !quoted && bad.because.is_none() {
        bad = bad.because("sizes and times are texts and stand in quotes");
    }
    reader.refuse(entry.value.span(), bad);
    None
}

/// The text of a string or number; a number has no underscores left in it.
fn text<'a>(reader: &mut Reader, entry: Entry<'a>, wanted: &str) -> Option<Cow<'a, str>> {
    match entry.value.get_ref() {
        DeValue::String(_) => reader.string(entry).map(Cow::Borrowed),
        DeValue::Integer(_) => reader.integer(entry).map(|number| Cow::Owned(number.to_string())),
        DeValue::Float(number) => Some(Cow::Borrowed(number.as_str())),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            reader.wrong_type(entry, wanted)
        }
    }
}

/// `"0-3,5"`, or a list of numbers.
fn cpuset(reader: &mut Reader, entry: Entry<'_>) -> Option<Located<CpuSet>> {
    if entry.value.get_ref().as_array().is_none() {
        return limit(reader, entry, Kind::Number, str::parse);
    }
    let errors = reader.errors.len();
    let numbers = reader.list(entry, |reader, item| {
        let number = reader.integer(item)?.to_string();
        match number.parse::<CpuSet>() {
            Ok(cpu) => Some(reader.located(item, cpu)),
            Err(bad) => {
                reader.refuse(item.value.span(), bad);
                None
            }
        }
    });
    if reader.errors.len() > errors {
        return None;
    }
    if numbers.is_empty() {
        let bad = Diagnostic::error("no command can run on no processor")
            .help("name one, or leave `cpuset` out");
        reader.refuse(entry.value.span(), bad);
        return None;
    }
    let ranges = numbers.into_iter().flat_map(|cpu| cpu.value.0).collect();
    Some(reader.located(entry, CpuSet::of(ranges)))
}

/// In one file, two limits for one path are a slip: only the later one could count.
fn io(reader: &mut Reader, entry: Entry<'_>) -> Vec<Located<IoLimit>> {
    let mut limits: Vec<Located<IoLimit>> = Vec::new();
    for new in reader.list(entry, io_limit) {
        if let Some(old) = limits.iter().find(|old| old.value.path == new.value.path) {
            let path = new.value.path.text.display();
            let bad = Diagnostic::error(format!("`{path}` has two limits in `io`"))
                .because(first_place(&old.origin))
                .help("put both into one table");
            reader.errors.push(bad.at(&new.origin));
        }
        limits.push(new);
    }
    limits
}

/// `{ path = "...", read = "10M", ... }`
fn io_limit(reader: &mut Reader, item: Entry<'_>) -> Option<Located<IoLimit>> {
    let Some(table) = item.value.get_ref().as_table() else {
        return reader.wrong_type(item, "a list of tables");
    };
    let errors = reader.errors.len();
    let (mut path, mut read, mut write) = (None, None, None);
    let (mut read_ops, mut write_ops) = (None, None);
    for entry in entries(table) {
        match entry.key {
            "path" => path = reader.parsed(entry, working_path),
            "read" => read = limit(reader, entry, Kind::Size, parse_rate),
            "write" => write = limit(reader, entry, Kind::Size, parse_rate),
            "read-ops" => read_ops = limit(reader, entry, Kind::Number, parse_operations),
            "write-ops" => write_ops = limit(reader, entry, Kind::Number, parse_operations),
            _ => reader.unknown_key(entry, item.key, &IO_KEYS),
        }
    }
    if !table.contains_key("path") {
        let bad = Diagnostic::error(format!("`{}` needs the key `path`", item.key))
            .help("name a directory, or a block device");
        reader.refuse(item.value.span(), bad);
    }
    if !IO_KEYS[1..].iter().any(|key| table.contains_key(*key)) {
        let bad = Diagnostic::error(format!("`{}` limits nothing", item.key))
            .help("say at least one of `read`, `write`, `read-ops` and `write-ops`");
        reader.refuse(item.value.span(), bad);
    }
    if reader.errors.len() > errors {
        return None;
    }
    let limit = IoLimit {
        path: path?.value,
        read: read.and_then(|rate| rate.value),
        write: write.and_then(|rate| rate.value),
        read_ops: read_ops.and_then(|rate| rate.value),
        write_ops: write_ops.and_then(|rate| rate.value),
    };
    Some(reader.located(item, limit))
}
