//! What is unpacked is what was asked for.

use std::io::Write;

use flate2::write::GzEncoder;

use super::tar::Tar;
use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar() -> Vec<u8> {
    Tar::new().file("a", &"content ".repeat(100_000)).file("b", "x").end()
}

#[track_caller]
fn refused_as(
    blob: &[u8],
    compression: Compression,
    said: (Option<&Digest>, Option<u64>, &Digest),
    words: &str,
) {
    let (digest, size, diff_id) = said;
    let place = Place::new();
    let bad = place
        .unpack_packed(blob, compression, digest, size, diff_id, Limits::default())
        .expect_err("it must be refused");
    assert_eq!(bad.to_string(), words);
}

#[test]
fn every_compression_is_read_and_verified() {
    let tar = tar();
    for (compression, blob) in [
        (Compression::None, tar.clone()),
        (Compression::Gzip, gzip(&tar)),
        (Compression::Zstd, zstd::encode_all(tar.as_slice(), 3).unwrap()),
    ] {
        let place = Place::new();
        let size = Some(blob.len() as u64);
        let (said, diff_id) = (digest(&blob), digest(&tar));
        let unpacked = place
            .unpack_packed(&blob, compression, Some(&said), size, &diff_id, Limits::default())
            .map_err(|bad| bad.to_string())
            .unwrap();
        assert_eq!((unpacked.entries, unpacked.bytes), (2, 800_001));
        assert_eq!(unpacked.packed, blob.len() as u64);
        assert_eq!(place.read("b"), "x");
    }
}

#[test]
fn all_members_of_a_gzip_and_all_frames_of_a_zstd_are_read() {
    let tar = tar();
    let (first, second) = tar.split_at(1000);
    let gzip = [gzip(first), gzip(b""), gzip(second)].concat();
    let frame = |bytes| zstd::encode_all(bytes, 3).unwrap();
    let zstd = [frame(first), frame(second)].concat();
    for (compression, blob) in [(Compression::Gzip, gzip), (Compression::Zstd, zstd)] {
        let place = Place::new();
        let unpacked = place
            .unpack_packed(&blob, compression, None, None, &digest(&tar), Limits::default())
            .map_err(|bad| bad.to_string())
            .unwrap();
        assert_eq!(unpacked.entries, 2);
    }
}

#[test]
fn a_wrong_digest() {
    let (tar, other) = (tar(), digest(b"other"));
    let blob = gzip(&tar);
    let words = format!("its digest is `{}`, not `{other}`", digest(&blob));
    refused_as(&blob, Compression::Gzip, (Some(&other), None, &digest(&tar)), &words);
    let words = format!("its digest is `{}`, not `{other}`", digest(&tar));
    refused_as(&tar, Compression::None, (Some(&other), None, &digest(&tar)), &words);
}

#[test]
fn a_blob_that_is_something_else_is_not_called_a_bad_tar() {
    let other = digest(b"other");
    let garbage = vec![b'x'; 100_000];
    let words = format!("its digest is `{}`, not `{other}`", digest(&garbage));
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        refused_as(&garbage, compression, (Some(&other), None, &other), &words);
    }
}

#[test]
fn a_wrong_diff_id() {
    let (tar, other) = (tar(), digest(b"other"));
    let words = format!("the digest of its content is `{}`, not `{other}`", digest(&tar));
    let blob = gzip(&tar);
    refused_as(&blob, Compression::Gzip, (Some(&digest(&blob)), None, &other), &words);
    refused_as(&tar, Compression::None, (Some(&digest(&tar)), None, &other), &words);
    refused_as(&tar, Compression::None, (None, None, &other), &words);
}

#[test]
fn a_wrong_size() {
    let tar = tar();
    let blob = gzip(&tar);
    let length = blob.len() as u64;
    for (size, than) in [(length - 1, "longer"), (length + 1, "shorter"), (0, "longer")] {
        let words = format!("it is {than} than the {size} bytes that the manifest says");
        refused_as(&blob, Compression::Gzip, (None, Some(size), &digest(&tar)), &words);
    }
}

