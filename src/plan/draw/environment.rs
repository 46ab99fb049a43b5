//! The command's environment: nothing but what was asked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::Origin;
use crate::plan::IdMap;
use crate::units::AbsolutePath;

use super::Drawing;
use super::etc::user_name;
use super::image::Settings;

/// Where programs are if the caller's `PATH` is not passed.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

type Variables = BTreeMap<OsString, OsString>;

/// Variables that name programs of this machine.
const OF_THE_HOST: [&str; 2] = ["PATH", "SHELL"];

pub(super) fn draw(
    drawing: &Drawing,
    home: &AbsolutePath,
    ids: &IdMap,
    image: &Settings,
) -> Vec<(OsString, OsString)> {
    let name = user_name(drawing, ids.uid);
    let by_flag = |origin: &Origin| matches!(origin, Origin::Flag(_));
    let mut environment = Variables::new();
    environment.insert("PATH".into(), PATH.into());
    let pass = |environment: &mut Variables, flags: bool, except: &[&str]| {
        let pass = drawing.profile.env.pass.iter().filter(|pass| by_flag(&pass.origin) == flags);
        let patterns: Vec<&OsStr> = pass.map(|pattern| pattern.value.as_os_str()).collect();
        for (name, value) in &drawing.host.environment {
            let is_there = except.iter().any(|except| name == except);
            if !is_there && patterns.iter().any(|pattern| passes(pattern, name)) {
                environment.insert(name.clone(), value.clone());
            }
        }
    };
    // What the caller's name of programs of this machine is not in an image.
    let except: &[&str] = if drawing.rootfs.is_some() { &OF_THE_HOST } else { &[] };
    pass(&mut environment, false, except);
    for (name, value) in &image.environment {
        environment.insert(name.clone(), value.clone());
    }
    // What a flag asks for is meant for this very run.
    pass(&mut environment, true, &[]);
    // Those of the caller need not be true inside.
    if !image.environment.iter().any(|(name, _)| name == "HOME") {
        environment.insert("HOME".into(), home.as_path().into());
    }
    environment.insert("USER".into(), name.to_owned());
    environment.insert("LOGNAME".into(), name.to_owned());
    for (name, value) in &drawing.profile.env.set {
        environment.insert(name.clone(), value.value.clone());
    }
    environment.into_iter().collect()
}

/// Returns the directories to look for a command in. Relative ones (an empty one too) mean
/// the working directory, where the command may write: they are left out.
pub(super) fn search(environment: &[(OsString, OsString)]) -> Vec<AbsolutePath> {
    let path = environment.iter().find(|(name, _)| name == "PATH");
    let path = path.map(|(_, value)| value.as_os_str()).unwrap_or_default();
    std::env::split_paths(path).filter_map(AbsolutePath::new).collect()
}

fn passes(pattern: &OsStr, name: &OsStr) -> bool {
    match pattern.as_bytes().strip_suffix(b"*") {
        Some(start) => name.as_bytes().starts_with(start) && !changes_programs(name),
        None => pattern == name,
    }
}

/// Variables that make a program load code, which no pattern should let in by chance.
fn changes_programs(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"LD_") || [&b"GCONV_PATH"[..], b"GLIBC_TUNABLES", b"LOCPATH"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_rest_but_not_what_loads_code() {
        let passes = |pattern: &str, name: &str| passes(OsStr::new(pattern), OsStr::new(name));
        assert!(passes("LC_*", "LC_ALL") && passes("LC_*", "LC_") && passes("*", "X"));
        assert!(!passes("LC_*", "LANG") && !passes("LC", "LC_ALL"));
        assert!(!passes("*", "LD_PRELOAD") && !passes("LD_*", "LD_PRELOAD"));
        assert!(passes("LD_PRELOAD", "LD_PRELOAD"));
    }

    #[test]
    fn commands_are_looked_for_in_absolute_directories_only() {
        let environment = [("PATH".into(), ":/usr/bin:.:bin:/bin/".into())];
        let found: Vec<String> = search(&environment).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["/usr/bin", "/bin"]);
    }
}
