//! Images that attack whoever unpacks them, imported by the real program.
//!
//! One row, one image. Each is refused as a whole: with status 125, with layer, entry and reason in
//! the message, and with nothing left in the store or changed outside of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jail::image::digest::{Algorithm, Digest};
use serde_json::json;

use super::commands::{image, refused, store, verifies};
use super::layout::{Layout, Packing, filter};
use super::tar::{Tar, record};
use crate::support::{Finished, Jail};

/// What a test attacks: a home with something in it, and something beside it.
pub struct Victim {
    pub jail: Jail,
}

impl Victim {
    pub fn new() -> Self {
        let jail = Jail::new().file("mine", "mine").home_file(".bashrc", "mine");
        fs::write(jail.elsewhere().join("secret"), "secret").unwrap();
        Self { jail }
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.jail.elsewhere().join("images").join(name)
    }

    #[track_caller]
    pub fn refuses(&self, reference: &str, more: &[&str], words: &[&str]) {
        let finished = self.refused(reference, more);
        for word in words {
            finished.says(word);
        }
    }

    /// Imports it, and checks that this does nothing but say so.
    #[track_caller]
    fn refused(&self, reference: &str, more: &[&str]) -> Finished {
        let before = self.seen();
        let finished = image(&self.jail, &[&["import", reference, "bad"], more].concat());
        finished.exits(125).outputs("");
        assert_eq!(self.seen(), before, "{}: something outside has changed", finished.command);
        assert_eq!(files(&store(&self.jail)), Vec::<PathBuf>::new(), "{}", finished.command);
        image(&self.jail, &["list", "--json"]).succeeds().outputs("[]\n");
        verifies(&self.jail);
        finished
    }

    /// A good layer, and this one above it.
    #[track_caller]
    fn refuses_layer(&self, name: &str, layer: &Tar, reason: &str) {
        let good = Tar::new().file("good", 0o644, "x");
        let layout = Layout::new(self.place(name), Packing::Gzip, &[good, layer.clone()]);
        let title = format!("layer 2 (`{}`) of `{}`", layout.blobs[1].short(), layout.reference());
        self.refuses(&layout.reference(), &[], &[&title, "is refused", reason]);
    }

    /// All that there is to see of what is not the store.
    fn seen(&self) -> BTreeMap<PathBuf, String> {
        let mut seen = BTreeMap::new();
        let mut left = vec![self.jail.home(), self.jail.elsewhere()];
        while let Some(path) = left.pop() {
            if path == self.jail.home().join(".local") || path.ends_with("elsewhere/images") {
                continue;
            }
            let stat = fs::symlink_metadata(&path).unwrap();
            if stat.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            // The store is made in the home by the first of all commands.
            let time = if path == self.jail.home() { 0 } else { stat.mtime_nsec() };
            let (mode, size, links, inode) = (stat.mode(), stat.size(), stat.nlink(), stat.ino());
            let links = if stat.is_dir() { 0 } else { links };
            let size = if stat.is_dir() { 0 } else { size };
            seen.insert(path, format!("{mode:o} {size} {time} {links} {inode}"));
        }
        seen
    }
}

/// All files of a store but its lock and its version.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap().is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("jail/lock") || path.ends_with("jail/version") => {}
            false => found.push(path),
        }
    }
    found
}

