//! What the profile grants, rule by rule.

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::{FileFact, FileKind, system};
use crate::plan::Mount;
use crate::profile::{Grant, PathText, Rule, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::here::{self, Fate};
use super::inside::Inside;
use super::tree::{Placement, Rank, Tree};

/// The rules of the profile as mounts.
pub(super) struct Rules<'a> {
    pub tree: Tree,
    /// The masks among them, by their path on the host.
    pub masks: Vec<(AbsolutePath, Placement)>,
    pub inside: Inside<'a>,
    /// Where each rule leads: what `planted` has to look at.
    pub facts: Vec<Lead>,
    /// Whether `.` was left out.
    pub withheld: bool,
}

/// A path that a rule follows on the host.
pub(super) struct Lead {
    pub rule: Located<Rule>,
    pub shown: String,
    pub fact: FileFact,
    /// Whether the command may change what is there.
    pub writable: bool,
}

/// `inside` knows what stands there without being asked for.
pub(super) fn draw<'a>(drawing: &mut Drawing, inside: Inside<'a>) -> Rules<'a> {
    let mut drawn = Drawn::default();
    let profile = drawing.profile;
    for rule in &profile.filesystem.rules {
        if let Err(error) = place(drawing, &mut drawn, rule) {
            drawing.errors.push(error.at(&rule.origin));
        }
    }
    let Drawn { mut placed, facts, withheld } = drawn;
    // What is above comes first; of two rules for one path the later one still comes last.
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut rules = Rules { tree: Tree::new(), masks: Vec::new(), inside, facts, withheld };
    for (path, placement) in placed {
        let at = rules.inside.at(&path);
        if let Some(because) = misplaced(&rules.inside, &path, &at) {
            let error = Diagnostic::error(format!("cannot mount on `{path}`")).because(because);
            drawing.errors.push(error.at(&placement.origin));
            continue;
        }
        rules.inside.cover(&path, &at);
        if matches!(placement.mount, Mount::Mask { .. }) {
            rules.masks.push((path, placement.clone()));
        }
        rules.tree.insert(at, placement);
    }
    rules
}

/// The rules as mounts, by their path on the host.
#[derive(Default)]
struct Drawn {
    placed: Vec<(AbsolutePath, Placement)>,
    facts: Vec<Lead>,
    withheld: bool,
}

/// Says why a rule about `path` cannot be carried out at `at`, where the root's links lead.
fn misplaced(inside: &Inside, path: &AbsolutePath, at: &AbsolutePath) -> Option<String> {
    let leads = format!("the root file system has a symbolic link there, which leads to `{at}`");
    let sys = AbsolutePath::root().join("sys");
    let reserved = |place: &str| AbsolutePath::root().join(place).contains(at);
    if let Some(other) = inside.taken(path, at) {
        return Some(format!("{leads}, as one for `{other}` does"));
    }
    let taken = *at == AbsolutePath::root() || system::PROVIDED.into_iter().any(reserved);
    (at != path && (taken || sys.contains(path) != sys.contains(at))).then_some(leads)
}

fn place(drawing: &mut Drawing, rules: &mut Drawn, rule: &Located<Rule>) -> Result<(), Diagnostic> {
    let Rule { path: text, grant, optional } = &rule.value;
    let Some(path) = expanded(drawing, text, *optional)? else { return Ok(()) };
    match here::fate(drawing, rule, &path, rules.withheld) {
        Fate::Kept => {}
        Fate::Replaced => return Ok(()),
        Fate::Withheld => {
            rules.withheld = true;
            return Ok(());
        }
    }
    let fact = drawing.host.fact(&path);
    for path in [&path, &fact.canonical] {
        refuse_reserved(drawing, grant, text, path)?;
    }
    refuse_interface(drawing, grant, text, &fact.canonical)?;
    let Some(mount) = mount(drawing, rules, rule, &fact)? else { return Ok(()) };
    if !matches!(grant, Grant::Mask) {
        let writable = matches!(grant, Grant::Write);
        rules.facts.push(Lead {
            rule: rule.clone(),
            shown: shown(text),
            fact: fact.clone(),
            writable,
        });
    }
    let rank = if *optional { Rank::OptionalRule } else { Rank::Rule };
    let origin = rule.origin.clone();
    let placement = Placement { mount, origin, kind: fact.kind, links: fact.links, rank };
    rules.placed.push((fact.canonical, placement));
    Ok(())
}

