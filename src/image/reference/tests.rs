use proptest::prelude::*;

use super::*;

const HASH: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn parse(text: &str) -> Result<Reference, BadReference> {
    text.parse()
}

#[track_caller]
fn means(text: &str, full: &str) {
    let reference = parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
    assert_eq!(reference.to_string(), full, "{text}");
    assert_eq!(parse(full), Ok(reference), "{full}");
}

#[track_caller]
fn says(text: &str, because: &str, help: &str) {
    let bad = parse(text).expect_err(text);
    assert_eq!((bad.because.as_str(), bad.help.as_deref().unwrap_or("")), (because, help));
}

#[test]
fn what_is_left_out_is_filled_in() {
    means("debian", "docker.io/library/debian:latest");
    means("debian:12", "docker.io/library/debian:12");
    means("docker://debian", "docker.io/library/debian:latest");
    means("team/app", "docker.io/team/app:latest");
    means("docker.io/debian", "docker.io/library/debian:latest");
    means("index.docker.io/team/app:1", "docker.io/team/app:1");
    means("localhost/app", "localhost/app:latest");
    means("registry.example/app", "registry.example/app:latest");
    means("Registry.Example:5000/a/b/c:V1.2_x-y", "registry.example:5000/a/b/c:V1.2_x-y");
    means("host:5000/app", "host:5000/app:latest");
    means("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest");
    means("[::1]:5000/app", "[::1]:5000/app:latest");
    means("[2001:DB8::1]/app:1", "[2001:db8::1]/app:1");
    means("a__b/c.d/e---f_g", "docker.io/a__b/c.d/e---f_g:latest");
    means(&format!("debian@{HASH}"), &format!("docker.io/library/debian@{HASH}"));
    means(&format!("debian:12@{HASH}"), &format!("docker.io/library/debian:12@{HASH}"));
}

#[test]
fn without_a_slash_a_colon_is_for_the_tag() {
    means("localhost:5000", "docker.io/library/localhost:5000");
    means("docker:24", "docker.io/library/docker:24");
}

#[test]
fn a_relative_path_becomes_one_that_can_be_read_again() {
    let below = |text: &str, directory: &str| {
        parse(text).unwrap().below(Path::new(directory)).map(|full| full.to_string())
    };
    assert_eq!(below("oci:x:y", "/a b"), Ok("oci:/a b/x:y".to_owned()));
    assert_eq!(below("oci:/x:y", "/a:b"), Ok("oci:/x:y".to_owned()));
    assert_eq!(below("tar:x", "/a:b"), Ok("tar:/a:b/x".to_owned()));
    assert_eq!(below("debian", "/a:b"), Ok("docker.io/library/debian:latest".to_owned()));
    // It would be the tag `b/x` of the layout `/a`.
    assert!(below("oci:x", "/a:b").unwrap_err().because.contains("a colon"));
    assert!(below("oci-archive:x", "/a:b").is_err());
    assert!(below("docker-archive:x", "/a:b").is_err());
    assert!(below("dir:x", "/a\nb").is_err());
}

#[test]
fn a_registry_called_like_a_kind_keeps_its_prefix() {
    means("docker://oci:5000/app", "docker://oci:5000/app:latest");
    means("docker://dir:1", "docker.io/library/dir:1");
}

#[test]
fn local_references_have_a_path_and_a_tag() {
    means("oci:./layout", "oci:./layout");
    means("oci:/a b/layout:dev", "oci:/a b/layout:dev");
    means("oci:x:docker.io/library/debian:12", "oci:x:docker.io/library/debian:12");
    means("oci-archive:x.tar:v1", "oci-archive:x.tar:v1");
    means("docker-archive:x.tar", "docker-archive:x.tar");
    means("docker-archive:x.tar:app", "docker-archive:x.tar:docker.io/library/app:latest");
    means("docker-archive:x.tar:h:5000/a:1", "docker-archive:x.tar:h:5000/a:1");
    means("dir:with:colon", "dir:with:colon");
    means("tar:./ünïcode:x.tar", "tar:./ünïcode:x.tar");
}

