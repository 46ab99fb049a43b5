//! Odd things that real layers have.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::tar::{Block, Tar, record};
use super::*;

#[test]
fn modes_times_and_set_id_bits_are_kept() {
    let place = Place::new();
    let tar = Tar::new()
        .mode(b'0', "setuid", 0o4755)
        .mode(b'0', "setgid", 0o2750)
        .mode(b'0', "none", 0o000)
        .mode(b'0', "all", 0o666)
        .mode(b'5', "sticky", 0o1777)
        .mode(b'5', "group", 0o2775)
        .mode(b'6', "fifo", 0o622);
    place.take(&tar.end());
    for (path, mode) in [
        ("setuid", 0o4755),
        ("setgid", 0o2750),
        ("none", 0),
        ("all", 0o666),
        ("sticky", 0o1777),
        ("group", 0o2775),
        ("fifo", 0o622),
    ] {
        assert_eq!(place.mode(path), mode, "{path}");
        let stat = fs::symlink_metadata(place.inside().join(path)).unwrap();
        assert_eq!(stat.mtime(), 1_700_000_000, "{path}");
    }
}

#[test]
fn directories_that_cannot_be_written_to_are_filled() {
    let place = Place::new();
    let tar = Tar::new().mode(b'5', "d", 0o555).mode(b'5', "d/e", 0).mode(b'5', "d/e/f", 0o100);
    place.take(&tar.file("d/e/f/g", "x").file("d/h", "x").end());
    assert_eq!(place.mode("d"), 0o555);
    assert_eq!(place.mode("d/e"), 0);
    place.set_mode("d/e", 0o700);
    assert_eq!(place.mode("d/e/f"), 0o100);
    place.set_mode("d/e/f", 0o700);
    assert_eq!(place.read("d/e/f/g"), "x");
    // So that it can be removed.
    place.set_mode("d", 0o755);
}

#[test]
fn a_directory_keeps_its_time_when_it_is_filled_later() {
    let place = Place::new();
    place.take(&Tar::new().directory(".").directory("d").directory("d/e").file("d/e/f", "").end());
    for path in ["", "d", "d/e"] {
        let stat = fs::symlink_metadata(place.inside().join(path)).unwrap();
        assert_eq!(stat.mtime(), 1_700_000_000, "{path}");
    }
}

#[test]
fn the_set_group_id_bit_is_not_inherited() {
    let place = Place::new();
    place.set_mode("", 0o2755);
    place.take(&Tar::new().mode(b'5', "d", 0o2755).directory("d/e").file("f/g", "").end());
    assert_eq!((place.mode("d/e"), place.mode("f"), place.mode("")), (0o755, 0o755, 0o755));
}