/// Returns `None` for an optional rule whose path cannot be told.
fn expanded(
    drawing: &Drawing,
    text: &PathText,
    optional: bool,
) -> Result<Option<AbsolutePath>, Diagnostic> {
    match expand(text, &drawing.host.variables()) {
        Ok(path) => Ok(Some(path)),
        Err(_) if optional => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses paths where jail shows its own, or those of all processes stand.
fn refuse_reserved(
    drawing: &Drawing,
    grant: &Grant,
    text: &PathText,
    path: &AbsolutePath,
) -> Result<(), Diagnostic> {
    let refuse = |because: &str| {
        Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text))).because(because)
    };
    let below = |parent: &str| path.as_path().starts_with(parent);
    let whose = |place: &str| match drawing.host.bare {
        Some(_) => format!("without namespaces `{place}` is that of the whole machine"),
        None => format!("each run has a `{place}` of its own"),
    };
    // Relative to the working directory: the rule is not to blame, and may be a built-in one.
    let remedy = if shown(text).starts_with('.') {
        "start jail in a directory elsewhere"
    } else {
        "remove the rule"
    };
    if *path == AbsolutePath::root() {
        return Err(refuse("that is all of the file system")
            .help("name the directories that the command needs"));
    }
    if below("/dev/shm") {
        return Err(refuse(&whose("/dev/shm")).help(remedy));
    }
    if below("/dev") {
        return Err(
            refuse(&whose("/dev")).help("name the device under `devices`, or with `--device`")
        );
    }
    if below("/proc") {
        return Err(refuse(&whose("/proc")).help(remedy));
    }
    if below("/sys") && !matches!(grant, Grant::Read | Grant::Mask) {
        return Err(refuse("`/sys` can be shown for reading only")
            .help("name it under `read`, or with `--read`"));
    }
    Ok(())
}

/// The host's /proc is no better under another name.
fn refuse_interface(
    drawing: &Drawing,
    grant: &Grant,
    text: &PathText,
    path: &AbsolutePath,
) -> Result<(), Diagnostic> {
    let Some(point) = drawing.host.interfaces.iter().find(|point| point.contains(path)) else {
        return Ok(());
    };
    if matches!(grant, Grant::Mask | Grant::Tmpfs { .. }) {
        return Ok(());
    }
    // With `hugepages = false` the mounts of hugetlbfs are among them.
    let pool = drawing.profile.limits.hugepages.as_ref().is_some_and(|pages| !pages.value);
    let what = if pool {
        "an interface to the kernel of this machine, or huge pages, which the profile refuses"
    } else {
        "an interface to the kernel of this machine"
    };
    let help = match drawing.host.bare {
        Some(_) => "remove the rule",
        None => "remove the rule; each run has a `/proc` and a `/dev` of its own",
    };
    Err(Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text)))
        .because(format!("`{point}` is {what}"))
        .help(help))
}

fn mount(
    drawing: &Drawing,
    rules: &mut Drawn,
    rule: &Located<Rule>,
    fact: &FileFact,
) -> Result<Option<Mount>, Diagnostic> {
    let Rule { path: text, grant, optional } = &rule.value;
    let from = fact.canonical.clone();
    Ok(match grant {
        Grant::Read | Grant::Write => {
            let write = matches!(grant, Grant::Write);
            grantable(rule, text, fact)?.map(|directory| Mount::Bind { from, write, directory })
        }
        Grant::Overlay => match grantable(rule, text, fact)? {
            Some(true) => Some(Mount::Overlay { lower: from }),
            Some(false) => return Err(not_a_directory(grant, text)),
            None => None,
        },
        // Whether there is something to hide depends on the mount above.
        Grant::Mask => match fact.kind {
            FileKind::Unreachable(_) if *optional => None,
            FileKind::Unreachable(errno) => return Err(unreachable(grant, text, errno)),
            kind => Some(Mount::Mask { directory: kind == FileKind::Directory }),
        },
        Grant::Tmpfs { size } => match fact.kind {
            FileKind::Missing | FileKind::Directory => Some(match size {
                Some(size) => Mount::Tmpfs { size: *size },
                None => Mount::Private { mode: tmpfs_mode(&fact.canonical) },
            }),
            FileKind::Unreachable(_) if *optional => None,
            FileKind::Unreachable(errno) => return Err(unreachable(grant, text, errno)),
            _ => return Err(not_a_directory(grant, text)),
        },
        Grant::Bind { from, write } => bind(drawing, rules, rule, from, *write)?,
    })
}