#[test]
fn slips_are_told_with_what_to_write() {
    says("", "there is nothing to look for", "write, say, `debian:12`");
    says("docker://", REPOSITORY_MISSING, "");
    says(
        "Debian:12",
        "the name of a repository has no upper-case letters",
        "write `debian` in place of `Debian`",
    );
    says("debian ", "it has a space or a line break", "");
    says("debian\n", "it has a space or a line break", "");
    says("deb\u{1b}ian", "it has a control character", "");
    says("débian", "it has `é`, which is no ASCII letter", "");
    says(
        "https://registry.example/app/",
        "it is a web address",
        "write `docker://registry.example/app`; registries are spoken to by HTTPS unless \
         `--insecure` is given",
    );
    says("debian:", "the tag after the colon is empty", "write `debian:latest`, or another tag");
    says("docker:", "`docker:` is followed by two slashes", "write `docker://NAME`");
    says("docker:/debian", "`docker:` is followed by two slashes", "write `docker://debian`");
    says("docker:a/b", "`docker:` is followed by two slashes", "write `docker://a/b`");
    says("docker:///debian", "it begins with a slash", "");
    says("image:debian:12", "`image:` is not part of the name", "write `debian:12`");
    says(
        "docker-daemon:app:1",
        "jail does not read `docker-daemon`",
        "copy it first: skopeo copy docker-daemon:app:1 oci-archive:image.tar",
    );
    says(
        "./x",
        "it looks like a path",
        "say what is there: `oci:./x`, `oci-archive:./x`, `docker-archive:./x`, `dir:./x` or \
         `tar:./x`",
    );
    says(
        "oci://x",
        "`oci:` takes a path, not an address",
        "write `oci:x`, or `oci:/x` if it starts at the root",
    );
    says(
        "tar:",
        "there is no path after `tar:`",
        "write `tar:FILE`; for an image called `tar` in a registry, `docker://tar:TAG`",
    );
    says("oci:x:", "there is nothing after the last colon", "leave the colon out: `oci:x`");
    says("oci:x:a b", "the tag `a b` has ` `; a tag has letters, digits and `-._:@+/`", "");
    says("::1/app", "an IPv6 address stands in brackets", "write `[::1]` in place of `::1`");
}

const REPOSITORY_MISSING: &str = "the repository is missing: nothing stands before the tag or the \
                                  digest, or after the registry";

#[test]
fn digests_are_strict() {
    says(
        "debian@latest",
        "`latest` is no digest: a digest is `sha256:` and 64 hexadecimal digits in lower case",
        "a tag stands after a colon: `debian:latest`",
    );
    let upper = HASH.replace("abcdef", "ABCDEF");
    says(
        &format!("debian@{upper}"),
        &format!(
            "`{upper}` is no digest: a digest is `sha256:` and 64 hexadecimal digits in lower case"
        ),
        &format!("write `debian@{HASH}`"),
    );
    says(
        "user:password@registry.example/app",
        "the part before `@` has no place in a name",
        "keep credentials in the auth file of docker or podman",
    );
    says(
        &HASH["sha256:".len()..],
        "it is a hash without the name of an image",
        &format!("write NAME@{HASH}"),
    );
    says("debian@", "there is no digest after `@`", "");
    assert!(parse(&format!("debian@{HASH}@{HASH}")).is_err());
    says(&format!("@{HASH}"), REPOSITORY_MISSING, "");
}

