//! From within a project: its profile, which an attacker may write.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::require;
use crate::support::{Feature, Finished, Jail, jail_binary};

fn program() -> &'static str {
    jail_binary().to_str().expect("UTF-8")
}

fn trust(jail: &Jail) -> Finished {
    jail.run_outside([program(), "trust"])
}

fn file(jail: &Jail) -> PathBuf {
    jail.project().join(".jail.toml")
}

fn store(jail: &Jail) -> PathBuf {
    jail.home().join(".local/state/jail/trust")
}

/// The steps of a plan without their origins, and without that which keeps the file itself.
fn steps(jail: &Jail, flags: &[&str]) -> Value {
    let mut line = vec![program(), "plan", "--json"];
    line.extend(flags);
    line.extend(["--", "true"]);
    let plan = jail.run_outside(line);
    let mut plan: Value = serde_json::from_slice(&plan.succeeds().stdout).expect("JSON");
    let mut steps = plan["steps"].take();
    keep_all_but(&mut steps, &file(jail).display().to_string());
    steps
}

/// Removes what is about one path from all lists, and numbers and origins of steps.
fn keep_all_but(value: &mut Value, path: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove("origin");
            fields.remove("number");
            fields.values_mut().for_each(|value| keep_all_but(value, path));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| keep_all_but(item, path));
            items.retain(|item| !item.to_string().contains(path));
        }
        _ => {}
    }
}

const GREEDY: &str = r#"
extends = ["dev", "./more.toml"]
degrade = ["landlock", "limits"]
[filesystem]
root-mode = "overlay"
read = ["~/secret", "/etc/shadow"]
write = ["~", "."]
overlay = ["~/other"]
mask = ["/tmp/$SECRET", "~/x", "../x", "/usr/bin/env"]
tmpfs = ["/var"]
bind = [{ from = "~/secret", to = "/opt/s" }]
devices = ["/dev/null"]
[network]
mode = "host"
publish = ["8080:80"]
[limits]
core = "1G"
[env]
pass = ["SECRET", "LD_*"]
set = { LD_PRELOAD = "./x.so" }
[process]
entrypoint = ["./run-me"]
workdir = "/"
user = "root"
hostname = "evil"
umask = "000"
nesting = true
[seccomp]
policy = "off"
allow = ["@debug"]
[landlock]
enabled = false
[capabilities]
keep = ["SYS_ADMIN"]
"#;

#[test]
fn an_untrusted_profile_grants_nothing() {
    let jail = Jail::new()
        .file(".jail.toml", GREEDY)
        .file("more.toml", "[network]\nmode = 'host'\n")
        .script("run-me", "#!/bin/sh\necho ran\n")
        .home_file("secret", "s3cr3t")
        .env("SECRET", "t0ken");
    assert_eq!(steps(&jail, &[]), steps(&jail, &["--profile", "default"]));
    let ran = jail.run(["sh", "-c", "env; cat ~/secret; ls /tmp; hostname; echo end"]);
    ran.succeeds().output_lacks("t0ken").output_lacks("s3cr3t").output_lacks("evil");
    ran.output_lacks("ran\n").output_has("end\n");
    // Said once, and shortly.
    ran.says("`./.jail.toml` is not trusted, so only what it takes away is used");
    ran.says("left out: extends (line 2), degrade (line 3), filesystem.root-mode (line 5)");
    assert_eq!(String::from_utf8_lossy(&ran.stderr).lines().count(), 4, "{ran:?}");
    // The same file grants all of it where the user says so.
    let named = jail.args(["--profile", "./.jail.toml"]);
    named.run(["true"]).exits(125);
}

#[test]
fn an_untrusted_profile_takes_away() {
    let jail = Jail::new()
        .file(".env", "s3cr3t")
        .file(".jail.toml", "[filesystem]\nmask = ['./.env']\n[limits]\nnofile = 64\n[seccomp]\ndeny = ['mkdir', 'mkdirat']\n");
    jail.probe("read .env").refused("EACCES").is_silent();
    jail.run(["sh", "-c", "ulimit -n; mkdir x"])
        .fails()
        .output_has("64\n")
        .says_nothing_of("jail:");
    jail.outside("read .env").answers("s3cr3t");
}

