//! What an image says about itself (OCI image specification, config.md).

use super::json::{Json, Object};
use super::malformed::{Malformed, short};
use super::parse::platform;
use super::{Config, MOST_LAYERS};
use crate::image::digest::Digest;

/// A config of at most 4 MiB.
pub fn parse_config(bytes: &[u8]) -> Result<Config, Malformed> {
    let json = Json::parse(bytes)?;
    let root = json.root()?;
    let config = Config {
        platform: platform(&root)?,
        diff_ids: diff_ids(&root)?,
        created: text(&root, "created")?,
        ..Config::default()
    };
    let Some(run) = root.object("config")? else { return Ok(config) };
    Ok(Config {
        env: texts(&run, "Env")?,
        entrypoint: texts(&run, "Entrypoint")?,
        cmd: texts(&run, "Cmd")?,
        working_dir: text(&run, "WorkingDir")?,
        user: text(&run, "User")?,
        stop_signal: text(&run, "StopSignal")?,
        ..config
    })
}

fn diff_ids(root: &Object) -> Result<Vec<Digest>, Malformed> {
    let Some(rootfs) = root.object("rootfs")? else {
        return Err(Malformed::new("`rootfs` is missing"));
    };
    let kind = rootfs.text("type")?.unwrap_or("layers");
    if kind != "layers" {
        return Err(rootfs.malformed("type", format!("is `{}`, not `layers`", short(kind))));
    }
    let texts = rootfs.texts("diff_ids")?.unwrap_or_default();
    if texts.len() > MOST_LAYERS {
        return Err(rootfs.malformed("diff_ids", format!("has more than {MOST_LAYERS} entries")));
    }
    let digest = |text: &&str| {
        text.parse()
            .map_err(|bad| rootfs.malformed("diff_ids", format!("has `{}`: {bad}", short(text))))
    };
    texts.iter().map(digest).collect()
}

/// `None` if it is empty, which is how the tools write that there is none.
fn text(object: &Object, key: &str) -> Result<Option<String>, Malformed> {
    let text = object.text(key)?.filter(|text| !text.is_empty());
    text.map(|text| without_nul(object, key, text)).transpose()
}

fn texts(object: &Object, key: &str) -> Result<Vec<String>, Malformed> {
    let texts = object.texts(key)?.unwrap_or_default();
    texts.into_iter().map(|text| without_nul(object, key, text)).collect()
}

/// The kernel takes no text with a NUL byte, so a part of it would be all that counts.
fn without_nul(object: &Object, key: &str, text: &str) -> Result<String, Malformed> {
    if text.contains('\0') {
        return Err(object.malformed(key, "has a NUL byte"));
    }
    Ok(text.to_owned())
}
