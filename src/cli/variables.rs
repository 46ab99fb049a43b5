//! The variables of jail itself; docs/profile.md has the list of them.
//!
//! They are weaker than flags. Whoever sets the environment of jail decides over what it does, so
//! there is none that takes a protection away by itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::{Diagnostic, Located, Origin, did_you_mean};

use super::arguments::{PlanArguments, RunArguments};

const PREFIX: &str = "JAIL_";
const PROFILE: &str = "JAIL_PROFILE";
const QUIET: &str = "JAIL_QUIET";
const VERBOSE: &str = "JAIL_VERBOSE";

/// Does for `run` what the variables say and no flag contradicts.
pub fn apply_to_run(arguments: &mut RunArguments) {
    arguments.verbose |= !arguments.quiet && is_on(VERBOSE);
    arguments.quiet |= !arguments.verbose && is_on(QUIET);
}

/// The same for `plan`.
pub fn apply_to_plan(arguments: &mut PlanArguments) {
    arguments.quiet |= is_on(QUIET);
}

/// The profiles to use: those of flags, else those of the environment, else `default`.
pub fn profiles(flags: &[OsString]) -> Vec<Located<OsString>> {
    named(flags, std::env::var_os(PROFILE))
}

/// Warnings about variables that look like one of ours and are none: whoever has set
/// `JAIL_PROFLE=strict` counts on it.
pub fn slips() -> Vec<Diagnostic> {
    std::env::vars_os().filter_map(|(name, _)| slip(&name)).collect()
}

fn is_on(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}

fn named(flags: &[OsString], variable: Option<OsString>) -> Vec<Located<OsString>> {
    let flagged = flags.iter().map(|name| (name.clone(), Origin::Flag("--profile".to_owned())));
    let variable = variable.filter(|_| flags.is_empty()).unwrap_or_default();
    let of_variable = variable
        .as_bytes()
        .split(|byte| *byte == b':')
        .filter(|name| !name.is_empty())
        .map(|name| (OsStr::from_bytes(name).to_owned(), Origin::Variable(PROFILE.to_owned())));
    let named: Vec<_> =
        flagged.chain(of_variable).map(|(name, origin)| Located::new(name, origin)).collect();
    if named.is_empty() { vec![Located::new("default".into(), Origin::BuiltIn)] } else { named }
}

fn slip(name: &OsStr) -> Option<Diagnostic> {
    let known = [PROFILE, QUIET, VERBOSE];
    let text = name.to_str().filter(|name| !known.contains(name))?;
    let rest = text.strip_prefix(PREFIX)?;
    // Without what all begin with: that is no likeness.
    let meant = did_you_mean(rest, known.map(|name| &name[PREFIX.len()..]))?;
    let title = format!("jail knows no variable `{text}`; continuing without it");
    Some(Diagnostic::warning(title).help(format!("did you mean `{PREFIX}{meant}`?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(flags: &[&str], variable: Option<&str>) -> Vec<String> {
        let flags: Vec<OsString> = flags.iter().map(OsString::from).collect();
        named(&flags, variable.map(OsString::from))
            .iter()
            .map(|name| format!("{} {}", name.origin, name.value.to_string_lossy()))
            .collect()
    }

    #[test]
    fn a_flag_is_stronger_than_the_environment() {
        assert_eq!(told(&["a", "b"], Some("c")), ["--profile a", "--profile b"]);
        assert_eq!(told(&[], Some("c")), ["$JAIL_PROFILE c"]);
        assert_eq!(
            told(&[], Some("dev:./x.toml")),
            ["$JAIL_PROFILE dev", "$JAIL_PROFILE ./x.toml"]
        );
        assert_eq!(told(&[], Some("")), ["built-in default"]);
        assert_eq!(told(&[], Some(":")), ["built-in default"]);
        assert_eq!(told(&[], None), ["built-in default"]);
    }

    #[test]
    fn only_what_looks_like_one_of_ours_is_a_slip() {
        let meant = |name: &str| slip(OsStr::new(name)).map(|warning| warning.help.concat());
        assert_eq!(meant("JAIL_PROFLE").unwrap(), "did you mean `JAIL_PROFILE`?");
        assert_eq!(meant("JAIL_PROFILES").unwrap(), "did you mean `JAIL_PROFILE`?");
        assert_eq!(meant("JAIL_QUITE").unwrap(), "did you mean `JAIL_QUIET`?");
        for other in ["JAIL_PROFILE", "JAIL_QUIET", "JAIL_TEST_USER", "JAIL_", "PROFLE", "JAIL"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
