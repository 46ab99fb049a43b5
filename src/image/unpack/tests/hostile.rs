//! One test for each attack.

use super::tar::{Block, Tar, record};
use super::*;

/// What an entry `x` is refused for.
#[track_caller]
fn refused_entry(tar: Tar, name: &str, reason: &str) {
    refused(&tar.end(), &format!("its entry `{name}`: {reason}"));
}

#[test]
fn a_name_that_climbs_out() {
    for name in ["../outside/file", "a/../../outside/new", "..", "/..", "a/.."] {
        refused_entry(Tar::new().file(name, "x"), name, "its name has `..` in it");
    }
}

#[test]
fn a_whiteout_that_climbs_out() {
    let name = "../outside/.wh.file";
    refused_entry(Tar::new().file(name, ""), name, "its name has `..` in it");
}

#[test]
fn an_absolute_name_is_below_the_root() {
    let place = Place::new();
    let name = place.outside().join("new").to_str().unwrap().to_owned();
    place.take(&Tar::new().file(&name, "x").end());
    assert_eq!(place.read(&name[1..]), "x");
}

#[test]
fn a_parent_that_is_an_absolute_link_out() {
    let place = Place::new();
    let outside = place.outside().to_str().unwrap().to_owned();
    place.take(&Tar::new().symlink("a", &outside).file("a/new", "x").end());
    assert_eq!(place.read(&format!("{}/new", &outside[1..])), "x");
}

#[test]
fn a_parent_that_is_a_climbing_link_out() {
    let place = Place::new();
    place.take(&Tar::new().symlink("a", "../../../outside").file("a/new", "x").end());
    assert_eq!(place.read("outside/new"), "x");
}

#[test]
fn a_chain_of_links_out() {
    let place = Place::new();
    let tar = Tar::new().symlink("a", "b/..").symlink("b", "..").symlink("c", "a/../outside");
    place.take(&tar.file("c/new", "x").end());
    assert_eq!(place.read("outside/new"), "x");
}

#[test]
fn links_that_lead_to_each_other() {
    let tar = Tar::new().symlink("a", "b").symlink("b", "a").file("a/x", "x");
    refused_entry(tar, "a/x", "links on its path lead to each other");
}

#[test]
fn a_link_through_what_is_not_there() {
    let tar = Tar::new().symlink("a", "no/../../outside").file("a/x", "x");
    refused_entry(tar, "a/x", "its path leads through something that is not there");
}

#[test]
fn writing_through_a_symbolic_link_at_the_end() {
    let place = Place::new();
    let file = place.outside().join("file").to_str().unwrap().to_owned();
    place.take(&Tar::new().symlink("a", &file).file("a", "mine").end());
    assert_eq!(place.read("a"), "mine");
}

#[test]
fn writing_through_a_hard_link() {
    let place = Place::new();
    place.take(&Tar::new().file("a", "first").hard_link("b", "a").file("b", "second").end());
    assert_eq!((place.read("a"), place.read("b")), ("first".to_owned(), "second".to_owned()));
}

#[test]
fn a_mode_through_a_symbolic_link() {
    let place = Place::new();
    let outside = place.outside().to_str().unwrap().to_owned();
    place.take(&Tar::new().symlink("a", &outside).mode(b'5', "a", 0o777).end());
    assert_eq!(place.mode("a"), 0o777);
    assert!(place.inside().join("a").symlink_metadata().unwrap().is_dir());
}

#[test]
fn a_hard_link_to_a_file_of_the_host() {
    let missing = "its path leads through something that is not there";
    refused_entry(Tar::new().hard_link("a", "/etc/passwd"), "a", missing);
    let tar = Tar::new().directory("etc").hard_link("a", "/etc/passwd");
    refused_entry(tar, "a", "it is a link to a file that the layer has not");
}

#[test]
fn a_hard_link_that_climbs_out() {
    let tar = Tar::new().hard_link("a", "../outside/file");
    refused_entry(tar, "a", "its name has `..` in it");
}

