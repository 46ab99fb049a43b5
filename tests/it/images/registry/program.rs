//! `jail image pull` from registries that are busy, broken or hostile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jail::image::digest::{Algorithm, Digest};

use super::files::without_authorities;
use super::pattern;
use super::server::{Reply, Request, Server};
use crate::images::commands::{entries, image, line, refused, verifies};
use crate::images::faults::{at_the_end, failing};
use crate::images::layout::{Layout, Packing};
use crate::images::tar::Tar;
use crate::require;
use crate::support::{Feature, Finished, Jail};

const MANIFEST: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";

/// An image, and who wants it.
struct Place {
    jail: Jail,
    layout: Arc<Layout>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Manifest,
    Config,
    /// The first and larger one.
    Layer,
    Other,
}

impl Place {
    fn new() -> Self {
        let jail = Jail::new();
        let layers = [
            Tar::new().file("noise", 0o644, pattern(1_000_000)),
            Tar::new().file("small", 0o644, "small"),
        ];
        let layout = Layout::new(jail.elsewhere().join("oci"), Packing::Gzip, &layers);
        Self { jail, layout: Arc::new(layout) }
    }

    /// A registry that has the image; `answer` may answer in its place.
    fn registry(
        &self,
        answer: impl Fn(&Request, Part, &[u8]) -> Option<Reply> + Send + Sync + 'static,
    ) -> Server {
        let layout = Arc::clone(&self.layout);
        Server::start(move |request| {
            let (part, bytes) = asked(&layout, request);
            answer(request, part, &bytes).unwrap_or_else(|| honest(request, part, &bytes))
        })
    }

    fn pull(&self, server: &Server) -> Finished {
        image(&self.jail, &["pull", &format!("{}/team/app:1", server.host())])
    }

    /// The pull fails with these words, and nothing is visible of the image.
    #[track_caller]
    fn fails(&self, server: &Server, words: &[&str]) {
        let finished = self.pull(server);
        finished.exits(125).outputs("").says_nothing_of("\u{1b}");
        for word in words {
            finished.says(word);
        }
        image(&self.jail, &["list", "--json"]).succeeds().outputs("[]\n");
        verifies(&self.jail);
        for part in ["references", "images/sha256", "blobs/sha256", "tmp", "locks"] {
            assert_eq!(entries(&self.jail, part), [] as [PathBuf; 0], "{}", finished.command);
        }
    }

    #[track_caller]
    fn succeeds(&self, server: &Server) {
        self.pull(server).succeeds().outputs(&format!("{}\n", self.layout.digest));
        verifies(&self.jail);
        assert_eq!(entries(&self.jail, "partial"), [] as [PathBuf; 0]);
        let tree = self.jail.home().join("tree");
        let name = format!("{}/team/app:1", server.host());
        image(&self.jail, &["unpack", &name, tree.to_str().unwrap()]).succeeds();
        assert!(fs::read(tree.join("noise")).unwrap() == pattern(1_000_000));
    }
}

fn asked(layout: &Layout, request: &Request) -> (Part, Vec<u8>) {
    let last = request.path.rsplit('/').next().unwrap();
    let digest = last.parse().ok();
    let part = match &digest {
        _ if request.path.contains("/manifests/") => Part::Manifest,
        Some(digest) if *digest == layout.blobs[0] => Part::Layer,
        Some(digest) if layout.blobs.contains(digest) => Part::Other,
        Some(_) => Part::Config,
        None => Part::Other,
    };
    let digest = digest.unwrap_or_else(|| layout.digest.clone());
    (part, fs::read(layout.blob(&digest)).unwrap_or_default())
}

fn honest(request: &Request, part: Part, bytes: &[u8]) -> Reply {
    let headers = if part == Part::Manifest { MANIFEST } else { "" };
    match request.range() {
        Some(start) => Reply::new(206, &range(start, bytes), &bytes[start..]),
        None => Reply::new(200, headers, bytes),
    }
}

