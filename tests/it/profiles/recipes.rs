//! docs/recipes.md, "First build in each language": its lines as they stand, in fresh clones of
//! small projects with a dependency, which a server on this machine has.

use super::{go, java, outside, python};
use crate::require;
use crate::support::{Feature, Jail, Running, jail_binary};
use crate::tools::cargo::with_rust;

const PAGE: &str = include_str!("../../../docs/recipes.md");

/// A machine on which `jail` is installed, and a server of packages that it reaches.
struct World {
    jail: Jail,
    port: String,
    _server: Running,
}

impl World {
    fn new() -> Self {
        let jail = Jail::new().home_file("mirror/mirror.py", include_str!("mirror.py"));
        let programs = jail.elsewhere().join("bin");
        let jail = jail.file(programs.join("unused"), "");
        std::os::unix::fs::symlink(jail_binary(), programs.join("jail")).expect("a link is made");
        let start = "cd ~/mirror && exec python3 -u mirror.py";
        let mut server = jail.start_line(["sh", "-c", start].map(Into::into).to_vec());
        let port = server.wait_for("serves").split_whitespace().last().expect("a port").to_owned();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
        let jail = jail.env("PATH", path);
        Self { jail, port, _server: server }
    }

    /// A file of the project that is cloned; `PORT` is that of the server.
    fn file(mut self, path: &str, text: &str) -> Self {
        let path = format!("origin/{path}");
        self.jail = self.jail.home_file(&path, text.replace("PORT", &self.port));
        self
    }

    /// Clones the project, and runs the lines of a section in the clone.
    fn builds(&self, section: &str, clean: &str) -> String {
        let clone = "git init -q ~/origin && cd ~/origin && git add . \
                     && git -c user.name=a -c user.email=a@example.org commit -q -m first \
                     && rm -rf ~/project/* && git clone -q ~/origin ~/project/clone";
        outside(&self.jail, clone).succeeds();
        let lines = lines(section);
        assert_eq!(lines.len(), 2, "{section} takes two commands");
        let mut said = String::new();
        for line in lines {
            // Who follows the page may name the hosts that a project needs in the place of all.
            let line = line.replace("'*:443'", &format!("127.0.0.1:{}", self.port));
            let ran = outside(&self.jail, &format!("cd ~/project/clone && {line}"));
            said += &ran.stdout_text();
            said += &String::from_utf8_lossy(&ran.stderr);
        }
        let changed = outside(&self.jail, "cd ~/project/clone && git status --short");
        changed.outputs(clean);
        said
    }
}

/// The lines of shell below a heading of the page.
fn lines(section: &str) -> Vec<&'static str> {
    let heading = format!("\n### {section}\n");
    let (_, rest) = PAGE.split_once(&heading).unwrap_or_else(|| panic!("no section {section}"));
    let section = rest.split("\n#").next().expect("there is a first part");
    section.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
}

#[test]
fn rust() {
    require!(Feature::Program("cc"));
    let mut world = World::new()
        .file(
            "Cargo.toml",
            "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\ngreet = { version = \"1\", registry = \"mirror\" }\n",
        )
        .file(
            ".cargo/config.toml",
            "[registries.mirror]\nindex = \"sparse+http://127.0.0.1:PORT/rust/index/\"\n",
        )
        .file(
            "src/lib.rs",
            "#[test]\nfn greets() { assert_eq!(greet::greet(\"you\"), \"hello you\"); }\n",
        )
        .file(".gitignore", "/target\n/Cargo.lock\n");
    let programs = world.jail.elsewhere().join("bin");
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        programs.display(),
        world.jail.home().join(".cargo/bin").display()
    );
    world.jail = with_rust(world.jail).env("PATH", path);
    let said = world.builds("Rust", "");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn node() {
    require!(Feature::Program("npm"));
    let world = World::new()
        .file(
            "package.json",
            r#"{ "name": "program", "version": "1.0.0", "private": true,
                "scripts": { "test": "node --test" }, "dependencies": { "greet": "^1.0.0" } }"#,
        )
        .file(".npmrc", "registry=http://127.0.0.1:PORT/node/\n")
        .file(
            "greet.test.js",
            "const assert = require('node:assert');\nrequire('node:test')('greets', () => {\n\
             assert.equal(require('greet')('you'), 'hello you');\n\
             assert.ok(require('fs').existsSync('node_modules/greet/installed'));\n});\n",
        )
        .file(".gitignore", "node_modules\n");
    outside(&world.jail, "cd ~/origin && npm install --package-lock-only").succeeds();
    let said = world.builds("Node.js", "");
    assert!(said.contains("pass 1"), "{said}");
}

