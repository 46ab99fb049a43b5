//! The sections that are lists of single values.

use std::ffi::OsString;

use toml::de::DeTable;

use super::filesystem::working_path;
use super::reader::{Entry, Reader, entries};
use crate::diagnostic::{Diagnostic, Located};
use crate::profile::{
    Base, Capabilities, Env, Landlock, Process, Seccomp, check_variable_name, parse_call,
    parse_hostname, parse_seccomp_policy, parse_umask, parse_variable_pattern,
};

pub(super) fn env(reader: &mut Reader, table: &DeTable<'_>) -> Env {
    let mut env = Env::default();
    for entry in reader.section(table, "env") {
        match entry.key {
            "pass" => {
                env.pass = reader.list(entry, |reader, item| {
                    reader.parsed(item, |text| parse_variable_pattern(text.as_ref()))
                });
            }
            "set" => {
                let Some(table) = reader.table(entry) else { continue };
                for variable in entries(table) {
                    set_variable(reader, variable, &mut env);
                }
            }
            _ => reader.unknown(entry, "env"),
        }
    }
    env
}

pub(super) fn process(reader: &mut Reader, table: &DeTable<'_>) -> Process {
    let mut process = Process::default();
    for entry in reader.section(table, "process") {
        match entry.key {
            "workdir" => process.workdir = reader.parsed(entry, working_path),
            "user" => process.user = reader.parsed(entry, str::parse),
            "entrypoint" => process.entrypoint = entrypoint(reader, entry),
            "ids" => process.ids = reader.parsed(entry, str::parse),
            "hostname" => process.hostname = reader.parsed(entry, parse_hostname),
            "tty" => process.tty = reader.parsed(entry, str::parse),
            "umask" => process.umask = reader.parsed(entry, parse_umask),
            "nesting" => process.nesting = reader.boolean(entry),
            "preserve-fds" => process.preserve_fds = reader.list(entry, descriptor),
            _ => reader.unknown(entry, "process"),
        }
    }
    process
}

pub(super) fn seccomp(reader: &mut Reader, table: &DeTable<'_>, base: &Base) -> Seccomp {
    let mut seccomp = Seccomp::default();
    for entry in reader.section(table, "seccomp") {
        match entry.key {
            "policy" => {
                seccomp.policy =
                    reader.parsed(entry, |text| parse_seccomp_policy(text.as_ref(), base))
            }
            "allow" => {
                seccomp.allow = reader.list(entry, |reader, item| reader.parsed(item, parse_call));
            }
            "deny" => {
                seccomp.deny = reader.list(entry, |reader, item| reader.parsed(item, parse_call));
            }
            _ => reader.unknown(entry, "seccomp"),
        }
    }
    seccomp
}

pub(super) fn landlock(reader: &mut Reader, table: &DeTable<'_>) -> Landlock {
    let mut landlock = Landlock::default();
    for entry in reader.section(table, "landlock") {
        match entry.key {
            "enabled" => landlock.enabled = reader.boolean(entry),
            _ => reader.unknown(entry, "landlock"),
        }
    }
    landlock
}

pub(super) fn capabilities(reader: &mut Reader, table: &DeTable<'_>) -> Capabilities {
    let mut capabilities = Capabilities::default();
    for entry in reader.section(table, "capabilities") {
        match entry.key {
            "keep" => {
                capabilities.keep =
                    reader.list(entry, |reader, item| reader.parsed(item, str::parse));
            }
            _ => reader.unknown(entry, "capabilities"),
        }
    }
    capabilities
}

fn set_variable(reader: &mut Reader, entry: Entry<'_>, env: &mut Env) {
    let (start, end) = entry.key_span;
    if let Err(bad) = check_variable_name(entry.key.as_ref()) {
        return reader.refuse(start..end, bad);
    }
    if let Some(value) = reader.parsed(entry, |text| Ok(OsString::from(text))) {
        env.set.insert(OsString::from(entry.key), value);
    }
}

/// A list of words; an empty one takes the image's away.
fn entrypoint(reader: &mut Reader, entry: Entry<'_>) -> Option<Located<Vec<OsString>>> {
    let errors = reader.errors.len();
    let words =
        reader.list(entry, |reader, item| reader.parsed(item, |text| Ok(OsString::from(text))));
    let words = words.into_iter().map(|word| word.value).collect();
    (reader.errors.len() == errors).then(|| reader.located(entry, words))
}

fn descriptor(reader: &mut Reader, item: Entry<'_>) -> Option<Located<i32>> {
    let number = reader.integer(item)?;
    match i32::try_from(number) {
        Ok(number) if number > 2 => Some(reader.located(item, number)),
        Ok(0..=2) => {
            let bad = Diagnostic::error(format!("descriptor {number} need not be named"))
                .because("the command always keeps 0, 1 and 2");
            reader.refuse(item.value.span(), bad.help("remove it"));
            None
        }
        Ok(_) | Err(_) => {
            let bad = Diagnostic::error(format!("`{number}` is no descriptor"));
            reader.refuse(item.value.span(), bad.help("write a number from 3 on"));
            None
        }
    }
}
