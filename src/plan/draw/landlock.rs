//! The mount plan, repeated as a Landlock ruleset.
//!
//! A second wall, in case a mount is not what it should be, and the only one for what mounts
//! cannot say: that a file behind a read-only descriptor is not opened again for writing.

use crate::diagnostic::{ASK_THE_DOCTOR, Diagnostic, Origin};
use crate::host::{Descriptor, FileKind};
use crate::plan::filter::Filter;
use crate::plan::{Access, Action, LandlockRule, Mount, RootSource, Ruleset, Step, Subject};
use crate::profile::{Capability, Protection, RootMode};
use crate::units::AbsolutePath;

use super::Drawing;
use super::kernel::too_old;
use super::network;
use super::root::RootPlan;
use super::tree::Tree;

/// The first ABI that keeps signals and abstract unix sockets inside.
const SCOPES: u32 = 6;
/// The first ABI that knows of TCP ports.
const PORTS: u32 = 4;
/// The first ABI that knows of truncation.
const TRUNCATE: u32 = 3;
/// The first ABI that can allow what the one before always refuses: rename(2) and link(2)
/// from one directory to another.
const REFER: u32 = 2;
const CAP_SYS_ADMIN: Capability = Capability(21);

pub(super) fn draw(
    drawing: &mut Drawing,
    root: &RootPlan,
    tree: &Tree,
    filter: Option<&Filter>,
) -> Option<Step> {
    let step = domain(drawing, root, tree);
    refuse_remounting(drawing, step.is_some(), filter);
    if step.is_some() && drawing.nesting() {
        let title = "Landlock refuses every mount, also in namespaces that the command makes";
        drawing.notes.push(Diagnostic::note(title).help("if it has to mount: `--landlock off`"));
    }
    step
}

/// CAP_SYS_ADMIN over our namespaces is enough to make a read-only mount writable again and
/// to look below a mask. Landlock refuses one half of the calls for that, the filter the other.
fn refuse_remounting(drawing: &mut Drawing, landlock: bool, filter: Option<&Filter>) {
    let keep = &drawing.profile.capabilities.keep;
    let Some(kept) = keep.iter().find(|kept| kept.value == CAP_SYS_ADMIN) else { return };
    let (title, help) = if !landlock {
        let help = "leave Landlock on, or do without the capability";
        ("`CAP_SYS_ADMIN` cannot be kept without Landlock", help)
    } else if !filter.is_some_and(Filter::refuses_mount_changes) {
        let help = "do without the capability, or leave the filter as it is and nesting off";
        ("`CAP_SYS_ADMIN` cannot be kept unless the filter refuses `@mount`", help)
    } else {
        return;
    };
    let error = Diagnostic::error(title)
        .because("the command could make read-only grants writable and take masks away")
        .help(help)
        .at(&kept.origin);
    drawing.errors.push(error);
}

fn domain(drawing: &mut Drawing, root: &RootPlan, tree: &Tree) -> Option<Step> {
    let enabled = drawing.profile.landlock.enabled.as_ref();
    if enabled.is_some_and(|enabled| !enabled.value) {
        return None;
    }
    let origin = origin(drawing);
    let abi = drawing.host.kernel.landlock_abi;
    if abi == 0 {
        let release = drawing.host.kernel.release;
        // A kernel that is refused anyway needs no second reason.
        if too_old(release).is_none() {
            lacking(drawing, "this kernel has no Landlock", how_to_have_it(release));
        }
        return None;
    }
    let mode = drawing.network().value;
    if abi < SCOPES && !mode.is_own() {
        let whose = network::whose(&mode);
        let title = format!(
            "this kernel's Landlock cannot keep the command from the abstract sockets of {whose}"
        );
        lacking(
            drawing,
            &title,
            "use `[network] mode = \"none\"`, a newer kernel, or `--degrade landlock`",
        );
    }
    if abi < PORTS && network::ports(drawing).is_some() {
        lacking(
            drawing,
            "this kernel's Landlock cannot keep the command to the ports of `allow`",
            "use Linux 6.7 or newer, or `--degrade landlock`",
        );
    }
    if abi < REFER {
        let title = "the command cannot move files from one directory to another on this kernel";
        let note = Diagnostic::warning(format!("{title}; continuing without that"));
        let note = note.because("its Landlock always refuses it [EXDEV]");
        drawing.notes.push(note.help("use Linux 5.19 or newer"));
    }
    if abi < TRUNCATE && drawing.host.descriptors.get(&0).is_some_and(is_read_only_file) {
        let title = "this kernel cannot keep the command from truncating the file on its \
                     standard input; continuing without it";
        drawing.notes.push(Diagnostic::warning(title));
    }
    let mut rules = paths(drawing, root, tree);
    rules.extend(descriptors(drawing));
    let ports = network::ports(drawing).filter(|_| abi >= PORTS);
    let ruleset = Ruleset { abi, rules, scoped: abi >= SCOPES, ports };
    Some(Step { action: Action::Landlock(ruleset), origin })
}

