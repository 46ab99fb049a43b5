//! Plans of images where no overlay can be mounted.

use super::images::{in_a_store, plain, with_ids};
use super::*;
use crate::image::{Form, Kept};

fn without_overlays(degrades: bool) -> Case {
    let mut case = plain().with(|profile, host| {
        host.no_overlay = degrades.then_some(libc::ENODEV);
        profile.degrade.extend(degrades.then(|| flag(Protection::Overlay)));
    });
    let rootfs = case.rootfs.as_mut().unwrap();
    rootfs.copy = degrades.then(|| path("/store/copies/1/tree"));
    case
}

fn keeping(mut case: Case, form: Form) -> Case {
    let part = |part: &str| path(&format!("/kept/{part}"));
    let (upper, work, copy) = (part("upper"), part("work"), part("copy"));
    let rootfs = case.rootfs.as_mut().unwrap();
    rootfs.copy = rootfs.copy.is_some().then(|| copy.clone());
    rootfs.kept = Some(Kept { name: "work".into(), upper, work, copy, form });
    case.with(|profile, _| profile.filesystem.keep = Some(flag("work".into())))
}

fn copied(case: &Case) -> Option<String> {
    let plan = case.plan();
    let is_degraded = plan.degraded.contains(&Protection::Overlay);
    let path = plan.steps.iter().find_map(|step| match &step.action {
        Action::Root(RootSource::Copy { path, .. }) => Some(path.to_string()),
        _ => None,
    });
    assert_eq!(is_degraded, path.is_some());
    assert_eq!(is_degraded, plan.notes.iter().any(|note| note.title.contains("private copy")));
    path
}

#[test]
fn a_copy_takes_the_place_of_an_overlay_where_that_is_allowed() {
    assert_eq!(copied(&plain()), None);
    assert_eq!(copied(&without_overlays(true)).as_deref(), Some("/store/copies/1/tree"));
    let sealed =
        without_overlays(true).root(Root::Image("small:1".parse().unwrap()), RootMode::ReadOnly);
    assert!(sealed.plan().steps.iter().any(|step| step.action == Action::SealRoot));
    // The mounts are those of an overlay.
    assert_eq!(without_overlays(true).mounts(), plain().mounts());
    let rule = without_overlays(true).directories(&["/data"]).rule("/data", Grant::Overlay);
    assert_eq!(
        rule.told(),
        "jail: error: cannot mount an overlay over `/data`\n --> --flag\n\
         because: this kernel has no overlayfs, or not its module [ENODEV]\n\
         help: only an image is copied instead: leave this out, or grant a copy under `write`\n"
    );
    for (errno, because) in [
        (libc::EPERM, "overlays without root are forbidden here [EPERM]"),
        (libc::EINVAL, "overlayfs does not take the file system of the image store [EINVAL]"),
        (libc::EIO, "overlayfs: I/O error [EIO]"),
    ] {
        let case = without_overlays(true).with(|_, host| host.no_overlay = Some(errno));
        assert_eq!(case.plan().notes[0].because.as_deref(), Some(because));
    }
    assert_eq!(
        without_overlays(true).noted(),
        "jail: warning: no overlay is mounted; continuing on a private copy of the image `small:1`\n\
         because: this kernel has no overlayfs, or not its module [ENODEV]\n\
         help: what the command writes goes to the disk, without a limit of size\n"
    );
}

/// Whoever finds the image chooses the place of a copy.
#[test]
fn a_copy_goes_to_no_place_that_was_not_looked_for() {
    let mut case = without_overlays(true);
    case.rootfs.as_mut().unwrap().copy = None;
    let told = "jail: error: no place was looked for, for a copy\n --> --flag\n";
    assert_eq!(case.told(), told);
}

#[test]
fn a_copy_has_one_owner() {
    let degraded = with_ids(in_a_store(), Ids::Subuid).with(|profile, host| {
        host.no_overlay = Some(libc::ENODEV);
        profile.degrade.push(flag(Protection::Overlay));
    });
    assert_eq!(
        degraded.told(),
        "jail: error: cannot run on a private copy of the image `small:1` with many ids\n --> --flag\n\
         because: this kernel has no overlayfs, or not its module [ENODEV]; and all files of a copy \
         belong to you\n\
         help: set `ids = \"single\"`\n"
    );
}

#[test]
fn what_is_kept_stays_in_its_form() {
    let copy = keeping(plain(), Form::Copy);
    assert_eq!(
        copy.told(),
        "jail: error: cannot use what is kept as `work` in an overlay\n --> --flag\n\
         because: it is a copy of the whole image, made where no overlay could be mounted\n\
         help: to go on with it: --degrade overlay, in a profile degrade = [\"overlay\"]; or keep \
         under another name\n"
    );
    let copy = keeping(without_overlays(true), Form::Copy);
    assert_eq!(copied(&copy).as_deref(), Some("/kept/copy"));
    let begun = keeping(without_overlays(true), Form::Nothing);
    assert_eq!(copied(&begun).as_deref(), Some("/kept/copy"));
    let changes = keeping(without_overlays(true), Form::Changes);
    assert_eq!(
        changes.told(),
        "jail: error: cannot use what is kept as `work`\n --> --flag\n\
         because: it holds changes for an overlay, and there is none to be had: this kernel has no \
         overlayfs, or not its module [ENODEV]\n\
         help: keep under another name, which begins with a copy of the image\n"
    );
    assert_eq!(copied(&keeping(plain(), Form::Changes)), None);
}
