//! Cargo and rustc, from a home with rustup in it, offline.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::require;
use crate::support::{Feature, Jail, jail_binary};

use super::developer;

const MANIFEST: &str = r#"
[package]
name = "greeter"
version = "0.1.0"
edition = "2021"

[dependencies]
serde = { version = "1", features = ["derive"] }
serde_json = "1"
"#;

/// Derived code needs a procedural macro, which rustc loads from the target directory, and
/// the crates below it have build scripts, which cargo runs from there.
const LIBRARY: &str = r#"
#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
pub struct Greeting { pub to: String, pub times: u8 }

#[test]
fn a_greeting_survives_the_way_to_text_and_back() {
    let greeting = Greeting { to: "you".into(), times: 2 };
    let text = serde_json::to_string(&greeting).unwrap();
    assert_eq!(serde_json::from_str::<Greeting>(&text).unwrap(), greeting);
}
"#;

const PROGRAM: &str = r#"
fn main() {
    let greeting = greeter::Greeting { to: "world".into(), times: 1 };
    println!("{}", serde_json::to_string(&greeting).unwrap());
}
"#;

#[test]
fn cargo_builds_tests_and_runs_a_crate_with_dependencies() {
    require!(Feature::Program("cc"));
    let jail = with_rust(greeter(developer()));
    jail.run(["cargo", "build", "--offline"]).succeeds().says("Finished");
    assert!(jail.project().join("target/debug/greeter").exists());
    let tested = jail.run(["cargo", "test", "--offline"]);
    tested.succeeds().output_has("1 passed");
    let ran = jail.run(["cargo", "run", "--offline", "--quiet"]);
    ran.outputs("{\"to\":\"world\",\"times\":1}\n");
    // Cargo unpacked the sources of the dependencies, and what it wrote was thrown away.
    assert!(!jail.home().join(".cargo/registry/src").exists());
    assert!(jail.home().join(".cargo/registry/cache").exists());
}

/// As docs/recipes.md shows it.
#[test]
fn cargo_runs_what_it_has_built_in_a_sandbox() {
    require!(Feature::Program("cc"));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let (_, config) = page.split_once("```ini\n").expect("there is a block of it");
    let config = config.split("```").next().unwrap_or(config);
    let program = "fn main() { println!(\"{}\", std::fs::read_to_string(\"/etc/hostname\").unwrap()); }\n\
                   #[test]\nfn inside() { assert!(!std::path::Path::new(\"../secret\").exists()); }\n";
    let jail = Jail::new()
        .file("Cargo.toml", "[package]\nname = \"shown\"\nedition = \"2021\"\n")
        .file("src/main.rs", program)
        .home_file("secret", "")
        .file(".cargo/config.toml", config);
    let jail = with_rust(jail);
    link(jail_binary(), &jail.home().join(".cargo/bin"));
    jail.run_outside(["cargo", "run", "--offline", "-q"]).succeeds().output_has("jail\n");
    jail.run_outside(["cargo", "test", "--offline"]).succeeds().output_has("1 passed");
}

/// A crate with dependencies that cargo has downloaded.
pub fn greeter(jail: Jail) -> Jail {
    jail.file("Cargo.toml", MANIFEST).file("src/lib.rs", LIBRARY).file("src/main.rs", PROGRAM)
}

/// The same as [`with_toolchain`], and the packages that building this project has downloaded.
pub fn with_rust(jail: Jail) -> Jail {
    let jail = with_toolchain(jail).home_file(".cargo/registry/CACHEDIR.TAG", "");
    let own = jail.home().join(".cargo/registry");
    for part in ["cache", "index"] {
        copy(&cargo_home().join("registry").join(part), &own);
    }
    give_to_user(&jail, &own);
    jail
}

/// Gives the project's user the Rust of who runs the tests, as rustup would have put it there.
pub fn with_toolchain(jail: Jail) -> Jail {
    let own = jail.home().join(".cargo");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", own.join("bin").display());
    let jail = jail.directory("../.cargo/bin").env("PATH", path);
    // A compiler in /usr is visible inside without anybody's doing.
    let toolchain = toolchain();
    if toolchain.starts_with("/usr") {
        return jail;
    }
    let name = toolchain.file_name().expect("a toolchain has a name").display().to_string();
    let settings = format!("version = \"12\"\ndefault_toolchain = \"{name}\"\n");
    let installed = jail.home().join(".rustup/toolchains").join(&name);
    let mut jail = jail
        .home_file(".rustup/settings.toml", settings)
        .directory(&format!("../.rustup/toolchains/{name}"));
    for part in ["bin", "lib"] {
        link(&toolchain.join(part), &installed);
    }
    // Rustup makes these when it is installed, and wants them when it chooses a toolchain.
    for directory in ["downloads", "tmp", "update-hashes"] {
        jail = jail.directory(&format!("../.rustup/{directory}"));
    }
    let programs = own.join("bin");
    let rustup = cargo_home().join("bin/rustup");
    if rustup.exists() {
        link(&rustup, &programs);
    }
    for program in ["cargo", "rustc", "rustdoc"] {
        let target =
            if rustup.exists() { "rustup".into() } else { installed.join("bin").join(program) };
        std::os::unix::fs::symlink(target, programs.join(program)).expect("a link can be made");
    }
    jail
}

/// The directory of the toolchain that built these tests.
fn toolchain() -> PathBuf {
    let cargo = Path::new(env!("CARGO"));
    let root = cargo.parent().and_then(Path::parent).expect("cargo is in a `bin`");
    assert!(root.join("bin/rustc").exists(), "no rustc beside {}", cargo.display());
    root.to_path_buf()
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("there is a HOME")).join(".cargo"),
        PathBuf::from,
    )
}

/// Puts a second name of each file into a directory, as a toolchain is large; copies where
/// that is another file system.
fn link(from: &Path, into: &Path) {
    if !cp(&["--link"], from, into).status.success() {
        copy(from, into);
    }
}

fn copy(from: &Path, into: &Path) {
    let copied = cp(&["--remove-destination"], from, into);
    let why = String::from_utf8_lossy(&copied.stderr).into_owned();
    assert!(copied.status.success(), "copy {}: {why}", from.display());
}

/// By a program of its own, so that nothing to execute is open for writing in this process:
/// another thread's child would hold it open too.
fn cp(flags: &[&str], from: &Path, into: &Path) -> Output {
    Command::new("cp").arg("-a").args(flags).args([from, into]).output().expect("there is a cp(1)")
}

fn give_to_user(jail: &Jail, directory: &Path) {
    let owner = format!("{}:{}", jail.user().uid, jail.user().gid);
    let status = Command::new("chown").arg("-R").arg(owner).arg(directory).status();
    assert!(status.is_ok_and(|status| status.success()), "the cache belongs to the user");
}
