//! A package manager that failed because there is one id inside.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::plan::{Action, Plan, RootSource};
use crate::run::{End, Outcome};

const MANAGERS: [&str; 8] = ["apt", "apt-get", "dpkg", "dnf", "yum", "apk", "zypper", "pacman"];
const SHELLS: [&str; 5] = ["sh", "ash", "bash", "dash", "busybox"];

/// What to say at the end of such a run: what failed, the command itself said in its own words.
pub fn note(plan: &Plan, outcome: &Outcome) -> Option<Diagnostic> {
    let failed = matches!(outcome.end, End::Exited(status) if status != 0) && !outcome.timed_out;
    if !failed || !is_single_root_of_an_image(plan) {
        return None;
    }
    let manager = plan.steps.iter().find_map(|step| match &step.action {
        Action::Exec { argv, .. } => named(argv),
        _ => None,
    })?;
    let title = format!(
        "`{manager}` had one user and one group, and could not give files to others or become them"
    );
    Some(Diagnostic::note(title).help(
        "run it with `--profile packages`, or with `--ids subuid` and the capabilities that it needs",
    ))
}

fn is_single_root_of_an_image(plan: &Plan) -> bool {
    let has = |wanted: fn(&Action) -> bool| plan.steps.iter().any(|step| wanted(&step.action));
    has(|action| matches!(action, Action::Root(RootSource::Layers { owned: false, .. })))
        && has(|action| matches!(action, Action::Ids(map) if map.uid == 0))
}

/// The package manager that is run, by itself or in the words of a shell.
fn named(argv: &[OsString]) -> Option<&'static str> {
    let (program, words) = argv.split_first()?;
    if !SHELLS.contains(&base_name(program)?) {
        return known(base_name(program)?);
    }
    words.iter().filter_map(|word| word.to_str()).find_map(|text| {
        let is_part = |letter: char| letter.is_alphanumeric() || "._-/+".contains(letter);
        text.split(|letter| !is_part(letter)).find_map(|word| known(base_name(OsStr::new(word))?))
    })
}

/// A name as it is, or of a program; /etc/apt is none.
fn base_name(program: &OsStr) -> Option<&str> {
    let path = Path::new(program);
    let directory = path.parent().and_then(Path::file_name);
    let is_program = directory.is_none_or(|directory| directory == "bin" || directory == "sbin");
    path.file_name()?.to_str().filter(|_| is_program)
}

fn known(name: &str) -> Option<&'static str> {
    MANAGERS.into_iter().find(|manager| *manager == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str]) -> Option<&'static str> {
        named(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_package_manager_is_found_by_its_name() {
        assert_eq!(found(&["apt-get", "update"]), Some("apt-get"));
        assert_eq!(found(&["/sbin/apk", "add", "make"]), Some("apk"));
        assert_eq!(found(&["/bin/sh", "-ec", "cd /x;apt-get update&&make"]), Some("apt-get"));
        assert_eq!(found(&["busybox", "sh", "-c", "(/usr/bin/dnf -y install x)"]), Some("dnf"));
        for other in [
            &["cat", "apt"][..],
            &["aptitude"],
            &["sh", "-c", "echo adapt apt-getter; ls /etc/apt"],
            &[],
        ] {
            assert_eq!(found(other), None, "{other:?}");
        }
    }
}
