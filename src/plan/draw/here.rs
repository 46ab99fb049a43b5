//! When `.` in a profile is not granted.
//!
//! A profile says `.` for whatever directory the caller happens to stand in. Standing in
//! one's home must not hand out all of it, nor may a system directory become writable for
//! root. A flag is another matter: who types it knows where they are.

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::system;
use crate::profile::{Base, Grant, PathText, Rule, expand};
use crate::units::AbsolutePath;

use super::Drawing;

/// Where the homes of others are.
const HOMES: &str = "/home";

/// Says whether a rule is about the place where the caller stands, without naming it.
fn is_wherever(path: &PathText) -> bool {
    let text = path.text.as_encoded_bytes();
    let text = text.strip_suffix(b"/").unwrap_or(text);
    let variable = [&b"$PROJECT"[..], b"${PROJECT}", b"$PWD", b"${PWD}"].contains(&text);
    variable || (text == b"." && path.base == Base::WorkingDirectory)
}

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    /// A flag grants the same path, and counts instead.
    Replaced,
    Withheld,
}

/// Says what becomes of `rule`, which is about `path`; notes the first time why it is withheld.
pub(super) fn fate(
    drawing: &mut Drawing,
    rule: &Located<Rule>,
    path: &AbsolutePath,
    withheld: bool,
) -> Fate {
    let Some(flag) = flag(&rule.value.grant) else { return Fate::Kept };
    if matches!(rule.origin, Origin::Flag(_)) || !is_wherever(&rule.value.path) {
        return Fate::Kept;
    }
    let Some(reason) = reason(drawing, path) else { return Fate::Kept };
    if is_granted_by_flag(drawing, path) {
        return Fate::Replaced;
    }
    if !withheld {
        // One line: no place is shown, which would be that of a built-in profile mostly.
        let mut title = format!("`{path}` is {reason}, so it is not granted");
        let starts_here = drawing.profile.process.workdir.is_none();
        if starts_here && drawing.rootfs.is_some() {
            title.push_str(" and the command starts where the image says");
        } else if starts_here && drawing.host.identity.home.is_some() {
            title.push_str(" and the command starts in a private home");
        }
        // Not even a flag grants all of the file system.
        if *path != AbsolutePath::root() {
            title.push_str(&format!("; `{flag} .` grants it"));
        }
        drawing.notes.push(Diagnostic::note(title));
    }
    Fate::Withheld
}

fn is_granted_by_flag(drawing: &Drawing, path: &AbsolutePath) -> bool {
    drawing.profile.filesystem.rules.iter().any(|rule| {
        matches!(rule.origin, Origin::Flag(_))
            && flag(&rule.value.grant).is_some()
            && expand(&rule.value.path, &drawing.host.variables()).as_ref() == Ok(path)
    })
}

fn flag(grant: &Grant) -> Option<&'static str> {
    match grant {
        Grant::Read => Some("--read"),
        Grant::Write => Some("--write"),
        Grant::Overlay => Some("--overlay"),
        // A bind names where it comes from and where it goes to.
        Grant::Mask | Grant::Tmpfs { .. } | Grant::Bind { .. } => None,
    }
}

fn reason(drawing: &Drawing, path: &AbsolutePath) -> Option<&'static str> {
    let host = drawing.host;
    // `$HOME` may be another one than that of the account, after su(1) or in a container.
    for home in host.identity.home.iter().chain(&host.identity.account_home) {
        if path == home {
            return Some("your home");
        }
        if path.contains(home) {
            return Some("above your home");
        }
    }
    let root = AbsolutePath::root();
    if path.contains(&root.join(HOMES)) {
        return Some("above the homes of this machine");
    }
    let provided = system::PROVIDED.iter().chain(&["/sys"]).map(|path| root.join(path));
    if provided.into_iter().any(|provided| provided.contains(path)) {
        return Some("part of the kernel's interface");
    }
    let private = system::PRIVATE.iter().map(|(path, _)| *path);
    let shown = system::DIRECTORIES.iter().chain(&system::ETC).copied();
    let kept = private.chain(shown).chain(system::PROVIDED).chain(["/etc", "/sys"]);
    let mut kept = kept.map(|path| root.join(path));
    let covers = |kept: AbsolutePath| {
        path.contains(&kept) || host.files.get(&kept).is_some_and(|f| path.contains(&f.canonical))
    };
    kept.any(covers).then_some("at or above a directory that jail provides")
}
