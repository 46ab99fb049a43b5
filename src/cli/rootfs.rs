//! The image that a run begins with: from the store, or fetched into it first.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnostic::{Diagnostic, Located};
use crate::host;
use crate::image::document::Platform;
use crate::image::keep::{self, Lock};
use crate::image::reference::Reference;
use crate::image::store::{Held, PrivateCopy, Store};
use crate::image::{Form, Image, Kept, Rootfs, copy};
use crate::plan::{Action, Plan, RootSource};
use crate::profile::{Profile, Protection, Pull, Root};
use crate::units::AbsolutePath;

use super::voice::{Volume, say};

/// What the image is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Run {
        quiet: bool,
    },
    /// Nothing is fetched, made or locked.
    Plan,
}

/// An image that stays as it is while this lives.
#[derive(Debug)]
pub struct Found {
    pub rootfs: Rootfs,
    store: Store,
    _held: Option<Held>,
    _kept: Option<Lock>,
}

impl Found {
    /// Makes the copy of the image that the plan begins with, if it begins with one and there is
    /// none yet. A copy that is not kept is returned, to be removed after the run.
    pub fn copy_for(&self, plan: &Plan) -> Result<Option<PrivateCopy>, Diagnostic> {
        let copied = plan.steps.iter().find_map(|step| match &step.action {
            Action::Root(RootSource::Copy { path, kept, .. }) => Some((path, kept)),
            _ => None,
        });
        let image = &self.rootfs.image;
        match copied {
            None => Ok(None),
            Some((_, Some(kept))) if kept.form == Form::Copy => Ok(None),
            Some((_, Some(kept))) => keep::make_copy(kept, image, &self.store).map(|()| None),
            Some((path, None)) => private_copy(image, &self.store, path).map(Some),
        }
    }
}

fn private_copy(
    image: &Image,
    store: &Store,
    path: &AbsolutePath,
) -> Result<PrivateCopy, Diagnostic> {
    let begun = store.begin_copy(path)?;
    match copy::copy_apart(image, store, path.as_path()) {
        Ok(()) => Ok(begun),
        Err(mistake) => Err(match begun.remove() {
            Ok(()) => mistake,
            Err(left) => {
                let advice = left.help.join(", ");
                mistake.help(format!("what was copied so far is left behind: {advice}"))
            }
        }),
    }
}

/// Returns the image that the profile names; `None` if it names none.
pub fn find(profile: &Profile, purpose: Purpose) -> Result<Option<Found>, Diagnostic> {
    let filesystem = &profile.filesystem;
    let Some(Located { value: Root::Image(reference), origin }) = &filesystem.root else {
        return Ok(None);
    };
    // In the store a path has to mean the same from wherever it is asked for.
    let mut reference = reference.clone();
    if reference.path().is_some_and(Path::is_relative) {
        let here = host::workdir()?;
        reference = reference.below(here.as_path()).map_err(|bad| bad.diagnostic().at(origin))?;
    }
    let wanted = Wanted {
        reference: &reference,
        platform: filesystem.platform.as_ref().map_or_else(Platform::host, |it| it.value.clone()),
        pull: filesystem.pull.as_ref().map_or(Pull::Missing, |pull| pull.value),
        purpose,
    };
    let image = wanted.find().map_err(|error| error.at(origin))?;
    let held = match purpose {
        Purpose::Run { .. } => Some(image.hold().map_err(|error| error.at(origin))?),
        Purpose::Plan => None,
    };
    let (kept, lock) = match &filesystem.keep {
        Some(name) => keep(&name.value, &image, purpose).map_err(|error| error.at(&name.origin))?,
        None => (None, None),
    };
    let store = open_store()?;
    let copy = match &kept {
        _ if !profile.degrade.iter().any(|it| it.value == Protection::Overlay) => None,
        Some(kept) => Some(kept.copy.clone()),
        None => Some(store.place_for_a_copy()?),
    };
    Ok(Some(Found { rootfs: Rootfs { image, kept, copy }, store, _held: held, _kept: lock }))
}

fn keep(
    name: &str,
    image: &Image,
    purpose: Purpose,
) -> Result<(Option<Kept>, Option<Lock>), Diagnostic> {
    match purpose {
        Purpose::Run { .. } => keep::open(name, image).map(|(kept, lock)| (Some(kept), Some(lock))),
        Purpose::Plan => keep::look(name, image).map(|kept| (Some(kept), None)),
    }
}

