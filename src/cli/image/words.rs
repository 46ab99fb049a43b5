//! Names, platforms and limits, from what was typed.

use std::ffi::OsStr;
use std::path::Path;
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, Origin};
use crate::host;
use crate::image::document::Platform;
use crate::image::reference::Reference;
use crate::image::unpack::Limits;
use crate::units::Size;

use super::arguments::GetFlags;

/// The name of an image. A relative path becomes an absolute one: a name in the store means the same
/// from everywhere.
pub fn reference(text: &OsStr) -> Result<Reference, Diagnostic> {
    let reference: Reference = utf8(text, "the name of an image")?.parse()?;
    if reference.path().is_none_or(Path::is_absolute) {
        return Ok(reference);
    }
    Ok(reference.below(host::workdir()?.as_path())?)
}

/// `--platform`, or that of this machine.
pub fn platform(text: Option<&OsStr>) -> Result<Platform, Diagnostic> {
    let Some(text) = text else { return Ok(Platform::host()) };
    let at = Origin::Flag("--platform".to_owned());
    let parsed = utf8(text, "a platform").and_then(|text| Ok(text.parse::<Platform>()?));
    parsed.map_err(|mistake| mistake.at(&at))
}

/// What the flags say about limits; the usual ones for the rest.
pub fn limits(flags: &GetFlags) -> Result<Limits, Diagnostic> {
    let usual = Limits::default();
    let bytes = one("--max-size", flags.max_size.as_deref(), |text| {
        text.parse::<Size>().map_err(|bad| {
            Diagnostic::error(format!("`{text}` is not a size"))
                .because(bad.to_string())
                .help(bad.help())
        })
    })?;
    Ok(Limits {
        bytes: bytes.map_or(usual.bytes, |size| size.0),
        entries: one("--max-files", flags.max_files.as_deref(), number)?.unwrap_or(usual.entries),
        ratio: one("--max-ratio", flags.max_ratio.as_deref(), number)?.unwrap_or(usual.ratio),
        ..usual
    })
}

fn one<T>(
    flag: &str,
    text: Option<&OsStr>,
    parse: impl Fn(&str) -> Result<T, Diagnostic>,
) -> Result<Option<T>, Diagnostic> {
    let parsed = text.map(|text| utf8(text, "a limit").and_then(&parse)).transpose();
    parsed.map_err(|mistake| mistake.at(&Origin::Flag(flag.to_owned())))
}

fn number<T: FromStr>(text: &str) -> Result<T, Diagnostic> {
    text.parse().map_err(|_| {
        Diagnostic::error(format!("`{text}` is not a number, or too large a one"))
            .help("write digits only, such as `2000000`")
    })
}

fn utf8<'a>(text: &'a OsStr, what: &str) -> Result<&'a str, Diagnostic> {
    text.to_str().ok_or_else(|| {
        Diagnostic::error(format!("`{}` cannot be {what}", text.display()))
            .because("it is not UTF-8")
    })
}
