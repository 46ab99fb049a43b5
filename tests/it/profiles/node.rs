//! `node`: npm installs what was downloaded before, and runs tests.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

const LIBRARY: &str = r#"{ "name": "greet", "version": "1.0.0", "main": "greet.js",
    "scripts": { "postinstall": "node -e \"require('fs').writeFileSync('installed', '')\"" } }"#;

const PROGRAM: &str = r#"{ "name": "program", "version": "1.0.0", "private": true,
    "scripts": { "test": "node --test" }, "dependencies": { "greet": "file:greet-1.0.0.tgz" } }"#;

const TEST: &str = "const assert = require('node:assert');\n\
    require('node:test')('greets', () => assert.equal(require('greet')('you'), 'hello you'));\n";

/// A project with a lock file, whose dependency npm has in its cache.
fn program() -> Jail {
    let jail = project("node")
        .home_file("greet/package.json", LIBRARY)
        .home_file("greet/greet.js", "module.exports = (name) => `hello ${name}`;\n")
        .file("package.json", PROGRAM)
        .file("greet.test.js", TEST);
    let lock = "npm pack --silent ~/greet && npm install --ignore-scripts --offline \
                && rm -r node_modules";
    outside(&jail, lock).succeeds();
    jail
}

#[test]
fn npm_installs_from_its_cache_and_runs_tests() {
    require!(Feature::Program("npm"));
    let jail = program();
    let before = outside(&jail, "find ~/.npm | sort").stdout_text();
    sh(&jail, "npm ci --offline").output_has("added 1 package");
    assert!(jail.project().join("node_modules/greet/installed").exists(), "its script has run");
    sh(&jail, "npm test").output_has("pass 1");
    // What npm wrote to its cache and its logs was thrown away.
    outside(&jail, "find ~/.npm | sort").outputs(&before);
}
