//! A plan as a numbered list.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

use crate::plan::filter::{Filter, Verdict};
use crate::plan::{
    Access, Action, Extent, IdMap, Mount, Plan, Resource, RootSource, Ruleset, Step, Subject,
};
use crate::units::AbsolutePath;

/// The longest text of a step that the column of origins waits for.
const WIDEST: usize = 60;

/// Prints one step per line: number, kind, what it does, who asked for it. What a step
/// consists of follows on indented lines.
pub fn to_text(plan: &Plan) -> String {
    let rows: Vec<Row> = plan.steps.iter().map(row).collect();
    let numbers = rows.len().to_string().len();
    let kinds = rows.iter().map(|row| row.kind.len()).max().unwrap_or(0);
    let widths = rows.iter().map(|row| row.what.chars().count());
    let what = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let Row { kind, what: words, origin, details } = row;
        let line = format!("{:>numbers$}  {kind:<kinds$}  {words:<what$}  {origin}", index + 1);
        text.push_str(line.trim_end());
        text.push('\n');
        for detail in details {
            text.extend(std::iter::repeat_n(' ', numbers + kinds + 6));
            text.push_str(detail);
            text.push('\n');
        }
    }
    text
}

struct Row {
    kind: &'static str,
    what: String,
    origin: String,
    details: Vec<String>,
}

fn row(step: &Step) -> Row {
    let (kind, what) = headline(&step.action);
    let origin = escaped(OsStr::new(&step.origin.to_string()));
    Row { kind, what, origin, details: details(&step.action) }
}

/// The word for a step and what it does, on one line.
fn headline(action: &Action) -> (&'static str, String) {
    match action {
        Action::Namespaces { network } => {
            let net = if *network { " net" } else { "; the host's network" };
            ("namespaces", format!("user mount pid ipc uts cgroup{net}"))
        }
        Action::Ids(map) => ("ids", ids(map)),
        Action::Scratch { size, inodes } => ("scratch", format!("{size}, {inodes} inodes")),
        Action::Root(source) => ("root", root(source)),
        Action::Symlink { path, target } => {
            ("symlink", format!("{} -> {}", shown(path), escaped(target)))
        }
        Action::File { path, content } => {
            ("file", format!("{}, {} bytes", shown(path), content.len()))
        }
        Action::Mount { path, create: _, mount } => mounted(path, mount),
        Action::Proc { masked, read_only } => {
            let (masked, read_only) = (masked.len(), read_only.len());
            ("proc", format!("/proc, {masked} paths masked, {read_only} read-only"))
        }
        Action::Dev { devices } => ("dev", format!("/dev, {}", device_names(devices))),
        Action::SealRoot => ("seal", "/ becomes read-only".into()),
        Action::Pivot => ("pivot", "leave the host's file system".into()),
        Action::Loopback => ("loopback", "lo up".into()),
        Action::Hostname(name) => ("hostname", escaped(OsStr::new(name))),
        Action::Keyring { .. } => ("keyring", "a new session keyring".into()),
        Action::RefuseNesting => ("nesting", "no user namespaces inside".into()),
        Action::Rlimit { resource, soft, .. } => {
            let resource = match resource {
                Resource::Processes => "processes",
                Resource::Core => "core",
            };
            ("rlimit", format!("{resource} {soft}"))
        }
        Action::Capabilities { keep } if keep.is_empty() => ("capabilities", "none".into()),
        Action::Capabilities { keep } => {
            let numbers: Vec<String> = keep.iter().map(|keep| keep.0.to_string()).collect();
            ("capabilities", format!("keep {}", numbers.join(" ")))
        }
        Action::NoNewPrivileges => ("privileges", "no new ones".into()),
        Action::NewSession => ("session", "a new one, without a terminal".into()),
        Action::Umask(mask) => ("umask", format!("{mask:03o}")),
        Action::Environment(variables) => ("environment", format!("{} variables", variables.len())),
        Action::Workdir(path) => ("workdir", shown(path)),
        Action::Landlock(ruleset) => ("landlock", landlock(ruleset)),
        Action::Seccomp(filter) => ("seccomp", seccomp(filter)),
        Action::Descriptors { keep } => {
            let more: String = keep.iter().fold(String::new(), |mut text, fd| {
                let _ = write!(text, " {fd}");
                text
            });
            ("descriptors", format!("keep 0 1 2{more}"))
        }
        Action::Exec { argv, .. } => {
            let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
            ("exec", words.join(" "))
        }
    }
}

/// What a step consists of, where a number would hide what matters.
fn details(action: &Action) -> Vec<String> {
    match action {
        Action::Environment(variables) => variables
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect(),
        Action::Landlock(ruleset) => rules_by_access(ruleset),
        _ => Vec::new(),
    }
}

