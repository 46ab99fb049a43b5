//! Modes, owners and times: calls that Landlock has no say in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{bare, refused_by};

/// Each would succeed on any file of the user whose name is known.
const CHANGES: [&str; 6] = [
    "chmod 0o777 FILE",
    "chmod-at 0o777 FILE",
    "chown FILE",
    "touch FILE",
    "set-attribute FILE",
    "chmod-by-proc 0o777 FILE",
];

/// Where the file may be read, also through a descriptor.
const CHANGES_OF_READABLE: [&str; 3] =
    ["chmod-descriptor 0o777 FILE", "touch-descriptor FILE", "set-flags FILE"];

#[test]
fn files_that_were_not_granted_keep_their_modes_owners_and_times() {
    let jail = bare().home_file("secret", "s3cr3t");
    let secret = jail.home().join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
    for change in CHANGES {
        let attempt = change.replace("FILE", &secret.display().to_string());
        jail.probe(&attempt).refused_with_any(&["EPERM", "EOPNOTSUPP"]);
        let state = fs::metadata(&secret).expect("it is there");
        assert_eq!(state.mode() & 0o7777, 0o600, "{attempt}");
        assert!(state.mtime() > 1, "{attempt}");
        jail.outside(&attempt).succeeds();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
        fs::write(&secret, "s3cr3t").expect("it is ours");
    }
}

#[test]
fn files_that_were_granted_for_reading_keep_them_too() {
    let jail = bare();
    let granted = jail.elsewhere().join("granted");
    let jail = jail.file(&granted, "x").args(["--read".as_ref(), granted.as_os_str()]);
    fs::set_permissions(&granted, fs::Permissions::from_mode(0o644)).expect("it is ours");
    for change in CHANGES.iter().chain(&CHANGES_OF_READABLE) {
        let attempt = change.replace("FILE", &granted.display().to_string());
        jail.probe(&attempt).refused_with_any(&["EPERM", "EOPNOTSUPP"]);
        let state = fs::metadata(&granted).expect("it is there");
        assert_eq!(state.mode() & 0o7777, 0o644, "{attempt}");
        assert!(state.mtime() > 1, "{attempt}");
    }
}

/// Some file systems change a file, or make one, for whoever has a descriptor for reading.
#[test]
fn what_was_granted_for_reading_is_not_changed_by_requests_to_its_file_system() {
    let jail = bare();
    let granted = jail.elsewhere().join("granted");
    let jail = jail.file(granted.join("file"), "x");
    let jail = jail.args(["--read".as_ref(), granted.as_os_str()]);
    // EXT4_IOC_SETVERSION, FS_IOC_ENABLE_VERITY, BTRFS_IOC_SUBVOL_CREATE and OCFS2_IOC_REFLINK.
    for request in ["0x40086604", "0x40806685", "0x5000940e", "0x40186f04"] {
        for place in [granted.clone(), granted.join("file")] {
            jail.probe(&format!("request {request} {}", place.display())).refused("EPERM");
        }
    }
    // FIGETBSZ, which every file system knows.
    jail.probe(&format!("request 2 {}", granted.display())).succeeds();
}

#[test]
fn what_may_be_written_is_changed_in_every_way() {
    let jail = bare().file("own", "x").directory("sub").link("link", "own");
    for (change, expected) in [
        ("chmod 0o700 own", "700"),
        ("chmod 0o711 ./sub/../own", "711"),
        ("chmod-at 0o701 own", "701"),
        ("chmod-descriptor 0o704 own", "704"),
        ("chmod-by-proc 0o705 own", "705"),
        ("chmod 0o706 link", "706"),
    ] {
        jail.probe(change).succeeds();
        let mode = fs::metadata(jail.project().join("own")).expect("it is there").mode();
        assert_eq!(format!("{:o}", mode & 0o7777), expected, "{change}");
    }
    for change in ["touch own", "touch-descriptor own"] {
        fs::write(jail.project().join("own"), "y").expect("it is ours");
        jail.probe(change).succeeds();
        let state = fs::metadata(jail.project().join("own")).expect("it is there");
        assert_eq!(state.mtime(), 1, "{change}");
    }
    jail.probe("chown own").succeeds();
    // The kernel knows no mode of a link.
    jail.probe("chmod-at 0o777 link").refused("EOPNOTSUPP");
    jail.probe("chmod 0o777 absent").refused("ENOENT");
    jail.run(["sh", "-c", "cd sub; chmod 750 .; touch -d 2001-01-01 new; cp -p new ../copy"])
        .succeeds();
}

/// The way to a file is looked at when it is changed, not before.
#[test]
fn a_link_does_not_lead_the_change_out() {
    let jail = bare().home_file("secret", "s3cr3t");
    let secret = jail.home().join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let jail = jail.link("link", &secret).link("up", "..");
    for attempt in
        ["chmod 0o777 link", "chmod 0o777 up/secret", "chmod 0o777 ../secret", "touch link"]
    {
        refused_by_kind(&jail, attempt);
    }
    assert_eq!(fs::metadata(&secret).expect("it is there").mode() & 0o7777, 0o600);
}

#[track_caller]
fn refused_by_kind(jail: &crate::support::Jail, attempt: &str) {
    jail.probe(attempt).refused("EPERM");
}

/// A race between the look and the change would be won here sooner or later.
#[test]
fn a_link_that_comes_and_goes_does_not_lead_the_change_out() {
    let jail = bare().home_file("secret", "s3cr3t").file("own", "x");
    let secret = jail.home().join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let script = r#"
        import os, threading
        def turn():
            for i in range(4000):
                os.symlink("../secret", "a"); os.rename("a", "target")
                os.link("own", "b"); os.rename("b", "target")
        turner = threading.Thread(target=turn); turner.start()
        while turner.is_alive():
            try: os.chmod("target", 0o666)
            except OSError: pass
    "#;
    let script: String =
        script.lines().map(|line| format!("{}\n", line.get(8..).unwrap_or(""))).collect();
    jail.run(["python3", "-c", &script]).succeeds();
    assert_eq!(fs::metadata(&secret).expect("it is there").mode() & 0o7777, 0o600);
    assert_eq!(
        fs::metadata(jail.project().join("own")).expect("it is there").mode() & 0o7777,
        0o666
    );
    let _ = refused_by;
}