/// Prepares what the plan has chosen for the root: copies of layers with owners, where they are missing,
/// and to whom what is kept belongs. For a plan only looks whether it could.
pub fn prepare(found: &Found, plan: &Plan, purpose: Purpose) -> Result<(), Diagnostic> {
    let ids = plan.steps.iter().find_map(|step| match &step.action {
        Action::Ids(map) => Some((map.owner_map(), &step.origin)),
        _ => None,
    });
    let (map, chosen) = ids.expect("every plan has ids");
    let Rootfs { image, kept, copy: _ } = &found.rootfs;
    if let Some(kept) = kept {
        keep::check_ids(kept, map.as_ref()).map_err(|error| error.at(chosen))?;
    }
    let Purpose::Run { quiet } = purpose else { return Ok(()) };
    if let Some(map) = &map {
        let begin = |count| say(&[copying(image, count)], Volume::unless(quiet));
        let waiting = || say(&[at_work()], Volume::unless(quiet));
        found.store.own(image, map, &begin, &waiting)?;
    }
    let top = match &map {
        Some(map) => image.owned_layers(map).and_then(|mut layers| layers.pop()),
        None => image.layers.last().cloned(),
    };
    match (kept, top) {
        (Some(kept), Some(top)) => keep::claim_ids(kept, map.as_ref(), &top),
        _ => Ok(()),
    }
}

fn copying(image: &Image, layers: usize) -> Diagnostic {
    let copies =
        if layers == 1 { "a copy of 1 layer".into() } else { format!("copies of {layers} layers") };
    let title = format!("making {copies} of `{}`, in which files have their owners", image.name);
    Diagnostic::note(title).because("this happens once for each id map")
}

/// What is told before waiting for it.
pub fn at_work() -> Diagnostic {
    Diagnostic::note("waiting for another jail that is at work in the image store")
}

fn open_store() -> Result<Store, Diagnostic> {
    let store = Store::open_default()?;
    // Layers are mounted by paths without links; above the store there may be some.
    match store.path().canonicalize() {
        Ok(place) => Store::open(&place),
        // There is none yet.
        Err(_) => Ok(store),
    }
}

struct Wanted<'a> {
    reference: &'a Reference,
    platform: Platform,
    pull: Pull,
    purpose: Purpose,
}

impl Wanted<'_> {
    fn find(&self) -> Result<Image, Diagnostic> {
        let found = match (self.purpose, self.pull) {
            (Purpose::Run { .. }, Pull::Always) => None,
            (Purpose::Plan, _) | (_, Pull::Missing | Pull::Never) => self.in_store()?,
        };
        match (found, self.purpose, self.pull) {
            (Some(image), ..) => Ok(image),
            (None, Purpose::Run { quiet }, Pull::Missing | Pull::Always) => {
                self.fetch(quiet)?;
                self.in_store()?.ok_or_else(|| self.missing())
            }
            (None, Purpose::Plan, _) | (None, _, Pull::Never) => Err(self.missing()),
        }
    }

    fn in_store(&self) -> Result<Option<Image>, Diagnostic> {
        open_store()?.find(self.reference, &self.platform)
    }

    /// In a process of its own: what knows passwords and speaks with strangers is not copied into the
    /// sandbox's first process, and no thread is left when that is made.
    fn fetch(&self, quiet: bool) -> Result<(), Diagnostic> {
        let failed = |because: String| {
            Diagnostic::error(format!("could not fetch the image `{}`", self.reference))
                .because(because)
        };
        let status = Command::new("/proc/self/exe")
            .args(["image", "pull", "--platform", &self.platform.to_string()])
            .args(quiet.then_some("--quiet"))
            .arg(self.reference.to_string())
            .stdin(Stdio::null())
            // The command's alone.
            .stdout(Stdio::null())
            .status()
            .map_err(|error| failed(format!("/proc/self/exe: {error}")))?;
        if status.success() {
            return Ok(());
        }
        Err(failed(format!("`jail image pull` ended with {status}")))
    }

    fn missing(&self) -> Diagnostic {
        let reference = self.reference;
        let error = Diagnostic::error(format!("the image `{reference}` is not in the store"));
        let error = match (self.purpose, self.pull) {
            (Purpose::Plan, _) => error.because("only `jail run` and `jail image pull` fetch one"),
            (Purpose::Run { .. }, Pull::Never) => error.because("`pull` is `never`"),
            (Purpose::Run { .. }, Pull::Missing | Pull::Always) => error,
        };
        error.help(format!("run `jail image pull {reference}`"))
    }
}
