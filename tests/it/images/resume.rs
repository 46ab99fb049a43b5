//! Pulls that break off, and images in use: by the library, where the source can be anything.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Mutex;

use jail::diagnostic::Diagnostic;
use jail::image::document::{Descriptor, MediaType, Platform};
use jail::image::pull::{Silent, pull};
use jail::image::reference::Reference;
use jail::image::source::Source;
use jail::image::store::Store;
use jail::image::unpack::Limits;

use super::layout::{Layout, Packing};
use super::tar::Tar;

/// A registry that breaks off.
struct Remote<'a> {
    layout: &'a Layout,
    /// Bytes of each blob that come before the connection is lost.
    most: u64,
    /// Where blobs were asked for.
    offsets: Mutex<Vec<u64>>,
}

impl<'a> Remote<'a> {
    fn new(layout: &'a Layout, most: u64) -> Self {
        Self { layout, most, offsets: Mutex::default() }
    }
}

impl Source for Remote<'_> {
    fn name(&self) -> String {
        "remote.invalid/app:1".to_owned()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn root(&self) -> Result<(Vec<u8>, Option<MediaType>), Diagnostic> {
        Ok((fs::read(self.layout.blob(&self.layout.digest)).unwrap(), None))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Diagnostic> {
        Ok(fs::read(self.layout.blob(&descriptor.digest)).unwrap())
    }

    fn blob(
        &self,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Diagnostic> {
        self.offsets.lock().unwrap().push(offset);
        let mut file = File::open(self.layout.blob(&descriptor.digest)).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        let lost = Lost(self.most < descriptor.size - offset);
        Ok(Box::new(file.take(self.most).chain(lost)))
    }
}

/// The end, or a lost connection.
struct Lost(bool);

impl Read for Lost {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(0) }
    }
}

struct Place {
    directory: tempfile::TempDir,
    layout: Layout,
    store: Store,
    reference: Reference,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // What cannot be packed well, so that there is something to break off.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(1 << 20)
        .collect();
        let tar = Tar::new().file("noise", 0o644, noise);
        let layout = Layout::new(directory.path().join("oci"), Packing::Gzip, &[tar]);
        let store = Store::open(&directory.path().join("store")).unwrap();
        Self { directory, layout, store, reference: "remote.invalid/app:1".parse().unwrap() }
    }

    fn pull(&self, source: &Remote) -> Result<jail::image::Image, Diagnostic> {
        let (platform, limits) = (Platform::host(), Limits::default());
        pull(source, &self.reference, &platform, &self.store, &limits, &Silent)
    }

    fn partial(&self) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(self.directory.path().join("store/partial")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let place = Place::new();
    for round in 0..3_u64 {
        let source = Remote::new(&place.layout, 300_000);
        let error = place.pull(&source).unwrap_err();
        assert!(error.title.contains("cannot read layer 1"), "{error:?}");
        assert_eq!(*source.offsets.lock().unwrap(), [round * 300_000]);
        assert_eq!(place.store.find(&place.reference, &Platform::host()).unwrap(), None);
    }
    let source = Remote::new(&place.layout, u64::MAX);
    let image = place.pull(&source).unwrap();
    assert_eq!(*source.offsets.lock().unwrap(), [900_000]);
    assert_eq!(place.partial(), [] as [std::path::PathBuf; 0]);
    assert_eq!(fs::metadata(image.layers[0].join("noise")).unwrap().len(), 1 << 20);
    assert!(place.store.verify(None, &|| {}).unwrap().damages.is_empty());
}

/// As after being killed between the last two steps.
#[test]
fn a_download_of_what_is_there_goes() {
    let place = Place::new();
    place.pull(&Remote::new(&place.layout, 300_000)).unwrap_err();
    let partial = place.partial();
    place.pull(&Remote::new(&place.layout, u64::MAX)).unwrap();
    fs::write(&partial[0], "left").unwrap();
    place.pull(&Remote::new(&place.layout, u64::MAX)).unwrap();
    assert_eq!(place.partial(), [] as [std::path::PathBuf; 0]);
}

/// As after a loss of power: the length is right and the bytes are not.
#[test]
fn a_damaged_download_is_begun_anew() {
    let place = Place::new();
    place.pull(&Remote::new(&place.layout, 300_000)).unwrap_err();
    fs::write(&place.partial()[0], vec![0; 300_000]).unwrap();
    let source = Remote::new(&place.layout, u64::MAX);
    place.pull(&source).unwrap();
    // Zeros are no gzip, so nothing was asked for before they were given up.
    assert_eq!(source.offsets.lock().unwrap().last(), Some(&0));
}

/// Whoever is first sweeps up, and must not sweep away what the others are about to put into place.
#[test]
fn several_jails_make_a_store_at_once() {
    for _ in 0..200 {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("store")).unwrap();
        std::thread::scope(|threads| {
            let make = || drop(store.writer(&|| {}).unwrap());
            let made = [0; 8].map(|_| threads.spawn(make));
            made.into_iter().for_each(|made| made.join().unwrap());
        });
    }
}

#[test]
fn an_image_in_use_is_not_pruned() {
    let place = Place::new();
    let image = place.pull(&Remote::new(&place.layout, u64::MAX)).unwrap();
    let held = image.hold().unwrap();
    assert_eq!(place.store.remove(&place.reference, None).unwrap().len(), 1);
    assert_eq!(place.store.prune(&|| {}).unwrap().layers, 0);
    assert!(image.layers[0].join("noise").exists());
    drop(held);
    assert_eq!(place.store.prune(&|| {}).unwrap().layers, 1);
    assert!(!image.layers[0].exists());
    assert!(image.hold().unwrap_err().title.contains("was removed meanwhile"));
}

#[test]
fn layers_that_come_twice_are_mounted_once() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (Tar::new().file("a", 0o644, "a"), Tar::new().file("b", 0o644, "b"));
    let hides = Tar::new().file(".wh..wh..opq", 0o644, "").file("c", 0o644, "c");
    let store = Store::open(&directory.path().join("store")).unwrap();
    let mounted = |name: &str, tars: &[Tar]| {
        let layout = Layout::new(directory.path().join(name), Packing::Gzip, tars);
        let reference = name.parse().unwrap();
        let source = Remote::new(&layout, u64::MAX);
        let (platform, limits) = (Platform::host(), Limits::default());
        let image = pull(&source, &reference, &platform, &store, &limits, &Silent).unwrap();
        assert_eq!(store.find(&reference, &platform).unwrap().as_ref(), Some(&image));
        let has = |layer: &std::path::PathBuf| {
            let names = ["a", "b", "c"];
            names.into_iter().find(|name| layer.join(name).exists()).unwrap()
        };
        image.layers.iter().map(has).collect::<String>()
    };
    assert_eq!(mounted("twice", &[a.clone(), b.clone(), a.clone()]), "ba");
    assert_eq!(mounted("opaque", &[a, hides, b]), "cb");
}
