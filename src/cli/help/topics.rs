//! Which subjects there are, and where the documentation tells about them.

/// A subject of `jail help`.
pub struct Topic {
    pub name: &'static str,
    pub about: &'static str,
    page: &'static str,
    /// The title of a section; without one, it is the whole page.
    section: Option<&'static str>,
}

const PROFILE: &str = include_str!("../../../docs/profile.md");
const IMAGES: &str = include_str!("../../../docs/images.md");
const RECIPES: &str = include_str!("../../../docs/recipes.md");
const REPORT: &str = include_str!("../../../docs/report.md");
const THREATS: &str = include_str!("../../../docs/threat-model.md");
const README: &str = include_str!("../../../README.md");

pub const TOPICS: &[Topic] = &[
    whole("profile-format", "what may stand in a profile, key by key", PROFILE),
    section("which-profile", "which profile is used", PROFILE, "Which profile is used"),
    section("paths", "how paths are written, and which of two rules wins", PROFILE, "Paths"),
    section("degrade", "machines that lack a protection", PROFILE, "Top level"),
    section("filesystem", "files, directories, devices, the root", PROFILE, "[filesystem]"),
    section("network", "no network, the host's, one of its own, named hosts", PROFILE, "[network]"),
    section("limits", "memory, processors, processes, time", PROFILE, "[limits]"),
    section("env", "variables of the command", PROFILE, "[env]"),
    section("process", "directory, user, terminal, descriptors", PROFILE, "[process]"),
    section("seccomp", "the filter of system calls", PROFILE, "[seccomp]"),
    section("landlock", "the second wall around files", PROFILE, "[landlock]"),
    section("capabilities", "parts of root's power", PROFILE, "[capabilities]"),
    section("environment", "variables that jail itself reads", PROFILE, "Variables of jail"),
    section("exit-status", "what the exit status means", README, "Exit status"),
    whole("images", "running on images of registries and files", IMAGES),
    whole("report", "what `--report` writes, key by key", REPORT),
    whole("recipes", "CI, makefiles, scripts, hooks, untrusted code", RECIPES),
    whole("threat-model", "what is protected, by what, and what is not", THREATS),
];

impl Topic {
    /// The Markdown of it.
    pub fn text(&self) -> &'static str {
        let Some(title) = self.section else { return self.page };
        cut(self.page, title).expect("a test looks for every section")
    }
}

const fn whole(name: &'static str, about: &'static str, page: &'static str) -> Topic {
    Topic { name, about, page, section: None }
}

const fn section(
    name: &'static str,
    about: &'static str,
    page: &'static str,
    title: &'static str,
) -> Topic {
    Topic { name, about, page, section: Some(title) }
}

/// From a heading to the next one that is not below it.
fn cut<'a>(page: &'a str, title: &str) -> Option<&'a str> {
    let mut fenced = false;
    let (mut start, mut depth, mut at) = (None, 0, 0);
    for line in page.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        if !fenced && level > 0 {
            match start {
                Some(start) if level <= depth => return Some(&page[start..at]),
                None if line[level..].trim() == title => (start, depth) = (Some(at), level),
                Some(_) | None => {}
            }
        }
        at += line.len();
    }
    start.map(|start| &page[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_where_the_next_of_its_rank_begins() {
        let page = "# A\n\nx\n## B\nb\n```sh\n# no heading\n```\n### C\nc\n## D\nd\n";
        assert_eq!(cut(page, "B"), Some("## B\nb\n```sh\n# no heading\n```\n### C\nc\n"));
        assert_eq!(cut(page, "D"), Some("## D\nd\n"));
        assert_eq!(cut(page, "no heading"), None);
    }
}
