//! What is installed is complete, runs, and goes away again.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Feature, Finished, Jail, jail_binary, spawn};

/// Everything that is not a directory, relative to `root`.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if entry.file_type().expect("it is there").is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).expect("it is below");
                found.push(name.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the package, without what was built, in a directory of the user's own.
fn sources(jail: &Jail) -> PathBuf {
    let copy = jail.elsewhere().join("tree");
    fs::create_dir(&copy).expect("it can be made");
    for part in ["Cargo.toml", "Cargo.lock", "Makefile", "README.md", "LICENSE"] {
        fs::copy(tree().join(part), copy.join(part)).expect("it is there");
    }
    for part in ["completions", "docs", "profiles", "src", "tests"] {
        let mut cp = Command::new("cp");
        let mut copied = spawn(cp.arg("-r").arg(tree().join(part)).arg(&copy));
        assert!(copied.wait().expect("cp ends").success());
    }
    give(jail, &copy);
    copy
}

fn give(jail: &Jail, path: &Path) {
    jail.user().own(path);
    if path.is_dir() {
        fs::read_dir(path).expect("a directory").flatten().for_each(|entry| {
            give(jail, &entry.path());
        });
    }
}

fn make(jail: &Jail, tree: &Path, words: &[&str]) -> Finished {
    let binary = format!("JAIL={}", jail_binary().display());
    let mut line = vec!["make", "-s", "-C", tree.to_str().expect("UTF-8"), &binary];
    line.extend(words);
    jail.run_outside(line)
}

/// As every command line tool of a system: pages for all commands, completions for three shells.
fn is_complete(installed: &[String], prefix: &str) {
    let pages = fs::read_dir(tree().join("docs/man")).expect("pages").count();
    let count = |part: &str| installed.iter().filter(|file| file.contains(part)).count();
    assert_eq!(count("/man/"), pages, "{installed:?}");
    for part in ["bin/jail", "share/bash-completion/completions/jail"] {
        assert!(installed.contains(&format!("{prefix}{part}")), "no {part}: {installed:?}");
    }
    assert_eq!((count("/_jail"), count("/jail.fish")), (1, 1), "{installed:?}");
}

#[test]
fn make_installs_and_uninstalls() {
    crate::require!(Feature::Program("make"));
    let jail = Jail::new();
    let tree = sources(&jail);
    let root = jail.elsewhere().join("root");
    let destination = format!("DESTDIR={}", root.display());
    make(&jail, &tree, &["install", "PREFIX=/usr", &destination]).succeeds();
    let installed = files(&root);
    is_complete(&installed, "usr/");
    assert!(installed.iter().all(|file| file.starts_with("usr/")), "{installed:?}");

    let program = root.join("usr/bin/jail");
    let inside = ["run", "--", "echo", "installed"].map(OsStr::new);
    let line = [program.as_os_str()].into_iter().chain(inside);
    jail.run_outside(line).succeeds().outputs("installed\n");

    make(&jail, &tree, &["uninstall", "PREFIX=/usr", &destination]).succeeds();
    assert_eq!(files(&root), [""; 0]);
}

#[test]
fn pages_are_shown_by_man() {
    crate::require!(Feature::Program("man"));
    let jail = Jail::new();
    let tree = sources(&jail);
    for page in fs::read_dir(tree.join("docs/man")).expect("pages").flatten() {
        let page = page.path();
        let shown = jail.run_outside([
            OsStr::new("man"),
            "--warnings".as_ref(),
            "-l".as_ref(),
            page.as_os_str(),
        ]);
        shown.succeeds().is_silent().output_has("jail").output_has("DESCRIPTION");
    }
}

#[test]
fn a_debian_package_is_built_and_its_program_runs() {
    crate::require!(Feature::Userns);
    crate::require!(Feature::Program("dpkg-deb"));
    crate::require!(Feature::Cargo("deb"));
    let jail = Jail::new();
    let tree = sources(&jail);
    // What is packed is the program under test in the place of a release.
    let built = tree.join("target/x86_64-unknown-linux-gnu/release");
    fs::create_dir_all(&built).expect("it can be made");
    fs::copy(jail_binary(), built.join("jail")).expect("it can be copied");
    let package = jail.elsewhere().join("jail.deb");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["deb", "--target", "x86_64-unknown-linux-gnu", "--no-build", "--no-strip"]);
    cargo.args(["--fast", "--offline", "-q", "-o"]).arg(&package).current_dir(&tree);
    // Where the tests were built to is none of its business.
    cargo.env_remove("CARGO_TARGET_DIR");
    let made = spawn(&mut cargo).wait().expect("cargo ends");
    assert!(made.success(), "cargo deb: {made}");

    let fields = ["Package", "Depends", "Recommends", "Architecture"].map(OsStr::new);
    let dpkg = OsStr::new("dpkg-deb");
    let asked = [dpkg, "-f".as_ref(), package.as_os_str()].into_iter().chain(fields);
    let fields = jail.run_outside(asked).succeeds().stdout_text();
    assert!(!fields.contains("Depends:"), "{fields}");
    for line in ["Package: jail\n", "Architecture: amd64\n", "Recommends: passt, uidmap\n"] {
        assert!(fields.contains(line), "{fields}");
    }

    let root = jail.elsewhere().join("root");
    packages(&jail, &root, &["--install".as_ref(), package.as_os_str()]);
    assert!(listed(&jail, &root).starts_with("ii "), "{}", listed(&jail, &root));
    let installed = files(&root.join("usr"));
    is_complete(&installed, "");
    assert!(root.join("usr/share/doc/jail/copyright").exists());
    let program = root.join("usr/bin/jail");
    let line = [program.as_os_str()].into_iter().chain(["run", "--", "true"].map(OsStr::new));
    jail.run_outside(line).succeeds();
    // Once more over itself, as for a new version, and away again.
    packages(&jail, &root, &["--install".as_ref(), package.as_os_str()]);
    packages(&jail, &root, &["--purge".as_ref(), "jail".as_ref()]);
    assert_eq!(listed(&jail, &root), "");
    assert!(!root.join("usr").exists());
}