fn range(start: usize, bytes: &[u8]) -> String {
    format!("Content-Range: bytes {start}-{}/{}\r\n", bytes.len() - 1, bytes.len())
}

#[test]
fn an_honest_registry_is_pulled_from() {
    let place = Place::new();
    place.succeeds(&place.registry(|_, _, _| None));
}

#[test]
fn a_busy_registry_is_asked_until_it_answers() {
    let place = Place::new();
    place.succeeds(&place.registry(|request, _, _| match request.before {
        0 => Some(Reply::new(429, "Retry-After: 0\r\n", b"{}")),
        1 => Some(Reply::new(503, "Retry-After: 0\r\n", b"<html>")),
        _ => None,
    }));
    let place = Place::new();
    let busy = place.registry(|_, part, _| {
        (part == Part::Layer).then(|| Reply::new(429, "Retry-After: 0\r\n", b""))
    });
    place.fails(&busy, &["cannot pull", "has been asked too often [HTTP 429]", "wait, or log in"]);
    let far = place.registry(|_, _, _| Some(Reply::new(503, "Retry-After: 86400\r\n", b"")));
    place.fails(&far, &["asked again in 86400 seconds", "try again later"]);
    assert_eq!(far.count(), 1);
}

#[test]
fn a_layer_that_breaks_off_again_and_again_comes_whole() {
    let place = Place::new();
    let server = place.registry(|request, part, bytes| {
        let start = request.range().unwrap_or(0);
        let end = bytes.len().min(start + 300_000);
        let (rest, some) = (bytes.len() - start, bytes.get(start..end)?);
        match (part, request.range()) {
            (Part::Layer, None) => Some(Reply::cut(200, "", rest, some)),
            (Part::Layer, Some(_)) => Some(Reply::cut(206, &range(start, bytes), rest, some)),
            _ => None,
        }
    });
    place.succeeds(&server);
    let place = Place::new();
    let without_ranges = place.registry(|request, part, bytes| match (part, request.before) {
        (Part::Layer, 0) => Some(Reply::cut(200, "", bytes.len(), &bytes[..400_000])),
        (Part::Layer, _) => Some(Reply::new(200, "", bytes)),
        _ => None,
    });
    place.succeeds(&without_ranges);
}

/// What came is kept, and what is wrong in it does not stay unseen: it is fetched once more.
#[test]
fn a_part_that_another_registry_made_up_does_no_harm() {
    let place = Place::new();
    let liar = place.registry(|request, part, bytes| match (part, request.range()) {
        (Part::Layer, None) => {
            let mut wrong = bytes[..500_000].to_vec();
            wrong[400_000] ^= 1;
            Some(Reply::cut(200, "", bytes.len(), &wrong))
        }
        (Part::Layer, Some(_)) => Some(Reply::new(404, "", b"")),
        _ => None,
    });
    let (short, host) = (place.layout.blobs[0].short(), liar.host());
    let message = format!(
        "jail: error: cannot read layer 1 (`{short}`) of `{host}/team/app:1`\n\
         because: it cannot be read: `http://{host}` knows no such thing [HTTP 404]\n\
         help: run the command again: it goes on where it was interrupted\n"
    );
    place.fails(&liar, &[&message]);
    assert_eq!(entries(&place.jail, "partial").len(), 1);
    let honest = place.registry(|_, _, _| None);
    place.pull(&honest).says("going on after").says("what was kept of it is damaged");
    place.succeeds(&honest);
}