#[test]
fn names_that_lead_out_are_refused() {
    let long = "n".repeat(256);
    let longer = format!("{}n", "n/".repeat(2048));
    let file = |name: &str| Tar::new().file(name, 0o644, "x");
    let named = |name: &[u8]| Tar::new().pax(&[("path", name)]).file("x", 0o644, "x");
    let gnu = |name: &[u8]| Tar::new().entry(b'L', "././@LongLink", 0, "", name);
    let deep = format!("{}x", "d/".repeat(300));
    let up = "its name has `..` in it";
    let victim = Victim::new();
    for (name, layer, reason) in [
        ("up", file("../escaped"), "its entry `../escaped`: its name has `..` in it"),
        ("up-inside", file("a/../../escaped"), up),
        ("up-absolute", file("/../escaped"), up),
        ("up-at-the-end", Tar::new().directory("a/..", 0o777), up),
        ("up-by-link", Tar::new().symlink("a", "/tmp").file("a/../../escaped", 0o644, "x"), up),
        ("up-by-pax", named(b"../escaped"), "its entry `../escaped`: its name has `..` in it"),
        ("up-by-gnu", gnu(b"../escaped\0").file("x", 0o644, "x"), up),
        ("nul", named(b"a\0b"), "a name is empty or has a NUL byte in it"),
        ("empty", file(""), "its name is empty"),
        ("long", named(long.as_bytes()), "a part of its name is longer than 255 bytes"),
        ("longer", named(longer.as_bytes()), "its name is longer than 4095 bytes"),
        ("deep", named(deep.as_bytes()), "it is more than 256 directories deep"),
    ] {
        victim.refuses_layer(name, &layer, reason);
    }
}

#[test]
fn links_that_lead_out_are_refused() {
    let nowhere = "its path leads through something that is not there";
    let no_file = "it is a link to something that is not a file";
    let victim = Victim::new();
    let outside = victim.jail.elsewhere();
    let outside = outside.to_str().unwrap();
    let secret = format!("{outside}/secret");
    let one = Tar::new;
    for (name, layer, reason) in [
        (
            "hard-up",
            one().hard_link("a", "../../escaped"),
            "its entry `a`: its name has `..` in it",
        ),
        ("hard-absent", one().hard_link("a", "absent"), "a file that the layer has not"),
        ("hard-host", one().hard_link("a", &secret), nowhere),
        ("hard-by-link", one().symlink("d", outside).hard_link("a", "d/secret"), nowhere),
        ("hard-directory", one().directory("d", 0o755).hard_link("a", "d"), no_file),
        ("hard-whiteout", one().file(".wh.w", 0o644, "").hard_link("a", "w"), no_file),
        (
            "hard-replaced",
            one().directory("d", 0o755).file("d/f", 0o644, "x").hard_link("d", "d/f"),
            "its entry `d`: it is a link to something in the directory that it replaces",
        ),
        ("hard-itself", one().file("a", 0o644, "x").hard_link("a", "./a"), "a link to itself"),
        (
            "loop",
            one().symlink("a", "b").symlink("b", "a").file("a/x", 0o644, "x"),
            "its entry `a/x`: links on its path lead to each other",
        ),
        ("absent", one().symlink("a", "no/../../escaped").file("a/x", 0o644, "x"), nowhere),
        (
            "below-a-file",
            one().file("a", 0o644, "x").file("a/b", 0o644, "x"),
            "its entry `a/b`: something on its path is not a directory",
        ),
        ("nothing", one().symlink("a", ""), "it is a link to nothing"),
        ("root", one().symlink(".", "/etc"), "it is the root, but not a directory"),
        ("root-file", one().file("./.", 0o644, "x"), "it is the root, but not a directory"),
    ] {
        victim.refuses_layer(name, &layer, reason);
    }
}

#[test]
fn whiteouts_that_lead_out_are_refused() {
    let nothing = "it is a whiteout of nothing";
    let file = |name: &str| Tar::new().file(name, 0o644, "");
    let victim = Victim::new();
    for (name, layer, reason) in [
        ("bare", file(".wh."), "its entry `.wh.`: it is a whiteout of nothing"),
        ("of-here", file("d/.wh.."), nothing),
        ("of-above", file("d/.wh..."), nothing),
        ("above", file("../.wh.escaped"), "its name has `..` in it"),
        ("opaque-above", file("../.wh..wh..opq"), "its name has `..` in it"),
        ("filled", file(".wh.a/b"), "it is inside a whiteout"),
        ("by-hand", Tar::new().entry(b'3', "etc", 0o644, "", b""), "it is a device 0/0"),
    ] {
        victim.refuses_layer(name, &layer, reason);
    }
}

