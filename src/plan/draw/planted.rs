//! Symbolic links that an earlier command could have planted.
//!
//! A command may write `.`; it replaces `./cache` with a link to `~/.ssh` and ends. The next
//! run of a profile that also says `read = ["./cache"]` would hand it the keys. So a rule that
//! reaches its target through a link inside of a writable directory is refused, unless what
//! it reaches is inside of that directory, where the command can go anyway.

use crate::diagnostic::Diagnostic;
use crate::host::{FileFact, Link};
use crate::plan::RootSource;
use crate::profile::{NetworkMode, expand};
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
    for lead in leads {
        if let Some((link, directory)) = planted(&writable, &lead.fact) {
            drawing.errors.push(refusal(lead, link, directory));
        }
    }
    let mode = drawing.network();
    let NetworkMode::Namespace(text) = &mode.value else { return };
    let Ok(path) = expand(text, &drawing.host.variables()) else { return };
    let fact = drawing.host.fact(&path);
    if let Some((link, directory)) = planted(&writable, &fact) {
        let title = format!(
            "cannot join the network `{}`: it leads through a symbolic link that the command may change",
            text.text.display()
        );
        let error = Diagnostic::error(title).at(&mode.origin).because(points(link, directory));
        drawing.errors.push(error.help("name the file of the namespace itself"));
    }
}

/// Returns a link on the way that leads out of the writable directory it is in.
fn planted<'a>(
    writable: &[&'a AbsolutePath],
    fact: &'a FileFact,
) -> Option<(&'a Link, &'a AbsolutePath)> {
    fact.links.iter().find_map(|link| {
        let leads_out = |directory: &&&AbsolutePath| {
            directory.contains(&link.path) && !directory.contains(&fact.canonical)
        };
        writable.iter().find(leads_out).map(|directory| (link, *directory))
    })
}

fn refusal(lead: &Lead, link: &Link, directory: &AbsolutePath) -> Diagnostic {
    let Lead { rule, shown, fact, .. } = lead;
    let help = match rule.origin.built_in_profile() {
        // Nobody here wrote the rule, so there is nothing that could be named in its place.
        Some(_) => format!(
            "replace the link `{}` by what it stands for, or do without the rule: `--profile base --write .`",
            link.path
        ),
        None => format!("name `{}` itself, if that is what you want to grant", fact.canonical),
    };
    Diagnostic::error(format!(
        "cannot {} `{shown}`: it leads through a symbolic link that the command may change",
        verb(&rule.value.grant)
    ))
    .at(&rule.origin)
    .because(points(link, directory))
    .help(help)
}

fn points(link: &Link, directory: &AbsolutePath) -> String {
    let target = link.target.to_string_lossy();
    format!("`{}` points to `{target}`, and `{directory}` is writable for the command", link.path)
}