#[test]
fn lies_about_layers_are_found() {
    type Lie = fn(&Request, &[u8]) -> Reply;
    let rows: [(Lie, [&str; 2]); 7] = [
        (
            |_, bytes| {
                let mut changed = bytes.to_vec();
                *changed.last_mut().unwrap() ^= 1;
                Reply::new(200, "", &changed)
            },
            ["layer 1 (", "its digest is `sha256:"],
        ),
        (|_, bytes| Reply::new(200, "", &vec![0; bytes.len()]), ["layer 1 (", "its digest is"]),
        (
            |_, bytes| Reply::new(200, "", &bytes[1..]),
            ["it says that the blob has", "the manifest says"],
        ),
        (
            |_, bytes| Reply::new(200, "", &[bytes, b"x"].concat()),
            ["it says that the blob has", "the manifest says"],
        ),
        (
            |_, bytes| {
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
                Reply::raw([head.as_bytes(), bytes, b"more"].concat())
            },
            ["layer 1 (", "sends more than the"],
        ),
        (
            |_, bytes| Reply::new(206, &range(0, &bytes[1..]), &bytes[1..]),
            [
                "it sends another part of the blob than asked for",
                "whoever runs the registry has to correct it",
            ],
        ),
        (
            |_, _| Reply::new(404, "", b"{}"),
            ["knows no such thing [HTTP 404]", "the image is incomplete there; push it again"],
        ),
    ];
    for (lie, words) in rows {
        let place = Place::new();
        let server = place.registry(move |request, part, bytes| {
            (part == Part::Layer).then(|| lie(request, bytes))
        });
        place.fails(&server, &words);
    }
}

#[test]
fn lies_about_documents_are_found() {
    type Lie = fn(&Request, Part, &[u8]) -> Option<Reply>;
    let rows: [(Lie, &str); 6] = [
        (
            |_, part, bytes| {
                let text = String::from_utf8_lossy(bytes).replace("linux", "Linux");
                (part == Part::Config).then(|| Reply::new(200, "", text.as_bytes()))
            },
            "its digest is `sha256:",
        ),
        (
            |_, part, bytes| {
                (part == Part::Config).then(|| Reply::new(200, "", &[bytes, b" "].concat()))
            },
            "bytes, and should have",
        ),
        (
            |_, part, bytes| {
                let index = MANIFEST.replace("manifest", "index");
                (part == Part::Manifest).then(|| Reply::new(200, &index, bytes))
            },
            "it is a manifest by its `mediaType`, and an index by where it comes from",
        ),
        (
            |_, part, _| {
                (part == Part::Manifest).then(|| Reply::new(200, MANIFEST, &vec![b' '; 5 << 20]))
            },
            "its answer is longer than 4096 KiB",
        ),
        (
            |_, part, _| {
                let header = "X: y\r\n".repeat(10_000);
                (part == Part::Manifest).then(|| Reply::raw(format!("HTTP/1.1 200 OK\r\n{header}")))
            },
            "answers with something else than HTTP",
        ),
        (
            |_, part, _| {
                let page = "Content-Type: text/html\r\n";
                (part == Part::Manifest).then(|| Reply::new(200, page, b"<html>\x1b[2J"))
            },
            "this is not a registry",
        ),
    ];
    let place = Place::new();
    for (lie, words) in rows {
        place.fails(&place.registry(lie), &[words]);
    }
}

#[test]
fn another_image_than_the_digest_names_is_refused() {
    let place = Place::new();
    let other = Digest::of(Algorithm::Sha256, b"another image");
    let server = place.registry(|_, _, _| None);
    // The server has no such thing, and gives what it has.
    let layout = Arc::clone(&place.layout);
    let lying = Server::start(move |_| {
        Reply::new(200, MANIFEST, &fs::read(layout.blob(&layout.digest)).unwrap())
    });
    let name = |server: &Server, digest: &Digest| format!("{}/team/app@{digest}", server.host());
    let message = format!(
        "jail: error: the document `{other}` of `{}` is refused\n\
         because: its digest is `{}`\n",
        name(&lying, &other),
        place.layout.digest
    );
    refused(&image(&place.jail, &["pull", &name(&lying, &other)]), &message);
    image(&place.jail, &["list", "--json"]).outputs("[]\n");
    image(&place.jail, &["pull", &name(&server, &place.layout.digest)]).succeeds();
}

