//! docs/recipes.md, "First build in each language": its lines as they stand, in fresh clones of
//! small projects with a dependency, which a server on this machine has.

use super::mirror::World;
use super::{go, java, node, outside, python};
use crate::require;
use crate::support::Feature;
use crate::tools::cargo::with_rust;

const PAGE: &str = include_str!("../../../docs/recipes.md");

/// Clones the project, and runs the lines of a section in the clone.
fn builds(world: &World, section: &str) -> String {
    let clone = "git init -q ~/origin && cd ~/origin && git add . \
                 && git -c user.name=a -c user.email=a@example.org commit -q -m first \
                 && rm -rf ~/project/* && git clone -q ~/origin ~/project/clone";
    outside(&world.jail, clone).succeeds();
    let lines = lines(section);
    assert_eq!(lines.len(), 2, "{section} takes two commands");
    let mut said = String::new();
    for line in lines {
        // Who follows the page may name the hosts that a project needs in the place of all.
        let line = line.replace("'*:443'", &format!("127.0.0.1:{}", world.port));
        let ran = outside(&world.jail, &format!("cd ~/project/clone && {line}"));
        said += &ran.stdout_text();
        said += &String::from_utf8_lossy(&ran.stderr);
    }
    let changed = outside(&world.jail, "cd ~/project/clone && git status --short");
    changed.outputs("");
    said
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
        .file(".cargo/config.toml", "[registries.mirror]\nindex = \"sparse+ADDRESS/rust/index/\"\n")
        .file(
            "src/lib.rs",
            "#[test]\nfn greets() { assert_eq!(greet::greet(\"you\"), \"hello you\"); }\n",
        )
        .file(".gitignore", "/target\n/Cargo.lock\n");
    let programs = world.jail.elsewhere();
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        programs.display(),
        world.jail.home().join(".cargo/bin").display()
    );
    world.jail = with_rust(world.jail).env("PATH", path);
    let said = builds(&world, "Rust");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn node() {
    require!(Feature::Program("npm"));
    let world = World::new()
        .file("package.json", node::PROGRAM)
        .file(".npmrc", "registry=ADDRESS/node/\n")
        .file("greet.test.js", node::TEST)
        .file(".gitignore", "node_modules\n");
    outside(&world.jail, "cd ~/origin && npm install --package-lock-only").succeeds();
    let said = builds(&world, "Node.js");
    assert!(said.contains("pass 1"), "{said}");
}

#[test]
fn python() {
    require!(Feature::Program("python3"));
    let world = World::new()
        .file("requirements.txt", "--index-url ADDRESS/python/\ngreet==1.0\n")
        .file("test_greet.py", python::UNIT_TEST)
        .file(".gitignore", ".venv\n__pycache__\n");
    let said = builds(&world, "Python");
    assert!(said.contains("Ran 1 test") && said.contains("OK"), "{said}");
}

#[test]
fn go() {
    require!(Feature::Program("go"));
    let mut world = World::new()
        .file("go.mod", go::MODULE)
        .file("main.go", go::PROGRAM)
        .file("main_test.go", go::TEST);
    let proxy = format!("{}/go", world.address());
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
    let said = builds(&world, "Go");
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
    let said = builds(&world, "C and C++");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn java() {
    require!(Feature::Program("mvn"));
    require!(Feature::Path(java::SUREFIRE));
    let place = "<id>central</id><url>ADDRESS/java</url>";
    let places = format!(
        "  <repositories><repository>{place}</repository></repositories>\n  <pluginRepositories>\
         <pluginRepository>{place}</pluginRepository></pluginRepositories>\n</project>"
    );
    let world = World::new()
        .file("pom.xml", &java::POM.replace("</project>", &places))
        .file("src/main/java/Greet.java", java::PROGRAM)
        .file("src/test/java/GreetTest.java", java::TEST)
        .file(".gitignore", "/target\n");
    let said = builds(&world, "Java");
    for words in ["T E S T S", "GreetTest", "BUILD SUCCESS"] {
        assert!(said.matches(words).count() >= 2, "{words}: {said}");
    }
}