/// What has mistakes, is odd or is another's is not used, and does not stop or delay the run.
#[test]
fn an_untrusted_file_that_is_no_profile_changes_nothing() {
    let jail =
        Jail::new().home_file("secret.toml", "[filesystem]\nmask = ['./x']\n").file("x", "seen");
    let place = file(&jail);
    let check = |because: &str| {
        let start = Instant::now();
        let ran = jail.run(["cat", "x"]);
        ran.succeeds().outputs("seen").says(because);
        assert!(start.elapsed() < Duration::from_secs(10), "it waited");
        assert!(ran.stderr.len() < 1000, "{ran:?}");
        assert!(!ran.stderr.contains(&0x1b), "{ran:?}");
        fs::remove_file(&place).or_else(|_| fs::remove_dir(&place)).expect("it is removed");
    };
    symlink("../secret.toml", &place).expect("a link can be made");
    check("`./.jail.toml` is not used\nbecause: it is a symbolic link");
    nix::unistd::mkfifo(&place, nix::sys::stat::Mode::S_IRWXU).expect("a fifo can be made");
    jail.user().own(&place);
    check("it is not a regular file");
    fs::create_dir(&place).expect("a directory can be made");
    check("it is not a regular file");
    let huge = fs::File::create(&place).expect("it is writable");
    huge.set_len(1 << 40).expect("it may have holes");
    jail.user().own(&place);
    check("it is larger than 64 KiB");
    // Each line a mistake, with what a terminal would obey.
    let noise = "\"\u{202e}\\u001b[2J\" = 1\n".repeat(2000);
    fs::write(&place, noise).expect("it is writable");
    jail.user().own(&place);
    check("`./.jail.toml` is not trusted and has mistakes, so it is not used");
    fs::write(&place, "\u{1b}]0;x\u{7}").expect("it is writable");
    jail.user().own(&place);
    check("has mistakes");
    // As deep as it can be.
    fs::write(&place, format!("a = {}", "[".repeat(60_000))).expect("it is writable");
    jail.user().own(&place);
    check("has mistakes");
}

#[test]
fn a_file_of_another_user_is_used_only_if_it_is_trusted() {
    require!(Feature::Root);
    let jail = Jail::new()
        .file("x", "seen")
        .file(".jail.toml", "extends = ['default']\n[filesystem]\nmask = ['./x']\n");
    chown(file(&jail), Some(0), Some(0)).expect("root may");
    jail.run(["cat", "x"]).outputs("seen").says("because: it belongs to another user");
    trust(&jail).succeeds();
    jail.run(["cat", "x"]).fails().says("Permission denied");
}

/// While it is in use, and after it was changed by a run that does not use it.
#[test]
fn a_command_cannot_change_what_is_trusted() {
    let jail =
        Jail::new().file(".jail.toml", "extends = ['default']\n[process]\nhostname = 'mine'\n");
    trust(&jail).succeeds();
    jail.run(["hostname"]).outputs("mine\n").is_silent();
    jail.probe("write .jail.toml x").refused("EROFS");
    jail.probe("rename .jail.toml moved").refused("EBUSY");
    jail.probe("unlink .jail.toml").refused("EBUSY");
    // An untrusted one as well: it takes something away.
    let other = Jail::new().file(".jail.toml", "[filesystem]\nmask = ['./x']\n");
    other.probe("write .jail.toml x").refused("EROFS");

    let text = fs::read_to_string(file(&jail)).expect("it is there");
    let elsewhere = jail.args(["--profile", "default"]);
    elsewhere.run(["sh", "-c", "echo '[network]\nmode = \"host\"' >>.jail.toml"]).succeeds();
    let plain = |words: &str| {
        let line = [program(), "run", "--"].into_iter().chain(words.split(' '));
        elsewhere.run_outside(line)
    };
    plain("hostname").exits(125).outputs("").says("`./.jail.toml` is not what was trusted");
    fs::write(file(&elsewhere), &text).expect("it is writable");
    plain("hostname").succeeds().outputs("mine\n");
    // Without the file the run is not that of `default`, which could grant more.
    elsewhere.run(["rm", ".jail.toml"]).succeeds();
    plain("hostname").exits(125).outputs("").says("because: it is not there any more");
    symlink("elsewhere", file(&elsewhere)).expect("a link can be made");
    plain("hostname").exits(125).outputs("").says("because: it is a symbolic link");
}

