//! `go`: modules downloaded before, packages compiled before, and tests.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

/// Makes a directory that go takes for a proxy, with one module in it.
pub const PROXY: &str = r#"
import os, zipfile
place = 'proxy/example.test/greet/@v/'
os.makedirs(place, exist_ok=True)
module = 'module example.test/greet\n\ngo 1.18\n'
files = {'list': 'v1.0.0\n', 'v1.0.0.mod': module,
         'v1.0.0.info': '{"Version": "v1.0.0", "Time": "2020-01-01T00:00:00Z"}'}
for name, text in files.items():
    with open(place + name, 'w') as file:
        file.write(text)
with zipfile.ZipFile(place + 'v1.0.0.zip', 'w') as archive:
    archive.writestr('example.test/greet@v1.0.0/go.mod', module)
    archive.writestr('example.test/greet@v1.0.0/greet.go',
        'package greet\n\nfunc Greet(name string) string { return "hello " + name }\n')
"#;

pub const MODULE: &str = "module example.test/program\n\ngo 1.18\n\n\
    require example.test/greet v1.0.0\n";

pub const PROGRAM: &str = "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.test/greet\"\n)\n\n\
    func main() { fmt.Println(greet.Greet(\"world\")) }\n";

pub const TEST: &str = "package main\n\nimport (\n\t\"os/user\"\n\t\"testing\"\n\n\t\"example.test/greet\"\n)\n\n\
    func TestGreets(t *testing.T) {\n\tif _, err := user.Current(); err != nil {\n\t\tt.Fatal(err)\n\t}\n\
    \tif greet.Greet(\"you\") != \"hello you\" {\n\t\tt.Fatal(\"no greeting\")\n\t}\n}\n";

/// A project whose dependency go has downloaded.
fn program() -> Jail {
    let jail = project("go")
        .home_file("make_proxy.py", PROXY)
        .file("go.mod", MODULE)
        .file("main.go", PROGRAM)
        .file("main_test.go", TEST);
    let download = "(cd && python3 make_proxy.py) && export GOPROXY=file://$HOME/proxy GOSUMDB=off \
                    && go mod tidy && go vet";
    outside(&jail, download).succeeds();
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
