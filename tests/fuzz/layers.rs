//! Unpacks layers that are nearly right.
//!
//! `cargo run --release --example fuzz-layers -- SECONDS [SEED]` changes the tars in
//! `tests/fuzz/corpus/layers` for that long; with 0 it only unpacks them. After each it looks whether
//! anything outside has changed, and whether anything inside is what no layer may make. A tar that
//! leads to an answer never given before is changed further, and with `JAIL_FUZZ_KEEP=1` kept. What
//! panics or breaks a rule is written to `tests/fuzz/findings`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jail::image::digest::{Algorithm, Digest};
use jail::image::document::Compression;
use jail::image::unpack::{Bad, Budget, Limits, Packed, Unpacked, unpack};
use rustix::fs::llistxattr;

const BLOCK: usize = 512;
/// Larger tars only take time.
const LARGEST: usize = 32 << 10;
/// One that takes longer waits for something.
const LONGEST: Duration = Duration::from_secs(30);
/// What mutations put into fields. `OUTSIDE` is the directory that must stay as it is.
const WORDS: [&[u8]; 24] = [
    b"..",
    b"/",
    b".",
    b"../outside/file",
    b"OUTSIDE",
    b"OUTSIDE/file",
    b"/etc/passwd",
    b".wh..wh..opq",
    b".wh.file",
    b".wh.",
    b".wh...",
    b"a/b/c",
    b"a/",
    b"d",
    b"s",
    b"\0",
    b"00000000000\0",
    b"77777777777\0",
    b"\x80\0\0\0\0\0\0\0\0\0\x02\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"12 path=a/b\n",
    b"11 size=42\n",
    b"19 linkpath=../..\n",
    b"30 SCHILY.xattr.user.overlay.x=y\n",
];
/// Where fields begin: name, mode, owner, size, time, type, target, magic, device, prefix.
const FIELDS: [usize; 9] = [0, 100, 108, 124, 136, 157, 257, 329, 345];
const TYPES: &[u8] = b"\x000123456712250505xgLKSV";

/// The tar that is being unpacked, for the panic hook.
static CURRENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (seconds, seed) = (numbers.next().unwrap_or(10), numbers.next().unwrap_or(1));
    let place = Place::new();
    panic::set_hook(Box::new(|panic| keep("findings", &current(), &panic.to_string())));
    let mut tars = corpus();
    let (mut random, mut seen, mut count) = (Random(seed | 1), BTreeSet::new(), 0_u64);
    for tar in &tars {
        seen.insert(place.judge(tar));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let tar = mutate(&tars, &mut random, &place.outside());
        let answer = place.judge(&tar);
        count += 1;
        if seen.insert(answer) {
            if std::env::var_os("JAIL_FUZZ_KEEP").is_some() {
                keep("corpus/layers", &tar, "");
            }
            tars.push(tar);
        }
    }
    println!("{count} tars, {} different answers, seed {seed}", seen.len());
    for answer in seen {
        println!("  {answer}");
    }
    ExitCode::SUCCESS
}

/// A directory to unpack into, and one beside it that must stay as it is.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let place = std::env::temp_dir().join(format!("fuzz-layers-{}", std::process::id()));
        fs::create_dir_all(place.join("outside/empty")).expect("a temporary directory");
        fs::write(place.join("outside/file"), "untouched").expect("a file");
        Self(place)
    }

    fn outside(&self) -> PathBuf {
        self.0.join("outside")
    }

    /// Unpacks a tar and checks all that must hold; a number in an answer makes it no new one.
    fn judge(&self, tar: &[u8]) -> String {
        *CURRENT.lock().expect("a panic ends the program") = tar.to_vec();
        let before = listing(&self.outside());
        let inside = self.0.join("inside");
        fs::create_dir(&inside).expect("a directory");
        let start = Instant::now();
        let result = unpack_one(tar, &inside);
        assert!(start.elapsed() < LONGEST, "it took {:?}", start.elapsed());
        assert_eq!(listing(&self.outside()), before, "something outside has changed");
        let names = fs::read_dir(&self.0).expect("our directory").count();
        assert_eq!(names, 2, "something is new beside the directory");
        let files = clear(&inside);
        match result {
            Ok(unpacked) => {
                assert!(files <= 2000, "{files} files of {} entries", unpacked.entries);
                let Unpacked { skipped, opaque, .. } = unpacked;
                let some = |count: u64| count.min(2);
                let (devices, attributes) = (some(skipped.devices), some(skipped.attributes));
                format!("good: {} {devices} {attributes} {opaque}", some(unpacked.entries))
            }
            Err(Bad { reason, .. }) => {
                reason.to_string().chars().filter(|letter| !letter.is_ascii_digit()).collect()
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("our directory can be removed");
    }
}

fn unpack_one(tar: &[u8], inside: &Path) -> Result<Unpacked, Bad> {
    let into = File::open(inside).expect("our directory");
    let limits = Limits { bytes: 1 << 20, entries: 1000, depth: 64, ..Limits::default() };
    let packed = Packed {
        blob: Box::new(tar),
        compression: Compression::None,
        digest: None,
        size: Some(tar.len() as u64),
        diff_id: &Digest::of(Algorithm::Sha256, tar),
    };
    unpack(packed, into.as_fd(), &Budget::new(limits))
}

/// Removes a tree, after a look at everything in it; says how much that was.
fn clear(path: &Path) -> usize {
    let stat = fs::symlink_metadata(path).expect("it is there");
    let kind = stat.file_type();
    assert!(!kind.is_block_device() && !kind.is_socket(), "no layer makes this: {path:?}");
    assert!(!kind.is_char_device() || stat.rdev() == 0, "a device: {path:?}");
    check_attributes(path);
    if !kind.is_dir() {
        fs::remove_file(path).expect("it can be removed");
        return 1;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let entries = fs::read_dir(path).expect("it can be read");
    let count: usize = entries.map(|entry| clear(&entry.expect("an entry").path())).sum();
    fs::remove_dir(path).expect("it is empty");
    count + 1
}

fn check_attributes(path: &Path) {
    let ours = [&b"user.overlay.opaque"[..], b"user.rootlesscontainers"];
    let mut names = [0; 4096];
    let length = llistxattr(path, &mut names).expect("names of attributes");
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let kept = name.starts_with(b"user.") && !name.starts_with(b"user.overlay.");
        assert!(kept || ours.contains(&name), "an attribute {}: {path:?}", name.escape_ascii());
    }
}

/// All that there is to see of a tree.
fn listing(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory).expect("our directory") {
        let path = entry.expect("an entry").path();
        let stat = fs::symlink_metadata(&path).expect("it is there");
        lines.push(format!(
            "{path:?} {:o} {} {}.{} {} {}",
            stat.mode(),
            stat.size(),
            stat.mtime(),
            stat.mtime_nsec(),
            stat.nlink(),
            stat.ino()
        ));
        if stat.is_dir() {
            lines.extend(listing(&path));
        }
    }
    lines.sort();
    lines
}