#[test]
fn an_earlier_content_is_trusted_no_more() {
    let jail = Jail::new().file(".jail.toml", "[network]\nmode = 'host'\n");
    let loose = fs::read(file(&jail)).expect("it is there");
    trust(&jail).succeeds();
    let jail = jail.file(".jail.toml", "extends = ['default']\n[process]\nhostname = 'tight'\n");
    trust(&jail).succeeds();
    jail.run(["hostname"]).outputs("tight\n");
    fs::write(file(&jail), loose).expect("it is writable");
    jail.run(["hostname"]).exits(125).says("it has changed since");
}

#[test]
fn what_a_trusted_profile_extends_is_trusted_as_it_was() {
    let jail = Jail::new()
        .file(".jail.toml", "extends = ['default', './more/base.toml']\n")
        .file("more/base.toml", "extends = ['./deep.toml']\n")
        .file("more/deep.toml", "[process]\nhostname = 'deep'\n");
    trust(&jail).succeeds();
    jail.run(["hostname"]).outputs("deep\n").is_silent();
    // In use they are not the command's to change.
    jail.probe("write more/deep.toml x").refused("EROFS");
    let jail = jail.file("more/deep.toml", "[network]\nmode = 'host'\n");
    let refused = jail.run(["hostname"]);
    refused.exits(125).outputs("").says("more/deep.toml` is not what was trusted");
    let list = jail.run_outside([program(), "trust", "--list"]);
    list.output_has("changed  ");
}

/// A new `.git` moves the project, and a new file stands nearer.
#[test]
fn nothing_that_is_planted_deeper_takes_the_place_of_what_is_trusted() {
    let jail = Jail::new()
        .directory(".git")
        .file(".jail.toml", "extends = ['default']\n[process]\nhostname = 'outer'\n")
        .directory("sub/.git")
        .file("sub/.jail.toml", "[limits]\nnofile = 64\n");
    trust(&jail).succeeds();
    let below = jail.cwd("sub");
    let ran = below.run(["hostname"]);
    ran.succeeds()
        .outputs("outer\n")
        .says("`./.jail.toml` is not trusted; `~/project/.jail.toml` is used");
    // Untrusted, what is above takes away as well.
    let jail = Jail::new()
        .file(".jail.toml", "[limits]\nnofile = 99\n")
        .directory("sub/.git")
        .file("sub/.jail.toml", "[seccomp]\ndeny = []\n");
    jail.cwd("sub").run(["sh", "-c", "ulimit -n"]).outputs("99\n").is_silent();
}

/// Each of them is understood, and costs time.
#[test]
fn many_files_on_the_way_neither_delay_the_run_nor_flood_the_terminal() {
    let noise = format!("{}[limits]\ncore = '1G'\n", "#\n".repeat(30_000));
    let mut jail = Jail::new().file(".jail.toml", "[limits]\nnofile = 77\n");
    let mut deep = String::new();
    for _ in 0..100 {
        deep.push_str("d/");
        jail = jail.file(format!("{deep}.jail.toml"), &noise);
    }
    let jail = jail.cwd(&deep);
    let start = Instant::now();
    let ran = jail.run(["sh", "-c", "ulimit -n"]);
    ran.succeeds().outputs("77\n");
    assert!(start.elapsed() < Duration::from_secs(10), "it took long");
    assert!(String::from_utf8_lossy(&ran.stderr).lines().count() < 40, "{ran:?}");
}

#[test]
fn what_is_trusted_cannot_be_written_from_inside() {
    let jail = Jail::new().file(".jail.toml", "[process]\nhostname = 'x'\n");
    trust(&jail).succeeds();
    let entry =
        fs::read_dir(store(&jail)).expect("a store").next().expect("an entry").expect("one");
    let entry = entry.path().display().to_string();
    let directory = store(&jail).display().to_string();
    let wide = jail.args(["--profile", "default", "--write", "~"]);
    wide.outside(&format!("read {entry}")).succeeds();
    wide.probe(&format!("read {entry}")).refused("EACCES");
    wide.probe(&format!("write {entry} x")).refused("EACCES");
    wide.probe(&format!("list {directory}")).refused("EACCES");
    let above = jail_state(&wide);
    wide.probe(&format!("rename {above} {above}-moved")).refused("EBUSY");
    // Nor is it granted by its name.
    let named = Jail::new().file(".jail.toml", "");
    trust(&named).succeeds();
    let named = named.args(["--profile", "default", "--write", "~/.local/state/jail/trust"]);
    named.run(["true"]).exits(125).says("jail keeps its own files in");
}

