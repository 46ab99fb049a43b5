//! Feeds references, documents, configs and archives that are nearly right to their readers.
//!
//! `cargo run --release --example fuzz-references -- MINUTES [SEED]` changes what is kept in `tests/fuzz/corpus`
//! for that long; with 0 it only reads it. An input that leads to words never seen before is
//! changed further, and with `JAIL_FUZZ_KEEP=1` kept. What panics, breaks a law or takes long is written to
//! `tests/fuzz/findings`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jail::image::digest::{Algorithm, Digest};
use jail::image::document::{
    Document, LARGEST_DOCUMENT, MOST_ENTRIES, MOST_LAYERS, check, parse_config, parse_document,
};
use jail::image::reference::Reference;
use jail::image::source;
use jail::image::unpack::Limits;

/// Of the processor, for one input; other programs do not count.
const LONGEST: Duration = Duration::from_secs(2);
/// By the clock: longer is waiting for something.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Larger inputs only take time.
const LARGEST: usize = 64 << 10;
/// Larger ones are not worth keeping.
const LARGEST_KEPT: usize = 4 << 10;
/// What mutations put in.
const WORDS: [&str; 29] = [
    "docker://",
    "oci:",
    "docker-archive:",
    "dir:",
    "tar:",
    "@sha256:",
    ":",
    "/",
    "..",
    "[::1]",
    "localhost",
    "\u{202e}",
    "\0",
    "\"layers\":[]",
    "\"manifests\":[]",
    "\"mediaType\":",
    "null",
    "-1",
    "9007199254740992",
    "1e400",
    "{}",
    "[[[[",
    "\\ud800",
    "\"\\u0000\"",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "77777777777",
    "30 path=../../etc/passwd\n",
    "15 size=99999\n",
];

/// The input that is being read, for the panic hook.
static CURRENT: Mutex<(&str, Vec<u8>)> = Mutex::new(("", Vec::new()));

/// Reads an input, and says in words what came of it; an error is a broken law.
type Target = fn(&[u8], &Path) -> Result<String, String>;

const TARGETS: [(&str, Target); 4] = [
    ("references", reference),
    ("documents", document),
    ("configs", config),
    ("archives", archive),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |default: u64| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (minutes, seed) = (number(1), number(1));
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let findings = fuzz.join("findings");
    std::panic::set_hook(Box::new({
        let findings = findings.clone();
        move |panic| {
            eprintln!("{panic}");
            if let Ok(current) = CURRENT.try_lock() {
                save(&findings, current.0, &current.1);
            }
        }
    }));
    let scratch = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut run = Run {
        random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        corpus: BTreeMap::new(),
        seen: BTreeSet::new(),
        count: 0,
        slowest: Duration::ZERO,
        found: 0,
        scratch: scratch.path().to_owned(),
        findings,
        kept: std::env::var_os("JAIL_FUZZ_KEEP").map(|_| fuzz.join("corpus")),
    };
    run.read_corpus(&fuzz.join("corpus"));
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    while Instant::now() < end {
        run.step();
    }
    let Run { count, seen, slowest, found, .. } = run;
    println!("{count} inputs, {} outcomes, slowest {slowest:?}, findings: {found}", seen.len());
    std::process::exit(i32::from(found > 0));
}

struct Run {
    random: Random,
    corpus: BTreeMap<&'static str, Vec<Vec<u8>>>,
    seen: BTreeSet<String>,
    count: u64,
    slowest: Duration,
    found: u64,
    scratch: PathBuf,
    findings: PathBuf,
    kept: Option<PathBuf>,
}

