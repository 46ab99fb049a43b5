//! `jail profile list`, `show` and `diff`.

use serde_json::Value;

use crate::support::{Finished, Jail, jail_binary};

/// A home with profiles of its own, one of them broken.
fn home() -> Jail {
    Jail::new()
        .home_file(".config/jail/profiles/dev.toml", "description = 'mine'\nextends = ['dev']\n")
        .home_file(".config/jail/profiles/odd.toml", "description = 'x'\nlevel = 3\n")
}

fn profile(jail: &Jail, words: &str) -> Finished {
    let line = std::iter::once("profile").chain(words.split_whitespace());
    jail.run_outside(std::iter::once(jail_binary().to_str().expect("UTF-8")).chain(line))
}

/// The row of `list` that begins with these cells.
fn row(finished: &Finished, cells: &[&str]) -> String {
    let text = finished.succeeds().stdout_text();
    let found = text.lines().find(|line| {
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|w| !w.is_empty()).collect();
        words.starts_with(cells)
    });
    found.unwrap_or_else(|| panic!("no {cells:?} in\n{text}")).to_owned()
}

#[test]
fn names_are_listed_with_their_places() {
    let listed = profile(&home(), "list");
    listed.is_silent();
    row(&listed, &["base", "built in", "The system, read-only; no network, nothing of the home"]);
    row(&listed, &["dev", "~/.config/jail/profiles/dev.toml", "mine"]);
    row(&listed, &["dev", "built in, hidden by the one above"]);
    let odd = "broken: unknown key `level` (~/.config/jail/profiles/odd.toml:2)";
    row(&listed, &["odd", "~/.config/jail/profiles/odd.toml", odd]);
}

#[test]
fn names_are_listed_for_programs() {
    let jail = home();
    let names = profile(&jail, "list --names").succeeds().stdout_text();
    let names: Vec<&str> = names.lines().collect();
    assert!(names.is_sorted() && names.contains(&"odd"), "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "dev").count(), 1);

    let json: Vec<Value> =
        serde_json::from_slice(&profile(&jail, "list --json").stdout).expect("JSON");
    let of = |name: &str, from: &str| {
        let found = json.iter().find(|one| one["name"] == name && one["from"] == from);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!(of("dev", "user")["hidden"], false);
    assert_eq!(of("dev", "built-in")["hidden"], true);
    assert_eq!(
        of("env-files", "built-in")["description"],
        "A piece for other profiles: masks .env and its like in the working directory"
    );
    let file = jail.home().join(".config/jail/profiles/odd.toml");
    assert_eq!(of("odd", "user")["file"], file.to_str().expect("UTF-8"));
    assert!(of("odd", "user")["error"].is_string() && of("odd", "user")["description"].is_null());
}

/// The name of a file can be anything.
#[test]
fn names_cannot_steer_the_terminal() {
    let jail = Jail::new()
        .home_file(".config/jail/profiles/a\u{1b}[2Jb.toml", "description = '\u{9b}2J'\n")
        .home_file(".config/jail/profiles/line\nbreak.toml", "");
    for words in ["list", "list --names", "list --json"] {
        let text = profile(&jail, words).succeeds().stdout_text();
        let odd = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(odd, None, "{text:?}");
        assert!(text.lines().all(|line| line != "break" && !line.starts_with("break ")), "{text}");
    }
}

#[test]
fn a_profile_is_shown_with_the_origin_of_each_line() {
    let jail = Jail::new()
        .file("base.toml", "[filesystem]\nread = ['~/x']\n[process]\nhostname = 'a'\n")
        .file("top.toml", "extends = ['./base.toml']\n\n[process]\nhostname = 'b'\n");
    profile(&jail, "show ./top.toml").succeeds().is_silent().outputs(
        "\
[filesystem]
read = [
    \"~/x\",                                                # ./base.toml:2
]

[process]
hostname = \"b\"                                            # ./top.toml:4
",
    );
    let toml = profile(&jail, "show --toml ./top.toml");
    toml.outputs("[filesystem]\nread = [\n    \"~/x\",\n]\n\n[process]\nhostname = \"b\"\n");
    let json: Value =
        serde_json::from_slice(&profile(&jail, "show --json ./top.toml").stdout).expect("JSON");
    assert_eq!(json["lines"][0]["key"], "filesystem.read");
    assert_eq!(json["lines"][0]["value"], "~/x");
    assert_eq!(json["lines"][0]["origin"], "./base.toml:2");
    assert_eq!(json["files"].as_array().map(Vec::len), Some(2));
}

/// The origins in a plan are others; the steps are the same.
#[test]
fn what_is_shown_is_a_profile_with_the_same_plan() {
    let jail = Jail::new().directory(".git/hooks").home_file(".gitconfig", "");
    let steps = |profile: &str| {
        let program = jail_binary().to_str().expect("UTF-8");
        // Not all of them grant the working directory.
        let line = [program, "plan", "--json", "--workdir", "/tmp", "--profile", profile, "true"];
        let plan = jail.run_outside(line);
        let mut plan: Value = serde_json::from_slice(&plan.succeeds().stdout).expect("JSON");
        // Notes may be about a profile of the user's alone.
        let mut steps = plan["steps"].take();
        without_origins(&mut steps);
        steps
    };
    let names = profile(&jail, "list --names").succeeds().stdout_text();
    assert!(names.lines().count() > 6, "{names}");
    // That one needs a range in /etc/subuid.
    for name in names.lines().filter(|name| *name != "packages") {
        let shown = profile(&jail, &format!("show --toml {name}"));
        let path = jail.elsewhere().join(format!("{name}.toml"));
        std::fs::write(&path, &shown.succeeds().stdout).expect("it is writable");
        assert_eq!(steps(path.to_str().expect("UTF-8")), steps(name), "{name}");
    }
}

fn without_origins(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("origin");
            fields.values_mut().for_each(without_origins);
        }
        Value::Array(items) => items.iter_mut().for_each(without_origins),
        _ => {}
    }
}