fn ids(map: &IdMap) -> String {
    let extents = |extents: &[Extent]| {
        let one = |Extent { inside, outside, count }: &Extent| match count {
            1 => format!("{inside}={outside}"),
            count => format!("{inside}={outside}+{count}"),
        };
        extents.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let IdMap { uids, gids, uid, gid, mappers } = map;
    let by = if mappers.is_some() { ", by newuidmap" } else { "" };
    format!("{uid}:{gid} inside; uid {}, gid {}{by}", extents(uids), extents(gids))
}

fn root(source: &RootSource) -> String {
    match source {
        RootSource::Empty => "empty".into(),
        RootSource::Overlay { lower } => format!("overlay of {}", shown(lower)),
        RootSource::Directory { path } => format!("{}, writable", shown(path)),
    }
}

fn mounted(path: &AbsolutePath, mount: &Mount) -> (&'static str, String) {
    let shown_path = shown(path);
    match mount {
        Mount::Private { mode } => ("private", format!("{shown_path}, mode {mode:04o}")),
        Mount::Tmpfs { size } => ("tmpfs", format!("{shown_path}, {size}")),
        Mount::Bind { from, write, .. } => {
            let kind = if *write { "write" } else { "read" };
            if from == path {
                (kind, shown_path)
            } else {
                (kind, format!("{shown_path} from {}", shown(from)))
            }
        }
        Mount::Overlay { lower } if lower == path => ("overlay", shown_path),
        Mount::Overlay { lower } => ("overlay", format!("{shown_path} of {}", shown(lower))),
        Mount::Mask { .. } => ("mask", shown_path),
    }
}

fn device_names(devices: &[AbsolutePath]) -> String {
    let name = |path: &AbsolutePath| {
        let path = path.as_path();
        escaped(path.strip_prefix("/dev").unwrap_or(path).as_os_str())
    };
    devices.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn landlock(ruleset: &Ruleset) -> String {
    let scoped = if ruleset.scoped { ", signals and abstract sockets scoped" } else { "" };
    format!("ABI {}, {} rules{scoped}", ruleset.abi, ruleset.rules.len())
}

/// One line for each kind of access: `read /usr /opt`.
fn rules_by_access(ruleset: &Ruleset) -> Vec<String> {
    let kinds = [
        (Access::List, "list"),
        (Access::Read, "read"),
        (Access::Write, "write"),
        (Access::ReadWrite, "use"),
        (Access::ReadFile, "read descriptor"),
        (Access::WriteFile, "write descriptor"),
        (Access::ReadWriteFile, "use descriptor"),
    ];
    let line = |(access, word): &(Access, &str)| {
        let rules = ruleset.rules.iter().filter(|rule| rule.access == *access);
        let subjects: Vec<String> = rules
            .map(|rule| match &rule.subject {
                Subject::Path(path) => shown(path),
                Subject::Descriptor(fd) => fd.to_string(),
            })
            .collect();
        (!subjects.is_empty()).then(|| format!("{word} {}", subjects.join(" ")))
    };
    kinds.iter().filter_map(line).collect()
}

fn seccomp(filter: &Filter) -> String {
    let lets_through = |verdict: Verdict| matches!(verdict, Verdict::Allow | Verdict::Log);
    let mut allowed = 0;
    let mut sometimes = 0;
    for decision in &filter.decisions {
        let mut cases = decision.cases.iter().map(|case| case.verdict);
        if cases.len() == 0 && lets_through(decision.otherwise) {
            allowed += 1;
        } else if lets_through(decision.otherwise) || cases.any(lets_through) {
            sometimes += 1;
        }
    }
    let name = escaped(OsStr::new(&filter.name));
    format!("{name}: {allowed} calls allowed, {sometimes} by their arguments")
}

fn shown(path: &AbsolutePath) -> String {
    escaped(path.as_path().as_os_str())
}

/// A word as a shell would want it, or nearly so.
fn quoted(word: &OsStr) -> String {
    let text = escaped(word);
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%\\".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The text without anything that a terminal would take as a command, or that would break a
/// line: control characters and bytes that are not UTF-8 as `\x1b`.
fn escaped(text: &OsStr) -> String {
    let mut out = String::with_capacity(text.len());
    for chunk in text.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_direction(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.extend(std::ascii::escape_default(*byte).map(char::from));
        }
    }
    out
}

/// Characters that turn the order of those after them around, so that a path reads as another.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        let text = OsStr::from_bytes(b"a\x1b[2J\n\xff \xc3\xa9");
        assert_eq!(escaped(text), "a\\u{1b}[2J\\n\\xff \u{e9}");
        assert_eq!(escaped(OsStr::new("a\u{202e}b")), "a\\u{202e}b");
    }

    #[test]
    fn steps_are_numbered_and_aligned_with_their_origins() {
        let path = AbsolutePath::new("/srv/x").unwrap();
        let mount = Mount::Bind { from: path.clone(), write: true, directory: true };
        let step = |action, origin| Step { action, origin };
        let plan = Plan {
            steps: vec![
                step(Action::Mount { path, create: true, mount }, Origin::Flag("--write".into())),
                step(Action::Umask(0o22), Origin::BuiltIn),
                step(
                    Action::Exec {
                        argv: vec!["sh".into(), "-c".into(), "a b".into()],
                        search: vec![],
                    },
                    Origin::BuiltIn,
                ),
            ],
            notes: vec![],
        };
        let expected = "\
1  write  /srv/x       --write
2  umask  022          built-in
3  exec   sh -c 'a b'  built-in
";
        assert_eq!(to_text(&plan), expected);
    }
}