/// The package manager itself, for a root of the user's own in which nothing else is installed.
fn packages(jail: &Jail, root: &Path, words: &[&OsStr]) {
    let script = "PATH=$PATH:/usr/sbin:/sbin; mkdir -p \"$0/var/lib/dpkg/info\" \
                  \"$0/var/lib/dpkg/updates\"; touch \"$0/var/lib/dpkg/status\"; \
                  exec dpkg --root=\"$0\" --log=/dev/null \"$@\"";
    let line = ["unshare", "-r", "sh", "-ec", script].map(OsStr::new);
    jail.run_outside(line.into_iter().chain([root.as_os_str()]).chain(words.iter().copied()))
        .succeeds();
}

/// What the package manager says of it; nothing if it is not known.
fn listed(jail: &Jail, root: &Path) -> String {
    let root = format!("--admindir={}/var/lib/dpkg", root.display());
    let format = "-f=${db:Status-Abbrev} ${Package}\n";
    jail.run_outside(["dpkg-query", &root, "-W", format]).stdout_text()
}

/// Runs words of the program in a root where nothing else is, but what a line of a shell mounts there.
fn alone(mounts: &str, words: &str) -> Finished {
    let jail = Jail::new().env("JAIL", jail_binary()).cwd(".");
    let script = format!(
        "mkdir root; cp \"$JAIL\" root/jail; mount --bind root root; cd root; mkdir old proc dev; \
         {mounts}; /usr/sbin/pivot_root . old; exec /jail {words}"
    );
    jail.run_outside(["unshare", "-Urm", "sh", "-ec", &script])
}

#[test]
fn a_root_with_the_program_alone_is_enough() {
    crate::require!(Feature::Userns);
    alone(":", "--version").succeeds().is_silent().output_has("jail ");
    alone(":", "check base default").succeeds().outputs("base: ok\ndefault: ok\n");
    alone(":", "help exit-status").succeeds().output_has("124");
    let system = "mount --rbind /proc proc; mount --rbind /dev dev";
    alone(system, "run --read /jail -- /jail --version").succeeds().output_has("jail ");
}

#[test]
fn what_an_empty_root_lacks_is_named() {
    crate::require!(Feature::Userns);
    alone(":", "run -- /jail --version").exits(125).says(
        "jail: error: cannot tell what is mounted\n\
         because: /proc/self/mountinfo: no such file or directory [ENOENT]\n\
         help: mount /proc on the host: `mount -t proc proc /proc`\n",
    );
    alone("mount --rbind /proc proc", "run --read /jail -- /jail --version").exits(125).says(
        "jail: error: cannot make /dev\nbecause: open_tree: no such file or directory [ENOENT]\n\
         help: the /dev of this system lacks one of null, zero, full, random, urandom and tty: mount one there\n",
    );
}
