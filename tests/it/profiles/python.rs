//! `python`: an environment, a package from a directory of wheels, and unit tests.

use super::{outside, project, sh};
use crate::require;
use crate::support::Feature;

/// Makes wheels/greet-1.0-py3-none-any.whl, as a build tool would.
pub const WHEEL: &str = "
import os, zipfile
os.makedirs('wheels', exist_ok=True)
with zipfile.ZipFile('wheels/greet-1.0-py3-none-any.whl', 'w') as wheel:
    about = 'greet-1.0.dist-info/'
    files = {
        'greet.py': 'def greet(name): return f\"hello {name}\"\\n',
        about + 'METADATA': 'Metadata-Version: 2.1\\nName: greet\\nVersion: 1.0\\n',
        about + 'WHEEL': 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
    }
    files[about + 'RECORD'] = ''.join(f'{name},,\\n' for name in [*files, about + 'RECORD'])
    for name, text in files.items():
        wheel.writestr(name, text)
";

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
    let jail = project("python").file("make_wheel.py", WHEEL).file("test_greet.py", UNIT_TEST);
    outside(&jail, "python3 make_wheel.py").succeeds();
    sh(&jail, "python3 -m venv .venv").succeeds();
    sh(&jail, ".venv/bin/pip install --no-index --find-links wheels greet")
        .output_has("Successfully installed greet-1.0");
    sh(&jail, ".venv/bin/python -m unittest").says("Ran 1 test").says("OK");
    // The environment is part of the project, and works outside too.
    outside(&jail, ".venv/bin/python -m unittest").says("OK");
}