#[test]
fn tars_that_two_readers_read_in_two_ways_are_refused() {
    let one = Tar::new;
    let file = |tar: Tar| tar.file("x", 0o644, "x");
    let smuggled = one().file("smuggled", 0o644, "").finish();
    let large = record("comment", &vec![b'x'; 1 << 20]);
    let ends = one().file("a", 0o644, "x".repeat(2000)).finish();
    let huge = b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff";
    let sparse = "sparse files are not read";
    // GNU's magic, owner and group, devices, and a name where GNU has a time.
    let gnu_prefix = [&b"ustar  \0"[..], &[0; 80], b"hidden"].concat();
    let victim = Victim::new();
    for (name, layer, reason) in [
        ("type", one().entry(b'Z', "x", 0o644, "", b""), "its entry `x`: it is of a type that no"),
        ("sparse", one().entry(b'S', "x", 0o644, "", b""), sparse),
        ("sparse-by-pax", file(one().pax(&[("GNU.sparse.major", b"1")])), sparse),
        (
            "two-records",
            file(one().pax(&[("path", b"a"), ("path", b"b")])),
            "an extended header says the same thing twice",
        ),
        (
            "two-headers",
            file(one().pax(&[("path", b"a")]).pax(&[("path", b"b")])),
            "an entry has two extended headers of one kind",
        ),
        (
            "pax-and-gnu",
            file(one().pax(&[("path", b"a")]).entry(b'L', "x", 0, "", b"b\0")),
            "two extended headers give an entry different names",
        ),
        ("alone", one().pax(&[("path", b"a")]), "an extended header has no entry"),
        (
            "global",
            file(one().entry(b'g', "g", 0o644, "", &record("path", b"etc/passwd"))),
            "a global header names files or sizes",
        ),
        (
            "record",
            file(one().entry(b'x', "x", 0o644, "", b"99 path=a\n")),
            "a record of an extended header is broken",
        ),
        ("large", file(one().entry(b'x', "x", 0, "", &large)), "an extended header is larger than"),
        ("checksum", one().raw(&[b'x'; 512]), "the tar is broken"),
        ("prefix", one().patched("x", 257, &gnu_prefix), "a prefix that not all readers see"),
        ("digits", one().patched("x", 124, b"0000000001x\0"), "a number in a header is none"),
        ("negative", one().patched("x", 124, &[0xff; 12]), "its entry `x`: the tar is broken"),
        ("huge", one().patched("x", 124, huge), "its entry `x`: the image is larger than 16G"),
        ("owner", one().patched("x", 108, &[0xff; 8]), "the owner is no owner"),
        (
            "directory-with-content",
            one().entry(b'5', "d", 0o755, "", &smuggled),
            "its entry `d`: the tar is broken: it has content, which only files have",
        ),
        (
            "link-with-content",
            one().file("a", 0o644, "").entry(b'1', "l", 0o644, "a", &smuggled),
            "its entry `l`: the tar is broken: it has content, which only files have",
        ),
        ("file-as-directory", one().file("d/", 0o644, "x"), "a file with the name of a directory"),
        ("empty-block", file(file(one()).raw(&[0; 512])), "an empty block stands between"),
        ("cut", one().raw(&ends[..1000 - 24]), "the tar is broken"),
    ] {
        victim.refuses_layer(name, &layer, reason);
    }
}

/// A blob in the place of the second layer.
fn with_blob(place: &Path, kind: &str, packed: &[u8], plain: &[u8]) -> Layout {
    let good = Tar::new().file("good", 0o644, "x");
    let digest = |bytes: &[u8]| Digest::of(Algorithm::Sha256, bytes);
    Layout::lying(place.to_owned(), Packing::Gzip, &[good.clone(), good], |manifest, config| {
        fs::write(place.join("blobs/sha256").join(digest(packed).hex()), packed).unwrap();
        manifest["layers"][1] = json!({
            "mediaType": format!("application/vnd.oci.image.layer.v1.tar{kind}"),
            "digest": digest(packed).to_string(),
            "size": packed.len(),
        });
        config["rootfs"]["diff_ids"][1] = digest(plain).to_string().into();
    })
}