/// One of the tars, changed in a few places.
fn mutate(tars: &[Vec<u8>], random: &mut Random, outside: &Path) -> Vec<u8> {
    let mut tar = random.one(tars).clone();
    for _ in 0..=random.below(4) {
        change(&mut tar, tars, random, outside);
    }
    tar.truncate(LARGEST);
    // With wrong checksums nothing gets any further.
    if random.below(16) > 0 {
        tar.chunks_exact_mut(BLOCK).filter(|block| &block[257..262] == b"ustar").for_each(seal);
    }
    tar
}

fn change(tar: &mut Vec<u8>, tars: &[Vec<u8>], random: &mut Random, outside: &Path) {
    let blocks = tar.len() / BLOCK;
    if blocks == 0 {
        *tar = random.one(tars).clone();
        return;
    }
    let at = random.below(blocks) * BLOCK;
    match random.below(10) {
        0 => tar[at + random.below(BLOCK)] = random.below(256) as u8,
        1 => tar[at + random.below(BLOCK)] ^= 1 << random.below(8),
        2 => tar[at + 156] = *random.one(TYPES),
        3..6 => {
            let word: &[u8] = WORDS[random.below(WORDS.len())];
            let word = match word.strip_prefix(b"OUTSIDE") {
                Some(rest) => [outside.as_os_str().as_bytes(), rest].concat(),
                None => word.to_vec(),
            };
            let start = at + *random.one(&FIELDS);
            let end = (start + word.len() + 1).min(tar.len());
            tar[start..end].fill(0);
            tar[start..end - 1].copy_from_slice(&word[..end - 1 - start]);
        }
        6 => {
            let end = (at + BLOCK * (1 + random.below(3))).min(tar.len());
            tar.drain(at..end);
        }
        7 => {
            let other = random.one(tars);
            let from = random.below(other.len() / BLOCK + 1) * BLOCK;
            let to = (from + BLOCK * (1 + random.below(4))).min(other.len());
            tar.splice(at..at, other[from..to].iter().copied());
        }
        8 => {
            let to = random.below(blocks) * BLOCK;
            let block = tar[at..at + BLOCK].to_vec();
            tar[to..to + BLOCK].copy_from_slice(&block);
        }
        _ => tar.truncate(at + random.below(BLOCK)),
    }
}

fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

struct Random(u64);

impl Random {
    /// xorshift64 (Marsaglia 2003).
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

fn corpus() -> Vec<Vec<u8>> {
    let files = fs::read_dir(root().join("corpus/layers")).expect("the corpus");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a tar")).collect()
}

fn current() -> Vec<u8> {
    CURRENT.lock().map(|tar| tar.clone()).unwrap_or_default()
}

fn keep(folder: &str, tar: &[u8], words: &str) {
    let digest = Digest::of(Algorithm::Sha256, tar);
    let directory = root().join(folder);
    fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join(OsStr::new(digest.short()));
    fs::write(&path, tar).expect("a file");
    if !words.is_empty() {
        eprintln!("{}: {words}", path.display());
    }
}
