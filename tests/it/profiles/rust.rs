//! `rust`: cargo, by rustup in the home, offline.

use super::project;
use crate::require;
use crate::support::Feature;
use crate::tools::cargo::{greeter, with_rust};

#[test]
fn cargo_builds_and_tests_a_crate_with_dependencies() {
    require!(Feature::Program("cc"));
    let jail = with_rust(greeter(project("rust")));
    jail.run(["cargo", "build", "--offline"]).succeeds().says("Finished");
    jail.run(["cargo", "test", "--offline"]).succeeds().output_has("1 passed");
    jail.run(["target/debug/greeter"]).outputs("{\"to\":\"world\",\"times\":1}\n");
    assert!(
        !jail.home().join(".cargo/registry/src").exists(),
        "what cargo unpacked is thrown away"
    );
}