#[test]
fn a_hard_link_through_a_link_out() {
    let place = Place::new();
    let outside = place.outside().to_str().unwrap().to_owned();
    let tar = Tar::new().symlink("d", &outside).hard_link("a", "d/file").end();
    assert!(place.unpack(&tar).is_err());
}

#[test]
fn a_hard_link_to_a_symbolic_link_links_the_link() {
    let place = Place::new();
    let file = place.outside().join("file").to_str().unwrap().to_owned();
    place.take(&Tar::new().symlink("s", &file).hard_link("a", "s").file("a", "mine").end());
    assert_eq!(place.read("a"), "mine");
}

#[test]
fn a_hard_link_to_a_directory() {
    let tar = Tar::new().directory("d").hard_link("a", "d");
    refused_entry(tar, "a", "it is a link to something that is not a file");
}

#[test]
fn a_hard_link_to_itself() {
    let tar = Tar::new().file("a", "x").hard_link("a", "./a");
    refused_entry(tar, "a", "it is a link to itself");
}

#[test]
fn a_hard_link_to_what_it_replaces() {
    let tar = Tar::new().directory("d").file("d/f", "x").hard_link("d", "d/f");
    refused_entry(tar, "d", "it is a link to something in the directory that it replaces");
}

#[test]
fn a_hard_link_to_a_whiteout() {
    let tar = Tar::new().file(".wh.w", "").hard_link("a", "w");
    refused_entry(tar, "a", "it is a link to something that is not a file");
    let tar = Tar::new().file(".wh.w", "").hard_link("a", ".wh.w");
    refused_entry(tar, "a", "it is a link to a file that the layer has not");
}

#[test]
fn a_root_that_is_not_a_directory() {
    for tar in [Tar::new().symlink(".", "/etc"), Tar::new().file("./.", "x")] {
        let bad = Place::new().unpack(&tar.end()).unwrap_err();
        assert!(bad.to_string().ends_with("it is the root, but not a directory"), "{bad}");
    }
}

#[test]
fn a_whiteout_of_nothing() {
    for name in [".wh.", "d/.wh.", "d/.wh..", "d/.wh..."] {
        refused_entry(Tar::new().file(name, ""), name, "it is a whiteout of nothing");
    }
}

#[test]
fn a_whiteout_with_something_inside() {
    refused_entry(Tar::new().file("a/.wh.b/c", "x"), "a/.wh.b/c", "it is inside a whiteout");
}

#[test]
fn a_whiteout_through_a_link_out() {
    let place = Place::new();
    let outside = place.outside().to_str().unwrap().to_owned();
    let tar = Tar::new().symlink("a", &outside).file("a/.wh.file", "").file("a/.wh..wh..opq", "");
    place.take(&tar.end());
    assert!(place.is_whiteout(&format!("{}/file", &outside[1..])));
}

#[test]
fn a_whiteout_made_by_hand() {
    let tar = Tar::new().device(b'3', "etc", 0, 0);
    refused_entry(tar, "etc", "it is a device 0/0, with which layers below are hidden");
}

#[test]
fn devices_are_not_made() {
    let place = Place::new();
    let tar = Tar::new().device(b'3', "mem", 1, 1).device(b'4', "sda", 8, 0).hard_link("m", "mem");
    assert_eq!(place.take(&tar.end()).skipped.devices, 3);
    assert_eq!(fs::read_dir(place.inside()).unwrap().count(), 0);
}

#[test]
fn attributes_that_change_the_view_of_layers() {
    let place = Place::new();
    let names = [
        "user.overlay.opaque",
        "user.overlay.redirect",
        "user.overlay.metacopy",
        "trusted.overlay.opaque",
        "security.capability",
        "security.selinux",
        "user.rootlesscontainers",
        "system.posix_acl_access",
    ];
    let records: Vec<(String, &[u8])> =
        names.iter().map(|name| (format!("SCHILY.xattr.{name}"), &b"y"[..])).collect();
    let records: Vec<_> = records.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let unpacked = place.take(&Tar::new().pax(&records).directory("d").end());
    assert_eq!(unpacked.skipped.attributes, 8);
    for name in [c"user.overlay.opaque", c"security.capability", c"user.rootlesscontainers"] {
        assert_eq!(place.attribute("d", name), None);
    }
}