#[test]
fn blobs_that_do_not_decompress_as_they_should_are_refused() {
    let plain = Tar::new().file("a", 0o644, "content ".repeat(10_000)).finish();
    let gzip = filter("gzip", &["-nc"], &plain);
    let end = gzip.len();
    let changed = |at: usize| {
        let mut changed = gzip.clone();
        changed[at] ^= 1;
        changed
    };
    // A frame header with a window of 2^41 bytes (RFC 8878, 3.1.1.1.2), and an empty last block.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
    let victim = Victim::new();
    for (name, kind, packed, reason) in [
        ("early-end", "+gzip", gzip[..end - 4].to_vec(), "unexpected end of file"),
        ("checksum", "+gzip", changed(end - 8), "does not have a matching checksum"),
        ("garbage-behind", "+gzip", [&gzip[..], b"garbage garbage"].concat(), "decompressed"),
        ("not-gzip", "+gzip", b"no gzip at all".to_vec(), "it cannot be decompressed"),
        ("not-plain", "", gzip.clone(), "the tar is broken"),
        ("not-zstd", "+zstd", gzip.clone(), "it cannot be decompressed"),
        ("window", "+zstd", window.to_vec(), "too much memory"),
    ] {
        let layout = with_blob(&victim.place(name), kind, &packed, &plain);
        victim.refuses(&layout.reference(), &[], &["layer 2 (", "is refused", reason]);
    }
}

#[test]
fn what_grows_beyond_the_limits_is_refused() {
    let victim = Victim::new();
    let plain = Tar::new().file("zeros", 0o644, vec![0; 110 << 20]).finish();
    let layout =
        with_blob(&victim.place("bomb"), "+gzip", &filter("gzip", &["-nc"], &plain), &plain);
    let bomb = layout.reference();
    let help = "help: if you trust the image, raise the limit: see `jail image pull --help`\n";
    let ratio = "it becomes more than 100 times as large when it is decompressed";
    victim.refuses(&bomb, &["--max-ratio", "100"], &["layer 2", "is refused", ratio, help]);
    victim.refuses(&bomb, &["--max-size", "10M"], &["layer 2", "is larger than 10M", help]);
    let many = (0..20).fold(Tar::new(), |tar, number| tar.file(&format!("{number}"), 0o644, ""));
    let layout = Layout::new(victim.place("many"), Packing::Gzip, &[many]);
    let words = ["layer 1", "its entry `10`: the image has more than 10 files", help];
    victim.refuses(&layout.reference(), &["--max-files", "10"], &words);
}

/// Some limits are there for jail itself: no option changes them.
#[test]
fn a_limit_that_nobody_can_raise_is_not_advised_to_be_raised() {
    let victim = Victim::new();
    let deep = format!("{}x", "d/".repeat(300));
    let layer = Tar::new().pax(&[("path", deep.as_bytes())]).file("x", 0o644, "x");
    let layout = Layout::new(victim.place("deep"), Packing::Gzip, &[layer]);
    let (short, name) = (layout.blobs[0].short(), layout.reference());
    let message = format!(
        "jail: error: layer 1 (`{short}`) of `{name}` is refused\n\
         because: its entry `{deep}`: it is more than 256 directories deep\n"
    );
    refused(&victim.refused(&name, &[]), &message);
}

/// What a stranger wrote reaches the terminal as text, and not too much of it.
#[test]
fn names_of_a_stranger_neither_steer_nor_flood_the_terminal() {
    let victim = Victim::new();
    let name = format!("\u{1b}]0;title\u{7}\u{202e}{}/../x", "long".repeat(200_000));
    let layer = Tar::new().pax(&[("path", name.as_bytes())]).file("x", 0o644, "x");
    let layout = Layout::new(victim.place("names"), Packing::Gzip, &[layer]);
    let finished = victim.refused(&layout.reference(), &[]);
    finished.says("layer 1").says("is longer than 4095 bytes");
    let said = String::from_utf8(finished.stderr).unwrap();
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said}");
    assert!(said.len() < 4096, "{} bytes", said.len());
}
