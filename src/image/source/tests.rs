mod docker;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;
use crate::diagnostic::{Palette, render};
use crate::image::digest::{Algorithm, Digest};
use crate::image::document::{Compression, Document, check, parse_config, parse_document};
use crate::image::unpack::Limits;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A directory that is removed at the end.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A blob of a layout in `layout/`.
    fn blob(&self, content: impl AsRef<[u8]>) -> Digest {
        let digest = Digest::of(Algorithm::Sha256, content.as_ref());
        self.write(&format!("layout/blobs/sha256/{}", digest.hex()), content);
        digest
    }

    /// A layout with an image of one layer for each tag; an empty tag is none.
    fn layout(&self, tags: &[&str]) -> Vec<Digest> {
        self.write("layout/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let image = |tag: &&str| {
            let layer = tar(&[file("etc/name", tag.as_bytes())]);
            let config = config(&[&layer]);
            let manifest = manifest(&config, &[("tar", &layer)]);
            self.blob(layer);
            self.blob(config);
            (self.blob(&manifest), manifest.len(), tag.to_string())
        };
        let images: Vec<_> = tags.iter().map(image).collect();
        let entry = |(digest, size, tag): &(Digest, usize, String)| {
            let mut entry = serde_json::json!(
                {"mediaType": MANIFEST, "digest": digest.to_string(), "size": size}
            );
            if !tag.is_empty() {
                entry["annotations"] =
                    serde_json::json!({"org.opencontainers.image.ref.name": tag});
            }
            entry
        };
        let entries: Vec<_> = images.iter().map(entry).collect();
        let index = serde_json::json!({"schemaVersion": 2, "manifests": entries});
        self.write("layout/index.json", index.to_string());
        images.into_iter().map(|(digest, ..)| digest).collect()
    }

    fn open(&self, reference: &str) -> Result<Box<dyn Source>, Diagnostic> {
        open_in(self.0.path(), reference)
    }

    #[track_caller]
    fn refused(&self, reference: &str) -> (String, String) {
        match self.open(reference) {
            Ok(_) => panic!("{reference} was opened"),
            Err(diagnostic) => {
                let place = format!("{}/", self.0.path().display());
                let because = diagnostic.because.unwrap_or_default();
                (diagnostic.title.replace(&place, ""), because.replace(&place, ""))
            }
        }
    }
}

/// The path of `reference` is below `place`.
fn open_in(place: &Path, reference: &str) -> Result<Box<dyn Source>, Diagnostic> {
    let reference: crate::image::reference::Reference = reference.parse().unwrap();
    let reference = reference.below(place).unwrap();
    open(&reference, &Limits::default(), |_| unreachable!("no test asks a registry"))
}

fn config(layers: &[&Vec<u8>]) -> String {
    let ids = layers.iter().map(|layer| Digest::of(Algorithm::Sha256, layer).to_string());
    let ids: Vec<String> = ids.collect();
    serde_json::json!({"os": "linux", "architecture": "amd64",
                       "rootfs": {"type": "layers", "diff_ids": ids}})
    .to_string()
}

fn manifest(config: &str, layers: &[(&str, &Vec<u8>)]) -> String {
    let descriptor = |kind: String, content: &[u8]| {
        let digest = Digest::of(Algorithm::Sha256, content).to_string();
        serde_json::json!({"mediaType": kind, "digest": digest, "size": content.len()})
    };
    let layer = |(kind, content): &(&str, &Vec<u8>)| {
        descriptor(format!("application/vnd.oci.image.layer.v1.{kind}"), content)
    };
    let config =
        descriptor("application/vnd.oci.image.config.v1+json".to_owned(), config.as_bytes());
    let layers: Vec<_> = layers.iter().map(layer).collect();
    serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string()
}

type Entry = (String, u8, String, Vec<u8>);

fn file(name: &str, content: &[u8]) -> Entry {
    (name.to_owned(), b'0', String::new(), content.to_vec())
}