fn jail_state(jail: &Jail) -> String {
    jail.home().join(".local/state/jail").display().to_string()
}

/// Where nothing was trusted yet, a command could make a store of its own.
#[test]
fn what_is_trusted_cannot_be_invented_from_inside() {
    let jail = Jail::new().args(["--profile", "default", "--write", "~"]);
    let directory = jail_state(&jail);
    jail.probe(&format!("mkdir {directory}/trust")).refused("EACCES");
    let made = fs::metadata(&directory).expect("there is something to mask");
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    // A plan makes nothing.
    let fresh = Jail::new();
    fresh.run_outside([program(), "plan", "--write", "~", "true"]).succeeds();
    assert!(!fresh.home().join(".local").exists());
}

/// In a home `.` is not granted, so there is nothing that the command could make.
#[test]
fn where_the_command_could_make_nothing_nothing_is_made() {
    let jail = Jail::new().cwd("..");
    jail.run(["true"]).succeeds();
    let listing = fs::read_dir(jail.home()).expect("it is there");
    let names: Vec<_> = listing.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["project"]);
    // Nor is it in the way that it could not be made.
    fs::set_permissions(jail.home(), fs::Permissions::from_mode(0o555)).expect("a mode can be set");
    jail.run(["true"]).succeeds();
    fs::set_permissions(jail.home(), fs::Permissions::from_mode(0o755)).expect("a mode can be set");
}

/// Who writes the project writes its links too, and later than the file was trusted.
#[test]
fn a_link_in_the_project_does_not_lead_a_trusted_grant_out() {
    let jail = Jail::new()
        .home_file(".ssh/id", "s3cr3t")
        .directory("out")
        .file(".jail.toml", "extends = ['strict']\n[filesystem]\nwrite = ['./out']\n");
    trust(&jail).succeeds();
    jail.probe("create out/x").succeeds();
    fs::remove_dir_all(jail.project().join("out")).expect("it is there");
    let jail = jail.link("out", "../.ssh");
    jail.outside("read out/id").answers("s3cr3t");
    let run = jail.probe("read out/id");
    run.exits(125).output_lacks("s3cr3t");
    run.says("cannot write `./out`: it leads elsewhere through a symbolic link of the project");
}

#[test]
fn a_root_is_not_reached_through_a_link_that_the_command_could_plant() {
    let jail = Jail::new().home_file("other/key", "s3cr3t").link("rootfs", "../other");
    let run = jail.args(["--root", "./rootfs"]).run(["/key"]);
    run.exits(125).says("it leads through a symbolic link that the command may change");
}

/// A profile named `default` would hold for all other runs.
#[test]
fn profiles_by_name_cannot_be_written_or_invented_from_inside() {
    let place = ".config/jail/profiles/default.toml";
    let jail = Jail::new().args(["--profile", "default", "--write", "~"]);
    let path = jail.home().join(place).display().to_string();
    jail.probe(&format!("mkdir {}/.config/jail/profiles", jail.home().display())).refused("EACCES");
    let jail = jail.home_file(place, "extends = ['default']\n");
    jail.probe(&format!("write {path} x")).refused_with_any(&["EACCES", "EROFS"]);
    jail.probe(&format!("unlink {path}")).refused_with_any(&["EACCES", "EROFS", "EBUSY"]);
    jail.outside(&format!("write {path} x")).succeeds();
}

#[test]
fn a_store_that_others_may_write_is_refused() {
    let jail = Jail::new().file(".jail.toml", "[network]\nmode = 'host'\n");
    trust(&jail).succeeds();
    fs::set_permissions(store(&jail), fs::Permissions::from_mode(0o777))
        .expect("a mode can be set");
    let refused = jail.run(["true"]);
    refused.exits(125).says("because: others may have written to it");
    trust(&jail).exits(125);
}
