//! `python`: an environment, a package from a directory of wheels, and unit tests.

use super::mirror::World;
use super::{outside, sh};
use crate::require;
use crate::support::Feature;

pub const UNIT_TEST: &str = "
import sys, unittest
from greet import greet

class Greets(unittest.TestCase):
    def test_it_greets(self):
        self.assertEqual(greet('you'), 'hello you')
        self.assertNotEqual(sys.prefix, sys.base_prefix)
";

#[test]
fn pip_installs_a_wheel_into_an_environment_and_unit_tests_run() {
    require!(Feature::Program("python3"));
    let jail = World::new().jail.args(["--profile", "python"]).file("test_greet.py", UNIT_TEST);
    outside(&jail, "cp -r ~/mirror/python/greet wheels").succeeds();
    sh(&jail, "python3 -m venv .venv").succeeds();
    sh(&jail, ".venv/bin/pip install --no-index --find-links wheels greet")
        .output_has("Successfully installed greet-1.0");
    sh(&jail, ".venv/bin/python -m unittest").says("Ran 1 test").says("OK");
    // The environment is part of the project, and works outside too.
    outside(&jail, ".venv/bin/python -m unittest").says("OK");
}