#[test]
fn times_before_1970_and_with_fractions() {
    let place = Place::new();
    let tar = Tar::new().pax(&[("mtime", b"-1.5")]).file("a", "");
    let mut block = Block::new(b'0', b"b");
    block.put(136, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xae\x80");
    place.take(&tar.block(block).end());
    let time = |path| {
        let stat = fs::symlink_metadata(place.inside().join(path)).unwrap();
        (stat.mtime(), stat.mtime_nsec())
    };
    assert_eq!(time("a"), (-2, 500_000_000));
    assert_eq!(time("b"), (-86400, 0));
}

#[test]
fn long_names_by_pax_gnu_and_prefix() {
    let place = Place::new();
    let long = |letter: &str| format!("{}/{}", letter.repeat(120), letter.repeat(250));
    let (a, b) = (long("a"), long("b"));
    let mut block = Block::new(b'0', b"file");
    block.put(345, "p".repeat(155).as_bytes());
    // GNU headers keep times where the prefix would be.
    let mut gnu = Block::new(b'0', b"gnu");
    gnu.put(257, b"ustar  \0").put(345, b"14524770000\0");
    let tar = Tar::new()
        .pax(&[("path", a.as_bytes())])
        .file("x", "pax")
        .content(b'L', b"././@LongLink", format!("{b}\0").as_bytes())
        .file("x", "gnu")
        .content(b'K', b"././@LongLink", format!("{b}\0").as_bytes())
        .symlink("long-link", "x")
        .pax(&[("linkpath", a.as_bytes())])
        .hard_link("hard", "x")
        .block(block)
        .block(gnu);
    place.take(&tar.end());
    assert_eq!((place.read(&a), place.read(&b)), ("pax".to_owned(), "gnu".to_owned()));
    assert_eq!((place.read("long-link"), place.read("hard")), ("gnu".to_owned(), "pax".to_owned()));
    assert!(place.is_there(&format!("{}/file", "p".repeat(155))));
    assert!(place.is_there("gnu"));
}

#[test]
fn names_that_are_not_utf_8() {
    let place = Place::new();
    place.take(&Tar::new().content(b'0', b"\xff\n \x1b", b"x").end());
    assert_eq!(fs::read(place.inside().join(OsStr::from_bytes(b"\xff\n \x1b"))).unwrap(), b"x");
}

#[test]
fn old_headers_and_types() {
    let place = Place::new();
    let old = |kind, name: &[u8]| {
        let mut block = Block::new(kind, name);
        block.put(257, &[0; 8]).octal(100, 8, 0o755);
        block
    };
    place.take(&Tar::new().block(old(0, b"d/")).block(old(0, b"d/f")).block(old(b'7', b"c")).end());
    assert!(place.inside().join("d").is_dir() && place.is_there("d/f") && place.is_there("c"));
}

#[test]
fn global_headers_say_nothing_of_use() {
    let place = Place::new();
    let tar = Tar::new().content(b'g', b"g", &record("comment", b"a commit"));
    assert_eq!(place.take(&tar.file("a", "x").end()).entries, 1);
}

#[test]
fn a_tar_without_an_end_and_an_empty_one() {
    let place = Place::new();
    assert_eq!(place.take(&Tar::new().file("a", "x").0).entries, 1);
    assert_eq!(Place::new().take(&[]).entries, 0);
    assert_eq!(Place::new().take(&Tar::new().end()).entries, 0);
}

#[test]
fn the_last_of_two_entries_counts() {
    let place = Place::new();
    let tar = Tar::new().file("a", "first").mode(b'5', "d", 0o700).file("d/f", "x");
    place.take(&tar.file("a", "second").mode(b'5', "d", 0o711).end());
    assert_eq!(place.read("a"), "second");
    assert_eq!((place.mode("d"), place.read("d/f")), (0o711, "x".to_owned()));
}

#[test]
fn directories_that_no_entry_names_are_told() {
    let place = Place::new();
    let unpacked = place.take(&Tar::new().file("a/b/c", "").directory("a/b").file("x/y", "").end());
    assert_eq!(unpacked.implied, [&b""[..], b"a", b"x"]);
    assert_eq!(place.mode("a"), 0o755);
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_else() {
    let place = Place::new();
    let tar = Tar::new()
        .file(".wh.gone", "")
        .file("stays", "x")
        .file(".wh.stays", "")
        .file(".wh.comes", "")
        .file("comes", "x")
        .file(".wh.d", "")
        .file("d/f", "x")
        .directory("e")
        .file(".wh.e", "")
        .file(".wh..wh.plnk", "")
        .file(".wh..wh.plnk/1.2", "");
    place.take(&tar.end());
    assert!(place.is_whiteout("gone"));
    assert_eq!((place.read("stays"), place.read("comes")), ("x".to_owned(), "x".to_owned()));
    assert_eq!(place.read("d/f"), "x");
    assert!(place.is_opaque("d") && place.is_opaque("e"));
    assert!(!place.is_there(".wh..wh.plnk"));
}

#[test]
fn a_whiteout_below_a_file_has_nothing_to_hide() {
    let place = Place::new();
    let whiteouts = |tar: Tar| tar.file("d/.wh.a", "").file("d/e/.wh.b", "");
    place.take(&whiteouts(Tar::new().file("d", "x")).end());
    assert_eq!(place.read("d"), "x");
    let place = Place::new();
    place.take(&whiteouts(Tar::new()).file("d", "x").end());
    assert_eq!(place.read("d"), "x");
}

#[test]
fn opaque_directories_are_marked() {
    let place = Place::new();
    let tar = Tar::new().file("d/before", "x").file("d/.wh..wh..opq", "").file("d/after", "x");
    let unpacked = place.take(&tar.end());
    assert!(place.is_opaque("d") && place.is_there("d/before") && place.is_there("d/after"));
    assert!(!place.is_there("d/.wh..wh..opq") && !unpacked.opaque);
    assert!(Place::new().take(&Tar::new().file(".wh..wh..opq", "").end()).opaque);
}

#[test]
fn owners_and_attributes_of_users_are_noted() {
    let place = Place::new();
    let mut block = Block::new(b'0', b"f");
    block.octal(100, 8, 0o400).octal(108, 8, 1000).octal(116, 8, 42);
    let tar = Tar::new().pax(&[("SCHILY.xattr.user.note", b"a\0b")]).block(block);
    let tar = tar.pax(&[("uid", b"70000")]).directory("d").file("root", "");
    place.take(&tar.end());
    assert_eq!(place.attribute("f", c"user.note").unwrap(), b"a\0b");
    let owner = c"user.rootlesscontainers";
    assert_eq!(place.attribute("f", owner).unwrap(), [0x08, 0xe8, 0x07, 0x10, 42]);
    assert_eq!(place.attribute("d", owner).unwrap(), [0x08, 0xf0, 0xa2, 0x04]);
    assert_eq!(place.attribute("root", owner), None);
    assert_eq!(place.mode("f"), 0o400);
}

#[test]
fn hard_links_share_a_file() {
    let place = Place::new();
    let tar = Tar::new().file("d/a", "x").hard_link("b", "./d/a").hard_link("c", "/b");
    place.take(&tar.symlink("l", "d").hard_link("e", "l/a").end());
    let inode = |path: &str| fs::symlink_metadata(place.inside().join(path)).unwrap().ino();
    assert!(["b", "c", "e"].iter().all(|path| inode(path) == inode("d/a")));
}