#[test]
fn registries_that_lead_in_circles_are_left() {
    let place = Place::new();
    let refusing = place.registry(|request, _, _| {
        if request.path.starts_with("/token") {
            return Some(Reply::new(200, "", br#"{"token": "T"}"#));
        }
        let host = request.header("host").unwrap();
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\"\r\n");
        Some(Reply::new(401, &challenge, b"{}"))
    });
    place.fails(&refusing, &["may not be pulled", "refuses access [HTTP 401]"]);
    assert_eq!(refusing.count(), 3);
    let turning = place.registry(|request, _, _| {
        Some(Reply::new(307, &format!("Location: {}x\r\n", request.path), b""))
    });
    place.fails(&turning, &["redirects, and there have been too many before"]);
    assert_eq!(turning.count(), 6);
    let weaker = place.registry(|_, part, _| {
        let location = "Location: http://registry.example/x\r\n";
        (part == Part::Layer).then(|| Reply::new(302, location, b""))
    });
    place.fails(&weaker, &["redirects, and it leads to a connection without encryption"]);
}

/// What the user is told about a download that has no place.
fn unkept(partial: &Path, why: &str) -> String {
    format!(
        "jail: error: cannot keep a download in `{}`\nbecause: {why}\n\
         help: run `jail image prune`, which removes all downloads that broke off, and try again\n",
        partial.display()
    )
}

/// Has a registry that has not all of the image, and returns where a download was to be kept.
fn break_off(place: &Place) -> PathBuf {
    let incomplete =
        place.registry(|_, part, _| (part == Part::Layer).then(|| Reply::new(404, "", b"{}")));
    place.fails(&incomplete, &["push it again"]);
    entries(&place.jail, "partial").remove(0)
}

#[test]
fn what_is_in_the_way_of_a_download_goes_with_the_others() {
    let place = Place::new();
    let honest = place.registry(|_, _, _| None);
    let partial = break_off(&place);
    fs::remove_file(&partial).unwrap();
    fs::create_dir(&partial).unwrap();
    place.jail.user().own(&partial);
    refused(&place.pull(&honest), &unkept(&partial, "is a directory [EISDIR]"));
    image(&place.jail, &["prune"]).succeeds();
    place.succeeds(&honest);
}

#[test]
fn a_damaged_download_that_cannot_be_begun_anew_is_said() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let place = Place::new();
    let honest = place.registry(|_, _, _| None);
    let partial = break_off(&place);
    fs::write(&partial, vec![0; 400_000]).unwrap();
    let pull = line(&["pull", &format!("{}/team/app:1", honest.host())]);
    let finished =
        place.jail.run_outside(failing("ftruncate", "EIO", None).into_iter().chain(pull));
    refused(&finished, &unkept(&partial, "I/O error [EIO]"));
    place.succeeds(&honest);
}

#[test]
fn a_download_that_is_cut_off_while_it_is_read_is_told() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let place = Place::new();
    let honest = place.registry(|_, _, _| None);
    let partial = break_off(&place);
    fs::write(&partial, vec![0; 400_000]).unwrap();
    let name = format!("{}/team/app:1", honest.host());
    let pull = line(&["pull", &name]);
    let finished = place.jail.run_outside(at_the_end("read", &partial).into_iter().chain(pull));
    let message = format!(
        "jail: error: cannot read layer 1 (`{}`) of `{name}`\n\
         because: it cannot be read: the file of an earlier download was cut off meanwhile\n\
         help: run the command again: it goes on where it was interrupted\n",
        place.layout.blobs[0].short()
    );
    refused(&finished, &message);
    place.succeeds(&honest);
}

/// It is spoken to by HTTPS first, which needs authorities, and by plain HTTP then, which does not.
#[test]
fn this_machine_is_pulled_from_without_authorities() {
    require!(Feature::Userns);
    let place = Place::new();
    let honest = place.registry(|_, _, _| None);
    let pull = line(&["pull", "-q", &format!("{}/team/app:1", honest.host())]);
    let finished = place.jail.run_outside(without_authorities().into_iter().chain(pull));
    finished.succeeds().outputs(&format!("{}\n", place.layout.digest));
}
