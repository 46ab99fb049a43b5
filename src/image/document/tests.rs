use proptest::prelude::*;

use super::*;
use crate::image::digest::Algorithm;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn entry(media_type: &str, rest: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{HASH}","size":7{rest}}}"#)
}

/// A manifest with these members after `schemaVersion`.
fn manifest(layers: &[String], rest: &str) -> String {
    let (config, layers) = (entry(CONFIG, ""), layers.join(","));
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]{rest}}}"#)
}

fn index(entries: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","))
}

fn parse(text: &str) -> Result<Document, Malformed> {
    parse_document(text.as_bytes(), None)
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let malformed = parse(text).expect_err(text);
    assert_eq!(malformed.to_string(), words, "{text}");
}

#[test]
fn a_manifest_has_a_config_and_layers() {
    let text = manifest(
        &[
            entry(LAYER, r#","annotations":{"x":"y"},"urls":["https://x.example"],"data":"AA==""#),
            entry("application/vnd.docker.image.rootfs.diff.tar.zstd", ""),
            entry("application/vnd.oci.image.layer.v1.tar", ""),
        ],
        r#","mediaType":"application/vnd.docker.distribution.manifest.v2+json","new":[{}]"#,
    );
    let Ok(Document::Manifest(manifest)) = parse(&text) else { panic!("{:?}", parse(&text)) };
    let kinds: Vec<MediaType> = manifest.layers.iter().map(|layer| layer.media_type).collect();
    let layers = [Compression::Gzip, Compression::Zstd, Compression::None];
    assert_eq!(kinds, layers.map(MediaType::Layer));
    assert_eq!(manifest.config.media_type, MediaType::Config);
    assert_eq!((manifest.layers[0].size, manifest.layers[0].digest.hex()), (7, HASH));
    assert_eq!(manifest.layers[0].digest.algorithm(), Algorithm::Sha256);
}

#[test]
fn an_index_has_entries_with_names_and_platforms() {
    let text = index(&[
        entry(
            MANIFEST,
            r#","platform":{"os":"linux","architecture":"arm64","variant":"v8","os.version":"1"},
               "annotations":{"org.opencontainers.image.ref.name":"dev"}"#,
        ),
        entry("application/vnd.example.signature", r#","platform":null"#),
        entry(INDEX, r#","platform":{"os":"","architecture":""}"#),
    ]);
    let Ok(Document::Index(entries)) = parse(&text) else { panic!("{:?}", parse(&text)) };
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].name.as_deref(), Some("dev"));
    assert_eq!(entries[0].platform, Some("linux/arm64".parse().unwrap()));
    assert_eq!((entries[1].media_type, &entries[1].platform), (MediaType::Index, &None));
}

#[test]
fn what_a_document_is_must_be_said_with_one_voice() {
    let good = manifest(&[entry(LAYER, "")], "");
    assert!(parse_document(good.as_bytes(), Some(MediaType::Manifest)).is_ok());
    let error = |text: &str, said| parse_document(text.as_bytes(), said).unwrap_err().to_string();
    assert_eq!(
        error(&good, Some(MediaType::Index)),
        "it is an index by where it comes from, and a manifest by its content"
    );
    assert_eq!(
        error(&good, Some(MediaType::Config)),
        "it is a config by where it comes from, and a manifest by its content"
    );
    refused(
        &manifest(&[entry(LAYER, "")], &format!(r#","mediaType":"{INDEX}""#)),
        "it is an index by its `mediaType`, and a manifest by its content",
    );
    refused(
        &manifest(&[entry(LAYER, "")], r#","manifests":[]"#),
        "it is an index and a manifest at the same time",
    );
    refused(
        &format!(r#"{{"schemaVersion":2,"manifests":[],"config":{}}}"#, entry(CONFIG, "")),
        "it is an index and a manifest at the same time",
    );
    refused(r#"{"schemaVersion":2}"#, "it is neither an index nor a manifest");
    assert_eq!(
        error(r#"{"schemaVersion":2}"#, Some(MediaType::Config)),
        "it is said to be a config, not a document"
    );
}

#[test]
fn what_is_no_image_is_refused_by_name() {
    refused(
        &manifest(&[entry("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "")], ""),
        "`application/vnd.oci.image.layer.nondistributable.v1.tar+gzip` is a layer that its registry \
         does not have, only its maker's server",
    );
    refused(
        &manifest(&[entry("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "")], ""),
        "`application/vnd.docker.image.rootfs.foreign.diff.tar.gzip` is a layer that its registry \
         does not have, only its maker's server",
    );
    refused(
        &manifest(&[entry(&format!("{LAYER}+encrypted"), "")], ""),
        "`application/vnd.oci.image.layer.v1.tar+gzip+encrypted` is an encrypted layer, which jail \
         has no key for",
    );
    refused(
        r#"{"schemaVersion":1,"fsLayers":[]}"#,
        "it is a manifest of docker's format of before 2016 (schema 1), whose layers have no digests \
         of their content",
    );
    refused(
        &format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#,
            entry("application/vnd.cncf.helm.config.v1+json", "")
        ),
        "it is no image but `application/vnd.cncf.helm.config.v1+json`",
    );
    refused(
        &format!(
            r#"{{"schemaVersion":2,"artifactType":"application/x.sbom","config":{},"layers":[]}}"#,
            entry("application/vnd.oci.empty.v1+json", "")
        ),
        "it is no image but `application/x.sbom`",
    );
    refused(&manifest(&[], ""), "it has no layers: there is nothing to run");
    refused(
        &manifest(&[entry("text/plain", "")], ""),
        "`text/plain` is no kind of blob that an image is made of",
    );
    refused(&manifest(&[entry("", "")], ""), "the media type is empty");
    refused(
        &manifest(&[entry("application/vnd.docker.distribution.manifest.v1+prettyjws", "")], ""),
        "`application/vnd.docker.distribution.manifest.v1+prettyjws` is docker's format of before \
         2016 (schema 1), whose layers have no digests of their content",
    );
    refused(
        &manifest(&[entry(MANIFEST, "")], ""),
        "`layers[0].mediaType` says that it is a manifest",
    );
}

#[test]
fn broken_descriptors_are_refused_by_place() {
    let with = |descriptor: &str| manifest(&[descriptor.to_owned()], "");
    let digest = format!(r#""digest":"sha256:{HASH}""#);
    for size in ["-1", "1.5", "1e3", "9007199254740992", "18446744073709551616", "\"7\"", "true"] {
        refused(
            &with(&format!(r#"{{"mediaType":"{LAYER}",{digest},"size":{size}}}"#)),
            "`layers[0].size` is no whole number from 0 to 2^53 - 1",
        );
    }
    refused(
        &with(&format!(r#"{{"mediaType":"{LAYER}",{digest},"size":null}}"#)),
        "`layers[0].size` is missing",
    );
    refused(
        &with(&format!(r#"{{"mediaType":"{LAYER}","digest":"sha256:../../etc","size":1}}"#)),
        "`layers[0].digest` is `sha256:../../etc`: a digest is `sha256:` and 64 hexadecimal digits \
         in lower case",
    );
    refused(&with("[1,2,3]"), "`layers[0]` is no object");
    refused(&with("null"), "`layers[0]` is no object");
    refused(&with(r#"{"mediaType":7}"#), "`layers[0].mediaType` is no text");
}

#[test]
fn json_is_read_strictly() {
    refused(
        r#"{"schemaVersion":2,"layers":[],"layers":[]}"#,
        "it is no JSON: the key `layers` stands twice at line 1 column 43",
    );
    refused("", "it is no JSON: it ends too early while parsing a value at line 1 column 0");
    refused("[2]", "it is no JSON object");
    refused("{} {}", "it is no JSON: trailing characters at line 1 column 4");
    refused("{}", "`schemaVersion` is missing");
    refused(r#"{"schemaVersion":3}"#, "`schemaVersion` is 3, not 2");
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    refused(&deep(64), "it is no JSON object");
    refused(
        &deep(65),
        "it is no JSON: more than 64 objects and lists inside each other at line 1 column 66",
    );
    assert!(parse(&deep(1_000_000)).is_err());
    let many = format!("[{}0]", "0,".repeat(100_000));
    refused(&many, "it is no JSON: more than 100000 values at line 1 column 199999");
    let large = format!("{{}}{}", " ".repeat(4 << 20));
    refused(&large, "it is larger than 4 MiB");
    assert!(parse_document(b"{\"a\":\"\xff\"}", None).is_err());
}

#[test]
fn there_are_limits_on_counts() {
    let layers = vec![entry(LAYER, ""); 513];
    assert!(parse(&manifest(&layers[1..], "")).is_ok());
    refused(&manifest(&layers, ""), "it has more than 512 layers");
    let entries = vec![entry(MANIFEST, ""); 1001];
    assert!(parse(&index(&entries[1..])).is_ok());
    refused(&index(&entries), "it has more than 1000 entries");
}

#[test]
fn a_config_says_how_to_run() {
    let text = format!(
        r#"{{"os":"linux","architecture":"amd64","created":"2024-01-01T00:00:00Z",
            "config":{{"Env":["A=1","B=2"],"Entrypoint":["/init"],"Cmd":null,"WorkingDir":"/srv",
                       "User":"1000:1000","StopSignal":"SIGINT","Labels":{{"a":"b"}}}},
            "rootfs":{{"type":"layers","diff_ids":["sha256:{HASH}"]}},"history":[{{}}]}}"#
    );
    let config = parse_config(text.as_bytes()).unwrap();
    assert_eq!(config.platform, Some(Platform::new("linux", "amd64", None)));
    assert_eq!(config.diff_ids.len(), 1);
    assert_eq!(config.env, ["A=1", "B=2"]);
    assert_eq!((config.entrypoint.len(), config.cmd.len()), (1, 0));
    assert_eq!(config.working_dir.as_deref(), Some("/srv"));
    assert_eq!(config.user.as_deref(), Some("1000:1000"));
    assert_eq!(config.stop_signal.as_deref(), Some("SIGINT"));
    assert_eq!(config.created.as_deref(), Some("2024-01-01T00:00:00Z"));
}

#[test]
fn a_config_that_is_broken_is_refused() {
    let refused = |text: &str, words: &str| {
        assert_eq!(parse_config(text.as_bytes()).unwrap_err().to_string(), words, "{text}");
    };
    let rootfs = r#""rootfs":{"type":"layers","diff_ids":[]}"#;
    refused("{}", "`rootfs` is missing");
    refused(r#"{"rootfs":{"type":"tree"}}"#, "`rootfs.type` is `tree`, not `layers`");
    refused(
        r#"{"rootfs":{"diff_ids":["md5:00"]}}"#,
        "`rootfs.diff_ids` has `md5:00`: a digest is `sha256:` and 64 hexadecimal digits in lower \
         case",
    );
    refused(&format!(r#"{{{rootfs},"config":{{"Env":"A=1"}}}}"#), "`config.Env` is no list");
    refused(
        &format!(r#"{{{rootfs},"config":{{"Cmd":["a",1]}}}}"#),
        "`config.Cmd` has something else than texts in it",
    );
    refused(
        &format!(r#"{{{rootfs},"config":{{"User":"a\u0000b"}}}}"#),
        "`config.User` has a NUL byte",
    );
    let empty = format!(r#"{{{rootfs},"config":{{"User":"","WorkingDir":""}}}}"#);
    assert_eq!(parse_config(empty.as_bytes()), Ok(Config::default()));
}

#[test]
fn manifest_and_config_have_as_many_layers() {
    let text = manifest(&[entry(LAYER, ""), entry(LAYER, "")], "");
    let Ok(Document::Manifest(manifest)) = parse(&text) else { panic!() };
    let digest = manifest.config.digest.clone();
    let config = |count| Config { diff_ids: vec![digest.clone(); count], ..Config::default() };
    assert_eq!(check(&manifest, &config(2)), Ok(()));
    assert_eq!(
        check(&manifest, &config(1)).unwrap_err().to_string(),
        "its manifest has 2 layers and its config 1 digests of layers"
    );
}

/// The platform of the entry that is chosen out of `offered`; `-` is an entry without a platform.
#[track_caller]
fn chosen(offered: &[&str], wanted: &str) -> Option<usize> {
    let entry = |text: &&str| Descriptor {
        media_type: MediaType::Manifest,
        digest: format!("sha256:{HASH}").parse().unwrap(),
        size: 0,
        platform: (*text != "-").then(|| text.parse().unwrap()),
        name: None,
    };
    let entries: Vec<Descriptor> = offered.iter().map(entry).collect();
    let best = choose(&entries, &wanted.parse().unwrap())?;
    entries.iter().position(|entry| std::ptr::eq(entry, best))
}

#[test]
fn the_image_for_the_platform_is_chosen() {
    let all = ["unknown/unknown", "linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8"];
    assert_eq!(chosen(&all, "linux/amd64"), Some(1));
    assert_eq!(chosen(&all, "linux/x86_64"), Some(1));
    assert_eq!(chosen(&all, "linux/arm64"), Some(4));
    assert_eq!(chosen(&all, "linux/aarch64/v8"), Some(4));
    assert_eq!(chosen(&all, "linux/arm"), Some(3));
    assert_eq!(chosen(&all, "linux/arm/v6"), Some(2));
    assert_eq!(chosen(&all, "linux/arm/v8"), Some(3));
    assert_eq!(chosen(&all, "linux/arm/v5"), None);
    assert_eq!(chosen(&all, "linux/riscv64"), None);
    assert_eq!(chosen(&all, "windows/amd64"), None);
    assert_eq!(chosen(&["linux/amd64/v3", "linux/amd64"], "linux/amd64"), Some(1));
    assert_eq!(chosen(&["linux/amd64", "linux/amd64/v2"], "linux/amd64/v3"), Some(1));
    assert_eq!(chosen(&["linux/amd64", "linux/amd64"], "linux/amd64"), Some(0));
    assert_eq!(chosen(&["linux/amd64/v3"], "linux/amd64"), None);
}

#[test]
fn an_image_without_a_platform_is_taken_only_alone() {
    assert_eq!(chosen(&["-"], "linux/amd64"), Some(0));
    assert_eq!(chosen(&["unknown/unknown", "-"], "linux/amd64"), Some(1));
    assert_eq!(chosen(&["-", "-"], "linux/amd64"), None);
    assert_eq!(chosen(&["-", "linux/arm64"], "linux/amd64"), None);
    assert_eq!(chosen(&["-", "linux/amd64"], "linux/amd64"), Some(1));
    assert_eq!(chosen(&[], "linux/amd64"), None);
}

#[test]
fn a_platform_is_two_or_three_words() {
    assert_eq!("Linux/ARM64/v8".parse::<Platform>().unwrap().to_string(), "linux/arm64");
    assert_eq!("linux/armhf".parse::<Platform>().unwrap().to_string(), "linux/arm");
    assert_eq!("linux/arm/v6".parse::<Platform>().unwrap().to_string(), "linux/arm/v6");
    assert_eq!(Platform::host().to_string(), "linux/amd64");
    for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/am d64", "linux/ä"] {
        assert!(text.parse::<Platform>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
        let _ = parse_document(&bytes, None);
        let _ = parse_config(&bytes);
    }

    #[test]
    fn printing_a_platform_and_parsing_gives_it_back(
        text in "[a-zA-Z0-9]{1,6}/[a-z0-9_]{1,7}(/v?[0-9]{1,2})?"
    ) {
        let platform: Platform = text.parse().unwrap();
        prop_assert_eq!(platform.to_string().parse(), Ok(platform));
    }

    #[test]
    fn a_damaged_manifest_is_read_or_refused(at in 0..600_usize, byte in any::<u8>()) {
        let text = manifest(&[entry(LAYER, ""), entry(LAYER, "")], "");
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(Document::Manifest(manifest)) = parse_document(&bytes, None) {
            prop_assert!(manifest.layers.len() == 2);
        }
    }
}
