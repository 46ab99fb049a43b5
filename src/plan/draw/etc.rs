//! Generated files of /etc: what names the caller and the machine, without telling of either
//! more than the command sees anyway.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::diagnostic::Origin;
use crate::host::{AccountFile, FileKind, system};
use crate::plan::{Action, IdMap, Mount, Step};
use crate::profile::RootMode;
use crate::units::AbsolutePath;

use super::Drawing;
use super::image::{account, knows_group};
use super::inside::Inside;
use super::network;
use super::root::RootPlan;
use super::settle::Settled;
use super::tree::{Placement, Rank, Tree, nearest};
use super::workdir;

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
    files.extend(network::hosts(drawing).map(|hosts| ("/etc/hosts", hosts.value, hosts.origin)));
    let resolver = network::resolver(drawing);
    files.extend(resolver.map(|it| ("/etc/resolv.conf", it.value, it.origin)));
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

/// Returns the files that are mounted over those of an image: its own say how the machine was called
/// that it was made on. Its users stay; one that it does not know is added.
pub(super) fn mounts(
    drawing: &Drawing,
    root: &RootPlan,
    tree: &Tree,
    inside: &Inside,
    ids: &IdMap,
) -> Tree {
    let Some(accounts) = &drawing.host.accounts else { return Tree::new() };
    let home = &workdir::home(drawing, root, tree, inside, ids);
    let hostname = drawing.hostname().value;
    let mut files = vec![("/etc/hostname", format!("{hostname}\n").into_bytes())];
    let mut shared = Vec::new();
    let no_resolver = || b"# This sandbox has no network.\n".to_vec();
    for (path, generated) in [
        (system::ETC_HOSTS, network::hosts(drawing)),
        (system::ETC_RESOLVER, network::resolver(drawing)),
    ] {
        match generated {
            Some(generated) => files.push((path, generated.value)),
            None if !drawing.network().value.is_own() => shared.push(path),
            None => files.push((path, no_resolver())),
        }
    }
    if account(accounts, ids.uid).is_none() && !matches!(accounts.passwd, AccountFile::Unusable(_))
    {
        files.push(("/etc/passwd", with_user(drawing, accounts.passwd.text(), ids, home)));
    }
    if !knows_group(accounts, ids.gid) && !matches!(accounts.group, AccountFile::Unusable(_)) {
        files.push(("/etc/group", with_group(drawing, accounts.group.text(), ids)));
    }
    let write = root.mode == RootMode::Overlay;
    let mut mounts = Tree::new();
    let mut put = |path: &str, mount: Mount| {
        let path = AbsolutePath::root().join(path);
        let fact = drawing.host.rootfs.get(&path);
        let at = fact.map_or_else(|| path.clone(), |fact| fact.canonical.clone());
        // A rule about the file, or about a directory above it, is what the user wants to see.
        let ruled = |place| nearest(tree, place).is_some_and(|(_, it)| it.rank != Rank::BuiltIn);
        if !ruled(&path) && !ruled(&at) {
            let (origin, kind) = (root.origin.clone(), FileKind::File);
            let links = Vec::new();
            mounts.insert(at, Placement { mount, origin, kind, links, rank: Rank::BuiltIn });
        }
    };
    for (path, content) in files {
        put(path, Mount::File { content, write });
    }
    for path in shared {
        let fact = drawing.host.fact(&AbsolutePath::root().join(path));
        if fact.kind == FileKind::File {
            put(path, Mount::Bind { from: fact.canonical, write: false, directory: false });
        }
    }
    mounts
}

fn with_user(drawing: &Drawing, known: &[u8], ids: &IdMap, home: &AbsolutePath) -> Vec<u8> {
    let mut text = lines(known);
    text.extend_from_slice(field(user_name(drawing, ids.uid), b"user"));
    text.extend_from_slice(format!(":x:{}:{}::", ids.uid, ids.gid).as_bytes());
    text.extend_from_slice(field(home.as_path().as_os_str(), b"/"));
    text.extend_from_slice(b":/bin/sh\n");
    text
}

fn with_group(drawing: &Drawing, known: &[u8], ids: &IdMap) -> Vec<u8> {
    let mut text = lines(known);
    let name = if ids.gid == 0 { OsStr::new("root") } else { group_name(drawing, ids.gid) };
    text.extend_from_slice(field(name, b"user"));
    text.extend_from_slice(format!(":x:{}:\n", ids.gid).as_bytes());
    text
}

/// A text that ends with a whole line.
fn lines(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text
}

/// The name of the command's user inside.
pub(super) fn user_name<'a>(drawing: &Drawing<'a>, uid: u32) -> &'a OsStr {
    let identity = &drawing.host.identity;
    let known = drawing.host.accounts.as_ref().and_then(|accounts| account(accounts, uid));
    if let Some(account) = known.filter(|account| !account.name.contains(&0)) {
        return OsStr::from_bytes(account.name);
    }
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

/// A field that would break its line is replaced.
fn field<'a>(value: &'a OsStr, instead: &'static [u8]) -> &'a [u8] {
    let value = value.as_bytes();
    if value.iter().any(|byte| matches!(byte, b':' | b'\n')) { instead } else { value }
}
