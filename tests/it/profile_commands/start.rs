//! `jail profile init`: a first profile for a project.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use crate::support::{Finished, Jail, jail_binary};
use crate::words::{says, told};

fn init(jail: &Jail, words: &[&str]) -> Finished {
    let line = ["profile", "init"].iter().chain(words);
    jail.run_outside(std::iter::once(jail_binary().to_str().expect("UTF-8")).chain(line.copied()))
}

fn written(jail: &Jail) -> String {
    fs::read_to_string(jail.project().join(".jail.toml")).expect("it was written")
}

#[test]
fn a_first_profile_fits_the_project_and_loads() {
    let jail = Jail::new().file("Cargo.toml", "").file("package.json", "").directory(".git");
    told(
        &jail,
        &init(&jail, &[]),
        0,
        str![[r#"
jail: note: wrote `[PROJECT]/.jail.toml`; it is used once you have read it and said `jail trust`

"#]],
    );
    let text = written(&jail);
    assert!(text.contains("it found Cargo.toml and package.json."), "{text}");
    let program = jail_binary().to_str().expect("UTF-8");
    jail.run_outside([program, "check", "./.jail.toml"]).succeeds();
    jail.file(".env", "s3cr3t")
        .args(["--profile", "./.jail.toml"])
        .run(["cat", ".env"])
        .fails()
        .says("Permission denied");
}

#[test]
fn it_is_written_at_the_top_of_the_project() {
    let jail = Jail::new().file("go.mod", "").directory(".git").directory("deep/down");
    let jail = jail.cwd("deep/down");
    init(&jail, &[]).succeeds();
    assert!(written(&jail).contains("it found go.mod."));
    assert!(!jail.project().join("deep/down/.jail.toml").exists());
}

#[test]
fn what_is_there_is_not_replaced_unless_forced() {
    let jail = Jail::new().file(".jail.toml", "# mine\n");
    says(
        &jail,
        &init(&jail, &[]),
        125,
        str![[r#"
jail: error: `[PROJECT]/.jail.toml` is there already
help: change it, or replace it by `jail profile init --force`

"#]],
    );
    assert_eq!(written(&jail), "# mine\n");
    init(&jail, &["--force"]).succeeds();
    assert!(written(&jail).contains("extends = "));
}

/// A command could have left the link, to have a file of its choice overwritten.
#[test]
fn a_link_in_its_place_is_not_followed() {
    let jail = Jail::new();
    let victim = jail.elsewhere().join("victim");
    for (target, content) in
        [(victim.clone(), Some("precious")), (jail.elsewhere().join("new"), None)]
    {
        if let Some(content) = content {
            fs::write(&target, content).expect("it is writable");
        }
        let place = jail.project().join(".jail.toml");
        let _ = fs::remove_file(&place);
        symlink(&target, &place).expect("a link can be made");
        init(&jail, &[]).exits(125).says("is there already");
        init(&jail, &["--force"]).succeeds();
        assert_eq!(fs::read_to_string(&target).ok().as_deref(), content);
        assert!(fs::symlink_metadata(&place).expect("it is there").is_file());
    }
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing() {
    let jail = Jail::new().directory("sub/.git");
    let place = jail.project().join("sub/.jail.toml");
    fs::create_dir_all(place.join("full")).expect("it is writable");
    let jail = jail.cwd("sub");
    init(&jail, &["--force"]).exits(125).outputs("").says("cannot write `");
    let left = fs::read_dir(jail.project().join("sub")).expect("it is there").count();
    assert_eq!(left, 2, "only .git and what was in the way");
}
