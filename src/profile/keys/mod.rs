//! Every key of a profile, described once.
//!
//! The parser takes from here which keys there are, [`schema`] makes the JSON Schema of it, and
//! the man page and the tables of docs/profile.md are compared with it by tests. How a value is
//! understood is the parser's business; a [`Kind`] says no more of it than editors can check.

mod files;
mod limits;
mod others;
mod schema;

pub use schema::schema;

/// A table of a profile; the top level has no name.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

/// What is said about one key. The texts are markdown, as in docs/profile.md.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What may stand there, in words.
    pub values: &'static str,
    pub default: &'static str,
    /// The flags that say the same for one run.
    pub flag: &'static str,
    pub about: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// A text that this regular expression matches.
    Pattern(&'static str),
    Words(&'static [&'static str]),
    Switch,
    Path,
    /// A path, or a table that says whether it may be missing.
    Rule,
    Tmpfs,
    Bind,
    Io,
    Address,
    Hostname,
    Capability,
    Descriptor,
    Size,
    Time,
    Grace,
    Count,
    Cpus,
    CpuSet,
    Nice,
    /// The soft and the hard limit.
    BoundSize,
    BoundTime,
    BoundCount,
    List(&'static Kind),
    Table {
        /// A regular expression for the names.
        names: &'static str,
        value: &'static Kind,
    },
}

/// The top level, then the others in the order of the documentation.
pub const SECTIONS: [Section; 9] = [
    files::TOP,
    files::FILESYSTEM,
    others::NETWORK,
    limits::LIMITS,
    others::ENV,
    others::PROCESS,
    others::SECCOMP,
    others::LANDLOCK,
    others::CAPABILITIES,
];

/// The names of the keys of a section; those of the top level include the sections.
pub(super) fn names(section: &str) -> Vec<&'static str> {
    let keys = SECTIONS.iter().filter(|known| known.name == section).flat_map(|known| known.keys);
    let sections = SECTIONS.iter().filter(|known| section.is_empty() && !known.name.is_empty());
    keys.map(|key| key.name).chain(sections.map(|known| known.name)).collect()
}

/// The section that has this key.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    let mut sections = SECTIONS.iter().filter(|known| !known.name.is_empty());
    sections.find(|known| known.keys.iter().any(|has| has.name == key)).map(|known| known.name)
}

#[cfg(test)]
mod tests;