#[test]
fn two_profiles_are_compared() {
    let jail = Jail::new()
        .file("a.toml", "extends = ['default']\n[filesystem]\nmask = ['./.env']\n")
        .file("b.toml", "extends = ['default']\n[network]\nmode = 'host'\n")
        .file("same.toml", "description = 'in other words'\nextends = ['./a.toml']\n");
    profile(&jail, "diff ./a.toml ./b.toml").exits(1).is_silent().outputs(
        "\
`./b.toml` grants more than `./a.toml`:
  filesystem.mask: read and write ./.env (<built-in default>:10), instead of: hide ./.env (./a.toml:3)
  network.mode: host (./b.toml:3), instead of: none (<built-in base>:14)
",
    );
    profile(&jail, "diff ./b.toml ./a.toml").exits(1).output_has("`./a.toml` grants less than");
    let same = profile(&jail, "diff ./a.toml ./same.toml");
    same.exits(0).outputs("`./a.toml` and `./same.toml` grant the same\n");
    profile(&jail, "diff ./a.toml nobody").exits(125).outputs("").says("no profile `nobody`");
    let json: Value =
        serde_json::from_slice(&profile(&jail, "diff --json default dev").exits(1).stdout)
            .expect("JSON");
    let debug = json.as_array().expect("a list").iter().find(|one| one["about"] == "@debug");
    let debug = debug.expect("dev allows it");
    assert_eq!((&debug["effect"], &debug["key"]), (&"grants".into(), &"seccomp.allow".into()));
    assert!(debug["first"].is_null() && debug["second"]["origin"].is_string());
}

#[test]
fn a_word_that_is_no_command_of_profiles_is_told() {
    let jail = Jail::new();
    profile(&jail, "shwo dev").exits(125).outputs("").says("`jail profile` has no command `shwo`");
    profile(&jail, "show").exits(125).outputs("").says("`<PROFILE>` is missing");
    profile(&jail, "list --json --names").exits(125).outputs("");
}

