//! Of registries.conf: what it moves, and what it blocks.

use super::*;

fn located(text: &str, path: &str, by_digest: bool) -> Result<Vec<String>, Diagnostic> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("registries.conf");
    fs::write(&file, text).unwrap();
    let here = Surroundings::new([("CONTAINERS_REGISTRIES_CONF", file)], "/etc");
    let locations = locate(path, by_digest, &here)?;
    let shown = |location: &Location| {
        format!("{}{}", location.path, if location.insecure { " insecure" } else { "" })
    };
    Ok(locations.iter().map(shown).collect())
}

const TEXT: &str = r#"
    unqualified-search-registries = ["docker.io"]
    [[registry]]
    location = "docker.io"
    [[registry.mirror]]
    location = "mirror.example/hub"
    [[registry.mirror]]
    location = "localhost:5000"
    insecure = true
    pull-from-mirror = "digest-only"
    [[registry]]
    prefix = "docker.io/team"
    location = "registry.example:5000/a"
    insecure = true
    [[registry]]
    prefix = "*.bad.example"
    blocked = true
    [[registry]]
    location = "fine.bad.example"
"#;

#[test]
fn mirrors_come_first() {
    assert_eq!(
        located(TEXT, "docker.io/library/debian", false).unwrap(),
        ["mirror.example/hub/library/debian", "docker.io/library/debian"]
    );
    assert_eq!(
        located(TEXT, "docker.io/library/debian", true).unwrap(),
        [
            "mirror.example/hub/library/debian",
            "localhost:5000/library/debian insecure",
            "docker.io/library/debian"
        ]
    );
}

#[test]
fn the_longest_prefix_of_whole_components_wins() {
    let check = |path, wanted: &[&str]| assert_eq!(located(TEXT, path, false).unwrap(), wanted);
    check("docker.io/team/app", &["registry.example:5000/a/app insecure"]);
    check("docker.io.example/team/app", &["docker.io.example/team/app"]);
    check("quay.io/x", &["quay.io/x"]);
    check("fine.bad.example/x", &["fine.bad.example/x"]);
    assert_eq!(located(TEXT, "docker.io/teams/app", false).unwrap().len(), 2);
}

/// The name of the host is what such a prefix covers: nothing of it may be left behind the new one.
#[test]
fn a_whole_domain_is_moved_to_another_host() {
    let text = r#"
        [[registry]]
        prefix = "*.old.example"
        location = "new.example"
        [[registry.mirror]]
        location = "mirror.example/old"
        [[registry]]
        prefix = "*.in.old.example"
        location = "inner.example"
    "#;
    let check = |path, wanted: &[&str]| assert_eq!(located(text, path, false).unwrap(), wanted);
    check("a.old.example/x", &["mirror.example/old/x", "new.example/x"]);
    check("a.old.example:5000/x", &["mirror.example/old:5000/x", "new.example:5000/x"]);
    check("a.in.old.example/x/y", &["inner.example/x/y"]);
}

#[test]
fn what_is_blocked_is_not_pulled() {
    for path in ["a.bad.example/x", "a.b.bad.example:5000/x"] {
        let error = located(TEXT, path, false).unwrap_err();
        assert!(error.because.unwrap().ends_with("blocks `*.bad.example`"));
    }
    assert!(located(TEXT, "bad.example/x", false).is_ok());
    assert!(located(TEXT, "notbad.example/x", false).is_ok());
}

/// As it stands there it would fit no name of an image, and forbid none.
#[test]
fn what_is_blocked_is_so_however_it_is_written() {
    for (text, why) in [
        ("[[registry]]\nlocation = 'r.example/'\nblocked = true", "blocks `r.example`"),
        ("[[registry]]\nprefix = 'R.example/team//'\nblocked = true", "blocks `r.example/team`"),
        ("[registries.block]\nregistries = ['r.example']", "blocks `r.example`"),
        (
            "[[registry]]\nlocation = 'https://r.example'\nblocked = true",
            "`https://r.example` has a scheme, and should be `HOST[:PORT]` or `HOST[:PORT]/NAME`",
        ),
        (
            "[[registry]]\nprefix = 'r.example'\nblocked = true\n[[registry]]\nlocation = 'r.example/'",
            "`r.example` stands there twice, once blocked and once not",
        ),
        (
            "[registries.block]\nregistries = ['r.example']\n[[registry]]\nlocation = 'r.example'",
            "`r.example` stands there twice, once blocked and once not",
        ),
    ] {
        let found = located(text, "r.example/team/app", false);
        let because = found.err().and_then(|error| error.because).unwrap_or_default();
        assert!(because.ends_with(why), "{text}: {because}");
    }
    let searched = "[registries.search]\nregistries = ['r.example']";
    assert_eq!(located(searched, "r.example/team/app", false).unwrap(), ["r.example/team/app"]);
}

#[test]
fn a_slash_at_the_end_means_nothing() {
    let text = "[[registry]]\nprefix = 'r.example/'\nlocation = 'moved.example/'\n\
                [[registry.mirror]]\nlocation = 'mirror.example/hub/'";
    let wanted = ["mirror.example/hub/x", "moved.example/x"];
    assert_eq!(located(text, "r.example/x", false).unwrap(), wanted);
}

#[test]
fn damaged_files_are_errors() {
    for text in ["[[registry]]\nblocked = true", "[[registry]\n", "registry = 3"] {
        assert!(located(text, "r/x", false).is_err(), "{text}");
    }
}

/// As containers-registries.conf(5) has it: the location stands for a prefix that is missing.
#[test]
fn an_empty_prefix_is_none() {
    let text = "[[registry]]\nprefix = \"\"\nlocation = \"r\"\ninsecure = true";
    assert_eq!(located(text, "r/x", false).unwrap(), ["r/x insecure"]);
}

#[test]
fn later_files_replace_what_earlier_ones_say() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, location: &str| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("[[registry]]\nprefix = \"r\"\nlocation = \"{location}\"\n");
        fs::write(path, text).unwrap();
    };
    let now = || {
        let here = Surroundings::new([("HOME", root.path())], root.path().join("etc"));
        locate("r/x", false, &here).unwrap()[0].path.clone()
    };
    assert_eq!(now(), "r/x");
    write("etc/containers/registries.conf", "one");
    assert_eq!(now(), "one/x");
    write(".config/containers/registries.conf", "two");
    assert_eq!(now(), "two/x");
    write("etc/containers/registries.conf.d/10.conf", "three");
    assert_eq!(now(), "three/x");
    write(".config/containers/registries.conf.d/00.conf", "four");
    assert_eq!(now(), "four/x");
}

/// Users of services have such homes. What cannot be looked at for another reason may block something.
#[test]
fn a_home_that_is_no_directory_has_no_files() {
    let here = |home: &Path| Surroundings::new([("HOME", home)], "/missing/etc");
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(locate("r/x", false, &here(file.path())).unwrap()[0].path, "r/x");
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("loop", place.path().join("loop")).unwrap();
    assert!(locate("r/x", false, &here(&place.path().join("loop"))).is_err());
}