#[test]
fn python() {
    require!(Feature::Program("python3"));
    let world = World::new()
        .file("requirements.txt", "--index-url http://127.0.0.1:PORT/python/\ngreet==1.0\n")
        .file("test_greet.py", python::UNIT_TEST)
        .file(".gitignore", ".venv\n__pycache__\n");
    let said = world.builds("Python", "");
    assert!(said.contains("Ran 1 test") && said.contains("OK"), "{said}");
}

#[test]
fn go() {
    require!(Feature::Program("go"));
    let mut world = World::new()
        .file("go.mod", go::MODULE)
        .file("main.go", go::PROGRAM)
        .file("main_test.go", go::TEST);
    let proxy = format!("http://127.0.0.1:{}/go", world.port);
    // Where a proxy is the user's own setting, it stands in a profile of the user's.
    let own = format!(
        "extends = [\"go\"]\n[env]\nset = {{ GOPROXY = \"{proxy}\", GOSUMDB = \"off\" }}\n"
    );
    world.jail = world.jail.home_file(".config/jail/profiles/go.toml", own);
    world.jail = world.jail.home_file("go/pkg/sumdb/unused", "");
    let sums = format!(
        "cd ~/origin && GOPROXY={proxy} GOSUMDB=off GOPATH=~/seed GOFLAGS=-modcacherw go mod tidy"
    );
    outside(&world.jail, &sums).succeeds();
    let said = world.builds("Go", "");
    assert!(said.contains("ok  \texample.test/program"), "{said}");
    outside(&world.jail, "chmod -R u+w ~/go").succeeds();
}

#[test]
fn c() {
    require!(Feature::Program("gcc"));
    require!(Feature::Program("make"));
    let configure = "#!/bin/sh\nset -e\necho 'int main(void) { return 0; }' > conftest.c\n\
        cc -o conftest conftest.c && ./conftest && rm conftest*\n\
        printf 'check: program\\n\\t./program\\nprogram: program.c\\n\\tcc -o $@ $<\\n' > Makefile\n";
    let program = "#include <stdio.h>\nint main(void) { puts(\"1 passed\"); return 0; }\n";
    let world = World::new()
        .file("configure", configure)
        .file("program.c", program)
        .file(".gitignore", "Makefile\nprogram\n");
    outside(&world.jail, "chmod +x ~/origin/configure").succeeds();
    let said = world.builds("C and C++", "");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn java() {
    require!(Feature::Program("mvn"));
    require!(Feature::Path(java::SUREFIRE));
    let place = "<id>central</id><url>http://127.0.0.1:PORT/java</url>";
    let places = format!(
        "  <repositories><repository>{place}</repository></repositories>\n  <pluginRepositories>\
         <pluginRepository>{place}</pluginRepository></pluginRepositories>\n</project>"
    );
    let world = World::new()
        .file("pom.xml", &java::POM.replace("</project>", &places))
        .file("src/main/java/Greet.java", java::PROGRAM)
        .file("src/test/java/GreetTest.java", java::TEST)
        .file(".gitignore", "/target\n");
    let said = world.builds("Java", "");
    for words in ["Running GreetTest", "BUILD SUCCESS"] {
        assert_eq!(said.matches(words).count(), 2, "{words}: {said}");
    }
}