/// A network that is there already is compared by its name; who is in it nobody knows here.
#[test]
fn a_network_to_join_is_compared_by_its_path() {
    let mode = |name: &str| format!("extends = ['default']\nnetwork.mode = 'ns:/run/{name}'\n");
    let jail = Jail::new().file("a.toml", mode("a")).file("b.toml", mode("b"));
    profile(&jail, "diff ./a.toml ./a.toml")
        .succeeds()
        .outputs("`./a.toml` and `./a.toml` grant the same\n");
    profile(&jail, "diff ./a.toml ./b.toml").exits(1).outputs(
        "`./b.toml` differs from `./a.toml`, and neither grants more:\n  \
         network.mode: ns:/run/b (./b.toml:2), instead of: ns:/run/a (./a.toml:2)\n",
    );
    profile(&jail, "diff default ./a.toml").exits(1).outputs(
        "`./a.toml` grants more than `default`:\n  \
         network.mode: ns:/run/a (./a.toml:2), instead of: none (<built-in base>:14)\n",
    );
    profile(&jail, "diff ./a.toml default").exits(1).output_has("`default` grants less than");
}

#[test]
fn each_kind_of_difference_has_its_words() {
    let jail = Jail::new().file(
        "all.toml",
        "extends = ['default']\ndegrade = ['landlock']\n\
         [filesystem]\nread = ['/a']\nwrite = ['/b']\noverlay = ['/c']\nmask = ['/d']\n\
         tmpfs = ['/e', { path = '/f', size = '1M' }]\nbind = [{ from = '/g', to = '/h' }]\n\
         devices = ['/dev/x']\n\
         [network]\nmode = 'allow'\nallow = ['example.org:443']\npublish = ['8080:80']\n\
         hosts = { db = '192.0.2.1' }\ndns = ['192.0.2.53']\n\
         [env]\npass = ['EDITOR']\nset = { A = 'b' }\n[process]\npreserve-fds = [3]\n\
         [seccomp]\nallow = ['@debug']\ndeny = ['mkdir']\n[capabilities]\nkeep = ['KILL']\n",
    );
    let told = profile(&jail, "diff default ./all.toml");
    told.exits(1).is_silent().outputs(
        "\
`./all.toml` grants more than `default`:
  filesystem.read: read /a (./all.toml:4)
  filesystem.write: read and write /b (./all.toml:5)
  filesystem.overlay: write to /c, and throw it away (./all.toml:6)
  filesystem.bind: show { from = \"/g\", to = \"/h\" } (./all.toml:9)
  network.mode: allow (./all.toml:12), instead of: none (<built-in base>:14)
  degrade: run without landlock (./all.toml:2)
  filesystem.devices: use the device /dev/x (./all.toml:10)
  network.allow: reach example.org:443 (./all.toml:13)
  network.publish: publish the port 127.0.0.1:8080:80 (./all.toml:14)
  env.pass: keep the variable EDITOR (./all.toml:18)
  env.set: the variable A is b (./all.toml:19)
  process.preserve-fds: keep the descriptor 3 (./all.toml:21)
  seccomp.allow: call @debug (./all.toml:23)
  capabilities.keep: keep CAP_KILL (./all.toml:26)
`./all.toml` grants less than `default`:
  filesystem.mask: hide /d (./all.toml:7)
  seccomp.deny: never call mkdir (./all.toml:24)
`./all.toml` differs from `default`, and neither grants more:
  filesystem.tmpfs: an empty directory at /e (./all.toml:8)
  filesystem.tmpfs: an empty directory at /f: { path = \"/f\", size = \"1M\" } (./all.toml:8)
  network.dns: ask 192.0.2.53 for names (./all.toml:16)
  network.hosts: db is 192.0.2.1 (./all.toml:15)
",
    );
}