#[test]
fn an_endless_blob_is_not_read_on() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(0);
            Ok(into.len())
        }
    }
    let place = Place::new();
    let into = File::open(place.inside()).unwrap();
    let other = digest(b"other");
    for size in [Some(1000), None] {
        let packed = Packed {
            blob: Box::new(Endless),
            compression: Compression::None,
            digest: Some(&other),
            size,
            diff_id: &other,
        };
        let limits = Limits { bytes: 10 << 20, ..Limits::default() };
        let bad = unpack(packed, into.as_fd(), &Budget::new(limits)).unwrap_err();
        let words = match size {
            Some(_) => "it is longer than the 1000 bytes that the manifest says",
            None => "the image is larger than 10M",
        };
        assert_eq!(bad.to_string(), words);
    }
}

#[test]
fn a_gzip_with_a_wrong_checksum_or_an_early_end() {
    let tar = tar();
    let mut blob = gzip(&tar);
    let end = blob.len();
    refused_as(
        &blob[..end - 4],
        Compression::Gzip,
        (None, None, &digest(&tar)),
        "it cannot be decompressed: unexpected end of file",
    );
    blob[end - 8] ^= 1;
    refused_as(
        &blob,
        Compression::Gzip,
        (None, None, &digest(&tar)),
        "it cannot be decompressed: corrupt gzip stream does not have a matching checksum",
    );
}

#[test]
fn a_zstd_with_an_early_end_or_a_window_of_gigabytes() {
    let tar = tar();
    let blob = zstd::encode_all(tar.as_slice(), 3).unwrap();
    refused_as(
        &blob[..blob.len() - 4],
        Compression::Zstd,
        (None, None, &digest(&tar)),
        "it cannot be decompressed: incomplete frame",
    );
    // A frame header with a window of 2^41 bytes (RFC 8878, 3.1.1.1.2), and an empty last block.
    let blob = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
    let place = Place::new();
    let bad = place
        .unpack_packed(&blob, Compression::Zstd, None, None, &digest(b""), Limits::default())
        .unwrap_err();
    assert!(bad.to_string().contains("too much memory"), "{bad}");
}

#[test]
fn a_bomb() {
    let zeros = vec![0; 4 << 20];
    let tar = Tar::new().content(b'0', b"zeros", &zeros).end();
    let limits = Limits { ratio: 100, ratio_after: 1 << 20, ..Limits::default() };
    let bad = Place::new()
        .unpack_packed(&gzip(&tar), Compression::Gzip, None, None, &digest(&tar), limits)
        .unwrap_err();
    let words = "it becomes more than 100 times as large when it is decompressed";
    assert_eq!(bad.to_string(), words);
}

#[test]
fn limits_count_for_all_layers_together() {
    let tar = Tar::new().file("a", "x").file("b", "x").end();
    let budget = Budget::new(Limits { entries: 3, ..Limits::default() });
    let diff_id = digest(&tar);
    let mut results = [Place::new(), Place::new()].map(|place| {
        let into = File::open(place.inside()).unwrap();
        let packed = Packed {
            blob: Box::new(tar.as_slice()),
            compression: Compression::None,
            digest: None,
            size: None,
            diff_id: &diff_id,
        };
        unpack(packed, into.as_fd(), &budget)
    });
    assert!(results[0].is_ok());
    let bad = std::mem::replace(&mut results[1], Ok(Unpacked::default())).unwrap_err();
    assert_eq!(bad.to_string(), "its entry `b`: the image has more than 3 files");
}

#[test]
fn a_source_that_breaks_off() {
    struct Broken<'a>(&'a [u8]);
    impl Read for Broken<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::Error::from_raw_os_error(libc::ECONNRESET)),
                count => Ok(count),
            }
        }
    }
    let place = Place::new();
    let into = File::open(place.inside()).unwrap();
    let (diff_id, tar) = (digest(b""), tar());
    let packed = Packed {
        blob: Box::new(Broken(&tar[..70_000])),
        compression: Compression::None,
        digest: Some(&diff_id),
        size: None,
        diff_id: &diff_id,
    };
    let bad = unpack(packed, into.as_fd(), &Budget::default()).unwrap_err();
    assert_eq!(bad.to_string(), "it cannot be read: connection reset by peer [ECONNRESET]");
}

#[test]
fn somebody_elses_files_are_not_written_among() {
    let place = Place::new();
    fs::write(place.inside().join("mine"), "").unwrap();
    let bad = place.unpack(&tar()).unwrap_err();
    assert_eq!(bad.to_string(), "the directory that it is unpacked into is not empty");
}
