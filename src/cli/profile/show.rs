//! `jail profile show`.

use serde_json::json;

use crate::diagnostic::Diagnostic;
use crate::profile::listing::{Shown, to_json, to_toml};

use super::super::image::print_json;
use super::super::voice::answer;
use super::arguments::ShowArguments;
use super::{loaded, taken_apart};

/// Executes `jail profile show`.
pub fn show(arguments: &ShowArguments) -> Result<u8, Vec<Diagnostic>> {
    let profile = loaded(&arguments.profile, "show")?;
    let lines = taken_apart(&profile)?;
    if arguments.json {
        let files: Vec<_> = profile.files.iter().map(|file| file.to_string_lossy()).collect();
        return print_json(&json!({
            "name": arguments.profile.to_string_lossy(),
            "files": files,
            "lines": to_json(&lines),
        }));
    }
    let shown = if arguments.toml { Shown::Plain } else { Shown::WithOrigins };
    answer(to_toml(&lines, shown).as_bytes())?;
    Ok(0)
}
