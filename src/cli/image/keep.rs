//! `jail image remove`, `prune` and `verify`.

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::image::Image;
use crate::image::document::Platform;
use crate::image::reference::Reference;
use crate::image::store::{Freed, Store, Verified};
use crate::units::amounts::size;

use super::super::rootfs::at_work;
use super::super::voice::{Volume, answer, say};
use super::arguments::{PruneArguments, RemoveArguments, VerifyArguments};
use super::show::{absent, print_json};
use super::words::{platform, reference};

/// Exit status when something in the store is damaged.
const DAMAGED: u8 = 1;

/// Executes `jail image remove`.
pub fn remove(arguments: &RemoveArguments) -> Result<u8, Vec<Diagnostic>> {
    let only = arguments.platform.as_deref().map(|text| platform(Some(text))).transpose();
    let only = only.map_err(|bad| vec![bad])?;
    let store = Store::open_default().map_err(|bad| vec![bad])?;
    let (mut removed, mut mistakes) = (Vec::new(), Vec::new());
    for text in &arguments.images {
        match reference(text).and_then(|name| remove_one(&store, &name, only.as_ref())) {
            Ok(names) => removed.extend(names),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    // Also where one of several was not there: the others are gone.
    if arguments.json {
        print_json(&json!({ "removed": removed }))?;
    }
    if mistakes.is_empty() { Ok(0) } else { Err(mistakes) }
}

fn remove_one(
    store: &Store,
    name: &Reference,
    only: Option<&Platform>,
) -> Result<Vec<Value>, Diagnostic> {
    let name_text = name.to_string();
    let removed = store.remove(name, only)?;
    if removed.is_empty() {
        return Err(absent(&name_text));
    }
    let described = removed.into_iter().map(|(platform, digest)| {
        json!({ "name": name_text, "platform": platform.to_string(), "digest": digest })
    });
    Ok(described.collect())
}

/// Executes `jail image prune`.
pub fn prune(arguments: &PruneArguments) -> Result<u8, Vec<Diagnostic>> {
    let freed = Store::open_default().and_then(|store| store.prune(&waiting));
    let Freed { images, layers, owned, bytes } = freed.map_err(|bad| vec![bad])?;
    if arguments.json {
        return print_json(&json!({
            "images": images, "layers": layers, "owned": owned, "bytes": bytes,
        }));
    }
    let copies = if owned > 0 { format!(", copies with owners: {owned}") } else { String::new() };
    answer(format!("removed layers: {layers}{copies}, {}\n", size(bytes)).as_bytes())?;
    Ok(0)
}

/// Executes `jail image verify`.
pub fn verify(arguments: &VerifyArguments) -> Result<u8, Vec<Diagnostic>> {
    let verified = look(arguments).map_err(|bad| vec![bad])?;
    let Verified { references, documents, layers, owned, damages } = verified;
    let damages: Vec<Diagnostic> =
        damages.into_iter().map(|damage| told(damage.diagnostic, arguments.repair)).collect();
    say(&damages, Volume::Everything);
    let status = if damages.is_empty() { 0 } else { DAMAGED };
    if arguments.json {
        let titles: Vec<_> = damages
            .iter()
            .map(|damage| json!({ "title": damage.title, "because": damage.because }))
            .collect();
        print_json(&json!({
            "names": references, "documents": documents, "layers": layers, "owned": owned,
            "damages": titles,
        }))?;
        return Ok(status);
    }
    let verdict = match (damages.is_empty(), arguments.repair) {
        (true, _) => "all as it should be".to_owned(),
        (false, true) => format!("damaged, and removed: {}", damages.len()),
        (false, false) => format!("damaged: {}", damages.len()),
    };
    let copies = if owned > 0 { format!(", copies with owners: {owned}") } else { String::new() };
    let line = format!(
        "names: {references}, documents: {documents}, layers: {layers}{copies}; {verdict}\n"
    );
    answer(line.as_bytes())?;
    Ok(status)
}

/// What is repaired needs no repair any more.
fn told(damage: Diagnostic, repaired: bool) -> Diagnostic {
    if !repaired {
        return damage;
    }
    let help = "it is removed: pull the images that `jail image list` does not have any more";
    Diagnostic { help: vec![help.to_owned()], ..damage }
}

fn look(arguments: &VerifyArguments) -> Result<Verified, Diagnostic> {
    let store = Store::open_default()?;
    if arguments.repair {
        return store.repair(&waiting);
    }
    if arguments.images.is_empty() {
        return store.verify(None, &waiting);
    }
    let platform = platform(arguments.platform.as_deref())?;
    let mut images: Vec<Image> = Vec::new();
    for text in &arguments.images {
        let name = reference(text)?;
        images.push(store.find(&name, &platform)?.ok_or_else(|| absent(&name.to_string()))?);
    }
    store.verify(Some(&images), &waiting)
}

fn waiting() {
    say(&[at_work()], Volume::Everything);
}
