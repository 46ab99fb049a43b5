//! Flags whose value is one word of a short list.

use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, TypedValueParser};

pub const ROOT_MODES: Listed = Listed(&["read-only", "overlay", "write"]);
pub const PULLS: Listed = Listed(&["missing", "always", "never"]);
pub const NETWORK_MODES: Listed = Listed(&["none", "host", "nat"]);
pub const IDS: Listed = Listed(&["single", "subuid", "auto"]);
pub const TTYS: Listed = Listed(&["auto", "inherit", "none"]);
pub const SWITCHES: Listed = Listed(&["on", "off"]);
pub const PROTECTIONS: Listed =
    Listed(&["landlock", "limits", "overlay", "namespaces", "nested-rules"]);

/// Words for help and completions.
///
/// As a parser it takes anything: what a word means, and what is wrong with it, is said where
/// profiles are understood, together with all other mistakes.
#[derive(Clone, Copy, Debug)]
pub struct Listed(pub &'static [&'static str]);

impl TypedValueParser for Listed {
    type Value = OsString;

    fn parse_ref(
        &self,
        _command: &clap::Command,
        _argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<OsString, clap::Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

#[cfg(test)]
mod tests {
    use crate::profile::{Ids, NetworkMode, Protection, Pull, RootMode, Tty};

    use super::*;

    /// Every word that help names is understood, so that the lists cannot drift apart.
    #[test]
    fn listed_words_have_a_meaning() {
        fn understood<T: std::str::FromStr>(listed: Listed) {
            for word in listed.0 {
                assert!(word.parse::<T>().is_ok(), "{word}");
            }
        }
        understood::<RootMode>(ROOT_MODES);
        understood::<Pull>(PULLS);
        understood::<NetworkMode>(NETWORK_MODES);
        understood::<Ids>(IDS);
        understood::<Tty>(TTYS);
        understood::<Protection>(PROTECTIONS);
    }
}
