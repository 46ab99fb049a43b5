//! /dev and /proc.

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::FileKind;
use crate::plan::{Action, Step};
use crate::profile::{PathText, expand};
use crate::units::AbsolutePath;

use super::Drawing;

/// What programs take for granted, and what cannot do harm.
const DEVICES: [&str; 6] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Files of /proc that tell of the machine and its other users: memory, keys, timers and
/// interrupts (which show what others type), addresses of the kernel.
const MASKED: [&str; 16] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/cgroups",
    "/proc/config.gz",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/modules",
    "/proc/pressure",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/vmallocinfo",
];

/// Settings of the kernel: to be seen, not to be changed.
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn proc() -> Action {
    let paths = |list: &[&str]| list.iter().filter_map(AbsolutePath::new).collect();
    Action::Proc { masked: paths(&MASKED), read_only: paths(&READ_ONLY) }
}

pub(super) fn draw(drawing: &mut Drawing) -> Step {
    let mut devices: Vec<AbsolutePath> = DEVICES.iter().filter_map(AbsolutePath::new).collect();
    let profile = drawing.profile;
    let mut origin = Origin::BuiltIn;
    for device in &profile.filesystem.devices {
        match nodes(drawing, &device.value) {
            Ok(nodes) => {
                origin = device.origin.clone();
                for node in nodes {
                    if !devices.contains(&node) {
                        devices.push(node);
                    }
                }
            }
            Err(error) => drawing.errors.push(error.at(&device.origin)),
        }
    }
    Step { action: Action::Dev { devices }, origin }
}

/// Returns the device, or those in a directory.
fn nodes(drawing: &Drawing, text: &PathText) -> Result<Vec<AbsolutePath>, Diagnostic> {
    let refuse = |because: String| {
        Diagnostic::error(format!("cannot use the device `{}`", text.text.to_string_lossy()))
            .because(because)
    };
    let path = expand(text, &drawing.host.variables())?;
    let fact = drawing.host.fact(&path);
    let dev = AbsolutePath::root().join("dev");
    if !dev.contains(&path) || !dev.contains(&fact.canonical) || fact.canonical == dev {
        return Err(refuse("it is not below `/dev`".into()).help("name a device below `/dev`"));
    }
    match fact.kind {
        FileKind::CharacterDevice | FileKind::BlockDevice => Ok(vec![fact.canonical]),
        FileKind::Directory => {
            let is_node = |kind| matches!(kind, FileKind::CharacterDevice | FileKind::BlockDevice);
            let inside = drawing.host.files.iter().filter(|(path, node)| {
                path.as_path().parent() == Some(fact.canonical.as_path()) && is_node(node.kind)
            });
            let nodes: Vec<AbsolutePath> = inside
                .map(|(_, node)| node.canonical.clone())
                .filter(|n| dev.contains(n))
                .collect();
            if nodes.is_empty() {
                return Err(refuse("there is no device in it".into()));
            }
            Ok(nodes)
        }
        FileKind::Missing => Err(refuse("no such file or directory [ENOENT]".into())
            .help("load the driver, or remove the device from `devices`")),
        FileKind::Unreachable(errno) => Err(refuse(super::rules::errno_words(errno))),
        FileKind::File | FileKind::Fifo | FileKind::Socket | FileKind::Anonymous => {
            Err(refuse("it is not a device [ENODEV]".into()))
        }
    }
}