fn link(name: &str, kind: u8, target: &str) -> Entry {
    (name.to_owned(), kind, target.to_owned(), Vec::new())
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, target, content) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = *kind;
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All of the tree in `directory` as entries.
fn packed(directory: &Path) -> Vec<u8> {
    fn walk(directory: &Path, prefix: &str, entries: &mut Vec<Entry>) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                entries.push(link(&format!("{name}/"), b'5', ""));
                walk(&entry.path(), &format!("{name}/"), entries);
            } else {
                entries.push(file(&name, &fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut entries = Vec::new();
    walk(directory, "", &mut entries);
    tar(&entries)
}

/// Reads the whole image, as whoever pulls it does, and gives its layers.
#[track_caller]
fn layers(source: &dyn Source) -> Vec<Vec<u8>> {
    let (bytes, said) = source.root().unwrap();
    let Document::Manifest(manifest) = parse_document(&bytes, said).unwrap() else {
        panic!("it is an index")
    };
    let config = source.document(&manifest.config).unwrap();
    assert_eq!(Digest::of(Algorithm::Sha256, &config), manifest.config.digest);
    let config = parse_config(&config).unwrap();
    check(&manifest, &config).unwrap();
    let read = |layer: &Descriptor| {
        let mut content = Vec::new();
        source.blob(layer, 0).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(Digest::of(Algorithm::Sha256, &content), layer.digest);
        assert_eq!(content.len() as u64, layer.size);
        let mut rest = Vec::new();
        source.blob(layer, 100).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, content[100.min(content.len())..]);
        assert!(source.blob(layer, u64::MAX).unwrap().read_to_end(&mut rest).unwrap() == 0);
        match layer.media_type {
            MediaType::Layer(Compression::Gzip) => {
                let mut plain = Vec::new();
                flate2::read::MultiGzDecoder::new(&content[..]).read_to_end(&mut plain).unwrap();
                plain
            }
            MediaType::Layer(Compression::Zstd) => zstd::decode_all(&content[..]).unwrap(),
            _ => content,
        }
    };
    let plain: Vec<Vec<u8>> = manifest.layers.iter().map(read).collect();
    let ids: Vec<Digest> = plain.iter().map(|layer| Digest::of(Algorithm::Sha256, layer)).collect();
    assert_eq!(ids, config.diff_ids);
    plain
}

#[test]
fn a_layout_has_images_by_tag() {
    let place = Place::new();
    let digests = place.layout(&["one", "two", "docker.io/library/three:3"]);
    let content = |tag: &str| vec![tar(&[file("etc/name", tag.as_bytes())])];
    for tag in ["one", "two", "docker.io/library/three:3"] {
        let source = place.open(&format!("oci:layout:{tag}")).unwrap();
        assert_eq!(layers(&*source), content(tag));
        assert!(source.name().ends_with(&format!("/layout:{tag}")));
    }
    let source = place.open(&format!("oci:layout:{}", digests[1])).unwrap();
    assert_eq!(layers(&*source), content("two"));

    place.write("layout.tar", packed(&place.path("layout")));
    assert_eq!(layers(&*place.open("oci-archive:layout.tar:two").unwrap()), content("two"));
}

#[test]
fn without_a_tag_there_must_be_one_image() {
    let place = Place::new();
    place.layout(&[""]);
    layers(&*place.open("oci:layout").unwrap());
    let digests = place.layout(&["one", ""]);
    let (title, because) = place.refused("oci:layout");
    assert_eq!(title, "`oci:layout` may be any of several images");
    let has = format!("it has `one`, `{}` without a tag", digests[1]);
    assert_eq!(because, has);
    let (title, because) = place.refused("oci:layout:three");
    assert_eq!(title, "there is no image `oci:layout:three`");
    assert_eq!(because, has);
    place.layout(&[]);
    let (title, because) = place.refused("oci:layout");
    assert_eq!(title, "there is no image in `oci:layout`");
    assert_eq!(because, "its `index.json` names none");
}

#[test]
fn what_is_no_layout_is_told_apart() {
    let place = Place::new();
    assert_eq!(
        place.refused("oci:layout"),
        (
            "cannot open the directory `layout`".to_owned(),
            "no such file or directory [ENOENT]".to_owned()
        )
    );
    place.write("layout/x", "");
    assert_eq!(place.refused("oci:layout").0, "cannot read `oci-layout` of `oci:layout`");
    place.write("layout/oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
    assert_eq!(place.refused("oci:layout").1, "it is of version `2.0.0`; jail knows 1.0.0");
    place.write("layout/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    assert_eq!(place.refused("oci:layout").0, "cannot read `index.json` of `oci:layout`");
    place.write("layout/index.json", "{}");
    assert_eq!(
        place.refused("oci:layout"),
        (
            "`index.json` of `oci:layout` is refused".to_owned(),
            "`schemaVersion` is missing".to_owned()
        )
    );
    assert_eq!(place.refused("oci:layout/x").1, "not a directory [ENOTDIR]");
}

#[test]
fn a_blob_that_is_no_plain_file_is_refused() {
    let place = Place::new();
    let digest = place.layout(&["one"]).remove(0);
    let path = place.path(&format!("layout/blobs/sha256/{}", digest.hex()));
    let because = || {
        let source = place.open("oci:layout").unwrap();
        source.root().unwrap_err().because.unwrap()
    };
    let saved = fs::read(&path).unwrap();
    let outside = place.write("outside", &saved);

    fs::remove_file(&path).unwrap();
    assert_eq!(because(), "there is no such file");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    assert_eq!(because(), "it is no regular file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(because(), "it is no regular file");
    fs::remove_dir(&path).unwrap();
    symlink(&outside, &path).unwrap();
    let link = "it is behind a symbolic link, which is not followed [ELOOP]";
    assert_eq!(because(), link);
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert_eq!(because(), link);
    fs::remove_file(&path).unwrap();
    fs::write(&path, &saved).unwrap();
    let directory = place.path("layout/blobs/sha256");
    fs::rename(&directory, place.path("elsewhere")).unwrap();
    symlink(place.path("elsewhere"), &directory).unwrap();
    assert_eq!(because(), link);
}

#[test]
fn a_manifest_that_was_changed_is_refused() {
    let place = Place::new();
    let digest = place.layout(&["one"]).remove(0);
    let path = place.path(&format!("layout/blobs/sha256/{}", digest.hex()));
    let refused = || place.open("oci:layout").unwrap().root().unwrap_err();
    let because = || refused().because.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[0] = b'[';
    fs::write(&path, &bytes).unwrap();
    let name = place.path("layout").display().to_string();
    let told = format!(
        "jail: error: the document `{digest}` of `oci:{name}` is refused\n\
         because: its digest is `{}`\n",
        Digest::of(digest.algorithm(), &bytes)
    );
    assert_eq!(render(&refused(), Palette::Plain), told);
    bytes.push(b' ');
    fs::write(&path, &bytes).unwrap();
    assert_eq!(because(), format!("it has {} bytes, and should have {length}", length + 1));
    fs::write(&path, vec![b' '; (4 << 20) + 1]).unwrap();
    assert_eq!(because(), "it is larger than 4 MiB");
}

#[test]
fn an_archive_is_read_strictly() {
    let place = Place::new();
    let because = |content: &[u8]| {
        place.write("x.tar", content);
        place.refused("oci-archive:x.tar").1
    };
    assert_eq!(because(&gzip(b"")), "the archive is compressed by gzip");
    assert_eq!(
        because(&zstd::encode_all(&b""[..], 1).unwrap()),
        "the archive is compressed by zstd"
    );
    assert_eq!(because(b"BZh9..."), "the archive is compressed by bzip2");
    assert_eq!(because(b""), "there is no such file");
    assert_eq!(because(b"x"), "the tar is broken: it ends inside a block");
    assert_eq!(because(&[b'x'; 512]), "the tar is broken: a number in a header is none");
    assert_eq!(
        because(&tar(&[file("a/../b", b"")])),
        "its entry `a/../b`: its name has `..` in it"
    );
    let long = tar(&[file("index.json", &[b'x'; 2000])]);
    assert_eq!(
        because(&long[..1024]),
        "its entry `index.json`: the tar is broken: it ends inside an entry"
    );
    fs::remove_file(place.path("x.tar")).unwrap();
    mkfifo(&place.path("x.tar"), Mode::S_IRWXU).unwrap();
    assert_eq!(place.refused("oci-archive:x.tar").1, "it is no regular file");
    assert_eq!(place.refused("tar:x.tar").1, "it is no regular file");
    assert_eq!(place.refused("tar:none.tar").1, "no such file or directory [ENOENT]");
}

#[test]
fn of_two_entries_with_one_name_the_last_counts() {
    let place = Place::new();
    place.layout(&["one"]);
    let mut archive = tar(&[file("oci-layout", b"broken"), file("./index.json", b"broken")]);
    archive.truncate(archive.len() - 1024);
    archive.extend(packed(&place.path("layout")));
    place.write("x.tar", archive);
    layers(&*place.open("oci-archive:x.tar").unwrap());
}

#[test]
fn a_directory_of_skopeo_has_blobs_by_hash() {
    let place = Place::new();
    let layer = tar(&[file("a", b"1")]);
    let packed = gzip(&layer);
    let config = config(&[&layer]);
    let blob = |content: &[u8]| {
        let digest = Digest::of(Algorithm::Sha256, content);
        place.write(&format!("copy/{}", digest.hex()), content);
    };
    blob(&packed);
    blob(config.as_bytes());
    place.write("copy/manifest.json", manifest(&config, &[("tar+gzip", &packed)]));
    let (title, _) = place.refused("dir:copy");
    assert_eq!(title, "cannot read `version` of `dir:copy`");
    place.write("copy/version", "Directory Transport Version: 1.0\n");
    assert_eq!(place.refused("dir:copy").1, "it does not say `Directory Transport Version: 1.1`");
    place.write("copy/version", "Directory Transport Version: 1.1\n");
    assert_eq!(layers(&*place.open("dir:copy").unwrap()), [layer]);
}

#[test]
fn a_plain_tar_is_an_image_of_one_layer() {
    let place = Place::new();
    let layer = tar(&[file("etc/passwd", b"root")]);
    let mut members = gzip(&layer[..512]);
    members.extend(gzip(&layer[512..]));
    for content in [layer.clone(), gzip(&layer), members, zstd::encode_all(&layer[..], 1).unwrap()]
    {
        place.write("x.tar", content);
        let source = place.open("tar:x.tar").unwrap();
        assert_eq!(layers(&*source), vec![layer.clone()]);
    }
    place.write("x.tar", b"\xfd7zXZ\0...");
    assert_eq!(place.refused("tar:x.tar").1, "it is compressed by xz");
    let packed = gzip(&layer);
    place.write("x.tar", &packed[..packed.len() - 9]);
    assert!(place.refused("tar:x.tar").1.starts_with("it cannot be decompressed: "));
}

#[test]
fn a_tar_that_grows_beyond_the_limits_is_refused() {
    let place = Place::new();
    let path = place.write("x.tar", gzip(&vec![0; 1 << 20]));
    let reference = crate::image::reference::Reference::Tar { path };
    let limits = Limits { bytes: 1 << 19, ..Limits::default() };
    let diagnostic = open(&reference, &limits, |_| unreachable!()).err().unwrap();
    assert_eq!(diagnostic.because.unwrap(), "the image is larger than 512K");
}
