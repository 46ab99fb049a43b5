//! Symbolic links that somebody else could have planted.
//!
//! A command may write `.`; it replaces `./cache` with a link to `~/.ssh` and ends. The next
//! run of a profile that also says `read = ["./cache"]` would hand it the keys. So a rule that
//! reaches its target through a link inside of a writable directory is refused, unless what
//! it reaches is inside of that directory, where the command can go anyway. So is a root.
//!
//! Where nothing is writable, whoever wrote the project may have planted the link, last with `git pull`:
//! what grants something leads out of the working directory, or the project, by no link in it.

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::{FileFact, Host, Link};
use crate::plan::RootSource;
use crate::profile::{Grant, NetworkMode, Root, expand};
use crate::units::AbsolutePath;

use super::Drawing;
use super::root::RootPlan;
use super::rules::{Lead, verb};

pub(super) fn refuse(drawing: &mut Drawing, root: &RootPlan, leads: &[Lead]) {
    let granted = leads.iter().filter(|lead| lead.writable).map(|lead| &lead.fact.canonical);
    let rootfs = match &root.source {
        RootSource::Directory { path } => Some(path),
        RootSource::Empty
        | RootSource::Overlay { .. }
        | RootSource::Layers { .. }
        | RootSource::Copy { .. } => None,
    };
    let writable: Vec<&AbsolutePath> = granted.chain(rootfs).collect();
    let given = given(drawing.host);
    let mut errors = Vec::new();
    for Lead { rule, shown, fact, .. } in leads {
        // A mask may lead out: it takes away.
        let given = if rule.value.grant == Grant::Mask { &[] } else { given.as_slice() };
        if let Some(planted) = planted(&writable, given, fact) {
            let title = format!("cannot {} `{shown}`", verb(&rule.value.grant));
            errors.push(planted.refusal(&title, fact, &rule.origin));
        }
    }
    let variables = drawing.host.variables();
    let fact = |text| expand(text, &variables).ok().map(|path| drawing.host.fact(&path));
    if let Some(Located { value: Root::Directory(text), origin }) = &drawing.profile.filesystem.root
        && let Some(fact) = fact(text)
        && let Some(planted) = planted(&writable, &given, &fact)
    {
        let title = format!("cannot make `{}` the root", text.text.display());
        errors.push(planted.refusal(&title, &fact, origin));
    }
    let mode = drawing.network();
    if let NetworkMode::Namespace(text) = &mode.value
        && let Some(fact) = fact(text)
        && let Some(planted) = planted(&writable, &[], &fact)
    {
        let title = format!("cannot join the network `{}`", text.text.display());
        let mistake = planted.mistake(&title).at(&mode.origin);
        errors.push(mistake.help("name the file of the namespace itself"));
    }
    drawing.errors.extend(errors);
}

/// Directories whose content others may have made. What is in a home is the caller's own.
fn given(host: &Host) -> Vec<&AbsolutePath> {
    let homes: Vec<_> = host.identity.home.iter().chain(&host.identity.account_home).collect();
    let directories = [&host.workdir, &host.project].into_iter();
    directories.filter(|directory| !homes.iter().any(|home| directory.contains(home))).collect()
}

/// A link on the way that leads out of the directory it is in.
struct Planted<'a> {
    link: &'a Link,
    directory: &'a AbsolutePath,
    by_command: bool,
}

fn planted<'a>(
    writable: &[&'a AbsolutePath],
    given: &[&'a AbsolutePath],
    fact: &'a FileFact,
) -> Option<Planted<'a>> {
    let leads_out = |by_command: bool, directories: &[&'a AbsolutePath]| {
        fact.links.iter().find_map(|link| {
            let leads_out = |directory: &&&AbsolutePath| {
                directory.contains(&link.path) && !directory.contains(&fact.canonical)
            };
            let directory = *directories.iter().find(leads_out)?;
            Some(Planted { link, directory, by_command })
        })
    };
    leads_out(true, writable).or_else(|| leads_out(false, given))
}

impl Planted<'_> {
    fn mistake(&self, title: &str) -> Diagnostic {
        let Self { link, directory, by_command } = self;
        let target = link.target.to_string_lossy();
        let (leads, maker) = if *by_command {
            (
                "it leads through a symbolic link that the command may change",
                format!("`{directory}` is writable for the command"),
            )
        } else {
            (
                "it leads elsewhere through a symbolic link of the project",
                format!("whoever wrote what is in `{directory}` may have made it"),
            )
        };
        Diagnostic::error(format!("{title}: {leads}"))
            .because(format!("`{}` points to `{target}`, and {maker}", link.path))
    }

    fn refusal(&self, title: &str, fact: &FileFact, origin: &Origin) -> Diagnostic {
        let help = match origin.built_in_profile() {
            // Nobody here wrote the rule, so there is nothing that could be named in its place.
            Some(_) => format!(
                "replace the link `{}` by what it stands for, or do without the rule: `--profile base --write .`",
                self.link.path
            ),
            None => format!("name `{}` itself, if that is what you want to grant", fact.canonical),
        };
        self.mistake(title).at(origin).help(help)
    }
}
