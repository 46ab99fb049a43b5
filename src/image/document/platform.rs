//! What images run on, and which one of an index to take.

use std::fmt;
use std::str::FromStr;

use crate::diagnostic::Diagnostic;

use super::{Descriptor, MediaType};

/// What an image runs on, in the words of Go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

impl Platform {
    /// With one spelling for each: `x86_64` is `amd64`, and arm64 without a variant is its `v8`.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let variant = variant.map(str::to_ascii_lowercase);
        let (architecture, variant) = match architecture.to_ascii_lowercase().as_str() {
            "x86_64" | "x86-64" => ("amd64".to_owned(), variant),
            "aarch64" => ("arm64".to_owned(), variant),
            "i386" | "i486" | "i586" | "i686" | "x86" => ("386".to_owned(), variant),
            "armhf" => ("arm".to_owned(), variant.or(Some("v7".to_owned()))),
            "armel" => ("arm".to_owned(), variant.or(Some("v6".to_owned()))),
            other => (other.to_owned(), variant),
        };
        let plain = matches!(
            (architecture.as_str(), variant.as_deref()),
            ("amd64", Some("v1")) | ("arm64", Some("v8" | "8")) | ("arm", Some("v7" | "7"))
        );
        let variant = variant.filter(|_| !plain);
        Self { os: os.to_ascii_lowercase(), architecture, variant }
    }

    /// This machine.
    pub fn host() -> Self {
        Self::new(std::env::consts::OS, std::env::consts::ARCH, None)
    }

    /// How well an image for `offered` runs here; more is better.
    fn accepts(&self, offered: &Self) -> Option<u32> {
        if (&self.os, &self.architecture) != (&offered.os, &offered.architecture) {
            return None;
        }
        if self.variant == offered.variant {
            return Some(u32::MAX);
        }
        // Each level has all that the ones below it have.
        let (wanted, offered) = (self.level()?, offered.level()?);
        (offered <= wanted).then_some(offered)
    }

    /// The number of the variant.
    fn level(&self) -> Option<u32> {
        match (&self.variant, self.architecture.as_str()) {
            (Some(variant), _) => variant.strip_prefix('v').unwrap_or(variant).parse().ok(),
            (None, "arm64") => Some(8),
            (None, "arm") => Some(7),
            (None, "amd64") => Some(1),
            (None, _) => None,
        }
    }
}

/// The entry of an index for `wanted`: the exact one, else the nearest lower variant; the first of equal ones.
/// An entry that does not say what it is for is taken only if it is the only one; then its
/// config has to be asked.
pub fn choose<'a>(entries: &'a [Descriptor], wanted: &Platform) -> Option<&'a Descriptor> {
    let mut best: Option<(u32, &Descriptor)> = None;
    for entry in entries {
        let rank = entry.platform.as_ref().and_then(|offered| wanted.accepts(offered));
        match (rank, best) {
            (Some(rank), Some((highest, _))) if rank <= highest => {}
            (Some(rank), _) => best = Some((rank, entry)),
            (None, _) => {}
        }
    }
    best.map(|(_, entry)| entry).or_else(|| {
        let mut images = entries.iter().filter(|entry| is_image(entry));
        let only = images.next().filter(|entry| entry.platform.is_none())?;
        images.next().is_none().then_some(only)
    })
}

/// buildkit puts what it attests about an image beside it, for a platform `unknown/unknown`.
fn is_image(entry: &Descriptor) -> bool {
    let is_document = matches!(entry.media_type, MediaType::Index | MediaType::Manifest);
    is_document && entry.platform.as_ref().is_none_or(|platform| platform.os != "unknown")
}

impl FromStr for Platform {
    type Err = BadPlatform;

    /// `OS/ARCHITECTURE[/VARIANT]`
    fn from_str(text: &str) -> Result<Self, BadPlatform> {
        let bad = || BadPlatform(text.to_owned());
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty() || !part.bytes().all(legal)) {
            return Err(bad());
        }
        match parts[..] {
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// The text names no platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlatform(String);

impl From<BadPlatform> for Diagnostic {
    fn from(bad: BadPlatform) -> Self {
        Self::error(format!("`{}` names no platform", bad.0))
            .because(bad.to_string())
            .help("write, say, `linux/amd64` or `linux/arm/v6`")
    }
}

impl fmt::Display for BadPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a platform is an operating system, a slash and an architecture")
    }
}

impl std::error::Error for BadPlatform {}