impl Run {
    fn read_corpus(&mut self, corpus: &Path) {
        for (name, target) in TARGETS {
            let entries = fs::read_dir(corpus.join(name)).expect("the corpus is there");
            let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("readable").path()).collect();
            paths.sort();
            for path in paths {
                let input = fs::read(path).expect("readable");
                self.read(name, target, &input);
                self.corpus.entry(name).or_default().push(input);
            }
        }
    }

    fn step(&mut self) {
        let (name, target) = TARGETS[self.random.below(TARGETS.len())];
        let inputs = &self.corpus[name];
        let mut input = inputs[self.random.below(inputs.len())].clone();
        let other = &inputs[self.random.below(inputs.len())];
        for _ in 0..=self.random.below(4) {
            mutate(&mut input, other, &mut self.random);
        }
        input.truncate(LARGEST);
        if name == "archives" && self.random.below(4) > 0 {
            repair(&mut input);
        }
        if self.read(name, target, &input) {
            if let Some(kept) = self.kept.as_ref().filter(|_| input.len() <= LARGEST_KEPT) {
                save(kept, name, &input);
            }
            self.corpus.entry(name).or_default().push(input);
        }
    }

    /// Says whether the outcome is new.
    fn read(&mut self, name: &'static str, target: Target, input: &[u8]) -> bool {
        *CURRENT.lock().expect("one thread") = (name, input.to_vec());
        let (start, used) = (Instant::now(), processor_time());
        let outcome = target(input, &self.scratch);
        let (waited, time) = (start.elapsed(), processor_time() - used);
        self.count += 1;
        self.slowest = self.slowest.max(time);
        if time > LONGEST || waited > LONGEST_WAIT {
            self.find(name, input, &format!("it took {time:?} in {waited:?}"));
        }
        match outcome {
            Ok(words) => self.seen.insert(format!("{name}: {}", outline(&words))),
            Err(law) => {
                self.find(name, input, &law);
                false
            }
        }
    }

    fn find(&mut self, name: &str, input: &[u8], what: &str) {
        eprintln!("{name}: {what}");
        self.found += 1;
        save(&self.findings, name, input);
    }
}

fn reference(input: &[u8], _: &Path) -> Result<String, String> {
    let Ok(text) = str::from_utf8(input) else { return Ok("no text".to_owned()) };
    match text.parse::<Reference>() {
        Ok(reference) => {
            let full = reference.to_string();
            if full.parse().as_ref() != Ok(&reference) {
                return Err(format!("`{text}` is printed as `{full}`, which is something else"));
            }
            if full.chars().any(char::is_control) {
                return Err(format!("{text:?} has a control character"));
            }
            Ok(full.chars().filter(|letter| !letter.is_alphanumeric()).take(6).collect())
        }
        Err(bad) => Ok(bad.to_string()),
    }
}

fn document(input: &[u8], _: &Path) -> Result<String, String> {
    match parse_document(input, None) {
        Err(malformed) => Ok(malformed.to_string()),
        Ok(_) if input.len() as u64 > LARGEST_DOCUMENT => Err("it is too large".to_owned()),
        Ok(Document::Index(entries)) if entries.len() > MOST_ENTRIES => Err("too long".to_owned()),
        Ok(Document::Index(entries)) => Ok(format!("index {}", entries.len().min(9))),
        Ok(Document::Manifest(manifest)) => {
            let sizes = manifest.layers.iter().map(|layer| layer.size);
            if manifest.layers.is_empty() || manifest.layers.len() > MOST_LAYERS {
                return Err("a number of layers that is not allowed".to_owned());
            }
            match sizes.max() {
                Some(size) if size >= 1 << 53 => Err("a layer is too large".to_owned()),
                _ => Ok(format!("manifest {:?}", manifest.layers[0].media_type)),
            }
        }
    }
}

fn config(input: &[u8], _: &Path) -> Result<String, String> {
    match parse_config(input) {
        Err(malformed) => Ok(malformed.to_string()),
        Ok(config) => {
            let texts = config.env.iter().chain(&config.cmd).chain(&config.entrypoint);
            let mut texts = texts.chain(&config.user).chain(&config.working_dir);
            match texts.any(|text| text.contains('\0')) {
                true => Err("a NUL byte".to_owned()),
                false => Ok(format!("{} {}", config.env.len(), config.cmd.len())),
            }
        }
    }
}