/// Who asked for the ruleset.
pub(super) fn origin(drawing: &Drawing) -> Origin {
    let enabled = drawing.profile.landlock.enabled.as_ref();
    enabled.map_or(Origin::BuiltIn, |enabled| enabled.origin.clone())
}

/// Linux 5.13 brought it; later ones may have it switched off.
fn how_to_have_it(release: (u32, u32)) -> &'static str {
    if release < (5, 13) {
        "use Linux 5.13 or newer, or give it up with `--degrade landlock`"
    } else {
        "boot with `lsm=landlock,...`, or give it up with `--degrade landlock`"
    }
}

fn lacking(drawing: &mut Drawing, title: &str, help: &str) {
    if drawing.degrades(Protection::Landlock) {
        let title = format!("{title}; continuing without it");
        drawing.notes.push(Diagnostic::warning(title));
        if !drawing.degraded.contains(&Protection::Landlock) {
            drawing.degraded.push(Protection::Landlock);
        }
    } else {
        drawing.errors.push(Diagnostic::error(title).help(help).help(ASK_THE_DOCTOR));
    }
}

fn is_read_only_file(descriptor: &Descriptor) -> bool {
    descriptor.kind == FileKind::File && descriptor.readable && !descriptor.writable
}

fn paths(drawing: &Drawing, root: &RootPlan, tree: &Tree) -> Vec<LandlockRule> {
    let at = |path: &str| AbsolutePath::root().join(path);
    let base = match (&root.source, root.mode) {
        (RootSource::Empty, RootMode::ReadOnly) => Access::List,
        (_, RootMode::ReadOnly) => Access::Read,
        (_, RootMode::Overlay | RootMode::Write) => Access::Write,
    };
    let mut rules = vec![(AbsolutePath::root(), base)];
    if root.is_own() {
        // All that is in it was put there to be read.
        rules.push((at("etc"), Access::Read));
    }
    for (path, placement) in tree {
        let access = match &placement.mount {
            Mount::Private { mode: 0o555 }
            | Mount::Bind { write: false, .. }
            | Mount::File { write: false, .. } => Access::Read,
            Mount::Private { .. }
            | Mount::Tmpfs { .. }
            | Mount::Overlay { .. }
            | Mount::File { write: true, .. }
            | Mount::Bind { write: true, .. } => Access::Write,
            // Nothing is allowed there, and the mount sees to what a rule above allows.
            Mount::Mask { .. } => continue,
        };
        let says_so =
            |(above, has): &(AbsolutePath, Access)| above.contains(path) && covers(*has, access);
        // Rules add up from a file to the root: one above that allows as much is enough.
        if !rules.iter().any(says_so) {
            rules.push((path.clone(), access));
        }
    }
    rules.push((at("proc"), Access::ReadWrite));
    rules.push((at("dev"), Access::ReadWrite));
    rules.push((at("dev/shm"), Access::Write));
    drop_missing_etc(drawing, &mut rules, tree);
    let rules = rules.into_iter();
    rules.map(|(path, access)| LandlockRule { subject: Subject::Path(path), access }).collect()
}

/// Whether a rule with the access `has` makes one with `access` below it superfluous.
fn covers(has: Access, access: Access) -> bool {
    match has {
        Access::Write => matches!(access, Access::Read | Access::Write | Access::List),
        Access::Read => matches!(access, Access::Read | Access::List),
        Access::List
        | Access::ReadWrite
        | Access::ReadFile
        | Access::WriteFile
        | Access::ReadWriteFile => false,
    }
}

/// A rule of the profile about /etc itself takes the place of ours.
fn drop_missing_etc(drawing: &Drawing, rules: &mut Vec<(AbsolutePath, Access)>, tree: &Tree) {
    let etc = AbsolutePath::root().join("etc");
    let masked = tree.get(&etc).is_some_and(|etc| matches!(etc.mount, Mount::Mask { .. }));
    let linked = !drawing.host.fact(&etc).links.is_empty();
    if masked || linked {
        rules.retain(|(path, access)| *path != etc || *access != Access::Read);
    }
}

/// What may be opened again of what is open.
pub(super) fn descriptors(drawing: &Drawing) -> Vec<LandlockRule> {
    let rule = |(fd, descriptor): (&i32, &Descriptor)| {
        let access = descriptor_access(descriptor)?;
        Some(LandlockRule { subject: Subject::Descriptor(*fd), access })
    };
    drawing.host.descriptors.iter().filter_map(rule).collect()
}

/// A descriptor can be opened again through /proc/self/fd: as much as it can do itself. One
/// without a name (a pipe, a socket) is not Landlock's business.
fn descriptor_access(descriptor: &Descriptor) -> Option<Access> {
    match descriptor.kind {
        FileKind::File | FileKind::CharacterDevice | FileKind::BlockDevice | FileKind::Fifo => {}
        FileKind::Missing
        | FileKind::Unreachable(_)
        | FileKind::Directory
        | FileKind::Socket
        | FileKind::Anonymous => return None,
    }
    match (descriptor.readable, descriptor.writable) {
        (true, true) => Some(Access::ReadWriteFile),
        (true, false) => Some(Access::ReadFile),
        (false, true) => Some(Access::WriteFile),
        (false, false) => None,
    }
}
