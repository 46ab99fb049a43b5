//! Version control, compilers and interpreters.

use crate::require;
use crate::support::{Feature, Jail};

use super::developer;

#[test]
fn git_keeps_history_with_the_name_of_its_user() {
    require!(Feature::Program("git"));
    let jail = developer()
        .home_file(".gitconfig", "[user]\nname = Ada\nemail = ada@example.org\n")
        .file("a", "one\n");
    sh(&jail, "git init -q -b main && git add . && git commit -q -m first").is_silent();
    // From now on there is a .git/hooks, which is shown read-only.
    let more = "git switch -q -c side && echo two >> a && git commit -q -a -m second \
                && git switch -q main && git merge -q --no-ff -m merged side && git stash list \
                && git gc -q && git fsck --strict";
    sh(&jail, more).output_lacks("dangling");
    sh(&jail, "git log --topo-order --format='%an %s'")
        .outputs("Ada merged\nAda second\nAda first\n");
    let outside = jail.run_outside(["git", "log", "-1", "--format=%ae %s"]);
    outside.outputs("ada@example.org merged\n");
}

#[test]
fn make_compiles_many_files_at_once_with_gcc() {
    require!(Feature::Program("gcc"));
    require!(Feature::Program("make"));
    let parts = 0..8;
    let mut jail = developer()
        .file("Makefile", "program: $(patsubst %.c,%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^ -lm\n");
    for part in parts.clone() {
        jail = jail
            .file(format!("part{part}.c"), format!("int part{part}(void) {{ return {part}; }}\n"));
    }
    let declared: String = parts.clone().map(|part| format!("int part{part}(void);\n")).collect();
    let sum = parts.map(|part| format!("part{part}()")).collect::<Vec<_>>().join(" + ");
    let main = format!(
        "#include <math.h>\n#include <stdio.h>\n{declared}\
         int main(int argc, char **argv) {{ printf(\"%d %.0f\\n\", {sum}, sqrt(argc * 49)); }}\n"
    );
    let jail = jail.file("main.c", main);
    jail.run(["make", "-j", "4"]).succeeds();
    jail.run(["./program"]).outputs("28 7\n");
}

/// Semaphores and shared memory want /dev/shm, pools want pipes and signals.
const UNIT_TESTS: &str = "
import asyncio, multiprocessing, os, socket, sqlite3, ssl, subprocess, sys, tempfile, unittest

def square(number):
    return number * number

class Works(unittest.TestCase):
    def test_it_is_the_environment_of_the_project(self):
        self.assertNotEqual(sys.prefix, sys.base_prefix)

    def test_processes(self):
        with multiprocessing.Pool(2) as pool:
            self.assertEqual(pool.map(square, range(5)), [0, 1, 4, 9, 16])
        self.assertEqual(subprocess.check_output(['sh', '-c', 'echo hi']), b'hi\\n')

    def test_loopback(self):
        server = socket.create_server(('127.0.0.1', 0))
        client = socket.create_connection(server.getsockname())
        server.accept()[0].sendall(b'hello')
        self.assertEqual(client.recv(5), b'hello')

    def test_names(self):
        self.assertTrue(socket.getaddrinfo('localhost', 80))
        self.assertTrue(socket.getaddrinfo(socket.gethostname(), 80))

    def test_files(self):
        with tempfile.NamedTemporaryFile() as file:
            connection = sqlite3.connect(file.name)
            connection.execute('create table t (x)')
            connection.commit()

    def test_certificates(self):
        self.assertTrue(ssl.create_default_context())

    def test_event_loop(self):
        async def child():
            process = await asyncio.create_subprocess_exec('true')
            return await process.wait()
        self.assertEqual(asyncio.run(child()), 0)
";

#[test]
fn python_makes_an_environment_and_runs_unit_tests_in_it() {
    require!(Feature::Program("python3"));
    let jail = developer().file("test_works.py", UNIT_TESTS);
    jail.run(["python3", "-m", "venv", ".venv"]).succeeds();
    let tested = jail.run([".venv/bin/python", "-m", "unittest", "-v"]);
    tested.succeeds().says("Ran 7 tests").says("OK");
    jail.run([".venv/bin/pip", "--version"]).succeeds().output_has("/project/.venv/");
}

#[test]
fn npm_packs_and_installs_a_package() {
    require!(Feature::Program("node"));
    require!(Feature::Program("npm"));
    let library = r#"{ "name": "greet", "version": "1.0.0", "main": "greet.js",
        "scripts": { "postinstall": "node -e \"require('fs').writeFileSync('installed', '')\"" } }"#;
    let program = r#"{ "name": "program", "version": "1.0.0", "private": true,
        "scripts": { "test": "node --test" } }"#;
    let test = "const assert = require('node:assert');\n\
                require('node:test')('greets', () => assert.equal(require('greet')('you'), 'hello you'));\n";
    let jail = developer()
        .file("greet/package.json", library)
        .file("greet/greet.js", "module.exports = (name) => `hello ${name}`;\n")
        .file("program/package.json", program)
        .file("program/greet.test.js", test);
    sh(&jail, "cd greet && npm pack --silent").outputs("greet-1.0.0.tgz\n");
    sh(&jail, "cd program && npm install ../greet/greet-1.0.0.tgz").output_has("added 1 package");
    assert!(jail.project().join("program/node_modules/greet/greet.js").exists());
    sh(&jail, "cd program && npm test").output_has("pass 1");
}

#[test]
fn even_the_strict_filter_lets_compilers_and_interpreters_work() {
    require!(Feature::Program("gcc"));
    require!(Feature::Program("python3"));
    require!(Feature::Program("node"));
    let threads = "import subprocess, threading\n\
        thread = threading.Thread(target=subprocess.check_call, args=(['true'],))\n\
        thread.start(); thread.join(); print('threads')\n";
    let worker =
        "new (require('worker_threads').Worker)(\"console.log('worker')\", { eval: true })";
    for profile in ["strict", "ci", "default"] {
        let jail = Jail::new()
            .args(["--profile", profile])
            .file("main.c", "#include <stdio.h>\nint main(void) { puts(\"compiled\"); }\n")
            .file("threads.py", threads)
            .file("worker.js", worker);
        sh(&jail, "gcc -o /tmp/main main.c && /tmp/main").outputs("compiled\n");
        jail.run(["python3", "threads.py"]).succeeds().outputs("threads\n");
        jail.run(["node", "worker.js"]).succeeds().outputs("worker\n");
    }
}

/// Runs a line of shell inside, which must succeed.
#[track_caller]
fn sh(jail: &Jail, line: &str) -> crate::support::Finished {
    let finished = jail.run(["sh", "-c", line]);
    finished.succeeds();
    finished
}
