//! Names that are a word or a path, and names of variables and system calls: the same in a
//! profile and in a flag.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::image::document::{BadPlatform, Platform};
use crate::image::reference::{BadReference, Reference};

use super::{BadValue, Base, PathText, Root, SeccompPolicy};

/// How a root begins that is an image of another place than a registry.
const SOURCES: [&str; 6] = ["docker://", "oci:", "oci-archive:", "docker-archive:", "dir:", "tar:"];

/// `host`, `empty`, `image:` and an image, or a directory below `base`.
pub fn parse_root(text: &OsStr, base: &Base) -> Result<Root, BadValue> {
    let shown = text.display();
    match text.as_bytes() {
        b"host" => Ok(Root::Host),
        b"empty" => Ok(Root::Empty),
        bytes if bytes.starts_with(b"image:") => {
            parse_image(OsStr::from_bytes(&bytes[b"image:".len()..]), base).map(Root::Image)
        }
        bytes if SOURCES.iter().any(|source| bytes.starts_with(source.as_bytes())) => {
            parse_image(text, base).map(Root::Image)
        }
        _ if is_path(text) => Ok(Root::Directory(path_below(text, base))),
        _ => Err(BadValue::unknown_word(
            "root",
            &shown.to_string(),
            &["host", "empty", "image:NAME", "./DIRECTORY"],
        )),
    }
}

/// An image's name, or where else it is; a relative path is one below `base`.
pub fn parse_image(text: &OsStr, base: &Base) -> Result<Reference, BadValue> {
    let shown = text.display();
    let words = text.to_str().ok_or_else(|| {
        BadValue::new(format!("`{shown}` is no name of an image")).because("it is not valid UTF-8")
    })?;
    let bad_value = |bad: BadReference| {
        let diagnostic = bad.diagnostic();
        BadValue {
            title: diagnostic.title,
            because: diagnostic.because,
            help: diagnostic.help.into_iter().next(),
        }
    };
    let reference: Reference = words.parse().map_err(bad_value)?;
    match base {
        Base::Directory(directory) => reference.below(directory).map_err(bad_value),
        Base::WorkingDirectory => Ok(reference),
    }
}

/// `linux/arm64`, `linux/arm/v7`: system, architecture and variant.
pub fn parse_platform(text: &str) -> Result<Platform, BadValue> {
    text.parse().map_err(|bad: BadPlatform| {
        BadValue::new(format!("`{text}` names no platform"))
            .because(bad.to_string())
            .help("write it as `linux/amd64`, or with a variant as `linux/arm/v6`")
    })
}

/// A name for what is kept of a run: it becomes the name of a directory.
pub fn parse_keep(text: &str) -> Result<String, BadValue> {
    const LONGEST: usize = 64;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let hidden = text.starts_with('.');
    if text.is_empty() || text.len() > LONGEST || hidden || !text.bytes().all(plain) {
        return Err(BadValue::new(format!("`{text}` is no name to keep changes under")).help(
            "write 1 to 64 of the letters a to z, digits, `.`, `_` and `-`, and no `.` at the start",
        ));
    }
    Ok(text.to_owned())
}

/// `default`, `strict`, `off`, or a file below `base` in docker's format.
pub fn parse_seccomp_policy(text: &OsStr, base: &Base) -> Result<SeccompPolicy, BadValue> {
    match text.as_bytes() {
        b"default" => Ok(SeccompPolicy::Default),
        b"strict" => Ok(SeccompPolicy::Strict),
        b"off" => Ok(SeccompPolicy::Off),
        bytes if is_path(text) || bytes.ends_with(b".json") => {
            Ok(SeccompPolicy::File(path_below(text, base)))
        }
        _ => Err(BadValue::unknown_word(
            "policy",
            &text.display().to_string(),
            &["default", "strict", "off", "./FILE.json"],
        )),
    }
}

/// The name of a system call, or of a group. Which there are, the filter knows.
pub fn parse_call(text: &str) -> Result<String, BadValue> {
    let name = text.strip_prefix('@').unwrap_or(text);
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(BadValue::new(format!("`{text}` is no name of a system call"))
            .help("write a name such as `ptrace`, or a group such as `@debug`"));
    }
    Ok(text.to_owned())
}

/// Variables to pass: `TERM`, or `LC_*` for all that begin so.
pub fn parse_variable_pattern(text: &OsStr) -> Result<OsString, BadValue> {
    let bytes = text.as_bytes();
    let name = bytes.strip_suffix(b"*").unwrap_or(bytes);
    if name.contains(&b'*') {
        return Err(BadValue::new(format!("`{}` is no pattern for variables", text.display()))
            .because("`*` may stand at the end only"));
    }
    if bytes != b"*" {
        check_variable_name(OsStr::from_bytes(name))?;
    }
    Ok(text.to_owned())
}

/// Refuses what no environment can hold.
pub fn check_variable_name(name: &OsStr) -> Result<(), BadValue> {
    if name.is_empty() {
        return Err(BadValue::new("the name of a variable is empty"));
    }
    if name.as_bytes().iter().any(|byte| matches!(byte, b'=' | 0)) {
        return Err(BadValue::new(format!("`{}` is no name of a variable", name.display()))
            .because("a name has neither `=` nor NUL in it"));
    }
    Ok(())
}

/// Does `text` look like a path rather than a word?
fn is_path(text: &OsStr) -> bool {
    let bytes = text.as_bytes();
    bytes.contains(&b'/') || matches!(bytes.first(), Some(b'.' | b'~' | b'$'))
}

fn path_below(text: &OsStr, base: &Base) -> PathText {
    PathText { text: text.to_owned(), base: base.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_need_not_be_utf_8() {
        let text = OsStr::from_bytes(b"./caf\xe9");
        let base = Base::WorkingDirectory;
        let path = PathText { text: text.to_owned(), base: base.clone() };
        assert_eq!(parse_root(text, &base), Ok(Root::Directory(path.clone())));
        assert_eq!(parse_seccomp_policy(text, &base), Ok(SeccompPolicy::File(path)));
        assert!(parse_root(OsStr::from_bytes(b"caf\xe9"), &base).is_err());
    }

    #[test]
    fn words_are_not_paths() {
        let base = Base::WorkingDirectory;
        assert_eq!(parse_root(OsStr::new("host"), &base), Ok(Root::Host));
        assert_eq!(parse_root(OsStr::new("empty"), &base), Ok(Root::Empty));
        assert!(matches!(parse_root(OsStr::new("~"), &base), Ok(Root::Directory(_))));
        assert_eq!(parse_seccomp_policy(OsStr::new("off"), &base), Ok(SeccompPolicy::Off));
        let bad = parse_seccomp_policy(OsStr::new("stric"), &base).unwrap_err();
        assert_eq!(bad.to_string(), "unknown policy `stric`; did you mean `strict`?");
    }
}
