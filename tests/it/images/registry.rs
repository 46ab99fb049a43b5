//! Images in registries: real ones, and servers that misbehave.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test, wherever it is")]

mod credentials;
mod files;
mod lies;
mod patience;
mod program;
mod pulls;
pub mod real;
mod redirects;
pub mod running;
pub mod server;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use jail::diagnostic::{Diagnostic, Palette, render};
use jail::image::digest::Digest;
use jail::image::document::{Compression, Descriptor, MediaType};
use jail::image::reference::Name;
use jail::image::registry::{Options, Patience, Registry, Surroundings};
use jail::image::source::Source;

use server::Server;

/// Of no bytes that any test has.
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Nothing of this machine, and patience for a test.
fn options(variables: &[(&str, &Path)]) -> Options {
    let mut options = Options::here();
    options.surroundings =
        Surroundings::new(variables.iter().map(|(name, value)| (*name, *value)), "/nowhere");
    options.patience = Patience { pause: Duration::from_millis(1), ..options.patience };
    options
}

fn name(registry: &str, repository: &str, tag: &str) -> Name {
    let (tag, digest) = match tag.parse::<Digest>() {
        Ok(digest) => (None, Some(digest)),
        Err(_) => (Some(tag.to_owned()), None),
    };
    Name { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest }
}

fn layer(size: usize) -> Descriptor {
    Descriptor {
        media_type: MediaType::Layer(Compression::Gzip),
        digest: DIGEST.parse().unwrap(),
        size: size as u64,
        platform: None,
        name: None,
    }
}

/// The image `team/app:1` of a server.
fn open(server: &Server, options: &Options) -> Registry {
    Registry::open(&name(&server.host(), "team/app", "1"), options).unwrap()
}

/// All of a blob, or the words of the error.
fn blob(registry: &Registry, size: usize, offset: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut stream = registry.blob(&layer(size), offset).map_err(text)?;
    stream.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn root(registry: &Registry) -> Result<Vec<u8>, String> {
    registry.root().map(|(bytes, _)| bytes).map_err(text)
}

fn text(diagnostic: Diagnostic) -> String {
    render(&diagnostic, Palette::Plain)
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T, String>, wanted: &[&str]) {
    let text = result.unwrap_err();
    for part in wanted {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

/// How the pull from a server failed, in these words and no others.
#[track_caller]
fn told(server: &Server, options: &Options, title: &str, rest: &str) {
    let host = server.host();
    let rest = rest.replace("HOST", &host);
    let expected = format!("jail: error: {}\n{rest}", title.replace("HOST", &host));
    assert_eq!(root(&open(server, options)).unwrap_err(), expected);
}

/// The title of most.
const CANNOT_PULL: &str = "cannot pull `HOST/team/app:1`";

/// Bytes that no mistake in offsets leaves the same, and that no compression makes shorter
/// (Marsaglia, "Xorshift RNGs").
pub fn pattern(length: usize) -> Vec<u8> {
    let mut state = 2_463_534_242_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(length).collect()
}
