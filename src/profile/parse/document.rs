//! A profile file as a whole.

use std::ffi::OsString;

use toml::de::DeTable;

use super::filesystem::filesystem;
use super::limits::limits;
use super::network::network;
use super::reader::{Entry, Reader};
use super::sections::{capabilities, env, landlock, process, seccomp};
use super::syntax::with_syntax_errors;
use crate::diagnostic::{Diagnostic, Located};
use crate::profile::find::Found;
use crate::profile::{BadValue, Base, Profile};

/// What one file says, as far as it could be understood.
pub(in crate::profile) struct Parsed {
    pub profile: Profile,
    pub extends: Vec<Located<OsString>>,
    /// In the order of the file.
    pub errors: Vec<Diagnostic>,
}

/// Reads all of a file, whatever is wrong with it.
pub(in crate::profile) fn parse(found: &Found) -> Parsed {
    let (table, syntax) = DeTable::parse_recoverable(&found.source.text);
    let mut reader = Reader { source: found.source.clone(), errors: Vec::new() };
    let mut parsed =
        Parsed { profile: Profile::default(), extends: Vec::new(), errors: Vec::new() };
    let base = match &found.directory {
        Some(directory) => Base::Directory(directory.clone()),
        None => Base::WorkingDirectory,
    };
    for entry in reader.section(table.get_ref(), "") {
        top_level(&mut reader, entry, &base, &mut parsed);
    }
    parsed.errors = with_syntax_errors(reader, &syntax);
    parsed
}

fn top_level(reader: &mut Reader, entry: Entry<'_>, base: &Base, parsed: &mut Parsed) {
    let profile = &mut parsed.profile;
    match entry.key {
        "description" => {
            profile.description = reader.parsed(entry, |text| Ok(text.to_owned()));
        }
        "extends" => {
            parsed.extends = reader.list(entry, |reader, item| reader.parsed(item, profile_name));
        }
        "degrade" => {
            profile.degrade = reader.list(entry, |reader, item| reader.parsed(item, str::parse));
        }
        "filesystem" => {
            if let Some(table) = reader.table(entry) {
                profile.filesystem = filesystem(reader, table, base);
            }
        }
        "network" => {
            if let Some(table) = reader.table(entry) {
                profile.network = network(reader, table);
            }
        }
        "limits" => {
            if let Some(table) = reader.table(entry) {
                profile.limits = limits(reader, table);
            }
        }
        "env" => {
            if let Some(table) = reader.table(entry) {
                profile.env = env(reader, table);
            }
        }
        "process" => {
            if let Some(table) = reader.table(entry) {
                profile.process = process(reader, table);
            }
        }
        "seccomp" => {
            if let Some(table) = reader.table(entry) {
                profile.seccomp = seccomp(reader, table, base);
            }
        }
        "landlock" => {
            if let Some(table) = reader.table(entry) {
                profile.landlock = landlock(reader, table);
            }
        }
        "capabilities" => {
            if let Some(table) = reader.table(entry) {
                profile.capabilities = capabilities(reader, table);
            }
        }
        _ => reader.unknown(entry, ""),
    }
}

fn profile_name(text: &str) -> Result<OsString, BadValue> {
    if text.is_empty() {
        return Err(BadValue::new("the name of a profile is empty"));
    }
    Ok(OsString::from(text))
}
