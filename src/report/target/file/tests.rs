//! Reports in files, and what may be in their way.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, name: &str) -> Result<File, Diagnostic> {
        File::open(self.path(name).as_os_str()).map(|opened| match opened {
            Opened::File(file) => file,
            Opened::Special(_) => panic!("{name} is special"),
        })
    }

    /// With a file that gets its name from the start of writing on.
    fn open_without_unnamed(&self, name: &str) -> File {
        File { unnamed: None, ..self.open(name).unwrap() }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

/// Both ways to make a file, each in a place of its own.
fn both(check: impl Fn(&Place, File)) {
    let place = Place::new();
    check(&place, place.open("r").unwrap());
    let place = Place::new();
    check(&place, place.open_without_unnamed("r"));
}

#[test]
fn nothing_is_there_before_everything_is() {
    both(|place, file| {
        assert_eq!(place.names(), [""; 0]);
        file.write(b"{}").unwrap();
        assert_eq!(place.names(), ["r"]);
        assert_eq!(place.read("r"), "{}");
        assert_eq!(fs::metadata(place.path("r")).unwrap().permissions().mode() & 0o111, 0);
    });
}

#[test]
fn an_earlier_report_goes_away_at_once() {
    let place = Place::new();
    fs::write(place.path("r"), "old").unwrap();
    let file = place.open("r").unwrap();
    assert_eq!(place.names(), [""; 0]);
    drop(file);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_link_that_appears_is_replaced_and_not_followed() {
    both(|place, file| {
        fs::write(place.path("precious"), "precious").unwrap();
        symlink(place.path("precious"), place.path("r")).unwrap();
        file.write(b"{}").unwrap();
        assert_eq!(place.read("precious"), "precious");
        assert!(fs::symlink_metadata(place.path("r")).unwrap().is_file());
        assert_eq!(place.names(), ["precious", "r"]);
    });
}

#[test]
fn a_directory_that_appears_is_an_error() {
    both(|place, file| {
        fs::create_dir(place.path("r")).unwrap();
        assert_eq!(file.write(b"{}").unwrap_err(), "a directory is in its place now [EISDIR]");
        assert_eq!(place.names(), ["r"]);
        assert_eq!(fs::read_dir(place.path("r")).unwrap().count(), 0);
    });
}

#[test]
fn another_directory_in_place_of_the_named_one_is_an_error() {
    for by_link in [true, false] {
        let place = Place::new();
        for name in ["d", "other"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        let file = place.open("d/r").unwrap();
        fs::rename(place.path("d"), place.path("moved")).unwrap();
        if by_link {
            symlink("other", place.path("d")).unwrap();
        } else {
            fs::rename(place.path("other"), place.path("d")).unwrap();
        }
        let cause = file.write(b"{}").unwrap_err();
        assert_eq!(cause, "its directory was moved away or replaced meanwhile");
        for name in ["d", "moved"] {
            assert_eq!(fs::read_dir(place.path(name)).unwrap().count(), 0, "{name}");
        }
    }
}

#[test]
fn a_removed_directory_is_an_error() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    let file = place.open("d/r").unwrap();
    fs::remove_dir(place.path("d")).unwrap();
    assert_eq!(
        file.write(b"{}").unwrap_err(),
        "its directory was moved away or replaced meanwhile"
    );
}

#[test]
fn a_link_that_is_there_already_is_refused() {
    let place = Place::new();
    fs::write(place.path("precious"), "precious").unwrap();
    for target in ["precious", "missing", "/dev/null"] {
        symlink(target, place.path("r")).unwrap();
        let error = place.open("r").unwrap_err();
        assert!(error.title.ends_with("/r` is a symbolic link"), "{}", error.title);
        fs::remove_file(place.path("r")).unwrap();
    }
    assert_eq!(place.read("precious"), "precious");
}

#[test]
fn what_cannot_be_a_file_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("d")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("s")).unwrap();
    let because = |name: &str| place.open(name).unwrap_err().because.unwrap();
    for name in ["d", "d/", "d/.", "d/.."] {
        assert_eq!(because(name), "is a directory [EISDIR]", "{name}");
    }
    assert_eq!(because("s"), "it is neither a file, a fifo nor a character device");
    assert_eq!(because("missing/r"), "no such file or directory [ENOENT]");
    let error = File::open(OsStr::new("/proc/self/cwd/r")).unwrap_err();
    assert_eq!(error.because.unwrap(), "too many symbolic links encountered [ELOOP]");
}

#[test]
fn a_device_is_written_to() {
    match File::open(OsStr::new("/dev/full")).unwrap() {
        Opened::Special(fd) => assert_eq!(write_all(&fd, b"{}"), Err(Errno::ENOSPC)),
        Opened::File(_) => panic!("a device is no file"),
    }
    assert!(fs::metadata("/dev/full").unwrap().rdev() != 0, "it is still there");
}

#[test]
fn names_are_split_at_the_last_slash() {
    let split = |word: &str| {
        let (parent, leaf) = split(OsStr::new(word))?;
        Some((parent.to_str()?.to_owned(), leaf.to_str()?.to_owned()))
    };
    let parts = |parent: &str, leaf: &str| Some((parent.to_owned(), leaf.to_owned()));
    assert_eq!(split("r"), parts(".", "r"));
    assert_eq!(split("/r"), parts("/", "r"));
    assert_eq!(split("a/../r"), parts("a/../", "r"));
    for word in ["", ".", "..", "a/", "a/.", "/"] {
        assert_eq!(split(word), None, "{word:?}");
    }
}
