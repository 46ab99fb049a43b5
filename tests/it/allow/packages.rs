//! Package managers that install from an index of their own, without a proxy.
//!
//! What an allowed index leads to is not allowed by that: where it names another host for the
//! content of a package, that host is refused.

use super::world::{heard, prepare, world};
use crate::require;
use crate::support::{Feature, Jail};
use crate::tools::with_toolchain;

/// good.example, and the packages that `packages.py` makes on it and on evil.example.
fn index(kind: &str) -> Jail {
    let jail = world(&["good.example:443"]);
    let jail = jail.file("world/packages.py", include_str!("packages.py"));
    prepare(&jail, ["python3", "packages.py", kind, "files"]);
    jail
}

#[test]
fn pip_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("pip3"));
    let jail = index("pip");
    let install = "pip3 install --quiet --retries 0 --disable-pip-version-check --target packages \
        --cert world/server.crt --index-url https://good.example/files/simple/";
    let pip = |package| install.split_whitespace().chain([package]);
    jail.run(pip("greeting")).succeeds();
    jail.run(["python3", "packages/greeting.py"]).outputs("hello from pip\n");
    jail.run(pip("elsewhere")).exits(1).says("refused evil.example (");
    assert!(!heard(&jail).contains("203.0.113.8"), "{}", heard(&jail));
    jail.run_outside(pip("elsewhere")).succeeds();
}

#[test]
fn npm_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("npm"));
    let jail = index("npm").file("package.json", "{}");
    let install = "npm install --no-audit --no-fund --no-update-notifier --fetch-retries=0 \
        --cafile=world/server.crt --registry=https://good.example/files/npm/";
    let npm = |package| install.split_whitespace().chain([package]);
    jail.run(npm("greeting")).succeeds();
    jail.run(["node", "-e", "require('greeting')"]).outputs("hello from npm\n");
    jail.run(npm("elsewhere")).fails().says("refused evil.example (");
    assert!(!heard(&jail).contains("203.0.113.8"), "{}", heard(&jail));
    jail.run_outside(npm("elsewhere")).succeeds();
}

#[test]
fn cargo_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("cc"));
    let project = |index: &str| {
        format!(
            "[http]\ncainfo = \"world/server.crt\"\n[net]\nretry = 0\n\
             [source.crates-io]\nreplace-with = \"near\"\n\
             [source.near]\nregistry = \"sparse+https://{index}/\"\n"
        )
    };
    let manifest = |package: &str| {
        format!(
            "[package]\nname = \"program\"\nedition = \"2021\"\n[dependencies]\n{package} = \"1\"\n"
        )
    };
    let jail = with_toolchain(index("cargo").args(["--profile", "dev"]))
        .file("src/main.rs", "fn main() { greeting::greet() }\n")
        .file("Cargo.toml", manifest("greeting"))
        .file(".cargo/config.toml", project("good.example/files/index-greeting"));
    jail.run(["cargo", "run", "--quiet"]).succeeds().outputs("hello from cargo\n");
    let jail = jail.file(".cargo/config.toml", project("evil.example/files/index-greeting"));
    jail.run(["cargo", "update"]).exits(101).says("refused evil.example (");
    let jail = jail
        .file("Cargo.toml", manifest("elsewhere"))
        .file(".cargo/config.toml", project("good.example/files/index-elsewhere"));
    jail.run(["cargo", "fetch"]).exits(101).says("refused evil.example (");
    assert!(!heard(&jail).contains("203.0.113.8"), "{}", heard(&jail));
    jail.run_outside(["cargo", "fetch"]).succeeds();
}
