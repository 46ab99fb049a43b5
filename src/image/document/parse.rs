//! Indexes and manifests.

use super::json::{Json, Object};
use super::malformed::{Malformed, short};
use super::{
    Config, Descriptor, Document, MOST_ENTRIES, MOST_LAYERS, Manifest, MediaType, Platform,
};

const NAME: &str = "org.opencontainers.image.ref.name";

/// An index or a manifest of at most 4 MiB. `said` is what led here: the descriptor, or the header of
/// an answer; the document must not say something else.
pub fn parse_document(bytes: &[u8], said: Option<MediaType>) -> Result<Document, Malformed> {
    let json = Json::parse(bytes)?;
    let root = json.root()?;
    refuse_schema_1(&root)?;
    let kind = kind(&root, said)?;
    match kind {
        MediaType::Index => index(&root).map(Document::Index),
        MediaType::Manifest => manifest(&root).map(Document::Manifest),
        MediaType::Config | MediaType::Layer(_) => {
            Err(Malformed::new(format!("it is said to be {}, not a document", kind.words())))
        }
    }
}

/// Says whether a manifest and its config speak of the same layers.
pub fn check(manifest: &Manifest, config: &Config) -> Result<(), Malformed> {
    let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
    if layers == diff_ids {
        return Ok(());
    }
    Err(Malformed::new(format!(
        "its manifest has {layers} layers and its config {diff_ids} digests of layers"
    )))
}

fn refuse_schema_1(root: &Object) -> Result<(), Malformed> {
    match root.number("schemaVersion")? {
        Some(2) => Ok(()),
        Some(1) => Err(Malformed::new(
            "it is a manifest of docker's format of before 2016 (schema 1), whose layers have no \
             digests of their content",
        )),
        Some(other) => Err(root.malformed("schemaVersion", format!("is {other}, not 2"))),
        None => Err(Malformed::new("`schemaVersion` is missing")),
    }
}

/// What the document is: by its own word, by what is in it, and by what was said about it. All must agree.
fn kind(root: &Object, said: Option<MediaType>) -> Result<MediaType, Malformed> {
    let shape = match (root.has("manifests")?, root.has("layers")? || root.has("config")?) {
        (true, true) => {
            return Err(Malformed::new("it is an index and a manifest at the same time"));
        }
        (true, false) => Some(MediaType::Index),
        (false, true) => Some(MediaType::Manifest),
        (false, false) => None,
    };
    let own = root.text("mediaType")?.filter(|text| !text.is_empty());
    let own = own.map(str::parse::<MediaType>).transpose()?;
    let claims = [("its `mediaType`", own), ("where it comes from", said), ("its content", shape)];
    let mut claims = claims.iter().filter_map(|(who, kind)| kind.map(|kind| (who, kind)));
    let Some((first, kind)) = claims.next() else {
        return Err(Malformed::new("it is neither an index nor a manifest"));
    };
    match claims.find(|(_, other)| *other != kind) {
        None => Ok(kind),
        Some((second, other)) => Err(Malformed::new(format!(
            "it is {} by {first}, and {} by {second}",
            kind.words(),
            other.words()
        ))),
    }
}

fn index(root: &Object) -> Result<Vec<Descriptor>, Malformed> {
    let entries = root.objects("manifests")?.ok_or_else(|| missing("manifests"))?;
    if entries.len() > MOST_ENTRIES {
        return Err(Malformed::new(format!("it has more than {MOST_ENTRIES} entries")));
    }
    // Signatures, attestations and whatever comes next stand beside images.
    let is_document = |entry: &Object| {
        let kind = entry.text("mediaType").ok().flatten().map(str::parse);
        !matches!(kind, Some(Err(_) | Ok(MediaType::Config | MediaType::Layer(_))))
    };
    entries.iter().filter(|entry| is_document(entry)).map(descriptor).collect()
}

fn manifest(root: &Object) -> Result<Manifest, Malformed> {
    let config = root.object("config")?.ok_or_else(|| missing("config"))?;
    refuse_artifact(root, &config)?;
    let config = descriptor(&config)?;
    if config.media_type != MediaType::Config {
        let words = config.media_type.words();
        return Err(Malformed::new(format!("`config` is {words}")));
    }
    let entries = root.objects("layers")?.ok_or_else(|| missing("layers"))?;
    if entries.is_empty() {
        return Err(Malformed::new("it has no layers: there is nothing to run"));
    }
    if entries.len() > MOST_LAYERS {
        return Err(Malformed::new(format!("it has more than {MOST_LAYERS} layers")));
    }
    let layers = entries.iter().map(layer).collect::<Result<_, _>>()?;
    Ok(Manifest { config, layers })
}

fn refuse_artifact(root: &Object, config: &Object) -> Result<(), Malformed> {
    let artifact = root.text("artifactType")?.filter(|text| !text.is_empty());
    let kind = config.text("mediaType")?.filter(|text| text.parse::<MediaType>().is_err());
    match artifact.filter(|_| kind.is_some()).or(kind) {
        None => Ok(()),
        Some(kind) => Err(Malformed::new(format!("it is no image but `{}`", short(kind)))),
    }
}

fn layer(entry: &Object) -> Result<Descriptor, Malformed> {
    let layer = descriptor(entry)?;
    match layer.media_type {
        MediaType::Layer(_) => Ok(layer),
        other => Err(entry.malformed("mediaType", format!("says that it is {}", other.words()))),
    }
}

fn descriptor(entry: &Object) -> Result<Descriptor, Malformed> {
    let required = |key| move || entry.malformed(key, "is missing");
    let media_type = entry.text("mediaType")?.ok_or_else(required("mediaType"))?;
    let digest = entry.text("digest")?.ok_or_else(required("digest"))?;
    let digest = digest
        .parse()
        .map_err(|bad| entry.malformed("digest", format!("is `{}`: {bad}", short(digest))))?;
    let name = match entry.object("annotations")? {
        Some(annotations) => annotations.text(NAME)?.map(str::to_owned),
        None => None,
    };
    Ok(Descriptor {
        media_type: media_type.parse()?,
        digest,
        size: entry.number("size")?.ok_or_else(required("size"))?,
        platform: entry.object("platform")?.map(|it| platform(&it)).transpose()?.flatten(),
        name,
    })
}

/// `None` if it does not say enough.
pub(super) fn platform(object: &Object) -> Result<Option<Platform>, Malformed> {
    let text = |key| Ok(object.text(key)?.filter(|text| !text.is_empty()));
    let (os, architecture, variant) = (text("os")?, text("architecture")?, text("variant")?);
    let both = os.zip(architecture);
    Ok(both.map(|(os, architecture)| Platform::new(os, architecture, variant)))
}

fn missing(key: &str) -> Malformed {
    Malformed::new(format!("`{key}` is missing"))
}
