//! Generated files of /etc: what names the caller and the machine, without telling of either
//! more than the command sees anyway.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::Origin;
use crate::plan::{Action, IdMap, Step};
use crate::profile::NetworkMode;
use crate::units::AbsolutePath;

use super::Drawing;
use super::root::RootPlan;
use super::settle::Settled;
use super::tree::nearest;

/// The ids of files whose owner does not exist inside (user_namespaces(7)).
const NOBODY: u32 = 65534;

/// Returns the files that are made on a root of our own. A rule that shows another /etc, or
/// one of these files, is what the user wants to see there.
pub(super) fn files(
    drawing: &Drawing,
    root: &RootPlan,
    settled: &Settled,
    ids: &IdMap,
    home: &AbsolutePath,
) -> Vec<Step> {
    if !root.is_own() {
        return Vec::new();
    }
    let hostname = drawing.hostname();
    let mut files = vec![
        ("/etc/passwd", passwd(drawing, ids, home), Origin::BuiltIn),
        ("/etc/group", group(drawing, ids), Origin::BuiltIn),
        ("/etc/hostname", format!("{}\n", hostname.value).into_bytes(), hostname.origin.clone()),
    ];
    if drawing.network().value == NetworkMode::None {
        files.push(("/etc/hosts", hosts(&hostname.value), hostname.origin));
    }
    let steps = files.into_iter().map(|(path, content, origin)| {
        let path = AbsolutePath::root().join(path);
        Step { action: Action::File { path, content }, origin }
    });
    steps.filter(|step| is_free(settled, step)).collect()
}

fn is_free(settled: &Settled, file: &Step) -> bool {
    let Action::File { path, .. } = &file.action else { return false };
    let is_link = |step: &Step| matches!(&step.action, Action::Symlink { path: link, .. } if link.contains(path));
    nearest(&settled.tree, path).is_none() && !settled.root_links.iter().any(is_link)
}

/// The name of the command's user inside.
pub(super) fn user_name<'a>(drawing: &Drawing<'a>, uid: u32) -> &'a OsStr {
    let identity = &drawing.host.identity;
    if uid == 0 {
        OsStr::new("root")
    } else if uid == identity.uid {
        &identity.name
    } else {
        OsStr::new("user")
    }
}

fn group_name<'a>(drawing: &Drawing<'a>, gid: u32) -> &'a OsStr {
    let identity = &drawing.host.identity;
    if gid == identity.gid { &identity.group } else { OsStr::new("user") }
}

fn passwd(drawing: &Drawing, ids: &IdMap, home: &AbsolutePath) -> Vec<u8> {
    let shell = field(drawing.host.identity.shell.as_path().as_os_str(), b"/bin/sh");
    let home = field(home.as_path().as_os_str(), b"/");
    let mut text = Vec::new();
    let mut line = |name: &[u8], uid: u32, gid: u32, home: &[u8], shell: &[u8]| {
        let numbers = format!(":x:{uid}:{gid}::");
        for part in [name, numbers.as_bytes(), home, b":", shell, b"\n"] {
            text.extend_from_slice(part);
        }
    };
    let root_home = if ids.uid == 0 { home } else { b"/root" };
    let root_gid = if ids.uid == 0 { ids.gid } else { 0 };
    line(b"root", 0, root_gid, root_home, if ids.uid == 0 { shell } else { b"/bin/sh" });
    if ids.uid != 0 && ids.uid != NOBODY {
        line(field(user_name(drawing, ids.uid), b"user"), ids.uid, ids.gid, home, shell);
    }
    let (gid, home) =
        if ids.uid == NOBODY { (ids.gid, home) } else { (NOBODY, &b"/nonexistent"[..]) };
    line(b"nobody", NOBODY, gid, home, b"/usr/sbin/nologin");
    text
}

fn group(drawing: &Drawing, ids: &IdMap) -> Vec<u8> {
    let mut text = b"root:x:0:\n".to_vec();
    if ids.gid != 0 && ids.gid != NOBODY {
        text.extend_from_slice(field(group_name(drawing, ids.gid), b"user"));
        text.extend_from_slice(format!(":x:{}:\n", ids.gid).as_bytes());
    }
    text.extend_from_slice(format!("nogroup:x:{NOBODY}:\n").as_bytes());
    text
}

fn hosts(hostname: &str) -> Vec<u8> {
    let names = if hostname == "localhost" { "" } else { hostname };
    format!("127.0.0.1\tlocalhost {names}\n::1\tlocalhost ip6-localhost ip6-loopback\n")
        .into_bytes()
}

/// A field that would break its line is replaced.
fn field<'a>(value: &'a OsStr, instead: &'static [u8]) -> &'a [u8] {
    let value = value.as_bytes();
    if value.iter().any(|byte| matches!(byte, b':' | b'\n')) { instead } else { value }
}