#[test]
fn a_name_with_a_nul_byte() {
    let tar = Tar::new().pax(&[("path", b"a\0b")]).file("x", "x");
    refused(&tar.end(), "a name is empty or has a NUL byte in it");
    let tar = Tar::new().content(b'L', b"././@LongLink", b"a\0b\0").file("x", "x");
    refused(&tar.end(), "a name is empty or has a NUL byte in it");
}

#[test]
fn names_that_are_empty_or_too_long() {
    refused_entry(Tar::new().file("", "x"), "", "its name is empty");
    let long = "n".repeat(256);
    let tar = Tar::new().pax(&[("path", long.as_bytes())]).file("x", "x");
    refused_entry(tar, &long, "a part of its name is longer than 255 bytes");
    let longer = "n/".repeat(2048);
    let tar = Tar::new().pax(&[("path", longer.as_bytes())]).directory("x");
    let shown = format!("{}…", &longer[..1000]);
    refused_entry(tar, &shown, "its name is longer than 4095 bytes");
}

#[test]
fn a_symbolic_link_to_nothing() {
    refused_entry(Tar::new().symlink("a", ""), "a", "it is a link to nothing");
}

#[test]
fn targets_and_attributes_that_the_kernel_does_not_take() {
    let tar = Tar::new().pax(&[("linkpath", &[b'a'; 4096])]).symlink("a", "x");
    refused_entry(tar, "a", "its target is longer than 4095 bytes");
    let name = format!("SCHILY.xattr.user.{}", "n".repeat(300));
    for (name, value) in [(name.as_str(), &b"x"[..]), ("SCHILY.xattr.user.x", &[b'x'; 70_000])] {
        let tar = Tar::new().pax(&[(name, value)]).file("a", "x");
        refused_entry(tar, "a", "an extended attribute is larger than the kernel takes");
    }
}

#[test]
fn a_parent_that_is_a_file() {
    let tar = Tar::new().file("a", "x").file("a/b", "x");
    refused_entry(tar, "a/b", "something on its path is not a directory");
    let tar = Tar::new().file("a", "x").file("a/.wh..wh..opq", "");
    refused_entry(tar, "a/.wh..wh..opq", "something on its path is not a directory");
}

#[test]
fn too_many_directories_above_a_file() {
    let name = format!("{}x", "d/".repeat(300));
    let tar = Tar::new().pax(&[("path", name.as_bytes())]).file("x", "x");
    refused_entry(tar, &name, "it is more than 256 directories deep");
}

#[test]
fn a_path_that_grows_by_links() {
    let name = "n".repeat(200);
    let mut tar = Tar::new();
    for number in 0..30 {
        // Each link leads to the directory made through the one before.
        let above = if number == 0 { String::new() } else { format!("l{}/", number - 1) };
        let directory = format!("{above}{name}");
        tar = tar.pax(&[("path", directory.as_bytes())]).directory("x");
        tar = tar.pax(&[("linkpath", directory.as_bytes())]).symlink(&format!("l{number}"), "x");
    }
    let bad = Place::new().unpack(&tar.end()).unwrap_err();
    let words = "the path that it leads to is longer than 4095 bytes";
    assert!(bad.to_string().ends_with(words), "{bad}");
}

#[test]
fn a_size_that_header_and_record_disagree_on() {
    // The record counts, so that the header inside is content for us as for everybody.
    let place = Place::new();
    let inner = Tar::new().file("smuggled", "");
    let tar = Tar::new().pax(&[("size", b"512")]).block(Block::new(b'0', b"a")).data(&inner.0);
    assert_eq!(place.take(&tar.end()).entries, 1);
    assert!(!place.is_there("smuggled"));
}

