//! The steps about the process itself, in their order.

use std::ffi::OsString;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::FileKind;
use crate::plan::Action;
use crate::plan::filter::Filter;
use crate::profile::Tty;
use crate::units::Size;

use super::limits::{self, Limits};
use super::{Drawing, Steps, allow, network};

/// A command that fills its /tmp must not eat the memory of the machine.
const SCRATCH_SIZE: Size = Size(512 << 20);
/// Nor may it do so with empty files: the kernel needs about a kilobyte for each.
const SCRATCH_INODES: u64 = 1 << 18;
pub(super) fn scratch() -> Action {
    Action::Scratch { size: SCRATCH_SIZE, inodes: SCRATCH_INODES }
}

/// Returns what is executed: the entrypoint, and the words of the user or else those of the image.
pub(super) fn command(drawing: &mut Drawing, argv: &[OsString]) -> Vec<OsString> {
    let config = drawing.rootfs.map(|rootfs| &rootfs.image.config);
    let words = |words: &[String]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let named = drawing.profile.process.entrypoint.as_ref();
    let mut command = match (named, config) {
        (Some(named), _) => named.value.clone(),
        (None, Some(config)) => words(&config.entrypoint),
        (None, None) => Vec::new(),
    };
    match config {
        _ if !argv.is_empty() => command.extend_from_slice(argv),
        // The words of the image are for its own entrypoint.
        Some(config) if named.is_none() => command.extend(words(&config.cmd)),
        _ => {}
    }
    if command.first().is_none_or(|program| program.is_empty()) {
        let error = Diagnostic::error("no command given");
        let error = match drawing.rootfs {
            Some(rootfs) => {
                error.because(format!("the image `{}` names none either", rootfs.image.name))
            }
            None => error,
        };
        let help = "write it after the options, as in `jail run make test`";
        drawing.errors.push(error.help(help));
    }
    command
}

/// What isolates the process once the files are in place.
pub(super) fn isolate(
    drawing: &mut Drawing,
    steps: &mut Steps,
    filter: Option<&Filter>,
    limits: &Limits,
) {
    let built_in = Origin::BuiltIn;
    if drawing.network().value.is_own() {
        steps.push(Action::Loopback, &built_in);
    }
    network::connect(drawing, steps);
    allow::draw(drawing, steps);
    let hostname = drawing.hostname();
    steps.push(Action::Hostname(hostname.value), &hostname.origin);
    keyring(steps, filter);
    if !drawing.nesting() {
        steps.push(Action::RefuseNesting, &built_in);
    }
    limits::rlimits(drawing, limits, steps);
    note_unlimited_root(drawing, limits);
    let keep = &drawing.profile.capabilities.keep;
    let origin = keep.first().map_or(Origin::BuiltIn, |keep| keep.origin.clone());
    let keep = keep.iter().map(|keep| keep.value).collect();
    steps.push(Action::Capabilities { keep }, &origin);
    steps.push(Action::NoNewPrivileges, &built_in);
    terminal(drawing, steps, filter);
    if let Some(umask) = &drawing.profile.process.umask {
        steps.push(Action::Umask(umask.value), &umask.origin);
    }
}

/// What holds the process where there are no namespaces.
pub(super) fn hold(
    drawing: &mut Drawing,
    steps: &mut Steps,
    filter: Option<&Filter>,
    limits: &Limits,
) {
    keyring(steps, filter);
    limits::rlimits(drawing, limits, steps);
    note_unlimited_root(drawing, limits);
    steps.push(Action::Capabilities { keep: Vec::new() }, &Origin::BuiltIn);
    steps.push(Action::NoNewPrivileges, &Origin::BuiltIn);
    terminal(drawing, steps, filter);
    if let Some(umask) = &drawing.profile.process.umask {
        steps.push(Action::Umask(umask.value), &umask.origin);
    }
}

fn note_unlimited_root(drawing: &mut Drawing, limits: &Limits) {
    if drawing.host.identity.is_global_root && !limits.holds_processes() {
        let title = "root may start any number of processes, so a fork bomb is not stopped";
        let note = Diagnostic::note(title);
        drawing.notes.push(note.help("limit them by `--pids`, or start jail as an ordinary user"));
    }
}

fn keyring(steps: &mut Steps, filter: Option<&Filter>) {
    let may_fail = filter.is_some_and(Filter::refuses_keyring);
    steps.push(Action::Keyring { may_fail }, &Origin::BuiltIn);
}

/// A terminal that is shared is one that commands can be typed into (CVE-2017-5226), unless
/// the filter refuses that.
fn terminal(drawing: &mut Drawing, steps: &mut Steps, filter: Option<&Filter>) {
    let safe = filter.is_some_and(Filter::refuses_terminal_injection);
    let default = || Located::new(Tty::Auto, Origin::BuiltIn);
    let tty = drawing.profile.process.tty.clone().unwrap_or_else(default);
    match tty.value {
        Tty::Auto if safe => {}
        Tty::Auto | Tty::None => steps.push(Action::NewSession, &tty.origin),
        Tty::Inherit if safe => {}
        Tty::Inherit => {
            let title = "the command can type into your terminal, because the seccomp policy \
                         does not refuse it; continuing without that protection";
            drawing.notes.push(Diagnostic::warning(title).at(&tty.origin));
        }
    }
}

/// Returns the descriptors to keep open.
///
/// A directory among those that are inherited would be a way out: openat(2) with `..` leads
/// from it to the root of the host (CVE-2024-21626).
pub(super) fn descriptors(drawing: &mut Drawing) -> Vec<i32> {
    let preserved = &drawing.profile.process.preserve_fds;
    let origin = |fd: i32| {
        preserved.iter().find(|preserved| preserved.value == fd).map(|fd| fd.origin.clone())
    };
    let mut errors = Vec::new();
    for fd in preserved {
        if !drawing.host.descriptors.contains_key(&fd.value) {
            let error = Diagnostic::error(format!("cannot preserve descriptor {}", fd.value));
            let because = "it is not open [EBADF]";
            errors.push(error.at(&fd.origin).because(because).help("open it before the run"));
        }
    }
    for (fd, descriptor) in &drawing.host.descriptors {
        if descriptor.kind == FileKind::Directory {
            let mut error = Diagnostic::error(format!("descriptor {fd} is a directory"))
                .because("the command could leave the sandbox through it")
                .help(format!("close it, for example with `{fd}<&-`, and grant it by path"));
            if let Some(origin) = origin(*fd) {
                error = error.at(&origin);
            }
            errors.push(error);
        }
    }
    let mut keep: Vec<i32> = preserved.iter().map(|fd| fd.value).filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    keep.dedup();
    drawing.errors.extend(errors);
    keep
}
