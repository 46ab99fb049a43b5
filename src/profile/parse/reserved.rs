//! Keys that are planned and do nothing yet. Ignoring one would promise a protection that is
//! not there.

/// Section (empty for the top level), key, and what this version does instead.
const RESERVED: [(&str, &str, &str); 1] =
    [("process", "init", "this version of jail always runs an init of its own")];

/// Why `key` of `section` cannot be used, if it is one that will come.
pub(super) fn reserved(section: &str, key: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .find(|(in_section, name, _)| *in_section == section && *name == key)
        .map(|(_, _, because)| *because)
}