#[test]
fn a_directory_with_content() {
    let tar = Tar::new().content(b'5', b"d", &Tar::new().file("smuggled", "").0);
    refused_entry(tar, "d", "the tar is broken: it has content, which only files have");
}

#[test]
fn a_link_with_content() {
    let tar = Tar::new().file("a", "").content(b'1', b"l", b"x");
    refused_entry(tar, "l", "the tar is broken: it has content, which only files have");
}

#[test]
fn a_file_with_the_name_of_a_directory() {
    let words = "the tar is broken: it is a file with the name of a directory";
    refused_entry(Tar::new().file("d/", "x"), "d/", words);
}

#[test]
fn sparse_files() {
    refused_entry(Tar::new().content(b'S', b"s", b""), "s", "sparse files are not read");
    let tar = Tar::new().pax(&[("GNU.sparse.major", b"1")]).file("s", "x");
    refused(&tar.end(), "sparse files are not read");
}

#[test]
fn types_that_nobody_knows() {
    for kind in [b'8', b'A', b'D', b'M', b'N', b'V', b'X', b'z', 0xff] {
        let tar = Tar::new().content(kind, b"x", b"");
        refused_entry(tar, "x", "it is of a type that no layer has");
    }
}

#[test]
fn numbers_that_are_none() {
    for (at, bytes, words) in [
        (124, &b"0000000001x\0"[..], "a number in a header is none"),
        (124, b"-0000000001\0", "a number in a header is none"),
        (124, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "the size is no size"),
        (124, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "the size is no size"),
        (108, b"\xff\xff\xff\xff\xff\xff\xff\xff", "the owner is no owner"),
        (116, b"\x80\0\0\x01\0\0\0\0", "the owner is no owner"),
        (136, b"\x80\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff", "the time is no time"),
    ] {
        let mut block = Block::new(b'0', b"x");
        block.put(at, bytes);
        refused_entry(Tar::new().block(block), "x", &format!("the tar is broken: {words}"));
    }
}

#[test]
fn a_wrong_checksum() {
    let mut tar = Tar::new().file("a", "").end();
    tar[0] = b'b';
    refused(&tar, "the tar is broken: a header has a wrong checksum");
}

#[test]
fn a_prefix_that_not_all_readers_see() {
    let words = "the tar is broken: a header has a prefix that not all readers see";
    for (magic, at, prefix) in [
        (&b"ustar  \0"[..], 345, &b"hidden"[..]),
        (b"ustar  \0", 357, b"hidden"),
        (b"\0\0\0\0\0\0\0\0", 345, b"hidden"),
        (b"ustar\x0000", 345, &[b'p'; 140]),
    ] {
        let mut block = Block::new(b'0', b"x");
        block.put(257, magic).put(at, prefix).put(508, b"tar\0");
        refused(&Tar::new().block(block).end(), words);
    }
    // Times, and a prefix of star's that ends in time.
    let mut block = Block::new(b'0', b"x");
    block.put(257, b"ustar  \0").octal(345, 12, 1_700_000_000).octal(357, 12, 1_700_000_000);
    Place::new().take(&Tar::new().block(block).end());
    let mut block = Block::new(b'0', b"x");
    block.put(345, &[b'p'; 130]).put(476, b"00000000000").put(508, b"tar\0");
    let place = Place::new();
    place.take(&Tar::new().block(block).end());
    assert!(place.is_there(&format!("{}/x", "p".repeat(130))));
}

#[test]
fn a_tar_that_ends_early() {
    let tar = Tar::new().file("a", &"x".repeat(2000)).0;
    refused(&tar[..300], "the tar is broken: it ends inside a block");
    refused(&tar[..1000], "its entry `a`: the tar is broken: it ends inside an entry");
}

#[test]
fn an_extension_without_an_entry() {
    let words = "the tar is broken: an extended header has no entry";
    refused(&Tar::new().pax(&[("path", b"a")]).end(), words);
    refused(&Tar::new().content(b'L', b"x", b"a").end(), words);
    let tar = Tar::new().pax(&[("path", b"a")]).content(b'g', b"g", b"").file("x", "x");
    refused(&tar.end(), words);
}