#[test]
fn what_the_grammar_forbids_is_refused() {
    let long_label = format!("{}.example/app", "a".repeat(64));
    let long_tag = format!("app:{}", "a".repeat(129));
    let long_name = format!("{}app", "a/".repeat(127));
    let slash = |text: &str| format!("`{text}` has a slash with nothing before or after it");
    let between = |part: &str| {
        format!(
            "in `{part}`, one `.`, `_` or `__` or any number of `-` may stand between letters and \
             digits, and nowhere else"
        )
    };
    let letter = |part: &str, odd: char| {
        format!(
            "`{part}` has `{odd}`; the name of a repository has lower-case letters, digits and `.`, \
             `_`, `-` between them"
        )
    };
    let colon = |text: &str| format!("`{text}` has a colon; only a tag follows one");
    let tag = |tag: &str| {
        format!(
            "`{tag}` is no tag; a tag has letters, digits and `_.-`, and does not begin with `.` or `-`"
        )
    };
    let port = |host: &str, port: &str| {
        format!("`{port}` in `{host}` is no port; a port is a number from 1 to 65535")
    };
    let no_port = |host: &str| format!("there is no port after the colon of `{host}`");
    let host = |host: &str| format!("`{host}` is no name of a host");
    let address =
        |text: &str| format!("`{text}` is no IPv6 address in brackets, with or without a port");
    let control = || "it has a control character, such as a line break".to_owned();
    for (text, because) in [
        ("a//b", slash("a//b")),
        ("a/", slash("a/")),
        (":", REPOSITORY_MISSING.to_owned()),
        (":12", REPOSITORY_MISSING.to_owned()),
        ("h.x/", REPOSITORY_MISSING.to_owned()),
        ("a:b:c", colon("a:b")),
        ("a/b:1/c:2", colon("a/b:1/c")),
        ("-a", between("-a")),
        ("a-", between("a-")),
        ("a..b", between("a..b")),
        ("a___b", between("a___b")),
        ("a._b", between("a._b")),
        ("_a", between("_a")),
        ("a_", between("a_")),
        ("a/../b", between("..")),
        ("app:-x", tag("-x")),
        ("app:.x", tag(".x")),
        ("app:a+b", tag("a+b")),
        ("host:0/app", port("host:0", "0")),
        ("host:65536/app", port("host:65536", "65536")),
        ("host:+80/app", port("host:+80", "+80")),
        ("host:80:80/app", port("host:80:80", "80:80")),
        ("host:/app", no_port("host:")),
        ("[::1]:/app", no_port("[::1]:")),
        ("docker://docker://a", no_port("docker:")),
        ("ho_st.x/app", host("ho_st.x")),
        ("-host.x/app", host("-host.x")),
        ("host-.x/app", host("host-.x")),
        ("host..x/app", host("host..x")),
        ("host.x./app", host("host.x.")),
        (&long_label, host(long_label.trim_end_matches("/app"))),
        ("[::1/app", address("[::1")),
        ("[::1]x/app", address("[::1]x")),
        ("[fe80::1%eth0]/app", address("[fe80::1%eth0]")),
        ("[x]/app", letter("[x]", '[')),
        ("a?b", letter("a?b", '?')),
        ("a%20b", letter("a%20b", '%')),
        ("a\\b", letter("a\\b", '\\')),
        ("oci:a\nb", control()),
        ("tar:\0", control()),
        (&long_tag, "the tag is longer than 128 characters".to_owned()),
        (&long_name, "it is longer than 255 characters".to_owned()),
        ("oci:x:täg", "the tag `täg` has `ä`; a tag has letters, digits and `-._:@+/`".to_owned()),
    ] {
        says(text, &because, "");
    }
    for text in
        ["/", ".a/b", "dir:", "oci:", "oci::tag", "docker-archive::x", "docker-archive:f:Upper"]
    {
        assert!(parse(text).is_err(), "{text:?}: {:?}", parse(text));
    }
}

#[test]
fn an_error_reads_well() {
    let diagnostic = parse("Debian").unwrap_err().diagnostic();
    assert_eq!(diagnostic.title, "`Debian` names no image");
    let diagnostic: crate::diagnostic::Diagnostic = parse("").unwrap_err().into();
    assert_eq!(diagnostic.title, "the name of the image is empty");
}

proptest! {
    #[test]
    fn printing_a_name_and_parsing_gives_it_back(
        text in "(docker://)?([a-zA-Z]{1,3}[.:][a-z0-9]{1,4}/|localhost/|\\[[0-9a-f:]{2,6}\\](:[0-9]{1,6})?/)?\
                 [a-z0-9._/-]{1,12}(:[a-zA-Z0-9_.-]{1,5})?(@sha256:[0-9a-f]{64})?"
    ) {
        if let Ok(reference) = parse(&text) {
            prop_assert_eq!(parse(&reference.to_string()), Ok(reference));
        }
    }

    #[test]
    fn printing_a_local_reference_and_parsing_gives_it_back(
        text in "(oci|oci-archive|docker-archive|dir|tar):.{1,8}(:[a-zA-Z0-9:/.]{0,8})?"
    ) {
        if let Ok(reference) = parse(&text) {
            prop_assert_eq!(parse(&reference.to_string()), Ok(reference));
        }
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>()) {
        if let Ok(reference) = parse(&text) {
            prop_assert_eq!(parse(&reference.to_string()), Ok(reference));
        }
    }
}
