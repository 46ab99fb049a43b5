//! `node`: npm installs what was downloaded before, and runs tests.

use super::mirror::World;
use super::{outside, sh};
use crate::require;
use crate::support::Feature;

pub const PROGRAM: &str = r#"{ "name": "program", "version": "1.0.0", "private": true,
    "scripts": { "test": "node --test" }, "dependencies": { "greet": "^1.0.0" } }"#;

/// The install script of the dependency makes a file.
pub const TEST: &str = "const assert = require('node:assert');\n\
    require('node:test')('greets', () => {\n\
    assert.equal(require('greet')('you'), 'hello you');\n\
    assert.ok(require('fs').existsSync('node_modules/greet/installed'));\n});\n";

#[test]
fn npm_installs_from_its_cache_and_runs_tests() {
    require!(Feature::Program("npm"));
    let world = World::new();
    let registry = format!("registry={}/node/\n", world.address());
    let jail = world
        .jail
        .args(["--profile", "node"])
        .file("package.json", PROGRAM)
        .file(".npmrc", registry)
        .file("greet.test.js", TEST);
    outside(&jail, "npm install --ignore-scripts && rm -r node_modules").succeeds();
    let before = outside(&jail, "find ~/.npm | sort").stdout_text();
    sh(&jail, "npm ci --offline").output_has("added 1 package");
    sh(&jail, "npm test").output_has("pass 1");
    // What npm wrote to its cache and its logs was thrown away.
    outside(&jail, "find ~/.npm | sort").outputs(&before);
}