fn archive(input: &[u8], scratch: &Path) -> Result<String, String> {
    fs::write(scratch, input).map_err(|error| error.to_string())?;
    let path = scratch.to_owned();
    let references = [
        Reference::OciArchive { path: path.clone(), tag: None },
        Reference::DockerArchive { path: path.clone(), name: None },
        Reference::Tar { path },
    ];
    let outcomes: Result<Vec<String>, String> = references.iter().map(read_all).collect();
    Ok(outcomes?.join("; "))
}

/// Reads all that an image has.
fn read_all(reference: &Reference) -> Result<String, String> {
    let words = |diagnostic: jail::diagnostic::Diagnostic| {
        Ok(format!("{}: {}", diagnostic.title, diagnostic.because.unwrap_or_default()))
    };
    let limits = Limits { bytes: 1 << 30, ..Limits::default() };
    let source = match source::open(reference, &limits, |_| unreachable!("it is a file")) {
        Ok(source) => source,
        Err(diagnostic) => return words(diagnostic),
    };
    let (bytes, said) = match source.root() {
        Ok(root) => root,
        Err(diagnostic) => return words(diagnostic),
    };
    let manifest = match parse_document(&bytes, said) {
        Ok(Document::Manifest(manifest)) => manifest,
        Ok(Document::Index(_)) => return Ok("index".to_owned()),
        Err(malformed) => return Ok(malformed.to_string()),
    };
    let config = match source.document(&manifest.config) {
        Ok(bytes) => bytes,
        Err(diagnostic) => return words(diagnostic),
    };
    let is_made = !matches!(reference, Reference::OciArchive { .. });
    match parse_config(&config) {
        Ok(config) if is_made && check(&manifest, &config).is_err() => {
            return Err("what was made does not fit together".to_owned());
        }
        Err(malformed) if is_made => return Err(format!("what was made is broken: {malformed}")),
        _ => {}
    }
    for layer in &manifest.layers {
        let Ok(blob) = source.blob(layer, 0) else { continue };
        let mut bytes = Vec::new();
        if blob.take(1 << 30).read_to_end(&mut bytes).is_ok()
            && matches!(reference, Reference::Tar { .. })
            && Digest::of(Algorithm::Sha256, &bytes) != layer.digest
        {
            return Err("the digest of a tar is wrong".to_owned());
        }
    }
    Ok(format!("image {}", manifest.layers.len().min(9)))
}

fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let span = at..(at + random.below(33)).min(input.len());
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 => drop(input.drain(span)),
        3 => {
            let word = WORDS[random.below(WORDS.len())];
            input.splice(span.start..span.start, word.bytes());
        }
        4 => {
            let copy = input[span.clone()].to_vec();
            input.splice(span.start..span.start, copy);
        }
        5 => {
            let from = random.below(other.len() + 1);
            let most = (from + random.below(1025)).min(other.len());
            input.splice(span, other[from..most].iter().copied());
        }
        6 => {
            // Whole blocks of an archive.
            let block = at / 512 * 512;
            let copy = input[block..(block + 1024).min(input.len())].to_vec();
            let to = random.below(input.len() / 512 + 1) * 512;
            input.splice(to..to, copy);
        }
        _ => input.truncate(at.max(input.len() / 2)),
    }
}

/// Makes the checksums of headers right, so that more than the checksum is tried.
fn repair(input: &mut [u8]) {
    for block in input.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// The words without names and numbers.
fn outline(words: &str) -> String {
    let last = words.rsplit("`: ").next().unwrap_or_default();
    let outside = last.split('`').step_by(2).collect::<String>();
    outside
        .chars()
        .filter(|letter| letter.is_ascii() && !letter.is_ascii_digit())
        .take(100)
        .collect()
}

/// Of this thread, the only one (proc_pid_schedstat(5)).
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").expect("the kernel counts");
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first number"))
}

fn save(directory: &Path, name: &str, input: &[u8]) {
    let directory = directory.join(name);
    let hash = Digest::of(Algorithm::Sha256, input);
    let saved = fs::create_dir_all(&directory)
        .and_then(|()| fs::write(directory.join(hash.short()), input));
    if let Err(error) = saved {
        eprintln!("cannot save an input: {error}");
    }
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 32) as usize) % end.max(1)
    }
}