#[test]
fn extensions_that_contradict_each_other() {
    let tar = Tar::new().pax(&[("path", b"a")]).pax(&[("path", b"b")]).file("x", "x");
    refused(&tar.end(), "the tar is broken: an entry has two extended headers of one kind");
    let tar = Tar::new().pax(&[("path", b"a"), ("path", b"b")]).file("x", "x");
    refused(&tar.end(), "the tar is broken: an extended header says the same thing twice");
    let tar = Tar::new().pax(&[("path", b"a")]).content(b'L', b"x", b"b\0").file("x", "x");
    let words = "the tar is broken: two extended headers give an entry different names";
    refused(&tar.end(), words);
}

#[test]
fn records_that_are_broken() {
    let words = "the tar is broken: a record of an extended header is broken";
    for bytes in [&b"99 path=a\n"[..], b"0 path=a\n", b"path=a\n", b"10 path=ab", b"5 a\n\n\0\0\0"]
    {
        refused(&Tar::new().content(b'x', b"x", bytes).file("x", "").end(), words);
    }
}

#[test]
fn extensions_that_are_too_large() {
    let large = record("comment", &vec![b'x'; 1 << 20]);
    for kind in [b'x', b'g', b'L', b'K'] {
        let tar = Tar::new().content(kind, b"x", &large).file("x", "x");
        refused(&tar.end(), "an extended header is larger than 1 MiB");
    }
}

#[test]
fn a_global_header_that_renames_everything() {
    let tar = Tar::new().content(b'g', b"g", &record("path", b"etc/passwd")).file("a", "x");
    refused(&tar.end(), "a global header names files or sizes");
}

#[test]
fn entries_after_the_end() {
    let place = Place::new();
    let tar = [Tar::new().file("a", "x").end(), Tar::new().file("smuggled", "x").end()].concat();
    assert_eq!(place.take(&tar).entries, 1);
    assert!(!place.is_there("smuggled"));
}

#[test]
fn an_empty_block_between_entries() {
    let tar =
        [Tar::new().file("a", "x").data(&[0; 512]).0, Tar::new().file("b", "x").end()].concat();
    refused(&tar, "the tar is broken: an empty block stands between its entries");
}

#[test]
fn too_many_entries_and_bytes() {
    let tar = Tar::new().file("a", "x").file("d/e/b", "x").end();
    let limits = Limits { entries: 3, ..Limits::default() };
    refused_within(&tar, limits, "its entry `d/e/b`: the image has more than 3 files");
    let limits = Limits { bytes: 2048, ..Limits::default() };
    refused_within(&tar, limits, "the image is larger than 2K");
}

#[test]
fn a_size_larger_than_the_disk() {
    let mut block = Block::new(b'0', b"a");
    block.put(124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    let tar = Tar::new().block(block).0;
    refused(&tar, "its entry `a`: the image is larger than 16G");
    let limits = Limits { bytes: u64::MAX, ..Limits::default() };
    let words = "its entry `a`: it leaves less than a twentieth of the free space";
    refused_within(&tar, limits, words);
}

#[test]
fn a_file_that_takes_the_place_of_a_tree_and_back() {
    let place = Place::new();
    let tar = Tar::new().file("d/e/f", "x").symlink("d/l", "/").file("d", "file");
    let tar = tar.file("e", "x").symlink("e", "/").directory("e").file("e/x", "y");
    place.take(&tar.end());
    assert_eq!((place.read("d"), place.read("e/x")), ("file".to_owned(), "y".to_owned()));
    assert!(place.is_opaque("e"));
}

#[test]
fn a_known_parent_that_becomes_a_link() {
    let place = Place::new();
    let outside = place.outside().to_str().unwrap().to_owned();
    let tar = Tar::new().file("d/a", "x").symlink("d", &outside).file("d/new", "x");
    place.take(&tar.end());
    assert_eq!(place.read(&format!("{}/new", &outside[1..])), "x");
}
