//! Where we are, as far as it decides what to type: the distribution, and what is around us.
//!
//! All of it may be written by somebody else. It chooses among our own words, and none of it is
//! printed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use schemars::JsonSchema;
use serde::Serialize;

/// A file that says more than this about a distribution is none.
const LONGEST_FILE: u64 = 64 << 10;

/// What a command line depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    pub distribution: Distribution,
    pub container: Option<Container>,
    pub runner: Option<Runner>,
    /// The program `jail` itself, without symbolic links.
    pub program: Option<PathBuf>,
    /// The caller can put another program in its place, and is not root.
    pub is_replaceable: bool,
    pub is_root: bool,
    /// Whether this machine was booted with systemd.
    pub systemd: bool,
}

/// A family of distributions with the same commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    Debian,
    Ubuntu,
    Fedora,
    Arch,
    Suse,
    Alpine,
    Nixos,
    /// One that says nothing that is known here.
    Other,
}

/// What made the container that we are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Docker,
    Podman,
    Kubernetes,
}

/// The service that runs us as a step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    GithubActions,
    GitlabCi,
}

impl Surroundings {
    pub fn look() -> Self {
        let program = std::env::current_exe().ok();
        let is_root = geteuid().is_root();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            distribution: distribution(),
            container: container(is_set("KUBERNETES_SERVICE_HOST")),
            runner: match () {
                () if is_set("GITHUB_ACTIONS") => Some(Runner::GithubActions),
                () if is_set("GITLAB_CI") => Some(Runner::GitlabCi),
                () => None,
            },
            is_replaceable: !is_root && program.as_deref().is_some_and(is_replaceable),
            program,
            is_root,
            systemd: Path::new("/run/systemd/system").is_dir(),
        }
    }

    /// Whether somebody else started what is around us, as far as can be seen.
    pub fn is_contained(&self) -> bool {
        self.container.is_some() || self.runner.is_some()
    }

    /// A command for root: nothing before it where we are root, else what the distribution has for that.
    pub fn as_root(&self, command: &str) -> String {
        match self.distribution {
            _ if self.is_root => command.to_owned(),
            Distribution::Alpine => format!("doas {command}"),
            _ => format!("sudo {command}"),
        }
    }
}

/// Whether anybody but root may replace it: itself, or a directory on the way to it.
fn is_replaceable(program: &Path) -> bool {
    let is_roots =
        |place: &Path| fs::metadata(place).is_ok_and(|it| it.uid() == 0 && it.mode() & 0o022 == 0);
    !program.ancestors().all(is_roots)
}

fn distribution() -> Distribution {
    let read = |path| {
        let mut text = String::new();
        File::open(path).ok()?.take(LONGEST_FILE).read_to_string(&mut text).ok()?;
        Some(text)
    };
    // os-release(5): the second where the first is not there.
    let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
    distribution_of(&text.unwrap_or_default())
}

/// By `ID`, else by the first of `ID_LIKE` that is known.
fn distribution_of(text: &str) -> Distribution {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches(['"', '\''])
    };
    let names = value("ID").split_whitespace().chain(value("ID_LIKE").split_whitespace());
    names.filter_map(by_name).next().unwrap_or(Distribution::Other)
}

fn by_name(name: &str) -> Option<Distribution> {
    Some(match name {
        "debian" | "raspbian" => Distribution::Debian,
        "ubuntu" => Distribution::Ubuntu,
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" => Distribution::Fedora,
        "arch" | "archlinux" => Distribution::Arch,
        "suse" | "opensuse" | "sles" | "opensuse-leap" | "opensuse-tumbleweed" => {
            Distribution::Suse
        }
        "alpine" => Distribution::Alpine,
        "nixos" => Distribution::Nixos,
        _ => return None,
    })
}

/// Kubernetes first: below it there is one of the others, whose flags nobody can give.
fn container(kubernetes: bool) -> Option<Container> {
    let is_there = |path: &str| Path::new(OsStr::new(path)).exists();
    match () {
        () if kubernetes => Some(Container::Kubernetes),
        () if is_there("/run/.containerenv") => Some(Container::Podman),
        () if is_there("/.dockerenv") => Some(Container::Docker),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_but_root_could_replace_is_known() {
        assert!(!is_replaceable(Path::new("/usr/bin/env")));
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("jail");
        fs::write(&program, "").expect("it is ours");
        // Below a directory that its owner has only closed for a while.
        assert!(is_replaceable(&program));
        assert!(is_replaceable(Path::new("/usr/bin/missing")));
    }

    #[test]
    fn a_distribution_is_known_by_its_name_or_its_parents() {
        for (text, expected) in [
            ("NAME=x\nID=debian\n", Distribution::Debian),
            ("ID=ubuntu\nID_LIKE=debian\n", Distribution::Ubuntu),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Distribution::Ubuntu),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Distribution::Fedora),
            ("ID='opensuse-leap'\n", Distribution::Suse),
            ("ID_LIKE=arch\nID=manjaro\n", Distribution::Arch),
            ("ID=alpine", Distribution::Alpine),
            ("ID=nixos\n", Distribution::Nixos),
            ("IDX=debian\n", Distribution::Other),
            ("ID=\u{1b}[31mdebian\n", Distribution::Other),
            ("", Distribution::Other),
        ] {
            assert_eq!(distribution_of(text), expected, "{text:?}");
        }
    }
}
