//! A first profile for a project, by what is in it.

use crate::profile::built_in::BUILT_IN;
use crate::profile::listing::quote;

/// Files that tell which tools a project is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Each alone is enough.
    pub files: &'static [&'static str],
    /// The built-in profile for these tools.
    profile: &'static str,
}

/// All kinds of projects that are known. Several may be in one directory.
pub fn markers() -> &'static [Marker] {
    &MARKERS
}

const MARKERS: [Marker; 6] = [
    Marker { files: &["Cargo.toml"], profile: "rust" },
    Marker { files: &["package.json"], profile: "node" },
    Marker {
        files: &["pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile"],
        profile: "python",
    },
    Marker { files: &["go.mod", "go.work"], profile: "go" },
    Marker {
        files: &["CMakeLists.txt", "Makefile", "GNUmakefile", "meson.build", "configure.ac"],
        profile: "c",
    },
    Marker {
        files: &["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle"],
        profile: "java",
    },
];

/// For tools that have no profile of their own.
const ANY_TOOLS: &str = "dev";

impl Marker {
    /// The profile to build on.
    pub fn profile(&self) -> &'static str {
        let own = BUILT_IN.iter().find(|(name, _)| *name == self.profile);
        own.map_or(ANY_TOOLS, |(name, _)| name)
    }
}

/// The text of a profile that builds on those for what was found: each marker with the file that
/// told.
pub fn starting_profile(found: &[(Marker, &str)]) -> String {
    let mut extends: Vec<&str> = Vec::new();
    for (marker, _) in found {
        if !extends.contains(&marker.profile()) {
            extends.push(marker.profile());
        }
    }
    if extends.is_empty() {
        extends.push("default");
    }
    let extends: Vec<String> = extends.into_iter().map(quote).collect();
    let files: Vec<&str> = found.iter().map(|(_, file)| *file).collect();
    let told = match files.split_last() {
        None => "it knows none of the files here".to_owned(),
        Some((only, [])) => format!("it found {only}"),
        Some((last, rest)) => format!("it found {} and {last}", rest.join(", ")),
    };
    TEXT.replace("{told}", &told).replace("{extends}", &extends.join(", "))
}

const TEXT: &str = r#"# What a command may touch that `jail run` starts in this project.
#
# Made by `jail profile init`: {told}. Change it as you like.
# `jail profile show ./.jail.toml` says what all of it comes to, jail-profile(5) has every key.
# jail uses it after `jail trust`, which has to be said again after each change.

description = "Build and test this project"

# Ready-made profiles, merged from left to right; `jail profile list` names all of them.
extends = [{extends}]

[filesystem]
# There, but unreadable.
mask = [{ path = "$PROJECT/.env", optional = true }]
# Besides the project and its tools:
#read = ["~/data"]
# The command may write there, and what it writes is thrown away:
#overlay = ["~/.cache/tool"]

# The network, where the profiles above say nothing else: only these hosts, for every program.
#[network]
#mode = "allow"
#allow = ["registry.example.org:443"]

# What the command may use up.
#[limits]
#memory = "4G"
#pids = 1024
#time = "30m"

# Variables of yours that the command needs.
#[env]
#pass = ["CI"]
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse::tests::parsed;

    #[test]
    fn every_profile_that_is_extended_exists() {
        for marker in markers() {
            let text = starting_profile(&[(*marker, marker.files[0])]);
            for name in parsed(&text).extends {
                let known = BUILT_IN.iter().any(|(known, _)| name.value == *known);
                assert!(known, "{marker:?} extends {:?}", name.value);
            }
        }
    }

    #[test]
    fn several_kinds_are_one_profile() {
        let all: Vec<_> = markers().iter().map(|marker| (*marker, marker.files[0])).collect();
        let text = starting_profile(&all);
        assert!(text.contains(
            "it found Cargo.toml, package.json, pyproject.toml, go.mod, CMakeLists.txt and pom.xml"
        ));
        let read = parsed(&text);
        assert_eq!(read.errors, []);
        let mut names: Vec<_> = read.extends.iter().map(|name| name.value.clone()).collect();
        names.dedup();
        assert_eq!(names.len(), read.extends.len());
        let none = starting_profile(&[]);
        assert_eq!(parsed(&none).extends[0].value, "default");
        assert!(none.contains("`jail profile init`: it knows none of the files here. Change it"));
    }

    /// A person takes the mark away and has a profile.
    #[test]
    fn what_is_commented_out_is_valid() {
        let text = starting_profile(&[]);
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
            _ => line,
        });
        let whole: Vec<&str> = lines.collect();
        let read = parsed(&whole.join("\n"));
        assert_eq!(read.errors, []);
        assert!(read.profile.limits.memory.is_some() && !read.profile.network.allow.is_empty());
    }
}
