//! Images made of directories, in the store of a project's user.

use std::fs;
use std::os::fd::AsFd;
use std::process::Command;

use jail::image::digest::Digest;
use jail::image::document::{Config, Platform};
use jail::image::store::{Known, LayerRecord, Store, summarize};

use crate::support::Jail;

/// A small system made of one static program, as the lowest layer.
pub const BUSYBOX: &str = "mkdir bin etc proc dev tmp run root var srv; cp /bin/busybox bin/\n\
    for name in sh echo cat ls rm mv mkdir touch id env pwd grep sleep; do ln -s busybox bin/$name; done\n\
    echo low > etc/name; echo root:x:0:0::/root:/bin/sh > etc/passwd; echo root:x:0: > etc/group\n\
    echo www:x:33:34::/srv/www:/bin/sh >> etc/passwd; echo www:x:34: >> etc/group\n\
    echo hidden > srv/file; mkdir srv/directory; echo hidden > srv/directory/file";

/// Images to be put into a store, which is made at once: afterwards it is its user's.
#[derive(Default)]
pub struct Images {
    made: Vec<(String, Vec<String>, Config)>,
}

impl Images {
    /// One image: a shell script for each layer, the lowest first, each in an empty directory.
    #[must_use]
    pub fn image(mut self, name: &str, layers: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { env: vec!["PATH=/bin".to_owned()], ..Config::default() };
        change(&mut config);
        let layers = layers.iter().map(|layer| (*layer).to_owned()).collect();
        self.made.push((name.to_owned(), layers, config));
        self
    }

    /// Puts them into the store in the home of the project's user.
    pub fn into_store_of(self, jail: &Jail) {
        let place = jail.home().join(".local/share/jail");
        for (index, (name, layers, config)) in self.made.into_iter().enumerate() {
            let store = Store::open(&place).expect("a new store, or one of ours");
            put(&store, index, &name, &layers, config);
        }
        let local = jail.home().join(".local");
        let owner = format!("{}:{}", jail.user().uid, jail.user().gid);
        let mut chown = Command::new("chown");
        let chown = chown.args(["-hR", &owner]).arg(local).status().expect("there is chown");
        assert!(chown.success());
    }
}

fn put(store: &Store, index: usize, name: &str, layers: &[String], mut config: Config) {
    let writer = store.writer(&|| ()).expect("the store can be made");
    let mut finished = Vec::new();
    for (number, script) in layers.iter().enumerate() {
        let diff_id = digest(1000 * (index + 1) + number);
        config.diff_ids.push(diff_id.clone());
        let maker = writer.maker(&diff_id, &|| ()).expect("nobody else makes it");
        let layer = writer.begin(maker, &diff_id).expect("the store can be written");
        let tree = layer.tree().expect("it was made just now");
        let place = fs::read_link(format!("/proc/self/fd/{}", fd(&tree))).expect("it is open");
        let made = Command::new("sh").args(["-ec", script]).current_dir(place).output();
        let made = made.expect("there is a shell");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let summary = summarize(tree.as_fd()).expect("it can be read");
        let record = LayerRecord {
            packed: 0,
            summary,
            skipped_devices: 0,
            skipped_attributes: 0,
            implied: Vec::new(),
            opaque: false,
            links: None,
        };
        layer.describe(record, &[]).expect("the store can be written");
        finished.push(layer);
    }
    writer.commit(finished).expect("the store can be written");
    let manifest = digest(index);
    let known = Known {
        root: manifest.clone(),
        manifest,
        config_digest: digest(500 + index),
        config,
        packed: 0,
    };
    let reference = name.parse().expect("the name of an image");
    writer.record(&reference, &Platform::host(), &known).expect("the store can be written");
}

fn fd(file: &impl AsFd) -> i32 {
    use std::os::fd::AsRawFd;
    file.as_fd().as_raw_fd()
}

/// What a test puts into a store it has not to be the hash of.
fn digest(number: usize) -> Digest {
    format!("sha256:{number:064x}").parse().expect("64 digits")
}
