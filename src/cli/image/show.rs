//! `jail image list`, `inspect` and `df`.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, visible};
use crate::image::store::{Listed, Store, Usage};
use crate::units::amounts::size;

use super::super::voice::answer;
use super::arguments::{DfArguments, InspectArguments, ListArguments};
use super::words::{platform, reference};

/// Executes `jail image list`.
pub fn list(arguments: &ListArguments) -> Result<u8, Vec<Diagnostic>> {
    let all = Store::open_default().and_then(|store| store.list()).map_err(|bad| vec![bad])?;
    if arguments.json {
        return print_json(&all.iter().map(summary).collect::<Vec<_>>());
    }
    if arguments.names {
        // One name may stand for images of several platforms.
        let names: BTreeSet<String> =
            all.iter().map(|listed| visible(short(&listed.image.name)) + "\n").collect();
        return answer(names.into_iter().collect::<String>().as_bytes()).map(|()| 0);
    }
    let mut rows = vec![["IMAGE", "DIGEST", "PLATFORM", "SIZE"].map(str::to_owned)];
    rows.extend(all.iter().map(|listed| {
        [
            visible(&listed.image.name),
            listed.image.digest.short().to_owned(),
            visible(&listed.platform.to_string()),
            size(listed.unpacked),
        ]
    }));
    answer(table(&rows).as_bytes())?;
    Ok(0)
}

/// A name as one types it: without what is assumed where it is left out.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// Executes `jail image inspect`.
pub fn inspect(arguments: &InspectArguments) -> Result<u8, Vec<Diagnostic>> {
    let listed = look_up(arguments).map_err(|bad| vec![bad])?;
    if arguments.json { print_json(&details(&listed)) } else { print_details(&listed) }
}

/// Executes `jail image df`.
pub fn df(arguments: &DfArguments) -> Result<u8, Vec<Diagnostic>> {
    let usage = Store::open_default().and_then(|store| store.usage()).map_err(|bad| vec![bad])?;
    let Usage { references, images, layers, .. } = usage;
    if arguments.json {
        return print_json(&json!({
            "names": references,
            "images": images,
            "layers": layers,
            "layer_bytes": usage.layer_bytes,
            "owned": usage.owned,
            "owned_bytes": usage.owned_bytes,
            "document_bytes": usage.document_bytes,
            "partial_bytes": usage.partial_bytes,
            "copies": usage.copies,
            "copy_bytes": usage.copy_bytes,
            "unused_bytes": usage.unused_bytes,
        }));
    }
    let rows = [
        ["WHAT", "NUMBER", "SIZE"].map(str::to_owned),
        ["layers".to_owned(), layers.to_string(), size(usage.layer_bytes)],
        ["copies with owners".to_owned(), usage.owned.to_string(), size(usage.owned_bytes)],
        ["documents".to_owned(), images.to_string(), size(usage.document_bytes)],
        ["broken downloads".to_owned(), String::new(), size(usage.partial_bytes)],
        ["copies of runs".to_owned(), usage.copies.to_string(), size(usage.copy_bytes)],
        ["for `jail image prune`".to_owned(), String::new(), size(usage.unused_bytes)],
    ];
    answer(table(&rows).as_bytes())?;
    Ok(0)
}

fn look_up(arguments: &InspectArguments) -> Result<Listed, Diagnostic> {
    let wanted = reference(&arguments.image)?;
    let platform = platform(arguments.platform.as_deref())?;
    let store = Store::open_default()?;
    store.look_up(&wanted, &platform)?.ok_or_else(|| absent(&wanted.to_string()))
}

/// For a name that is not in the store.
pub fn absent(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` is not in the image store"))
        .help("see `jail image list`, or get it by `jail image pull`")
}

fn summary(listed: &Listed) -> Value {
    json!({
        "name": listed.image.name,
        "platform": listed.platform.to_string(),
        "digest": listed.image.digest.to_string(),
        "root": listed.root.to_string(),
        "config": listed.config.to_string(),
        "created": listed.image.config.created,
        "pulled_at": listed.pulled,
        "layers": listed.image.config.diff_ids.len(),
        "packed_bytes": listed.packed,
        "bytes": listed.unpacked,
    })
}

fn details(listed: &Listed) -> Value {
    let config = &listed.image.config;
    let mut value = summary(listed);
    value["diff_ids"] = config.diff_ids.iter().map(ToString::to_string).collect();
    value["env"] = json!(config.env);
    value["entrypoint"] = json!(config.entrypoint);
    value["cmd"] = json!(config.cmd);
    value["working_dir"] = json!(config.working_dir);
    value["user"] = json!(config.user);
    value["stop_signal"] = json!(config.stop_signal);
    value["image_platform"] = json!(config.platform.as_ref().map(ToString::to_string));
    value
}

fn print_details(listed: &Listed) -> Result<u8, Vec<Diagnostic>> {
    let config = &listed.image.config;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:<12} {}", visible(value)).expect("a String takes all text");
        }
    };
    let words =
        |words: &[String]| if words.is_empty() { String::new() } else { format!("{words:?}") };
    line("name", &listed.image.name);
    line("digest", &listed.image.digest.to_string());
    line("config", &listed.config.to_string());
    line("platform", &config.platform.as_ref().map(ToString::to_string).unwrap_or_default());
    line("created", config.created.as_deref().unwrap_or_default());
    line("size", &format!("{}, packed {}", size(listed.unpacked), size(listed.packed)));
    line("entrypoint", &words(&config.entrypoint));
    line("cmd", &words(&config.cmd));
    line("working dir", config.working_dir.as_deref().unwrap_or_default());
    line("user", config.user.as_deref().unwrap_or_default());
    line("stop signal", config.stop_signal.as_deref().unwrap_or_default());
    config.env.iter().for_each(|variable| line("env", variable));
    config.diff_ids.iter().for_each(|diff_id| line("layer", &diff_id.to_string()));
    answer(text.as_bytes())?;
    Ok(0)
}

/// Prints one value.
pub fn print_json(value: &impl Serialize) -> Result<u8, Vec<Diagnostic>> {
    let text = serde_json::to_string_pretty(value).expect("it has string keys only");
    answer(format!("{}\n", harmless(&text)).as_bytes())?;
    Ok(0)
}

/// The same JSON, without what could steer a terminal. Outside of strings there is nothing of the
/// kind but line breaks.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter == '\n' || visible(letter.encode_utf8(&mut [0; 4])).starts_with(letter) {
            text.push(letter);
        } else {
            write!(text, "\\u{:04x}", u32::from(letter)).expect("a String takes all text");
        }
    }
    text
}

/// Columns as wide as they need to be; the last one is not filled up.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            write!(line, "{cell:<0$}  ", width(column).unwrap_or(0))
                .expect("a String takes all text");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