fn bind(
    drawing: &Drawing,
    rules: &mut Drawn,
    rule: &Located<Rule>,
    from: &PathText,
    write: bool,
) -> Result<Option<Mount>, Diagnostic> {
    let Rule { grant, optional, .. } = &rule.value;
    let Some(path) = expanded(drawing, from, *optional)? else { return Ok(None) };
    let fact = drawing.host.fact(&path);
    for path in [&path, &fact.canonical] {
        refuse_reserved(drawing, grant, from, path)?;
    }
    refuse_interface(drawing, grant, from, &fact.canonical)?;
    let Some(directory) = grantable(rule, from, &fact)? else { return Ok(None) };
    let from_host = fact.canonical.clone();
    rules.facts.push(Lead { rule: rule.clone(), shown: shown(from), fact, writable: write });
    Ok(Some(Mount::Bind { from: from_host, write, directory }))
}

/// Returns whether it is a directory; `None` if it is missing and may be.
fn grantable(
    rule: &Located<Rule>,
    text: &PathText,
    fact: &FileFact,
) -> Result<Option<bool>, Diagnostic> {
    let Rule { grant, optional, .. } = &rule.value;
    match fact.kind {
        FileKind::Directory => Ok(Some(true)),
        FileKind::File | FileKind::Socket | FileKind::Fifo | FileKind::Anonymous => Ok(Some(false)),
        FileKind::Missing | FileKind::Unreachable(_) if *optional => Ok(None),
        FileKind::Missing => {
            let help = match rule.origin {
                Origin::Flag(_) => "create it, or correct the path",
                Origin::BuiltIn | Origin::File { .. } | Origin::Variable(_) => {
                    "create it, or set `optional = true`"
                }
            };
            Err(Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text)))
                .because("no such file or directory [ENOENT]")
                .help(help))
        }
        FileKind::Unreachable(errno) => Err(unreachable(grant, text, errno)),
        FileKind::CharacterDevice | FileKind::BlockDevice => {
            Err(Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text)))
                .because("it is a device")
                .help("only devices below `/dev` are granted: under `devices`, or with `--device`"))
        }
    }
}

fn unreachable(grant: &Grant, text: &PathText, errno: i32) -> Diagnostic {
    Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text)))
        .because(errno_words(errno))
}

fn not_a_directory(grant: &Grant, text: &PathText) -> Diagnostic {
    Diagnostic::error(format!("cannot {} `{}`", verb(grant), shown(text)))
        .because("not a directory [ENOTDIR]")
        .help("name a directory")
}

/// Where the host lets everybody write, a tmpfs does as well.
fn tmpfs_mode(path: &AbsolutePath) -> u32 {
    let private =
        system::PRIVATE.iter().find(|(private, _)| path.as_path().as_os_str() == *private);
    private.map_or(0o755, |(_, mode)| *mode)
}

/// The word of the profile for what a rule does.
pub(super) fn verb(grant: &Grant) -> &'static str {
    match grant {
        Grant::Read => "read",
        Grant::Write => "write",
        Grant::Overlay => "overlay",
        Grant::Mask => "mask",
        Grant::Tmpfs { .. } => "mount a tmpfs on",
        Grant::Bind { .. } => "bind",
    }
}

fn shown(text: &PathText) -> String {
    text.text.to_string_lossy().into_owned()
}

/// The words of an errno, with its name in brackets.
pub(super) fn errno_words(errno: i32) -> String {
    let errno = Errno::from_raw(errno);
    format!("{} [{errno:?}]", errno.desc().to_lowercase())
}
