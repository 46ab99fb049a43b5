//! `go`: modules downloaded before, packages compiled before, and tests.

use super::mirror::World;
use super::{outside, sh};
use crate::require;
use crate::support::{Feature, Jail};

pub const MODULE: &str = "module example.test/program\n\ngo 1.18\n\n\
    require example.test/greet v1.0.0\n";

pub const PROGRAM: &str = "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.test/greet\"\n)\n\n\
    func main() { fmt.Println(greet.Greet(\"world\")) }\n";

pub const TEST: &str = "package main\n\nimport (\n\t\"os/user\"\n\t\"testing\"\n\n\t\"example.test/greet\"\n)\n\n\
    func TestGreets(t *testing.T) {\n\tif _, err := user.Current(); err != nil {\n\t\tt.Fatal(err)\n\t}\n\
    \tif greet.Greet(\"you\") != \"hello you\" {\n\t\tt.Fatal(\"no greeting\")\n\t}\n}\n";

/// A project whose dependency go has downloaded.
fn program() -> Jail {
    let world = World::new();
    let download = format!("GOPROXY={}/go GOSUMDB=off go mod tidy && go vet", world.address());
    let jail = world
        .jail
        .args(["--profile", "go"])
        .file("go.mod", MODULE)
        .file("main.go", PROGRAM)
        .file("main_test.go", TEST);
    outside(&jail, &download).succeeds();
    jail
}

#[test]
fn go_builds_and_tests_with_modules_downloaded_before() {
    require!(Feature::Program("go"));
    let jail = program();
    let before = outside(&jail, "find ~/go ~/.cache/go-build | sort").stdout_text();
    sh(&jail, "go build ./... && go build -o program && ./program").outputs("hello world\n");
    sh(&jail, "go test ./...").output_has("ok  \texample.test/program");
    // Compiled packages could not be planted for the next build.
    outside(&jail, "find ~/go ~/.cache/go-build | sort").outputs(&before);
}

/// What is not there is not asked for: there is nobody to ask.
#[test]
fn go_downloads_nothing() {
    require!(Feature::Program("go"));
    let jail = program();
    outside(&jail, "chmod -R u+w ~/go && rm -r ~/go").succeeds();
    jail.run(["go", "build"]).fails().says("example.test/greet");
}
