//! `jail image pull`, `import` and `unpack`.

use std::path::Path;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Origin};
use crate::image::document::Platform;
use crate::image::reference::Reference;
use crate::image::registry::{Options, Registry};
use crate::image::source::{self, Source};
use crate::image::store::Store;
use crate::image::unpack::Limits;
use crate::image::{Image, copy, pull as pulling};

use super::super::voice::{Volume, answer, say};
use super::account::Account;
use super::arguments::{GetFlags, ImportArguments, PullArguments, UnpackArguments};
use super::progress;
use super::show::print_json;
use super::words::{limits, platform, reference};

/// Executes `jail image pull`.
pub fn pull(arguments: &PullArguments) -> Result<u8, Vec<Diagnostic>> {
    let wanted = reference(&arguments.image).map_err(one)?;
    let store = Store::open_default().map_err(one)?;
    let how = How::new(&arguments.get)?;
    let source = open(&wanted, &how.limits, arguments.network.insecure).map_err(one)?;
    let got = how.get(&*source, &wanted, &store).map_err(one)?;
    tell(&got, &store, &how.platform, arguments.json)
}

/// Executes `jail image import`.
pub fn import(arguments: &ImportArguments) -> Result<u8, Vec<Diagnostic>> {
    let from = reference(&arguments.source).map_err(|mistake| vec![kinds(mistake)])?;
    if let Reference::Registry(_) = from {
        let text = arguments.source.display();
        let mistake = Diagnostic::error(format!("`{text}` does not say what to import"));
        return Err(vec![kinds(
            mistake.because("without a kind it is the name of an image in a registry"),
        )]);
    }
    let name = match &arguments.name {
        None => from.clone(),
        Some(text) => match reference(text).map_err(one)? {
            name @ Reference::Registry(_) => name,
            _ => {
                let mistake = Diagnostic::error(format!("`{}` cannot be a name", text.display()));
                return Err(vec![mistake.help("write a name such as `team/app:1.4`")]);
            }
        },
    };
    let store = Store::open_default().map_err(one)?;
    let how = How::new(&arguments.get)?;
    let source = open(&from, &how.limits, false).map_err(one)?;
    let got = how.get(&*source, &name, &store).map_err(one)?;
    tell(&got, &store, &how.platform, arguments.json)
}

fn tell(
    (image, account): &(Image, Account),
    store: &Store,
    platform: &Platform,
    json: bool,
) -> Result<u8, Vec<Diagnostic>> {
    if json {
        return print_json(&account.of(image, store, platform).map_err(one)?);
    }
    answer(format!("{}\n", image.digest).as_bytes())?;
    Ok(0)
}

/// Executes `jail image unpack`.
pub fn unpack(arguments: &UnpackArguments) -> Result<u8, Vec<Diagnostic>> {
    let wanted = reference(&arguments.image).map_err(one)?;
    let how = How::new(&arguments.get)?;
    let store = Store::open_default().map_err(one)?;
    let to = Path::new(&arguments.directory);
    let told = match stored(&store, &wanted, &how.platform).map_err(one)? {
        Some(image) => copy_stored(&image, &Account::default(), &store, &how.platform, to),
        None => {
            let source = open(&wanted, &how.limits, arguments.network.insecure).map_err(one)?;
            if source.is_remote() {
                // What has come when the connection breaks is of use to the next attempt.
                let (image, account) = how.get(&*source, &wanted, &store).map_err(one)?;
                copy_stored(&image, &account, &store, &how.platform, to)
            } else {
                copy::unpack(to, |once| {
                    let (image, account) = how.get(&*source, &wanted, once)?;
                    let told = account.of(&image, once, &how.platform)?;
                    Ok((image, told))
                })
            }
        }
    };
    let mut told = told.map_err(one)?;
    if !arguments.json {
        return Ok(0);
    }
    told["directory"] = arguments.directory.to_string_lossy().into();
    print_json(&told)
}

/// Copies an image out of the store, and returns what there is to tell of it.
fn copy_stored(
    image: &Image,
    account: &Account,
    store: &Store,
    platform: &Platform,
    to: &Path,
) -> Result<Value, Diagnostic> {
    let _held = image.hold()?;
    copy::copy(image, store, to)?;
    account.of(image, store, platform)
}

/// A file may have changed since it was imported, and to look costs little; a registry is not asked.
fn stored(
    store: &Store,
    wanted: &Reference,
    platform: &Platform,
) -> Result<Option<Image>, Diagnostic> {
    match wanted.path() {
        Some(path) if path.exists() => Ok(None),
        Some(_) | None => store.find(wanted, platform),
    }
}

/// How an image is brought into the store.
struct How {
    platform: Platform,
    limits: Limits,
    quiet: bool,
}

impl How {
    fn new(flags: &GetFlags) -> Result<Self, Vec<Diagnostic>> {
        let platform = platform(flags.platform.as_deref()).map_err(one)?;
        Ok(Self { platform, limits: limits(flags).map_err(one)?, quiet: flags.quiet })
    }

    fn get(
        &self,
        source: &dyn Source,
        name: &Reference,
        store: &Store,
    ) -> Result<(Image, Account), Diagnostic> {
        let account = Account::default();
        let listener = account.passing_on(progress::listener(self.quiet));
        let pulled = pulling::pull(source, name, &self.platform, store, &self.limits, &listener);
        // Bars are taken away before anything is said.
        drop(listener);
        let image = pulled?;
        say(&left_out(&image, store)?, Volume::unless(self.quiet));
        Ok((image, account))
    }
}

/// What an ordinary user cannot have, and so is not in the store.
fn left_out(image: &Image, store: &Store) -> Result<Vec<Diagnostic>, Diagnostic> {
    let (mut devices, mut attributes) = (0, 0);
    for diff_id in &image.config.diff_ids {
        if let Some(layer) = store.layer_record(diff_id)? {
            devices += layer.skipped_devices;
            attributes += layer.skipped_attributes;
        }
    }
    let note = |count: u64, what: &str, why: &str| {
        (count > 0).then(|| {
            Diagnostic::note(format!("left out of `{}`: {what} ({count})", image.name)).because(why)
        })
    };
    let devices = note(devices, "devices", "only root makes them; a run has its own");
    let attributes = note(
        attributes,
        "extended attributes",
        "an image may not set file capabilities, labels, access lists, or what overlayfs reads",
    );
    Ok(devices.into_iter().chain(attributes).collect())
}

/// Opens what a name leads to.
fn open(
    reference: &Reference,
    limits: &Limits,
    insecure: bool,
) -> Result<Box<dyn Source>, Diagnostic> {
    if insecure && reference.path().is_some() {
        return Err(Diagnostic::error("`--insecure` is about registries")
            .at(&Origin::Flag("--insecure".to_owned()))
            .help("leave it out: files are not read over the network"));
    }
    source::open(reference, limits, |name| {
        let options = Options { insecure, ..Options::here() };
        Ok(Box::new(Registry::open(name, &options)?))
    })
}

fn kinds(mistake: Diagnostic) -> Diagnostic {
    let path = "write `oci:DIRECTORY`, `oci-archive:FILE`, `docker-archive:FILE`, `dir:DIRECTORY` or `tar:FILE`";
    if mistake.help.is_empty() { mistake.help(path) } else { mistake }
}

fn one(mistake: Diagnostic) -> Vec<Diagnostic> {
    vec![mistake]
}
